# SPDX-License-Identifier: BSD-3-Clause
"""A job on three and four pretended nodes: what holds on two, and what only a third one shows."""

import os
import shutil
import signal
import time

import pytest

import harness
import jobs
import nodes as pretended

HOSTS = "n1:3,n2:2,n3:2,n4:3"


@pytest.fixture(scope="module")
def nodes():
    made = pretended.make(4)
    yield made
    made.down()


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=80, traces=30, samples=300)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("expected"), survey)
    job.run()
    return jobs.sha(job.output)


@pytest.mark.parametrize("hosts, arguments", [
    ("n1:3,n3:2,n4:2", []), (HOSTS, ["--set=transfer=collective"]),
    (HOSTS, ["--set=transfer=collective", "--set=group=all", "--set=aggregators=2"]),
])
def test_the_same_bits(nodes, tmp_path, survey, expected, hosts, arguments):
    job = jobs.Job(tmp_path, survey)
    nodes.mpirun(hosts, "run", job.path, "-q", *arguments, cwd=tmp_path)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]
    assert len(job.history_lines("node")) == hosts.count(":")


def test_leftovers_on_the_last_nodes_own_disk_are_not_taken_for_the_output(nodes, tmp_path, survey):
    pretended.check_left_files_are_refused(nodes, HOSTS, "n4", tmp_path, survey)


def test_another_input_on_one_of_four_nodes_is_refused(nodes, tmp_path, survey):
    pretended.check_another_input_is_refused(nodes, HOSTS, "n3", tmp_path, survey)


def start(nodes, job, *arguments, hosts="n1:3,n2:2,n3:2,n4:3", delay=300, env=None):
    """`seisproc run` on n2, with rank 0 on n1; waits until some of it is done."""
    running = nodes.start("n2", harness.BINARY, "run", job.path, "-q", "--hosts", hosts, *arguments, cwd=job.folder,
                          env={"SEISPROC_MOCK": f"delay={delay}", **(env or {})})
    assert running.wait_for(lambda: job.journal.exists() and len(job.done()) > 2, timeout=80), running.end()
    return running


def test_a_rank_that_is_killed_on_the_third_node_is_named_and_the_job_goes_on(nodes, tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = start(nodes, job)
    assert running.kill(6)  # n1 has 0 to 2, n2 3 and 4
    result = running.wait(90)
    assert result.returncode == 0 and jobs.sha(job.output) == expected, str(result)
    assert "rank 6 died by signal 9 (Killed): worker on n3" in result.stderr, str(result)
    assert "noticed that process rank" not in result.stderr, str(result)  # no page of the launcher beside it
    assert len(job.history_lines("run")) == 2


@pytest.mark.long
def test_a_stop_on_the_last_node_loses_nothing(nodes, tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = start(nodes, job, delay=600)
    assert running.kill(9, signal.SIGTERM)
    result = running.wait()
    assert result.returncode == 75 and 0 < len(job.done()) < 80, str(result)
    nodes.mpirun("n1:3,n3:3,n4:3", "run", job.path, "-q", cwd=tmp_path)
    assert jobs.sha(job.output) == expected


@pytest.mark.long
def test_a_node_of_which_a_rank_is_stopped_is_named(nodes, tmp_path, survey, expected):
    """Two workers of n4 read together; one of them sleeps. What follows reads independently, and completes."""
    job = jobs.Job(tmp_path, survey)
    running = start(nodes, job, "--set=transfer=collective", "--set=collective_timeout=4")
    assert running.kill(9, signal.SIGSTOP)
    result = running.wait(120)
    assert result.returncode == 0 and jobs.sha(job.output) == expected, str(result)
    assert "rank 9 did not come to a collective read" in result.stderr and "worker on n4" in result.stderr, str(result)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_link_that_goes_down_ends_the_job_which_goes_on_once_it_is_up(nodes, tmp_path, survey, expected):
    """Open MPI's launcher then waits for the node for ever. What it has there ends when it is reached again."""
    job = jobs.Job(tmp_path, survey)
    running = start(nodes, job, "--set=stall_timeout=8", "--restarts=1")
    nodes.run("n3", "ip", "link", "set", "eth0", "down", cwd="/")
    try:
        assert running.process.wait(150 * harness.TIME_SCALE) == 75
    finally:
        nodes.run("n3", "ip", "link", "set", "eth0", "up", cwd="/")
    running.seconds_until_gone(60)
    result = running.wait()
    for words in ("stalled: nothing was done for 8 s", "worker on n3", "does not end, though the job has or",
                  "the same command goes on"):
        assert words in result.stderr, str(result)
    assert not job.output.exists()
    nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


@pytest.mark.long
def test_two_nodes_with_one_address_end_the_job_before_anything_is_there(nodes, tmp_path, survey):
    nodes.run("n3", "ip", "address", "add", "10.77.0.2/24", "dev", "eth0", cwd="/")
    job = jobs.Job(tmp_path, survey)
    began = time.monotonic()
    try:
        result = nodes.run("n1", harness.BINARY, "run", job.path, "--hosts", "n1:3,n2:3,n3:3", cwd=tmp_path,
                           check=None, env={"SEISPROC_START_TIMEOUT": "6", "TMPDIR": str(tmp_path)}, timeout=100)
    finally:
        nodes.run("n3", "ip", "address", "delete", "10.77.0.2/24", "dev", "eth0", cwd="/")
    assert result.returncode == 75 and time.monotonic() - began < 60 * harness.TIME_SCALE, result.stderr
    assert "stalled on n" in result.stderr and "network interfaces" in result.stderr, result.stderr
    assert not job.files()
