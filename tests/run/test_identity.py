# SPDX-License-Identifier: BSD-3-Clause
"""A job belongs to its input: one that changes while the job runs, or before it goes on, is refused by name; what ends
early is unreadable, never dead."""

import os
import shutil
import time

import pytest

import jobs


@pytest.fixture
def job(tmp_path, survey):
    shutil.copy(survey, tmp_path / "in.h5")
    return jobs.Job(tmp_path, tmp_path / "in.h5")


def touch(path):
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now + 5_000_000_000))


def overwrite(path):
    with open(path, "r+b") as f:
        f.seek(path.stat().st_size // 2)
        f.write(b"\0" * 4000)


def shorten(path):
    os.truncate(path, path.stat().st_size // 2)


def replace(path):
    """Another file with the same name, size and time."""
    copy = path.with_name("copy.h5")
    shutil.copy2(path, copy)
    os.rename(copy, path)


CHANGES = [(touch, "modified at"), (overwrite, "modified at"), (shorten, "bytes, now"), (replace, "inode")]


def wait_for_a_commit(job):
    until = time.monotonic() + 60
    while not jobs.Journal(job.journal).done and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("change, words", CHANGES, ids=lambda p: getattr(p, "__name__", None))
def test_an_input_that_changes_while_it_is_used_ends_the_job(job, change, words):
    running = job.start(ranks=4, delay=50)
    wait_for_a_commit(job)
    change(job.survey)
    at = time.time()
    result = running.wait(60)
    assert result.returncode == 1, str(result)
    assert f"{job.survey}: has changed while it was being used: " in result.stderr, str(result)
    assert words in result.stderr, str(result)
    assert not job.output.exists() and time.time() - at < 30


@pytest.mark.parametrize("change, words", CHANGES[:3], ids=lambda p: getattr(p, "__name__", None))
def test_a_job_goes_on_with_the_input_that_it_began_with(job, change, words):
    running = job.start(ranks=4, delay=50)
    wait_for_a_commit(job)
    running.kill_all()
    change(job.survey)
    result = job.run(ranks=3, check=1)
    assert words in result.stderr or "truncated" in result.stderr or "behind the end" in result.stderr, str(result)
    assert job.journal.exists()


def test_a_copy_with_its_time_is_the_same_input(job, expected):
    running = job.start(ranks=4, delay=50)
    wait_for_a_commit(job)
    running.kill_all()
    replace(job.survey)
    result = job.run(ranks=3)
    assert "resuming" in result.stderr and jobs.sha(job.output) == expected
