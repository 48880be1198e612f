# SPDX-License-Identifier: BSD-3-Clause
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


def plan(seisproc, job, *arguments, check=0):
    return seisproc("plan", job.path, *arguments, check=check)


def files(folder):
    """What a job has left in its folder, but for its description and history."""
    return sorted(p.name for p in folder.iterdir() if p.suffix in (".h5", ".part", ".journal", ".image"))


STACK = ("--set=chain.0.pstm.stack=true",)


def stack_of(job):
    return job.output.with_name(job.output.stem + "-stack.h5")


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


def phase_of(job):
    """What a job that was cut off had come to, by the files that it left."""
    if job.output.exists():
        return "published"
    state = job.folder / (job.part.name + ".image")
    if not job.part.exists() or not state.exists():
        return "begins"
    head = max((state.read_bytes()[at:at + 20] for at in (0, 4096)), key=lambda h: h[8:16][::-1])
    n_complete = int.from_bytes(head[16:20], "little")
    return ("peak", "class 0", "class 1", "class 2", "image")[n_complete]


def kill_and_resume(job, kills, expected, seed):
    """Kills at random moments, each time on another number of ranks; whatever is complete has these bits, and is begun
    again. Returns how many kills fell into each phase."""
    rng, phases = np.random.default_rng(seed), {}
    took = 1.0
    for kill in range(kills):
        running = job.start(*STACK, ranks=int(rng.choice([3, 4, 6])))
        time.sleep(float(rng.uniform(0.1, 1.2 * took)))
        if not running.is_alive():
            took = 0.9 * took
        running.kill_all()
        running.wait()
        phase = phase_of(job)
        phases[phase] = phases.get(phase, 0) + 1
        if phase == "published" and not job.journal.exists():
            assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == expected, f"after kill {kill}"
            job.output.unlink()
        elif phase == "begins":
            took *= 1.1
    job.run(*STACK, ranks=5)
    assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == expected
    assert files(job.folder) == ["out-stack.h5", "out.h5"]
    return phases


@pytest.fixture(scope="module")
def stacked_hashes(tmp_path_factory, image_survey, image_hash):
    job = jobs.Job(tmp_path_factory.mktemp("stacked"), image_survey, JOB)
    job.run(*STACK, ranks=3)
    return jobs.sha(job.output), jobs.sha(stack_of(job))


def test_killed_anywhere_it_goes_on_with_the_same_bits(tmp_path, image_survey, stacked_hashes):
    seed = int(os.environ.get("SEISPROC_SEED", 1))
    kill_and_resume(jobs.Job(tmp_path, image_survey, JOB), 10, stacked_hashes, seed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_kills_in_every_phase(tmp_path, image_survey, stacked_hashes):
    seed = int(os.environ.get("SEISPROC_SEED", 1))
    phases = kill_and_resume(jobs.Job(tmp_path, image_survey, JOB), 100, stacked_hashes, seed)
    print("kills by phase:", phases)
    assert len(phases) >= 5, phases


FAULTS = ("snapshot_written:1@2", "snapshot_written:2@2", "snapshot_named:1@2", "snapshot_named:3@2",
          "before_slot_full:1@2", "integrity_written:1@0", "in_compute:4@2")


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
    cube = jobs.Job(tmp_path, job.output, "input: {input}\noutput: {output}\ndead_traces: ignore\nchain:\n"
                    "  - fkk: {{vmax: 1500, cubes: [offset]}}\n", name="cubes")
    cube.run(ranks=3)
    with h5py.File(cube.output) as f, h5py.File(job.output) as g:
        assert f["traces"].shape == g["traces"].shape and not np.array_equal(f["traces"][:], g["traces"][:])
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
    feet = write_survey(tmp_path / "feet.h5", data[:, 10:], whole[:, :2] / 30.48, whole[:, 2:] / 30.48,
                        delrt=np.full(len(s), 40.0))
    with h5py.File(feet, "r+") as f:
        for name in ("sx", "sy", "gx", "gy"):
            f["headers"][name].attrs["units"] = np.bytes_("ft")
    job = jobs.Job(tmp_path, feet, JOB, name="metres")
    assert "sx is in feet, and converted" in job.run(ranks=3).stderr
    with h5py.File(job.output) as f:
        assert np.abs(f["traces"][:] - images[1]).max() <= 1e-5 * np.abs(images[1]).max()
    data[5, 100] = np.nan
    job = jobs.Job(tmp_path, write_survey(tmp_path / "nan.h5", data, s, r), JOB, name="c")
    for peak in ("auto", "1000"):
        job.run("--restart", "--set=dead_traces=ignore", f"--set=chain.0.pstm.peak={peak}", ranks=3, check=2)
        with h5py.File(job.output) as f:
            assert np.isfinite(f["traces"][:]).all()
    data[5] = 0
    job = jobs.Job(tmp_path, write_survey(tmp_path / "dead.h5", data, s, r), JOB, name="d")
    job.run(ranks=3, check=2)
    job.run("--restart", "--set=dead_traces=ignore", ranks=3)


def test_stack_is_the_sum_over_classes(tmp_path, image_survey, image_hash, seisproc):
    """Beside an image that it does not change, the same on any number of ranks, a survey of its own."""
    hashes = set()
    for ranks in (3, 5):
        (tmp_path / f"{ranks}").mkdir()
        job = jobs.Job(tmp_path / f"{ranks}", image_survey, JOB)
        job.run(*STACK, ranks=ranks)
        assert files(job.folder) == ["out-stack.h5", "out.h5"]
        hashes.add(jobs.sha(stack_of(job)))
    assert len(hashes) == 1
    with h5py.File(job.output) as f, h5py.File(stack_of(job)) as g:
        image, hits = (f[name][:].reshape(45, 3, 150) for name in ("traces", "hits"))
        assert np.array_equal(g["traces"][:], image.astype(float).sum(axis=1).astype(np.float32))
        assert np.array_equal(g["hits"][:], hits.sum(axis=1)) and hits.any()
        assert (g["headers/nhs"][:] == f["headers/nhs"][:3].sum()).all() and not g["headers/offset"][:].any()
        for name in ("iline", "xline", "cdp", "cdpx", "cdpy", "delrt"):
            assert np.array_equal(g["headers/" + name][:], f["headers/" + name][::3])
    assert "all checksums agree" in seisproc("verify", stack_of(job)).stdout
    assert re.search(r"45 by iline", seisproc("info", stack_of(job)).stdout)


def test_stack_takes_no_other_files_place(tmp_path, image_survey):
    job = jobs.Job(tmp_path, image_survey, JOB)
    stack_of(job).write_bytes(image_survey.read_bytes())
    before = jobs.sha(stack_of(job))
    result = job.run(*STACK, ranks=3, check=1)
    lines = [line for line in result.stderr.splitlines() if "error:" in line]
    assert len(lines) == 1 and "not the stack of out.h5" in lines[0]
    assert jobs.sha(stack_of(job)) == before and not job.output.exists()


STACK_FAULTS = ("before_phase_sync:3@0", "publish_renamed:1@0", "publish_synced:2@0")


@pytest.mark.parametrize("fault", STACK_FAULTS)
def test_killed_about_the_stack(tmp_path, image_survey, stacked_hashes, fault):
    """Before it is made, and between the two files that get their names."""
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(*STACK, ranks=4, binary=faulty, env={"SEISPROC_FAULT": fault}, check=None)
    assert not job.output.exists()
    job.run(*STACK, ranks=3)
    assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == stacked_hashes
    assert files(job.folder) == ["out-stack.h5", "out.h5"]


# --- velocities --------------------------------------------------------------------------------------------------


def velocity_survey(path, values, dt=0.02, **columns):
    """A trace a place, as an imported SEG-Y of velocities has them."""
    zeros = np.zeros((len(values), 2))
    return write_survey(path, np.asarray(values), zeros, zeros, dt=dt, **columns)


GRADIENT = 1800 + 5.0 * np.arange(40)


def lines_of(il, xl, values):
    return "# iline xline t v\n" + "".join(f"{a} {b} {20 * k} {v:.8g}\n" for a, b, row in zip(il, xl, values)
                                           for k, v in enumerate(row))


def test_velocities_from_a_survey_are_those_of_its_table(tmp_path, image_survey, seisproc):
    """By line numbers, by coordinates in whole numbers with a scalar, and one trace that holds everywhere."""
    il, xl = (v.ravel() for v in np.meshgrid([1, 5], [1, 9], indexing="ij"))
    values = (GRADIENT + 40.0 * il[:, None] + 10.0 * xl[:, None]).astype(np.float32)
    table = tmp_path / "v.txt"
    table.write_text(lines_of(il, xl, values))
    surveys = {
        "lines": velocity_survey(tmp_path / "lines.h5", values, iline=il.astype(np.int32), xline=xl.astype(np.int32)),
        "places": velocity_survey(tmp_path / "places.h5", values, scalco=np.full(4, -10, np.int32),
                                  cdpx=(-1000 + 250 * (xl - 1)).astype(np.int32),
                                  cdpy=(-500 + 250 * (il - 1)).astype(np.int32)),
    }
    images = {}
    for name, path in {"table": table, **surveys}.items():
        job = jobs.Job(tmp_path, image_survey, JOB, name="image-" + name)
        job.run(f"--set=chain.0.pstm.velocity={path}", ranks=3)
        with h5py.File(job.output) as f:
            images[name] = f["traces"][:]
    assert images["table"].any() and np.array_equal(images["lines"], images["table"])
    assert np.abs(images["places"] - images["table"]).max() < 1e-4 * np.abs(images["table"]).max()
    with h5py.File(surveys["places"], "a") as f:
        f["headers/cdpx"].attrs["units"] = f["headers/cdpy"].attrs["units"] = "degrees"
    job = jobs.Job(tmp_path, image_survey, JOB, name="image-degrees")
    stderr = plan(seisproc, job, f"--set=chain.0.pstm.velocity={surveys['places']}", check=1).stderr
    assert "is in 'degrees', allowed are m and ft" in stderr, stderr
    one = velocity_survey(tmp_path / "one.h5", np.full((2, 40), 2000.0), iline=np.int32([1, 2]),
                          xline=np.int32([1, 1]))
    job = jobs.Job(tmp_path, image_survey, JOB, name="image-one")
    job.run(f"--set=chain.0.pstm.velocity={one}", ranks=3)
    number = jobs.Job(tmp_path, image_survey, JOB, name="number")
    number.run(ranks=3)
    with h5py.File(job.output) as f, h5py.File(number.output) as g:
        assert np.allclose(f["traces"][:], g["traces"][:], rtol=1e-4, atol=1e-5 * np.abs(g["traces"][:]).max())


def bad_velocities(folder):
    """Surveys and files that hold no velocities of this image, and what is said of them."""
    il, xl = np.int32([1, 1]), np.int32([1, 9])
    good = np.tile(GRADIENT, (2, 1))
    spoiled = good.copy()
    spoiled[1, 3] = np.nan
    late, text, segy = folder / "late.txt", folder / "text.txt", folder / "v.sgy"
    late.write_text("0 1500\n1.5 2000\n3.0 2500\n")
    text.write_text("0 1500\n100 1600\n100 1700\n")
    segy.write_bytes(bytes(3600))
    velocity_survey(folder / "nan.h5", spoiled, iline=il, xline=xl)
    velocity_survey(folder / "slow.h5", good / 10, iline=il, xline=xl)
    velocity_survey(folder / "feet.h5", np.full((2, 40), 9500.0), iline=il, xline=xl)
    velocity_survey(folder / "nowhere.h5", good)
    velocity_survey(folder / "when.h5", good, iline=il, xline=xl, delrt=np.array([0, np.nan]))
    velocity_survey(folder / "far.h5", good, iline=il * 90000, xline=xl)
    velocity_survey(folder / "same.h5", good[[0, 1, 0]], iline=np.int32([1, 1, 1]), xline=np.int32([1, 9, 1]))
    return {"nan.h5": "iline 1, xline 9: found nan m/s at 60 ms", "slow.h5": "allowed is 300 to 12000",
            "feet.h5": "feet per second?", "when.h5": "found the time nan ms",
            "nowhere.h5": "tell its traces apart", "far.h5": "near the image",
            "same.h5": "two functions at iline 1, xline 1", "v.sgy": "is imported first", "late.txt": "seconds?",
            "text.txt": "text.txt:3: found the time 100 ms after 100", "absent.h5": "No such file"}


def test_velocities_that_are_refused(tmp_path, image_survey, seisproc):
    for name, words in bad_velocities(tmp_path).items():
        job = jobs.Job(tmp_path, image_survey, JOB)
        result = plan(seisproc, job, f"--set=chain.0.pstm.velocity={tmp_path / name}", check=1)
        lines = [line for line in result.stderr.splitlines() if "error:" in line]
        assert len(lines) == 1 and words in lines[0], (name, result.stderr)


def test_velocities_must_be_the_same_to_go_on(tmp_path, image_survey):
    """Other velocities that have the same range at each time are others."""
    table = tmp_path / "v.txt"
    il, xl = np.int32([1, 1]), np.int32([1, 9])
    table.write_text(lines_of(il, xl, np.array([GRADIENT, GRADIENT + 100])))
    job = jobs.Job(tmp_path, image_survey, JOB)
    setting = f"--set=chain.0.pstm.velocity={table}"
    running = job.start(setting, ranks=3)
    running.wait_for(lambda: job.journal.exists() and len(job.done()) > 3)
    running.kill_all()
    running.wait()
    table.write_text(lines_of(il, xl, np.array([GRADIENT + 100, GRADIENT])))
    result = job.run(setting, ranks=3, check=1)
    assert "was begun with chain.0.pstm.velocity" in result.stderr, result.stderr


# --- refusals ----------------------------------------------------------------------------------------------------


REFUSED = (
    ("velocity=nowhere.txt", "nowhere.txt"),
    ("velocity=100", "allowed is 300 to 12000"),
    ("velocity=13000", "allowed is 300 to 12000"),
    ("velocity=-5", "velocity"),
    ("velocity=nan", "velocity"),
    ("dip_taper=70", "allowed is up to max_dip"),
    ("rays=vti", "rays: vti needs it"),
    ("eta=0.1", "is for rays: vti"),
    ("origin=[]", "origin"),
    ("origin=[1]", "allowed are x and y"),
    ("lines=[1, 1, 0, 1]", "a step of 0"),
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
    for change, words in (("mode=both", "no noise to keep"), ("sort=[sx]", "no traces of the input to sort")):
        result = plan(seisproc, jobs.Job(tmp_path, image_survey, JOB), f"--set={change}", check=1)
        assert words in result.stderr, (change, result.stderr)
    chain = JOB.rstrip() + "\n  - bandpass: {{low: [3, 6], high: [40, 60]}}\n"
    assert "alone" in plan(seisproc, jobs.Job(tmp_path, image_survey, chain, name="two"), check=1).stderr


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
    job = jobs.Job(tmp_path, image_survey, JOB)
    result = job.run("--set=chain.0.pstm.origin=[90000, 0]", ranks=3, check=2)
    assert "no trace reaches the image: it will be zero" in result.stderr
    with h5py.File(job.output) as f:
        assert not f["traces"][:].any() and not f["hits"][:].any()


def test_coarse_times_and_a_tile_too_small(tmp_path, image_survey, seisproc):
    job = jobs.Job(tmp_path, image_survey, JOB)
    assert "20000 m apart along x: are the scalars" in plan(seisproc, job, "--set=chain.0.pstm.dx=20000").stderr
    assert "high frequencies will be aliased" in plan(seisproc, job, "--set=chain.0.pstm.dtau=8").stderr
    result = plan(seisproc, job, "--set=chain.0.pstm.tile_mb=1", "--set=chain.0.pstm.ntau=100000", check=1)
    assert re.search(r"tile_mb: one column of the image takes 2\.4 MB, there are 1\.0 MB", result.stderr), result.stderr


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


def test_worked_example_of_the_page(tmp_path, seisproc):
    """docs/migration.md, command by command: the stack has the planes where and as strong as it says."""
    page = (harness.ROOT / "docs/migration.md").read_text()
    section = page.split("## From SEG-Y to a stacked image")[1].split("\n## ")[0]
    commands = [line.split("#")[0].split() for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
                for line in block.splitlines()]
    (tmp_path / "pstm.yaml").write_text(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])
    assert [c[1] for c in commands] == ["synth", "export", "import", "plan", "run", "info", "export"]
    said = [seisproc(*words[1:], cwd=tmp_path).stdout for words in commands]
    assert re.search(r"contributions within 600 m.*core-seconds", said[3]) and "memory" in said[3]
    with h5py.File(tmp_path / "line-pstm-stack.h5") as f, h5py.File(tmp_path / "line-pstm.h5") as g:
        assert f["traces"].shape == (9, 300) and g["traces"].shape == (18, 300)
        stack, x = f["traces"][:].astype(float), f["headers/cdpx"][:]
    tau = DT * np.arange(1, 301)
    for column in np.flatnonzero(np.abs(x - 500225) < 60):
        dipping = 1.15 + 2 * (x[column] - 500225) * np.sin(np.radians(10.0)) / VELOCITY
        for time_s, value in ((0.65, 0.26), (dipping, 0.30)):
            near = np.abs(tau - time_s) < 0.03
            at, got = ref.peak(tau[near], stack[column][near])
            assert abs(at - time_s) < DT and got == pytest.approx(value, abs=0.012), (x[column], at, got)
    size = (tmp_path / "stack.sgy").stat().st_size
    assert size == 3600 + 9 * (240 + 4 * 300)
