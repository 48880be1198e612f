# SPDX-License-Identifier: BSD-3-Clause
"""A disk that is full, failing, slow or short of breath: one line says where, and the same command goes on after."""

import json
import re

import h5py
import numpy as np
import pytest

import harness
import jobs

SHIM = harness.BUILD / "tests/torture/shim_disk.so"


def shim(files, **what):
    return {"LD_PRELOAD": SHIM, "SHIM_FILES": files, **{f"SHIM_{key.upper()}": value for key, value in what.items()}}


def errors(result):
    """Open MPI 5's launcher puts a zero byte before what follows a page of its own."""
    lines = result.stderr.replace("\0", "").splitlines()
    return [line.strip() for line in lines if re.match(r" ?seisproc(\[\d+\])?: error:", line)]


ROWS = r"out.h5.part: cannot write /(traces|noise), rows \d+ to \d+: "
TOGETHER = ["--set=transfer=collective", "--set=collective_timeout=20"]


@pytest.mark.parametrize("ranks, files, fail, words", [
    (4, "out.h5.part", "write:3:ENOSPC", "out.h5.part.*No space left on device"),
    (4, "out.h5.part", "write:30:ENOSPC", r"out.h5.part: cannot write /\w+/\w+, rows .* No space left on device"),
    (None, "out.h5.part", "write:90:ENOSPC", ROWS + "No space left on device"),
    (4, "out.h5.part", "write:90:EIO", ROWS + "Input/output error"),
    (4, "out.h5.part", "sync:3:EIO", "out.h5.part: what was written does not reach the disk: Input/output error"),
    (None, "out.h5.journal", "write:4:ENOSPC", "out.h5.journal: cannot be written: No space left on device"),
    (4, "out.h5.journal", "sync:3:EIO", "out.h5.journal: what was written does not reach the disk: Input/output error"),
])
def test_a_disk_that_fails_is_one_line_and_75_and_nothing_is_lost(tmp_path, survey, expected, ranks, files, fail,
                                                                  words):
    job = jobs.Job(tmp_path, survey)
    result = job.run("--set=workers=2", ranks=ranks, check=75, delay=50, env=shim(files, fail=fail))
    assert len(errors(result)) == 1 and re.search(words, errors(result)[0]), str(result)
    assert "starting again" not in result.stderr
    done = len(job.done())
    result = job.run()
    assert f"{done} of 80 gathers are done" in result.stderr or done == 0
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


@pytest.mark.parametrize("files, fail, words", [
    ("out.h5.part", "write:10:EIO:100000", ROWS + "Input/output error"),
    ("out.h5.part", "write:10:ENOSPC:100000", ROWS + "No space left on device"),
    ("out.h5.part", "sync:3:EIO", "out.h5.part: what was written does not reach the disk: Input/output error"),
    pytest.param("out.h5.part", "write:10:EDQUOT:100000", ROWS + "Disk quota exceeded", marks=pytest.mark.long),
    pytest.param("out.h5.part", "write:3:ENOSPC", "out.h5.part.*No space left on device", marks=pytest.mark.long),
    pytest.param("out.h5.journal", "write:4:ENOSPC", "out.h5.journal: cannot be written: No space left on device",
                 marks=pytest.mark.long),
    pytest.param("out.h5.journal", "sync:3:EIO", "out.h5.journal: what was written does not reach the disk: "
                 "Input/output error", marks=pytest.mark.long),
])
def test_writing_together_ends_as_cleanly(tmp_path, survey, expected, files, fail, words):
    """Two I/O ranks, each of which comes to its own N-th write of a slab's rows: up to a line from each."""
    job = jobs.Job(tmp_path, survey)
    result = job.run(*TOGETHER, "--set=io_ranks=2", ranks=5, check=75, delay=50, env=shim(files, fail=fail))
    assert 1 <= len(errors(result)) <= 2 and all(re.search(words, line) for line in errors(result)), str(result)
    job.run(*TOGETHER, "--set=io_ranks=2", ranks=5)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


@pytest.mark.parametrize("arguments", [[], TOGETHER])
def test_short_writes_are_completed(tmp_path, survey, expected, arguments):
    job = jobs.Job(tmp_path, survey)
    job.run(*arguments, env=shim("out.h5", short=1))
    assert jobs.sha(job.output) == expected


@pytest.mark.long
def test_random_failures_of_reads_hold_nobody_up(tmp_path, survey, expected):
    """One read in five fails, of a slab; what is read again gather by gather is right: the same bytes, no hang."""
    for workers in (2, 3, 5):
        job = jobs.Job(tmp_path, survey, name=f"soak-{workers}")
        for _ in range(4):
            result = job.run("--restart", *TOGETHER, "--set=slab_mb=2", ranks=2 + workers,
                             env=shim("in.h5", odds="0.2:600000"), timeout=120)
            assert jobs.sha(job.output) == expected and "did not come" not in result.stderr


@pytest.mark.parametrize("ranks, arguments", [(4, []), (4, TOGETHER), (6, [*TOGETHER, "--set=io_ranks=2"])])
def test_gathers_that_cannot_be_read_fail_alone(tmp_path, survey, expected, ranks, arguments):
    with h5py.File(survey) as f:
        at, row = f["traces"].id.get_offset(), 4 * f["traces"].shape[1]
        first = [int(t) for t in f["gathers/first_trace"][:]]
    job = jobs.Job(tmp_path, survey)
    bad = f"{at + first[41] * row - 10}:20"  # across two gathers
    result = job.run(*arguments, ranks=ranks, check=2, env=shim("in.h5", bad=bad))
    assert len(re.findall(r"gather 4[01] cannot be read", result.stderr)) == 2, str(result)
    other = jobs.Job(tmp_path, survey, name="other")
    other.run()
    with h5py.File(job.output) as a, h5py.File(other.output) as b:
        status = a["integrity/status"][:]
        same = (a["integrity/crc32c"][:] == b["integrity/crc32c"][:]).all(axis=1)
    assert np.flatnonzero(status).tolist() == np.flatnonzero(~same).tolist() == [40, 41]
    assert re.search(r"in\.h5: cannot read /traces, rows \d+ to \d+", result.stderr)


@pytest.mark.parametrize("arguments", [[], pytest.param(TOGETHER, marks=pytest.mark.long)])
def test_a_slow_disk_is_waited_for_in_the_same_memory(tmp_path, survey, expected, arguments):
    """3 MB/s where the machine has some hundreds, for 39 MB."""
    reports = {}
    for name, env in (("fast", {}), ("slow", shim("out.h5", rate=3e6))):
        job = jobs.Job(tmp_path, survey, name=f"{name}-out")
        path = tmp_path / f"{name}.json"
        result = job.run(*arguments, "--set=stall_timeout=20", f"--report={path}", env=env, timeout=90)
        assert "stalled" not in result.stderr
        reports[name] = json.loads(path.read_text())
    assert reports["slow"]["wall_s"] > 8
    for fast, slow in zip(reports["fast"]["ranks"], reports["slow"]["ranks"]):
        assert slow["peak_rss"] < fast["peak_rss"] + 16 * 2**20
    assert jobs.sha(job.output) == jobs.sha(tmp_path / "fast-out.h5")


def test_too_little_room_is_said_before_anything_is_computed(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    result = job.run(check=75, env=shim(f"{tmp_path}", free=30e6))
    assert len(errors(result)) == 1 and "0.03" in errors(result)[0] and "free" in errors(result)[0], str(result)
    assert not job.journal.exists()
    job.run(env=shim(f"{tmp_path}", free=50e6))
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


@pytest.mark.parametrize("error, words", [
    ("ENOSPC", r"out.h5.part: there is no room for all of it: No space left on device"),
    ("EDQUOT", r"out.h5.part: there is no room for all of it: Disk quota exceeded"),
])
def test_a_disk_that_others_fill_is_found_out_at_once(tmp_path, survey, expected, error, words):
    """There was room when the job began, but it cannot be had. Slow gathers: most are not computed by then."""
    job = jobs.Job(tmp_path, survey)
    result = job.run(check=75, delay=200, env=shim("out.h5.part", fail=f"alloc:1:{error}"))
    assert len(errors(result)) == 1 and re.search(words, errors(result)[0]), str(result)
    assert len(job.done()) < 40
    job.run()
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_a_file_system_that_takes_no_space_ahead_is_written_as_it_is(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    job.run(env=shim("out.h5.part", fail="alloc:1:EIO"))
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]
