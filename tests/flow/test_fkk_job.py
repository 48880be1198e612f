# SPDX-License-Identifier: BSD-3-Clause
"""A job with fkk, from a survey to a survey: the reference's numbers, the same bytes on any ranks and after any kill,
and every survey that it cannot take, by its message."""

import re
import sys

import h5py
import numpy as np
import pytest

import harness
import jobs

for folder in ("kernels", "cli"):
    sys.path.insert(0, str(harness.ROOT / "tests" / folder))

from reference_fk import load_oracle, relative  # noqa: E402
from surveys import write_survey  # noqa: E402

DT, DX, DY = 0.004, 25.0, 20.0
NX, NY, N_SAMPLES = 14, 12, 120
OFFSETS = (0, 100, 200)
JOB = """\
input: {{input}}
output: {{output}}
mode: {mode}
on_error: {on_error}
commit_interval: 0.05
slab_mb: 1
chain:
  - fkk: {{{{{options}}}}}
"""


def job_text(mode="both", on_error="passthrough", **options):
    return JOB.format(mode=mode, on_error=on_error, options=", ".join(f"{k}: {v}" for k, v in options.items()))


class Cubes:
    """Three offset classes on a turned grid, gathers of one trace each of an inline-crossline pair."""

    def __init__(self, path, change=None, **more):
        n = NX * NY * len(OFFSETS)
        ix, iy = np.repeat(np.arange(NX), NY * len(OFFSETS)), np.tile(np.repeat(np.arange(NY), len(OFFSETS)), NX)
        a, b = np.radians(30), np.radians(120)
        self.traces = np.random.default_rng(3).standard_normal((n, N_SAMPLES)).astype(np.float32)
        self.columns = {"iline": (100 + ix).astype("<i4"), "xline": (50 + 2 * iy).astype("<i4"),
                        "offset": np.tile(OFFSETS, NX * NY).astype("<i4"),
                        "cdpx": 5e5 + ix * DX * np.sin(a) + iy * DY * np.sin(b),
                        "cdpy": 6e6 + ix * DX * np.cos(a) + iy * DY * np.cos(b), "delrt": np.zeros(n, "<i4")}
        if change:
            change(self.traces, self.columns)
        first = np.arange(NX * NY + 1) * len(OFFSETS)
        self.path = write_survey(path, self.traces, first_trace=first, interval_us=1e6 * DT, headers=self.columns,
                                 **more)

    def cube(self, traces, k):
        """Offset class k as [t][x][y]."""
        return np.asarray(traces)[k::3].T.reshape(N_SAMPLES, NX, NY)


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return Cubes(tmp_path_factory.mktemp("cubes") / "in.h5")


def read(path):
    with h5py.File(path) as f:
        return {name: f[name][()] for name in ("traces", "noise", "integrity/status", "integrity/crc32c") if name in f}


def test_cubes_against_the_reference(seisproc, survey, tmp_path):
    oracle = load_oracle()
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, azimuth=70, cubes="[offset]"))
    job.run(ranks=4)
    out = read(job.output)
    for k in range(3):
        expected = oracle.fkk(survey.cube(survey.traces, k).astype(float), DT, DX, DY, vmax=2500.0, azimuth=70.0,
                              grid_azimuth=30.0, handed=1)
        assert relative(survey.cube(out["traces"], k), expected) < 1e-5
    assert np.array_equal(out["noise"], survey.traces - out["traces"])
    assert not out["integrity/status"].any()
    verified = seisproc("verify", job.output, "--against", survey.path).stdout
    assert "all checksums agree" in verified and "processed + noise is the input" in verified
    noise = jobs.Job(tmp_path, survey.path, job_text("noise", vmax=2500, azimuth=70, cubes="[offset]"), name="noise")
    noise.run(ranks=3)
    assert np.array_equal(read(noise.output)["traces"], out["noise"])


def test_same_bytes_on_any_ranks_and_threads(survey, tmp_path):
    """One worker, a team on each cube, teams of which one is larger, more workers than traces need."""
    filled = dict(vmax=2500, agc=60, gaps="fill", fill_iterations=3, cubes="[offset]")
    for options, runs in ((filled, ((3, ["--threads=3"]), (5, []), (8, ["--threads=1"]))),
                          (dict(vmax=2500, duplicates="mean", azimuth=30), ((3, []), (6, [])))):
        found = set()
        for ranks, more in runs:
            job = jobs.Job(tmp_path, survey.path, job_text(**options), name=f"out{ranks}")
            nodes = {"SEISPROC_RANKS_PER_NODE": 4} if ranks == 8 else None  # two pretended nodes
            job.run(*more, ranks=ranks, env=nodes)
            out = read(job.output)
            found.add(b"".join(out[name].tobytes() for name in sorted(out)))
            job.output.unlink()
        assert len(found) == 1


def test_a_cube_does_not_depend_on_the_others(survey, tmp_path):
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    job.run(ranks=3)
    together = read(job.output)["traces"]

    for k in (1,):
        path = tmp_path / f"one{k}.h5"
        write_survey(path, survey.traces[k::3], first_trace=[0, NX * NY], interval_us=1e6 * DT,
                     headers={name: column[k::3] for name, column in survey.columns.items()})
        one = jobs.Job(tmp_path, path, job_text(vmax=2500), name=f"alone{k}")
        one.run(ranks=3)
        assert np.array_equal(read(one.output)["traces"], together[k::3])


@pytest.fixture(scope="module")
def whole(survey, tmp_path_factory):
    job = jobs.Job(tmp_path_factory.mktemp("whole"), survey.path, job_text(vmax=2500, cubes="[offset]"))
    job.run(ranks=3)
    return read(job.output)


@pytest.mark.parametrize("point", ["cube_read:1@2", "cube_filtered:2@2", "before_slot_full:2", "after_write:2",
                                   "before_report:1"])
def test_killed_and_resumed_on_other_ranks(seisproc, survey, whole, tmp_path, point):
    if not harness.FAULTY.exists():
        pytest.skip("no program with fault switches: make faults")
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    killed = job.run(ranks=4, binary=harness.FAULTY, env={"SEISPROC_FAULT": point}, check=None)
    assert killed.returncode != 0, str(killed)
    if job.part.exists():
        refused = seisproc("verify", job.part, check=1).stderr
        assert "of the kind `volume`, which can be verified once it is complete" in refused
    job.run(ranks=3 if "@" in point else 6)
    out = read(job.output)
    assert all(np.array_equal(out[name], whole[name]) for name in whole)


def test_what_became_of_traces(seisproc, tmp_path):
    """Dead traces, a NaN, an infinity, a time break: absent for the others and left as they are, and told of in the
    status of their gathers."""

    def spoil(traces, columns):
        traces[30] = 0
        traces[33:36] = 0
        traces[61, 5] = np.nan
        traces[70, 9] = np.inf
        columns["trid"] = np.ones(len(traces), "<i4")
        columns["trid"][90] = 5

    survey = Cubes(tmp_path / "in.h5", spoil)
    absent = [30, 33, 34, 35, 61, 70, 90]
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    job.run(ranks=5, check=2)
    out = read(job.output)
    status = np.zeros(NX * NY, int)
    status[[10, 11, 20, 23]] = 1, 3, 8, 8
    assert np.array_equal(out["integrity/status"], status)
    assert np.array_equal(out["traces"][absent], survey.traces[absent], equal_nan=True)
    assert not out["noise"][absent].any() and np.isfinite(np.delete(out["traces"], absent, 0)).all()
    verified = seisproc("verify", job.output, "--against", survey.path).stdout
    assert "all checksums agree" in verified and "processed + noise is the input" in verified
    live = np.ones(NX * NY * 3, bool)
    live[absent] = False
    oracle = load_oracle()
    for k in range(3):
        data, there = survey.cube(np.where(live[:, None], survey.traces, 0), k), live[k::3].reshape(NX, NY)
        expected = oracle.fkk_gaps(data.astype(float), there[None], DT, DX, DY, vmax=2500.0)
        got = np.where(there[None], survey.cube(out["traces"], k), 0)
        assert relative(got, expected) < 1e-5


def test_samples_too_large_for_the_transforms(seisproc, tmp_path):
    """Sums that leave float32 make no samples of the output: the cube is as on_error says, and the job tells."""
    def change(traces, columns):
        traces[1::3] *= np.float32(1e37)

    survey = Cubes(tmp_path / "large.h5", change)
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    job.run(ranks=4, check=2)
    out = read(job.output)
    assert np.isfinite(out["traces"]).all() and (out["integrity/status"] == 9).all()
    assert np.array_equal(out["traces"][1::3], survey.traces[1::3]) and not out["noise"][1::3].any()
    assert not np.array_equal(out["traces"][0::3], survey.traces[0::3])
    seisproc("verify", job.output, "--against", survey.path)
    zero = jobs.Job(tmp_path, survey.path, job_text(on_error="zero", vmax=2500, cubes="[offset]"), name="zero")
    zero.run(ranks=3, check=2)
    assert not read(zero.output)["traces"][1::3].any()
    stop = jobs.Job(tmp_path, survey.path, job_text(on_error="abort", vmax=2500, cubes="[offset]"), name="abort")
    assert "cannot be processed: overflow; on_error is abort" in stop.run(ranks=3, check=1).stderr


def test_bins(survey, tmp_path):
    """Coordinates that stray from their bins, in centimetres with their scalar, give the cells of the line numbers."""

    def stray(traces, columns):
        for i, name in enumerate(("cdpx", "cdpy")):
            strayed = columns[name] + np.random.default_rng(i).uniform(-3, 3, len(traces))
            columns[name] = np.rint(100 * strayed).astype("<i4")
        columns["scalco"] = np.full(len(traces), -100, "<i4")

    strayed = Cubes(tmp_path / "stray.h5", stray)
    lines = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, azimuth=80, cubes="[offset]"), name="lines")
    bins = jobs.Job(tmp_path, strayed.path,
                    job_text(vmax=2500, azimuth=80, cubes="[offset]", cells="bins", x="[cdpx]", y="[cdpy]", dx=25,
                             dy=20, grid_azimuth=30, handed="right", origin="[500000, 6000000]"), name="bins")
    lines.run(ranks=3)
    bins.run(ranks=3)
    assert relative(read(bins.output)["traces"], read(lines.output)["traces"].astype(float)) < 1e-5


def test_plan_says_what_a_cube_takes(seisproc, survey, tmp_path):
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, vmin=400, cubes="[offset]"))
    text = seisproc("plan", job.path).stdout
    assert re.search(r"cubes +3; the first has 14 x 12 cells of 25 by 20, 100.0 % of them with a trace; x points to 30 "
                     r"degrees, y to 120", text)
    assert re.search(r"aliased in space above 8 Hz at 400 50 Hz at 2500", text)
    assert "workers a cube" in text and "padded to 18 x 15" in text


def set_column(name, at, value):
    def change(traces, columns):
        columns[name] = columns[name].astype(float)
        columns[name][at] = value
    return change


def drop(name):
    def change(traces, columns):
        del columns[name]
    return change


def same_lines(traces, columns):
    columns["iline"][:] = 0
    columns["xline"][:] = 0


REFUSED = [
    (drop("iline"), {}, r"has no trace header 'iline', which fkk needs"),
    (drop("cdpx"), {}, r"has no trace header 'cdpx', which fkk needs"),
    (set_column("iline", 9, 100.5), {}, r"trace 9 has iline 100.5, allowed is a whole number"),
    (set_column("xline", 4, np.nan), {}, r"trace 4 has xline nan"),
    (set_column("cdpx", 12, 510000), {}, r"not a regular grid: trace 12 \(iline 100, xline 58\)"),
    (set_column("delrt", 40, 8), {}, r"all traces begin at one time: trace 1 has delrt 0, trace 40 has 8"),
    (same_lines, {"dx": 25, "dy": 25}, r"iline and xline are the same on every trace \(0, 0\)"),
    (None, {"cubes": "[]"}, r"336 traces share a cell with another in the only cube, the first are traces 0 and 1 at "
                            r"iline 100"),
    (None, {"vmin": 2500}, r"vmin: found 2500, allowed is less than vmax"),
    (None, {"f": "[10, 5, 30, 40]"}, r"f: found 10, 5, 30, 40, allowed are frequencies that ascend"),
    (None, {"f": "[200, 210, 300, 400]"}, r"f: no frequency of .* lies between 200 and 400 Hz"),
    (None, {"azimuth": "nan"}, r"azimuth"),
    (None, {"dx": 25}, r"dx, dy: found one of them"),
    (None, {"cells": "bins"}, r"cells: bins needs dx and dy"),
    (None, {"y": "[iline]"}, r"y: found iline, which is x, too"),
]


@pytest.mark.parametrize("change, options, said", REFUSED, ids=[said[:30] for _, _, said in REFUSED])
def test_what_is_refused_before_anything_exists(seisproc, survey, tmp_path, change, options, said):
    path = Cubes(tmp_path / "in.h5", change).path if change else survey.path
    job = jobs.Job(tmp_path, path, job_text(**{"vmax": 2500, "cubes": "[offset]", **options}))
    result = seisproc("plan", job.path, check=1)
    assert re.search(said, result.stderr), result.stderr
    assert len([s for s in result.stderr.splitlines() if "warning: fkk: the survey does not say" not in s]) == 1
    assert job.files() == []


def test_a_cube_takes_no_figures(seisproc, survey, tmp_path):
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    said = seisproc("plan", job.path).stdout
    assert re.search(r"^figures +none: a cube has traces of many gathers; `seisproc qc` measures every", said, re.M)
    result = seisproc("plan", job.path, "--set=qc=trace", check=1)
    assert "qc: trace: fkk takes no figures" in result.stderr and len(result.stderr.splitlines()) == 1
    assert job.files() == []


def warned(seisproc, tmp_path, path, name, **options):
    """What `plan` warns of, but for units that the survey does not tell."""
    job = jobs.Job(tmp_path, path, job_text(**{"vmax": 2500, "cubes": "[offset]", **options}), name="o-" + name)
    lines = [s for s in seisproc("plan", job.path).stderr.splitlines() if "warning:" in s]
    return [s for s in lines if "the survey does not say" not in s]


def test_spacing_and_direction_that_coordinates_contradict(seisproc, survey, tmp_path):
    """Given dx, dy and directions are taken, and what cdpx and cdpy say is told; where they agree nothing is."""
    given = dict(dx=25, dy=20)
    assert warned(seisproc, tmp_path, survey.path, "same", **given) == []
    said, = warned(seisproc, tmp_path, survey.path, "twice", dx=50, dy=20)
    assert re.search(r"dx: 50 is given, cdpx and cdpy say 25 from cell to cell along iline in cube offset 0: "
                     r"velocities are taken 2 times as large", said), said
    said, = warned(seisproc, tmp_path, survey.path, "tenth", dx=25, dy=2)
    assert re.search(r"dy: 2 is given, cdpx and cdpy say 20 .* along xline .* 0\.1 times as large", said), said
    turned = dict(given, azimuth=70, handed="right")
    assert warned(seisproc, tmp_path, survey.path, "right", **turned, grid_azimuth=30) == []
    assert warned(seisproc, tmp_path, survey.path, "around", **turned, grid_azimuth=-330) == []
    said, = warned(seisproc, tmp_path, survey.path, "turned", **turned, grid_azimuth=90)
    assert "have iline point to 90 degrees, cdpx and cdpy to 30 in cube offset 0" in said
    said, = warned(seisproc, tmp_path, survey.path, "mirrored", **dict(turned, handed="left"), grid_azimuth=30)
    assert "have xline point to 300 degrees, cdpx and cdpy to 120" in said

    def shots(traces, columns):
        columns["fldr"] = columns["iline"]

    shot_cube = Cubes(tmp_path / "shots.h5", shots).path  # midpoints say nothing of steps from shot to shot
    assert warned(seisproc, tmp_path, shot_cube, "shots", dx=50, dy=20, x="[fldr]") == []

    def zero(traces, columns):
        columns["cdpx"][:] = columns["cdpy"][:] = 0

    assert warned(seisproc, tmp_path, Cubes(tmp_path / "zero.h5", zero).path, "zero", **turned, grid_azimuth=90) == []
    gone = Cubes(tmp_path / "gone.h5", drop("cdpx")).path
    assert warned(seisproc, tmp_path, gone, "gone", **turned, grid_azimuth=90) == []
    blank = Cubes(tmp_path / "blank.h5", set_column("cdpy", 3, np.nan)).path
    assert warned(seisproc, tmp_path, blank, "blank", **turned, grid_azimuth=90) == []


def test_spacings_that_no_survey_has(seisproc, survey, tmp_path):
    def scaled(factor):
        def change(traces, columns):
            for name in ("cdpx", "cdpy"):
                columns[name] = columns[name] * factor
        return change

    small = Cubes(tmp_path / "small.h5", scaled(0.001)).path
    said = warned(seisproc, tmp_path, small, "small")
    assert re.search(r"cells are 0\.025\d* apart along iline in 3 of 3 cubes, first cube offset 0: are the scalars of "
                     r"the coordinates right\?", said[0]) and "along xline" in said[1], said
    large = Cubes(tmp_path / "large.h5", scaled(1000)).path
    assert "cells are 25000 apart along iline" in warned(seisproc, tmp_path, large, "large")[0]
    said, = warned(seisproc, tmp_path, Cubes(tmp_path / "gone.h5", drop("cdpx")).path, "given", dx=0.02, dy=20)
    assert re.search(r"cells are 0\.02 apart along iline.*: are dx and dy right\?", said), said


def test_one_cube_is_named_so(seisproc, survey, tmp_path):
    one = tmp_path / "one.h5"
    write_survey(one, survey.traces[::3][:60], first_trace=[0, 60], interval_us=1e6 * DT,
                 headers={name: column[::3][:60] for name, column in survey.columns.items()})
    said = warned(seisproc, tmp_path, one, "one", cubes="[]")
    assert len(said) == 1 and "fewer than 8 lines: 5 x 12: a filter" in said[0], said
    stray = tmp_path / "far.h5"
    lines = {name: column[::3][:60].copy() for name, column in survey.columns.items()}
    lines["iline"][7] = lines["xline"][8] = 1000001
    write_survey(stray, survey.traces[::3][:60], first_trace=[0, 60], interval_us=1e6 * DT, headers=lines)
    job = jobs.Job(tmp_path, stray, job_text(vmax=2500), name="stray")
    assert "the grid of the only cube has" in seisproc("plan", job.path, check=1).stderr


def few_lines(traces, columns):
    """Cubes of four in-lines or fewer."""
    columns["fldr"] = ((columns["iline"] - 100) // 4).astype("<i4")


def test_what_is_warned_of(seisproc, tmp_path):
    def thin(traces, columns):
        columns["iline"] = columns["iline"] * 3  # with one line moved: two thirds of the lines are not there
        columns["iline"][columns["iline"] == 300] = 301
        a, b = np.radians(30), np.radians(120)
        ix, iy = columns["iline"] - 301, (columns["xline"] - 50) // 2
        columns["cdpx"] = ix * 8 * np.sin(a) + iy * DY * np.sin(b)
        columns["cdpy"] = ix * 8 * np.cos(a) + iy * DY * np.cos(b)

    sparse = jobs.Job(tmp_path, Cubes(tmp_path / "sparse.h5", thin).path, job_text(vmax=2500, cubes="[offset]"))
    assert re.search(r"fewer than half of the cells hold a trace in 3 of 3 cubes, first cube offset 0: 168 of \d+ x 12",
                     seisproc("plan", sparse.path).stderr)
    nothing = jobs.Job(tmp_path, Cubes(tmp_path / "in.h5").path,
                       job_text(vmax=3, f="[5, 10, 60, 80]", cubes="[offset]"), name="nothing")
    assert "removes 0 % of the bins of the first cube: next to nothing" in seisproc("plan", nothing.path).stderr
    said, = warned(seisproc, tmp_path, tmp_path / "in.h5", "all", vmax="inf", f="[10, 10, 60, 60]")
    assert "removes 100 % of the bins of the first cube: next to everything" in said
    few = jobs.Job(tmp_path, Cubes(tmp_path / "few-lines.h5", few_lines).path,
                   job_text(vmax=2500, taper=0, cubes="[offset, fldr]"), name="few")
    said = seisproc("plan", few.path).stderr
    assert re.search(r"fewer than 8 lines in 12 of 12 cubes, first cube offset 0, fldr 0: 4 x 12: a filter in 3-D is "
                     r"then no better than one line by line", said), said
    assert "fkk: taper: 0 cuts sharply" in said


def test_a_cube_of_one_line_is_filtered_in_2d(seisproc, survey, tmp_path):
    """With a warning, as the reference filters a line."""
    oracle, keep = load_oracle(), np.arange(NY) * 3
    line = tmp_path / "line.h5"
    write_survey(line, survey.traces[keep], first_trace=[0, NY], interval_us=1e6 * DT,
                 headers={name: column[keep] for name, column in survey.columns.items()})
    assert "fewer than 8 lines: 1 x 12: a filter in 3-D" in warned(seisproc, tmp_path, line, "line", cubes="[]")[0]
    job = jobs.Job(tmp_path, line, job_text(vmax=2500))
    job.run(ranks=3)
    expected = oracle.fkk(survey.traces[keep].T.astype(float), DT, DY, vmax=2500.0).T
    assert relative(read(job.output)["traces"], expected) < 1e-5


@pytest.mark.parametrize("trace, options", [(0, []), (10, ["--check-done"])])
def test_one_cube_that_is_damaged_is_computed_again(survey, whole, tmp_path, trace, options):
    """Of three: where one of the four traces shows it that are looked at of each, and where only all of them do."""
    job = jobs.Job(tmp_path, survey.path, job_text(vmax=2500, cubes="[offset]"))
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "before_publish:1"}, check=None)
    with h5py.File(job.part, "r+") as f:
        f["traces"][3 * trace + 1, 7] += 1
    job.run(*options)
    assert job.history_lines("undone") == [["undone", "1", "1"]]
    out = read(job.output)
    assert all(np.array_equal(out[name], whole[name]) for name in whole)


def test_cubes_that_are_not_what_was_written_are_refused(survey, whole, tmp_path):
    text = job_text(vmax=2500, cubes="[offset]")
    job = jobs.refuses_wiped_samples(tmp_path, survey.path, text, "out.h5.part: cube ", "trace ", "has checksum",
                                     "--restart starts over")
    out = read(job.output)
    assert all(np.array_equal(out[name], whole[name]) for name in whole)
