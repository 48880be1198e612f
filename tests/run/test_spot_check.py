# SPDX-License-Identifier: BSD-3-Clause
"""Files beside a journal that are not those it speaks of any more are refused before the job goes on, whatever their
size says: samples wiped, another job's file, a file of nothing; plain, packed as results come, or packed at the end."""

import os
import shutil

import h5py
import pytest

import harness
import jobs

CPU = jobs.JOB.replace("engine: mock", "engine: cpu").replace("slab_mb: 1", "slab_mb: 5")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("spots") / "in.h5", gathers=64, traces=120, samples=500)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("whole"), survey, CPU)
    job.run()
    return samples(job.output)


def samples(path):
    with h5py.File(path) as f:
        return f["traces"][:].tobytes() + f["noise"][:].tobytes()


def samples_of(path, tmp_path):
    back = tmp_path / "back.h5"
    done = harness.run([harness.BINARY, "unpack", path, back, "--quiet"], tmp=tmp_path)
    assert done.returncode == 0, str(done)
    return samples(back)


def cut_off(job, fault="after_append:4"):
    killed = job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": fault}, check=None)
    assert killed.returncode != 0, str(killed)


def wipe(path, begin, end):
    with open(path, "r+b") as f:
        f.seek(begin)
        f.write(bytes(end - begin))


def place(path, name="traces"):
    """Where the rows of a dataset begin and end in a file."""
    with h5py.File(path) as f:
        at = f[name].id.get_offset()
        return at, at + f[name].id.get_storage_size()


def lines(done):
    return [x for x in (done.stdout + done.stderr).splitlines() if x.startswith("seisproc") and "warning" not in x]


def refused(job, *words):
    """In one line that names the way out, by `run` and by `plan`, and with nothing changed."""
    before = {job.folder / name: (job.folder / name).read_bytes() for name in job.files() if ".lock" not in name}
    planned = harness.run([harness.BINARY, "plan", job.path], tmp=job.folder)
    done = job.run(check=1)
    for said in (planned, done):
        assert said.returncode == 1 and len(lines(said)) == 1, str(said)
        assert all(word in lines(said)[0] for word in words), str(said)
    assert before == {p: p.read_bytes() for p in before}
    return lines(done)[0]


def test_a_part_with_other_bytes_is_refused(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey, CPU)
    cut_off(job)
    kept = tmp_path / "kept"
    shutil.copy(job.part, kept)
    for name in ("traces", "noise"):
        wipe(job.part, *place(job.part, name))
        refused(job, "out.h5.part: gather ", "journal", f"/{name} has checksum", "--restart starts over")
        shutil.copy(kept, job.part)
    other = jobs.Job(tmp_path, jobs.make_survey(tmp_path / "other.h5", gathers=64, traces=120, samples=500, seed=6),
                     CPU, "theirs")
    cut_off(other)
    shutil.copy(other.part, job.part)
    os.truncate(job.part, kept.stat().st_size)
    refused(job, "out.h5.part: gather ", "--restart starts over")
    shutil.copy(kept, job.part)
    os.truncate(job.part, place(kept)[0] + 1000)
    refused(job, "out.h5.part: ")
    wipe(job.part, 0, job.part.stat().st_size)
    refused(job, "out.h5.part: ", "HDF5")
    shutil.copy(kept, job.part)
    job.run()
    assert samples(job.output) == expected


def test_what_is_not_done_may_be_anything(tmp_path, survey, expected):
    """Rows that the journal does not have are computed, whatever is there; so is a part whose journal has nothing."""
    job = jobs.Job(tmp_path, survey, CPU)
    cut_off(job, "before_append:1")
    begin, end = place(job.part)
    wipe(job.part, begin, end)
    job.run()
    assert samples(job.output) == expected
    job.output.unlink()
    cut_off(job, "before_append:3")
    with h5py.File(job.part) as f:
        first, row = f["gathers/first_trace"][:], 4 * f["traces"].shape[1]
    left = [g for g in range(64) if g not in job.done()]
    assert 0 < len(left) < 64
    for gather in left:
        wipe(job.part, begin + int(first[gather]) * row, begin + int(first[gather + 1]) * row)
    job.run()
    assert samples(job.output) == expected


@pytest.mark.parametrize("wiped", ["packed", "part"])
def test_packed_chunks_with_other_bytes(tmp_path, survey, expected, wiped):
    """How many of the gathers that are done lie in chunks, and how many in the seams of tasks, is left to chance: where
    half of them are damaged or more the job is refused, else those are computed again."""
    job, packed, kept = jobs.Job(tmp_path, survey, CPU + "pack: lz4\n"), tmp_path / "out.h5.packed", tmp_path / "kept"
    cut_off(job)
    path, where = (packed, (4096, packed.stat().st_size)) if wiped == "packed" else (job.part, place(job.part))
    shutil.copy(path, kept)
    wipe(path, *where)
    done = job.run(check=None)
    if done.returncode:
        said = lines(done)
        assert done.returncode == 1 and len(said) == 1 and "out.h5.part: gather " in said[0], str(done)
        assert "--restart starts over" in said[0], str(done)
        shutil.copy(kept, path)
        job.run()
    else:
        assert "are computed again" in done.stderr, str(done)
    assert samples_of(job.output, tmp_path) == expected


@pytest.mark.parametrize("fault", ["adopted:1", "pack_journalled:1"])
def test_chunks_of_a_packing_with_other_bytes_are_refused(tmp_path, survey, expected, fault):
    """A job that has computed all, and was cut off as it packed the rest."""
    job, packed, kept = jobs.Job(tmp_path, survey, CPU + "pack: lz4\n"), tmp_path / "out.h5.packed", tmp_path / "kept"
    cut_off(job, fault)
    shutil.copy(packed, kept)
    wipe(packed, 4096, packed.stat().st_size)
    if fault == "adopted:1":  # still named OUT.part: where only chunks differ their gathers might be computed again
        shutil.copy(job.part, tmp_path / "part")
        wipe(job.part, *place(job.part))
    done = job.run(check=1)
    said = [line for line in lines(done) if "error" in line]
    words = "out.h5.part: gather " if fault == "adopted:1" else "out.h5.packed: the chunk at byte "
    assert len(said) == 1 and words in said[0] and "starts over" in said[0], str(done)
    shutil.copy(kept, packed)
    if fault == "adopted:1":
        shutil.copy(tmp_path / "part", job.part)
    job.run()
    assert samples_of(job.output, tmp_path) == expected


@pytest.mark.parametrize("command", ["pack", "unpack"])
def test_commands_that_were_cut_off(tmp_path, survey, seisproc, command):
    source, out, whole = tmp_path / "in.h5", tmp_path / "out.h5", tmp_path / "whole.h5"
    words = ["--codec=zstd"] if command == "pack" else []
    if command == "pack":
        shutil.copy(survey, source)
    else:
        seisproc("pack", survey, source, "--codec=zstd", "--quiet")
    seisproc(command, source, whole, *words, "--quiet")
    part, kept = tmp_path / "out.h5.part", tmp_path / "kept"
    harness.run([harness.FAULTY, command, source, out, *words, "--quiet"], tmp=tmp_path,
                env={"SEISPROC_FAULT": "pack_journalled:2"})
    assert part.exists() and (tmp_path / "out.h5.chunks").exists()
    shutil.copy(part, kept)
    wipe(part, 4096, part.stat().st_size)
    done = seisproc(command, source, out, *words, "--quiet", check=1)
    assert "out.h5.part: the chunk at byte " in done.stderr and "remove both to begin anew" in done.stderr, str(done)
    assert done.stderr.count("\n") == 1, str(done)
    shutil.copy(kept, part)
    done = seisproc(command, source, out, *words, "--quiet")
    assert done.stdout + done.stderr == "", str(done)
    assert jobs.sha(out) == jobs.sha(whole) if command == "pack" else samples_like(out, survey)


def samples_like(path, survey):
    with h5py.File(path) as f, h5py.File(survey) as s:
        return f["traces"][:].tobytes() == s["traces"][:].tobytes()
