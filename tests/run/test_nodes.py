# SPDX-License-Identifier: BSD-3-Clause
"""A job on several pretended nodes: the same bits, and no node that works on other files than rank 0."""

import os
import shutil
import signal
import time

import h5py
import pytest

import harness
import jobs
import nodes as pretended

HOSTS = "n1:3,n2:3"


@pytest.fixture(scope="module")
def nodes():
    made = pretended.make(2)
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


def test_the_same_bits_on_two_nodes(nodes, tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path)
    assert jobs.sha(job.output) == expected


def test_an_output_of_each_nodes_own_is_refused(nodes, tmp_path, survey):
    pretended.check_left_files_are_refused(nodes, HOSTS, "n2", tmp_path, survey)


def test_another_input_on_one_node_is_refused(nodes, tmp_path, survey):
    job, own = pretended.check_another_input_is_refused(nodes, HOSTS, "n2", tmp_path, survey)
    (own / "in.h5").unlink()
    result = nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path, check=1)
    assert "on n2 cannot read it" in result.stderr and "rank 0 on n1 can" in result.stderr, result.stderr
    shutil.copy2(survey, own / "in.h5")  # a copy that keeps its time is the same
    nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path)


def test_other_picks_on_one_node_are_refused(nodes, tmp_path, survey):
    data = tmp_path / "data"
    own = nodes.own_folder("n2", data)
    (data / "picks").write_text("0 100\n2000 900\n")
    (own / "picks").write_text("0 100\n2000 901\n")
    job = jobs.Job(tmp_path, survey, text="input: {input}\noutput: {output}\nchain:\n  - mute: {{shape: picks, picks: "
                   f"{data}/picks}}}}\n")
    result = nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path, check=1)
    assert "on n2 sees other contents than rank 0 on n1 of a file that the job names" in result.stderr, result.stderr


@pytest.mark.long
def test_what_a_run_left_on_one_node_is_not_taken_for_the_output(nodes, tmp_path, survey):
    """n2 has a folder of its own with a true leftover of the same job."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    job = jobs.Job(scratch, survey)
    running = job.start(ranks=4, delay=100)
    assert running.wait_for(lambda: job.journal.exists() and len(job.done()) > 2)
    running.kill_all()
    running.wait()
    shutil.copy(job.path, tmp_path / "job.yaml")
    left = tmp_path / "left"
    shutil.copytree(scratch, left, ignore=shutil.ignore_patterns("ompi*"))
    nodes.bind("n2", left, scratch)
    result = nodes.mpirun(HOSTS, "run", tmp_path / "job.yaml", "-q", cwd=tmp_path, check=1)
    assert "on n2 sees another folder there than rank 0 on n1" in result.stderr, result.stderr


# --- `seisproc run` that starts the ranks on other nodes -------------------------------------------------------------


def own_tmp(nodes, tmp_path):
    """n1, where the command is given, has a folder for temporary files that the others do not see."""
    tmp = tmp_path / "tmp"
    nodes.own_folder("n1", tmp)
    return {"TMPDIR": str(tmp)}


def launch(nodes, tmp_path, *arguments, **options):
    return nodes.run("n1", harness.BINARY, "run", *arguments, cwd=tmp_path, env=own_tmp(nodes, tmp_path), **options)


def test_ranks_on_hosts_tell_how_the_job_ended(nodes, tmp_path, survey, expected):
    """Rank 0 is on n2, the waiting process on n1; workers count over both."""
    job = jobs.Job(tmp_path, survey)
    result = launch(nodes, tmp_path, job.path, "--hosts", "n2,n1", "--workers", 3)
    assert "seisproc-outcome" not in result.stderr and "\x1e" not in result.stderr
    assert jobs.sha(job.output) == expected
    assert [line[1:] for line in job.history_lines("node")] == [["n2", "0", "4"], ["n1", "4", "2"]]
    assert len(job.history_lines("run")) == 1 and "workers=3" in job.history_lines("run")[0]


def test_a_job_with_failed_gathers_ends_with_2_and_is_not_started_twice(nodes, tmp_path, survey):
    spoiled = tmp_path / "in.h5"
    shutil.copy(survey, spoiled)
    with h5py.File(spoiled, "r+") as f:
        f["traces"][40, 7] = float("nan")
    job = jobs.Job(tmp_path, spoiled)
    (tmp_path / "hosts").write_text("# two nodes\nn2 slots=3\n\nn1:2 # this one\n")
    result = launch(nodes, tmp_path, job.path, "--hostfile", "hosts", "--set", "nan=gather", check=2)
    assert "starting again" not in result.stderr and len(job.history_lines("run")) == 1, result.stderr


def test_a_rank_that_is_killed_on_another_node_is_named_and_the_job_goes_on(nodes, tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = nodes.start("n1", harness.BINARY, "run", job.path, "-q", "--hosts", "n1:3,n2:3", cwd=tmp_path,
                          env={"SEISPROC_MOCK": "delay=200"})
    assert running.wait_for(lambda: job.journal.exists() and len(job.done()) > 2 and running.pids().get(5))
    running.kill(5)
    result = running.wait()
    assert result.returncode == 0 and jobs.sha(job.output) == expected, str(result)
    assert "rank 5 died by signal 9 (Killed): worker on n2" in result.stderr, str(result)
    assert len(job.history_lines("run")) == 2


@pytest.mark.long
def test_a_stop_from_another_node_loses_nothing(nodes, tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = nodes.start("n1", harness.BINARY, "run", job.path, "-q", "--hosts", "n1:3,n2:3", cwd=tmp_path,
                          env={"SEISPROC_MOCK": "delay=300"})
    assert running.wait_for(lambda: job.journal.exists() and len(job.done()) > 2 and running.pids().get(4))
    running.kill(4, signal.SIGTERM)
    assert running.wait().returncode == 75
    assert 0 < len(job.done()) < 80
    nodes.mpirun(HOSTS, "run", job.path, "-q", cwd=tmp_path)
    assert jobs.sha(job.output) == expected


def test_a_job_whose_ranks_do_not_reach_each_other_ends(nodes, tmp_path, survey):
    """Both nodes have an address that only each of them can reach, as docker0's is, and MPI is told to use it alone."""
    for node in ("n1", "n2"):
        for command in ("link add docker0 type veth peer name inside0", "address add 172.17.0.1/16 dev docker0",
                        "link set docker0 up", "link set inside0 up"):
            nodes.run(node, "ip", *command.split(), cwd="/")
    job = jobs.Job(tmp_path, survey)
    began = time.monotonic()
    result = nodes.run("n1", harness.BINARY, "run", job.path, "--hosts", "n1:3,n2:3", cwd=tmp_path, check=None, env={
        "SEISPROC_START_TIMEOUT": "5", "OMPI_MCA_btl_tcp_if_include": "docker0", "TMPDIR": str(tmp_path)})
    assert result.returncode == 75 and time.monotonic() - began < 30 * harness.TIME_SCALE, result.stderr
    assert "stalled on n" in result.stderr and "network interfaces" in result.stderr, result.stderr
    assert not job.files()
    for node in ("n1", "n2"):
        nodes.run(node, "ip", "link", "delete", "docker0", cwd="/")
