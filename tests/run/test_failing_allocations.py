# SPDX-License-Identifier: BSD-3-Clause
"""Memory that is at its end on one rank of a job: the job ends within seconds, says so in a line, loses nothing, and
the same command goes on."""

import re

import pytest

import harness
import jobs

pytestmark = pytest.mark.skipif(not harness.FAULTY.exists(), reason="no program with fault switches")

FAILED = re.compile(r"cannot allocate \d+ bytes for ")
RANKS = 4


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=6, traces=10, samples=200)


def run_with_fault(job, rank, n, timeout=60):
    """Runs a job in which the n-th allocation of a rank fails; returns its end, and whether it came to that."""
    running = job.start("--set=engine=cpu", ranks=RANKS, delay=0, binary=harness.FAULTY,
                        env={"SEISPROC_FAULT": f"allocation:{n}@{rank}"})
    result = running.wait(timeout)
    running.seconds_until_gone()
    assert not result.timed_out, f"allocation {n} of rank {rank}\n{result}"
    return result, FAILED.search(result.stderr) is not None


def check(job, expected, rank, n):
    """Returns whether there was such an allocation."""
    result, failed = run_with_fault(job, rank, n)
    # what is a help alone is done without
    assert result.returncode in ((0, 75) if failed else (0,)), f"allocation {n} of rank {rank}\n{result}"
    if failed:
        job.run("--set=engine=cpu", ranks=RANKS)
    assert jobs.sha(job.output) == expected
    return failed


# Of roles, of what a survey is opened with, of its datasets, of buffers.
@pytest.mark.parametrize("rank, n", [(jobs.COORDINATOR, 450), (jobs.IO_RANK, 90), (jobs.FIRST_WORKER, 61),
                                     (jobs.FIRST_WORKER, 105), (jobs.FIRST_WORKER, 150)])
def test_an_allocation_fails(tmp_path, survey, expected, rank, n):
    assert check(jobs.Job(tmp_path, survey), expected, rank, n), "there was no such allocation"


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rank", [jobs.COORDINATOR, jobs.IO_RANK, jobs.FIRST_WORKER])
def test_any_allocation_fails(tmp_path, survey, expected, rank):
    n, failed = 1, True
    while failed:
        folder = tmp_path / str(n)
        folder.mkdir()
        failed = check(jobs.Job(folder, survey), expected, rank, n)
        n += 7
    assert n > 200
