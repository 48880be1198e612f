# SPDX-License-Identifier: BSD-3-Clause
"""What pstm refuses in one line, and what it says of a job that it takes."""

import re

import h5py
import numpy as np
import pytest

import jobs
from images import JOB, plan, two_offsets, write_survey, ref


REFUSED = (
    ("velocity=nowhere.txt", "nowhere.txt"),
    ("velocity=100", "allowed is 300 to 12000"),
    ("velocity=13000", "allowed is 300 to 12000"),
    ("velocity=0", "allowed is the path of a file, or a number from 0.001"),
    ("velocity=-5", "allowed is the path of a file, or a number from 0.001"),
    ("velocity=nan", "allowed is the path of a file, or a number from 0.001"),
    ("velocity=", "allowed is the path of a file, or a number from 0.001"),
    ("dip_taper=70", "allowed is up to max_dip"),
    ("rays=vti", "rays: vti needs it"),
    ("eta=0.1", "is for rays: vti"),
    ("origin=[]", "origin"),
    ("origin=[1]", "allowed are x and y"),
    ("lines=[1, 1, 0, 1]", "a step of 0"),
    ("lines=[1.5, 1, 1, 1]", "allowed are whole numbers"),
    ("lines=[1, 1, 1, 1000000000]", "allowed are whole numbers, up to 2147483647 at the last point"),
    ("aperture=0", "aperture"),
    ("aperture=-3", "aperture"),
    ("aperture=nan", "aperture"),
    ("aperture_taper=1.5", "aperture_taper"),
    ("tau0=0", "tau0"),
    ("dtau=0", "dtau"),
    ("ntau=0", "ntau"),
    ("dx=0", "dx"),
    ("offsets=[300, 200]", "offsets"),
    ("azimuths=0", "azimuths"),
    ("max_dip=95", "max_dip"),
    ("oversample=3", "oversample"),
    ("weights=some", "weights"),
    ("spacing=[25]", "allowed are two for an image of several lines"),
    ("geometry=2.5d", "an image of one line"),
    ("peak=0", "peak"),
)


def test_refused_in_one_line(tmp_path, image_survey, seisproc):
    for change, words in REFUSED:
        job = jobs.Job(tmp_path, image_survey, JOB)
        result = plan(seisproc, job, f"--set=chain.0.pstm.{change}", check=1)
        lines = [line for line in result.stderr.splitlines() if "error:" in line]
        assert len(lines) == 1 and words in lines[0], (change, result.stderr)
        assert job.files() == []


def test_jobs_that_are_no_image(tmp_path, image_survey, seisproc):
    for change, words in (("mode=both", "no noise to keep"), ("sort=[sx]", "no traces of the input to sort"),
                          ("qc=trace", "an image has no figures of traces; allowed are none and gather")):
        result = plan(seisproc, jobs.Job(tmp_path, image_survey, JOB), f"--set={change}", check=1)
        assert words in result.stderr, (change, result.stderr)
    chain = JOB.rstrip() + "\n  - bandpass: {{low: [3, 6], high: [40, 60]}}\n"
    assert "alone" in plan(seisproc, jobs.Job(tmp_path, image_survey, chain, name="two"), check=1).stderr


def test_plan_says_that_an_image_takes_no_figures(tmp_path, image_survey, seisproc):
    said = plan(seisproc, jobs.Job(tmp_path, image_survey, JOB)).stdout
    assert re.search(r"^figures +none: an image is not the input less noise$", said, re.MULTILINE)


def test_headers_that_are_missing_or_zero(tmp_path, image_survey, seisproc):
    """Named, with what sets them, before anything is made."""
    data, s, r = two_offsets()
    zero = np.zeros_like(s)
    job = jobs.Job(tmp_path, write_survey(tmp_path / "zero.h5", data, zero, zero), JOB)
    assert "sx, sy, gx, gy are 0 on every trace: import with --field or --derive" in plan(seisproc, job, check=1).stderr
    missing = write_survey(tmp_path / "missing.h5", data, s, r)
    with h5py.File(missing, "a") as f:
        del f["headers/gy"]
    stderr = plan(seisproc, jobs.Job(tmp_path, missing, JOB, name="m"), check=1).stderr
    assert "gy" in stderr and "error:" in stderr
    auto = "input: {input}\noutput: {output}\nengine: cpu\nchain:\n  - pstm: {{velocity: 2000}}\n"
    stderr = plan(seisproc, jobs.Job(tmp_path, image_survey, auto, name="auto"), check=1).stderr
    assert "iline" in stderr and "error:" in stderr
    assert job.files() == []


def test_lines_that_are_no_grid(tmp_path, seisproc):
    s, r, _ = ref.common_offset(200.0, 25.0, 100.0, 0.0)
    data, middle = np.zeros((len(s), 50)), (s + r) / 2
    xl, il = (np.round(middle[:, k] / 25).astype(np.int32) + 100 for k in (0, 1))
    auto = "input: {input}\noutput: {output}\nengine: cpu\nchain:\n  - pstm: {{velocity: 2000}}\n"
    bent, shear = middle.copy(), middle.copy()
    bent[3] += 60
    shear[:, 0] += 0.2 * shear[:, 1]
    for name, xline, place, words in (("bent", xl, bent, "from a grid of iline and xline"),
                                      ("shear", xl, shear, "not at right angles"),
                                      ("one", xl * 0, middle, "no grid"), ("same", xl, middle * 0, "do not change")):
        survey = write_survey(tmp_path / f"{name}.h5", data, s, r, iline=il, xline=xline, cdpx=place[:, 0],
                              cdpy=place[:, 1])
        result = plan(seisproc, jobs.Job(tmp_path, survey, auto, name="j" + name), check=1)
        lines = [line for line in result.stderr.splitlines() if "error:" in line]
        assert len(lines) == 1 and words in lines[0], (name, result.stderr)


def test_image_out_of_reach_is_zero_and_said(tmp_path, image_survey):
    for i, beyond in enumerate(("origin=[90000, 0]", "tau0=5000")):
        job = jobs.Job(tmp_path, image_survey, JOB, name=f"beyond{i}")
        result = job.run(f"--set=chain.0.pstm.{beyond}", ranks=3, check=2)
        assert result.stderr.count("no trace reaches the image: it will be zero") == 1, result.stderr
        with h5py.File(job.output) as f:
            assert not f["traces"][:].any() and not f["hits"][:].any()


def test_coarse_times_and_a_tile_too_small(tmp_path, image_survey, seisproc):
    job = jobs.Job(tmp_path, image_survey, JOB)
    assert "20000 m apart along x: are the scalars" in plan(seisproc, job, "--set=chain.0.pstm.dx=20000").stderr
    assert "0.05 m apart along x: are the scalars" in plan(seisproc, job, "--set=chain.0.pstm.dx=0.05").stderr
    assert "high frequencies will be aliased" in plan(seisproc, job, "--set=chain.0.pstm.dtau=8").stderr
    result = plan(seisproc, job, "--set=chain.0.pstm.tile_mb=1", "--set=chain.0.pstm.ntau=100000", check=1)
    assert re.search(r"tile_mb: one column of the image takes 2\.4 MB, there are 1\.0 MB", result.stderr), result.stderr


def warnings(result):
    """But for the units that a survey does not tell."""
    lines = [line for line in result.stderr.splitlines() if "warning:" in line]
    return [line for line in lines if "the survey does not say" not in line]


def test_traces_of_no_class_are_counted(tmp_path, image_survey, seisproc):
    """Classes at 150 and 250 m reach from 100 to 300 m: offsets of 300 m are in none."""
    job, (_, s, r) = jobs.Job(tmp_path, image_survey, JOB), two_offsets()
    none = np.count_nonzero(np.linalg.norm(r - s, axis=1) > 299)
    assert 0 < none < len(s)
    result = plan(seisproc, job, "--set=chain.0.pstm.offsets=[150, 250]")
    assert [line.split("warning: ")[1] for line in warnings(result)] == [
        f"pstm: {none} traces are of no class, or have no coordinates"]
    assert f"2 classes, {len(s) - none} of {len(s)} traces in one" in result.stdout
    assert warnings(plan(seisproc, job)) == []
    ran = job.run("--set=chain.0.pstm.offsets=[150, 250]", ranks=3)
    assert ran.stderr.count(f"{none} traces are of no class") == 1
    with h5py.File(job.output) as f:
        assert (f["headers/nhs"][:2] == [len(s) - none, 0]).all()


def image_of(tmp_path, survey, name, *change):
    job = jobs.Job(tmp_path, survey, JOB, name=name)
    result = job.run(*[f"--set=chain.0.pstm.{c}" for c in change], ranks=3)
    with h5py.File(job.output) as f:
        return f["traces"][:].astype(float), warnings(result)


def test_a_peak_that_takes_the_digits(tmp_path, image_survey, seisproc):
    """Refused where nothing would be left, told where digits are lost; where nothing is said none are."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    said = plan(seisproc, job, "--set=chain.0.pstm.peak=1e25", check=1).stderr
    found = re.search(r"peak: 1e\+25 is [\d.e+]+ times the derivative of a typical trace, ([\d.e+]+) a second: nothing "
                      r"of the others would be left in the image's sums; auto finds one that fits", said)
    assert found and len([line for line in said.splitlines() if "error:" in line]) == 1, said
    assert job.files() == []
    exact, nothing = image_of(tmp_path, image_survey, "exact")
    assert nothing == []
    for i, (factor, told) in enumerate(((1e8, False), (3e10, True))):
        image, said = image_of(tmp_path, image_survey, f"p{i}", f"peak={factor * float(found[1])}")
        assert [("lose digits in the image's sums" in line) for line in said] == [True] * told, (factor, said)
        assert np.linalg.norm(image - exact) < (0.1 if told else 1e-6) * np.linalg.norm(exact)


@pytest.mark.parametrize("factor, words", ((1e15, "nothing of the others would be left in the image's sums"),
                                           (1e11, "the others lose digits in the image's sums"),
                                           (1e8, "where it reaches it hides the others"), (1e3, None)))
def test_a_trace_that_takes_the_others_digits(tmp_path, factor, words):
    """One burst among traces as ever: named, with what helps; at the next start, too."""
    data, s, r = two_offsets()
    data[5] *= factor
    job = jobs.Job(tmp_path, write_survey(tmp_path / "loud.h5", data, s, r), JOB)
    for start in range(2 if factor == 1e15 else 1):
        result = job.run(ranks=3, check=1 if factor == 1e15 else 0)
        lines = [line for line in result.stderr.splitlines() if "typical one" in line]
        assert len(lines) == (words is not None), (start, result.stderr)
        assert not words or re.search(rf"pstm: trace 5 is [\d.e+]+ times as strong as a typical one: {words}; a job "
                                      r"before this one can kill it \(edit: kill_rms\)", lines[0]), lines
    assert job.output.exists() == (factor != 1e15)


def test_image_cells_smaller_than_the_bins(tmp_path, seisproc):
    """A trace stands for the cell that it lies in: with a quarter of the bin the amplitude is a quarter, and told."""
    s, r, _ = ref.common_offset(200.0, 25.0, 100.0, 0.0)
    middle = (s + r) / 2
    xl, il = (np.round(middle[:, k] / 25).astype(np.int32) + 100 for k in (0, 1))
    data = ref.plane(s, r, 150, 0.004, 2000.0, 20.0, 300.0, 0.0, 0.0, 0.2)
    survey = write_survey(tmp_path / "in.h5", data, s, r, iline=il, xline=xl, cdpx=middle[:, 0], cdpy=middle[:, 1])
    text = ("input: {input}\noutput: {output}\nengine: cpu\nchain:\n  - pstm: {{velocity: 2000, origin: [0, 0], "
            "nx: 1, dx: %g, dy: %g, geometry: 3d, ntau: 120, aperture: 150, spacing: [25, 25]%s}}\n")
    most = {}
    for step, more in ((25, ""), (12.5, ""), (12.5, ", normalize: none"), (50, "")):
        job = jobs.Job(tmp_path, survey, text % (step, step, more), name=f"j{step}{len(more)}")
        said = warnings(job.run(ranks=3))
        told = step == 12.5 and not more
        assert len(said) == told, said
        assert not told or "a cell of the image is 0.25 of the survey's bins (25 by 25 m by iline, xline" in said[0]
        with h5py.File(job.output) as f:
            most[step, more] = np.abs(f["traces"][:]).max()
    assert abs(most[12.5, ""] / most[25, ""] - 0.25) < 0.01


LINE = ("input: {input}\noutput: {output}\nengine: cpu\nchain:\n  - pstm: {{velocity: 2000, origin: [-50, -50], "
        "dx: 25, nx: 5, ny: %d, ntau: 100, aperture: 200}}\n")


def test_what_a_given_image_grid_takes(tmp_path, seisproc):
    """Traces that lie on no grid, two in a bin as half of each, a line of points in 2.5-D."""
    s, r, _ = ref.common_offset(150.0, 25.0, 100.0, 0.0)
    stray = np.random.default_rng(4).uniform(-9, 9, s.shape)
    data = ref.plane(s, r, 150, 0.004, 2000.0, 20.0, 200.0, 0.0, 0.0, 0.2)
    place = np.zeros(len(s), np.int32)
    once = write_survey(tmp_path / "once.h5", data, s + stray, r + stray, iline=place, xline=place, cdpx=s[:, 0],
                        cdpy=s[:, 0])
    both = write_survey(tmp_path / "both.h5", np.repeat(data, 2, 0), np.repeat(s + stray, 2, 0),
                        np.repeat(r + stray, 2, 0))
    images = {}
    for name, survey in (("one", once), ("two", both)):
        job = jobs.Job(tmp_path, survey, LINE % 5, name=name)
        assert warnings(job.run(ranks=3)) == []
        with h5py.File(job.output) as f:
            images[name], hits = f["traces"][:].astype(float), f["hits"][:]
    assert np.linalg.norm(images["two"] - images["one"]) < 1e-5 * np.linalg.norm(images["one"]) and hits.max() > 2
    assert re.search(r"every 4 ms; 3-D$", plan(seisproc, jobs.Job(tmp_path, once, LINE % 5, name="p3")).stdout, re.M)
    assert re.search(r"every 4 ms; 2\.5-D$", plan(seisproc, jobs.Job(tmp_path, once, LINE % 1, name="p2")).stdout, re.M)
