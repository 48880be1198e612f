# SPDX-License-Identifier: BSD-3-Clause
"""A job, or a packing, that was cut off and is given again with another codec, level, bound, form of samples or chain,
or with `pack:` added or removed: refused in one line with nothing changed, or made anew as a whole; never a mixture."""

import json

import h5py
import pytest

import harness
import jobs
from test_packing import content, text_of

COMPUTING, ADOPTED, PACKING = "after_append:3", "adopted:1", "pack_journalled:1"
CHAIN = ("chain.0.dwt.k=3", "chain.0.dwt.k: 2.5, now 3")


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("edits") / "in.h5", gathers=48, traces=80, samples=500)


def cut_off(job, fault, *arguments):
    done = job.run(*arguments, binary=harness.FAULTY, env={"SEISPROC_FAULT": fault}, check=None)
    assert done.returncode != 0, str(done)


def what_is_there(job):
    return {name: (job.folder / name).read_bytes() for name in job.files() if not name.endswith(".lock")}


def refused(done, words):
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("seisproc")]
    assert done.returncode == 1 and len(lines) == 1, str(done)
    assert words in lines[0] and "--restart starts over" in lines[0], str(done)


def options(edit):
    return [word for setting in edit.split() for word in ("--set", setting)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("text,faults,edits", [
    (text_of("zstd"), (COMPUTING, PACKING), [
        ("pack=lz4", "pack: zstd, now lz4"), ("pack_level=4", "pack_level: auto, now 4"),
        ("pack=zfp", "pack: zstd, now zfp"), ("pack=none", "pack: zstd, now not set"),
        ("pack=none samples=int16-scaled", "samples: not set, now int16-scaled"), CHAIN]),
    (text_of("zfp"), (COMPUTING, PACKING), [
        ("pack_error_bound=0.02", "pack_error_bound: 0.001, now 0.02"), ("pack=none", "pack: zfp, now not set"),
        ("pack=lz4", "pack: zfp, now lz4"), CHAIN]),
    (text_of("none"), (COMPUTING,), [
        ("pack=zstd", "pack: not set, now zstd"), ("pack=zfp", "pack: not set, now zfp"),
        ("samples=float16-scaled", "samples: not set, now float16-scaled")]),
    (text_of("none", "samples: int16-scaled"), (COMPUTING,), [
        ("samples=float16-scaled", "samples: int16-scaled, now float16-scaled"),
        ("samples=float32", "samples: int16-scaled, now not set"),
        ("samples=float32 pack=lz4", "pack: not set, now lz4"), CHAIN]),
], ids=["zstd", "zfp", "plain", "int16"])
def test_an_edited_job_is_refused(tmp_path, survey, text, faults, edits):
    """By `plan` each edit, by `run` the first; the job as it was goes on, on more ranks with smaller slabs, too."""
    job = jobs.Job(tmp_path, survey, text)
    job.run()
    whole = content(job.output)
    for fault in faults:
        job.output.unlink()
        cut_off(job, fault)
        there = what_is_there(job)
        assert there
        for edit, words in edits:
            refused(harness.run([harness.BINARY, "plan", job.path, *options(edit)], tmp=tmp_path), words)
        refused(job.run(*options(edits[0][0]), check=1), edits[0][1])
        assert what_is_there(job) == there, fault
        job.run("--set", "slab_mb=2", ranks=6)
        assert content(job.output) == whole and job.files() == ["out.h5"], fault


@pytest.mark.timeout(300)
@pytest.mark.parametrize("before,at,after,edit,again", [
    ("zstd", PACKING, "lz4", "pack=lz4", COMPUTING), ("lz4", COMPUTING, "zfp", "pack=zfp", PACKING),
    ("zfp", PACKING, "zstd", "pack=zstd", ADOPTED), ("lz4", ADOPTED, "none", "pack=none", COMPUTING)])
def test_an_edited_job_that_starts_over_has_nothing_of_before(tmp_path, survey, before, at, after, edit, again):
    expected = jobs.Job(tmp_path, survey, text_of(after), "expected")
    expected.run()
    job = jobs.Job(tmp_path, survey, text_of(before))
    cut_off(job, at)
    cut_off(job, again, "--restart", *options(edit))
    refused(harness.run([harness.BINARY, "plan", job.path], tmp=tmp_path), "pack: ")
    job.run(*options(edit))
    assert content(job.output) == content(expected.output) and job.files() == ["out.h5"]
    job.run(*options("pack=lz4 pack_level=2"), check=1)  # complete, and another's


def test_another_packing_begins_anew(tmp_path, survey, seisproc):
    out, expected = tmp_path / "out.h5", tmp_path / "expected.h5"
    ways = ["--codec=zstd", "--codec=zstd --level=1", "--codec=lz4", "--codec=zfp", "--codec=zfp --error-bound=0.01"]
    for before, after in zip(ways, ways[1:] + ways[:1]):
        cut = harness.run([harness.FAULTY, "pack", survey, out, *before.split(), "--quiet"], tmp=tmp_path,
                          env={"SEISPROC_FAULT": "pack_journalled:2"})
        assert cut.returncode != 0 and not out.exists(), str(cut)
        seisproc("pack", survey, out, *after.split(), "--quiet")
        seisproc("pack", survey, expected, *after.split(), "--quiet")
        assert jobs.sha(out) == jobs.sha(expected), (before, after)
        assert sorted(p.name for p in tmp_path.glob("out*")) == ["out.h5"]
        out.unlink()


@pytest.mark.parametrize("fault", [COMPUTING, PACKING])
@pytest.mark.parametrize("command", ["pack", "unpack"])
def test_a_packing_leaves_a_cut_off_job_alone(tmp_path, survey, seisproc, fault, command):
    job, source, words = jobs.Job(tmp_path, survey, text_of("lz4")), survey, ["--codec=lz4"]
    if command == "unpack":
        source, words = tmp_path / "packed.h5", []
        seisproc("pack", survey, source, "--codec=lz4", "--quiet")
    cut_off(job, fault)
    there = what_is_there(job)
    done = seisproc(command, source, job.output, *words, "--quiet", check=1)
    assert done.stderr.count("\n") == 1 and "of a job that was cut off" in done.stderr, str(done)
    assert what_is_there(job) == there
    report = tmp_path / "report.json"
    job.run(f"--report={report}")
    assert json.loads(report.read_text())["packing"]["chunks_while_computing"] > 4
    with h5py.File(job.output) as f:
        assert f["traces"].attrs["codec"].decode() == "lz4"
