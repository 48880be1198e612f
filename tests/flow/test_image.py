"""pstm as a job: the image that the kernels give, the same bits on any number of ranks, in tiles and after any kill,
and what is refused."""

import re
import os
import signal
import sys
import time

import h5py
import numpy as np
import pytest

import harness
import jobs

sys.path.append(str(harness.ROOT / "tests" / "kernels"))
import pstm_tool  # noqa: E402
import reference_pstm as ref  # noqa: E402

DT, VELOCITY = 0.004, 2000.0
GRID = pstm_tool.line_grid(9, 25.0, DT, DT, 150, ox=-100.0, oy=-50.0, ny=5)
JOB = """\
input: {input}
output: {output}
engine: cpu
threads: 1
chain:
  - pstm: {{velocity: 2000, origin: [-100, -50], dx: 25, nx: 9, ny: 5, ntau: 150, aperture: 400, snapshot: 0.01,
           offsets: [150, 250, 350]}}
"""


def write_survey(path, data, source, receiver, dt=DT, **columns):
    """A survey as a script would make one: two gathers."""
    n = len(data)
    with h5py.File(path, "w") as f:
        f.attrs.update(format="seisproc", format_version=1, n_traces=n, n_samples=data.shape[1],
                       sample_interval_us=dt * 1e6)
        f["traces"] = data.astype(np.float32)
        f["gathers/first_trace"] = np.array([0, n // 2, n], np.uint64)
        f["gathers/key"] = np.array([1, 2], np.int64)
        places = dict(sx=source[:, 0], sy=source[:, 1], gx=receiver[:, 0], gy=receiver[:, 1])
        for name, values in {**places, **columns}.items():
            f[f"headers/{name}"] = np.asarray(values)
    return path


def two_offsets():
    """A dipping plane at offsets of 200 and 300 m, mixed up; classes 0 (150) and 1 (250) halve what lies between."""
    parts = [ref.common_offset(350.0, 25.0, offset, 60.0) for offset in (190.0, 300.0)]
    s, r = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    order = np.random.default_rng(3).permutation(len(s))
    s, r = s[order], r[order]
    return ref.plane(s, r, 260, DT, VELOCITY, 20.0, 400.0, 10.0, 90.0, 0.2), s, r


@pytest.fixture(scope="module")
def image_survey(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("image") / "in.h5", *two_offsets())


@pytest.fixture(scope="module")
def image_hash(tmp_path_factory, image_survey):
    job = jobs.Job(tmp_path_factory.mktemp("reference"), image_survey, JOB)
    job.run(ranks=3)
    return jobs.sha(job.output)


def test_image_is_that_of_the_kernels(tmp_path, image_survey, seisproc):
    """Class by class, with the areas of bins of 25 m."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(ranks=4)
    assert job.files() == ["out.h5"]
    data, s, r = two_offsets()
    kernel = pstm_tool.Migration()
    with h5py.File(job.output) as f:
        image, hits = (f[name][:].reshape(45, 3, 150) for name in ("traces", "hits"))
        headers = {name: f["headers/" + name][:].reshape(45, 3) for name in f["headers"]}
    for k, offset in ((0, 190.0), (1, 300.0)):
        mine = np.abs(np.linalg.norm(r - s, axis=1) - offset) < 1
        k = 0 if offset == 190.0 else 2
        got = kernel.run(data[mine], DT, s[mine], r[mine], 625.0, GRID, VELOCITY, aperture=400.0, max_dip=60.0,
                         dip_taper=10.0)
        norm = np.linalg.norm(got.image, axis=1)
        assert (np.linalg.norm(image[:, k] - got.image, axis=1) < 1e-6 * norm).all() and norm.min() > 0
        assert np.array_equal(hits[:, k], got.hits)
        assert (headers["nhs"][:, k] == mine.sum()).all()
    kernel.close()
    assert not image[:, 1].any() and not hits[:, 1].any()
    assert np.allclose(np.column_stack([headers["cdpx"][:, 0], headers["cdpy"][:, 0]]), pstm_tool.grid_points(GRID))
    assert (headers["offset"] == [150, 250, 350]).all() and (headers["delrt"] == 4).all()
    assert (headers["iline"][:, 0] == np.repeat(np.arange(1, 6), 9)).all()
    assert (headers["xline"][:, 0] == np.tile(np.arange(1, 10), 5)).all()
    assert "all checksums agree" in seisproc("verify", job.output).stdout


def test_any_ranks_threads_and_tiles_give_the_same_bits(tmp_path, image_survey, image_hash):
    job = jobs.Job(tmp_path, image_survey, JOB)
    for ranks, threads in ((4, 2), (6, 1)):
        job.run("--restart", f"--set=threads={threads}", ranks=ranks)
        assert jobs.sha(job.output) == image_hash
        job.output.unlink()
    job.run("--set=chain.0.pstm.tile_mb=1", "--set=output=" + str(tmp_path / "tiles.h5"), ranks=4)
    whole = jobs.Job(tmp_path, image_survey, JOB)
    whole.run(ranks=3)
    with h5py.File(whole.output) as a, h5py.File(tmp_path / "tiles.h5") as b:
        assert np.array_equal(a["traces"][:], b["traces"][:]) and np.array_equal(a["hits"][:], b["hits"][:])


def test_killed_anywhere_it_goes_on_with_the_same_bits(tmp_path, image_survey, image_hash):
    """At random moments, each time on another number of ranks, until it is complete."""
    rng = np.random.default_rng(int(os.environ.get("SEISPROC_SEED", 1)))
    job, kills = jobs.Job(tmp_path, image_survey, JOB), 0
    while kills < 10:
        running = job.start(ranks=int(rng.choice([3, 4, 6])))
        time.sleep(float(rng.uniform(0.2, 1.6)))
        if not running.is_alive():
            running.wait()
            assert jobs.sha(job.output) == image_hash
            job.output.unlink()
        running.kill_all()
        running.wait()
        kills += 1
    job.run(ranks=5)
    assert jobs.sha(job.output) == image_hash and job.files() == ["out.h5"]


FAULTS = ("snapshot_written:1@2", "snapshot_written:2@2", "snapshot_named:1@2", "snapshot_named:3@2",
          "before_hand_over:1@2", "integrity_written:1@0", "in_compute:4@2")


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at_every_step(tmp_path, image_survey, image_hash, fault):
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(ranks=4, binary=faulty, env={"SEISPROC_FAULT": fault}, check=None)
    assert not job.output.exists()
    job.run(ranks=3)
    assert jobs.sha(job.output) == image_hash


def test_stopped_by_a_signal_it_keeps_what_it_has(tmp_path, image_survey, image_hash):
    job = jobs.Job(tmp_path, image_survey, JOB)
    running = job.start(ranks=4)
    running.wait_for(lambda: job.journal.exists() and len(job.done()) > 3)
    running.kill(0, signal.SIGTERM)
    assert running.wait().returncode in (0, 75)
    job.run(ranks=3)
    assert jobs.sha(job.output) == image_hash


def test_an_image_is_a_survey_like_any_other(tmp_path, image_survey, seisproc):
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(ranks=3)
    assert re.search(r"45 by iline \(.*\) and xline \(", seisproc("info", job.output).stdout)
    chain = jobs.Job(tmp_path, job.output, "input: {input}\noutput: {output}\ndead_traces: ignore\nchain:\n"
                     "  - bandpass: {{low: [3, 6], high: [40, 60]}}\n", name="chained")
    chain.run(ranks=3)
    seisproc("export", chain.output, tmp_path / "out.sgy")
    assert (tmp_path / "out.sgy").stat().st_size > 135 * 600


def test_scalars_delays_and_bad_traces(tmp_path, image_survey):
    """Whole numbers with scalco, a delay, a NaN: the same image but for the trace that is absent."""
    data, s, r = two_offsets()
    whole = np.round(np.hstack([s, r]) * 100).astype(np.int32)
    scaled = write_survey(tmp_path / "scaled.h5", data[:, 10:], whole[:, :2], whole[:, 2:],
                          scalco=np.full(len(s), -100, np.int32), delrt=np.full(len(s), 40, np.int32))
    plain = write_survey(tmp_path / "plain.h5", data[:, 10:], whole[:, :2] / 100, whole[:, 2:] / 100,
                         delrt=np.full(len(s), 40.0))
    images = []
    for name, path in (("a", scaled), ("b", plain)):
        job = jobs.Job(tmp_path, path, JOB, name=name)
        job.run(ranks=3)
        with h5py.File(job.output) as f:
            images.append(f["traces"][:])
    assert np.abs(images[0] - images[1]).max() <= 1e-5 * np.abs(images[1]).max() and images[1].any()
    data[5, 100] = np.nan
    job = jobs.Job(tmp_path, write_survey(tmp_path / "nan.h5", data, s, r), JOB, name="c")
    job.run(ranks=3, check=2)
    with h5py.File(job.output) as f:
        assert np.isfinite(f["traces"][:]).all()


@pytest.mark.parametrize("change, words", (
    ("velocity=nowhere.txt", "nowhere.txt"),
    ("velocity=100", "allowed is 300 to 12000"),
    ("dip_taper=70", "allowed is up to max_dip"),
    ("rays=vti", "rays: vti needs it"),
    ("origin=[]", "origin"),
    ("aperture=0", "aperture"),
    ("geometry=2.5d", "an image of one line"),
))
def test_refused_in_one_line(tmp_path, image_survey, change, words):
    job = jobs.Job(tmp_path, image_survey, JOB)
    result = job.run(f"--set=chain.0.pstm.{change}", ranks=3, check=1)
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(lines) == 1 and words in lines[0], result.stderr
    assert job.files() == []


def test_grid_follows_from_line_numbers(tmp_path):
    """iline, xline, cdpx, cdpy of a turned grid, in-lines that run the other way."""
    s, r, _ = ref.common_offset(200.0, 25.0, 100.0, 0.0)
    middle = (s + r) / 2
    xl, il = np.round(middle[:, 0] / 25).astype(np.int32) + 100, 500 - np.round(middle[:, 1] / 25).astype(np.int32)
    data = ref.plane(s, r, 200, DT, VELOCITY, 20.0, 300.0, 0.0, 0.0, 0.2)
    survey = write_survey(tmp_path / "in.h5", data, s, r, iline=il.astype(np.int32), xline=xl, cdpx=middle[:, 0],
                          cdpy=middle[:, 1])
    job = jobs.Job(tmp_path, survey, "input: {input}\noutput: {output}\nengine: cpu\nchain:\n"
                   "  - pstm: {{velocity: 2000, ntau: 100, aperture: 200}}\n")
    job.run(ranks=3)
    with h5py.File(job.output) as f:
        got = np.column_stack([f["headers/cdpx"][:], f["headers/cdpy"][:]])
        numbers = np.column_stack([f["headers/xline"][:], f["headers/iline"][:]])
    assert len(got) == 17 * 17
    assert np.allclose(got, np.column_stack([(numbers[:, 0] - 100) * 25.0, (500 - numbers[:, 1]) * 25.0]), atol=1e-6)


def test_synthetic_scatterers_and_planes_are_found_again(tmp_path, seisproc):
    """synth --diffractors says where things are; the image has them there, as far as this sparse a survey goes."""
    survey = tmp_path / "in.h5"
    said = seisproc("synth", survey, "--diffractors", "--gathers=100", "--traces=100", "--samples=320",
                    "--interval-ms=4", "--spread=0").stdout
    x, y = (float(v.split()[1]) for v in said.split("below ")[1].split(" at ")[0].split(", "))
    job = jobs.Job(tmp_path, survey, "input: {input}\noutput: {output}\nengine: cpu\nchain:\n"
                   f"  - pstm: {{{{velocity: 2000, origin: [{x}, {y}], dx: 25, nx: 1, dy: 50, geometry: 3d, "
                   "aperture: 600, spacing: [25, 50], max_dip: 45, ntau: 300}}\n")
    job.run(ranks=4)
    with h5py.File(job.output) as f:
        trace, tau = f["traces"][0].astype(float), DT * np.arange(1, 301)
    for time_s, least, most in ((0.5, 0.01, 0.04), (0.65, 0.1, 0.25), (1.15, 0.1, 0.25)):
        near = np.abs(tau - time_s) < 0.025
        at, value = ref.peak(tau[near], trace[near])
        assert abs(at - time_s) < DT and least < value < most
