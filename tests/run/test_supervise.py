# SPDX-License-Identifier: BSD-3-Clause
"""`seisproc run` by itself: it says who died, of what, with what in flight, and starts the job again; not for ever."""

import os
import re
import signal
import time

import h5py
import numpy as np
import pytest

import harness
import jobs

LAYOUT = ["--set=workers=2", "--set=threads=1"]
SCALE = harness.TIME_SCALE  # where a job may start more slowly, what it is given and what it takes are longer, too


def start(job, *arguments, **options):
    return job.start(*LAYOUT, *arguments, ranks=None, **options)


def test_a_killed_rank_is_named_with_what_it_had_and_the_job_goes_on(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = start(job, delay=300)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    victim = running.pids()[3]
    os.kill(victim, signal.SIGKILL)
    result = running.wait(60)
    assert result.returncode == 0, str(result)
    if harness.launcher_is_hydra():
        assert re.search(r"a rank died by signal 9 \(Killed\); \S+ does not tell which", result.stderr), str(result)
    else:
        said = re.search(r"rank 3 died by signal 9 \(Killed\): worker on (\S+), process (\d+), has gathers (.+) in "
                         "flight", result.stderr)
        assert said and int(said.group(2)) == victim and re.fullmatch(r"[\d, to]+", said.group(3)), str(result)
    assert "starting again, 1 of 3" in result.stderr
    pages = "BAD TERMINATION|EXIT STRING|noticed that process rank|={40}|-{40}"
    assert not re.search(pages, result.stderr), str(result)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]
    assert [line[3] for line in job.history_lines("run")][0] == "0/80"
    assert len(job.history_lines("run")) == 2 and job.history_lines("end")[-1][2] == "complete"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", [jobs.IO_RANK, "mpirun"])
def test_whoever_dies_the_job_goes_on_by_itself(tmp_path, survey, expected, victim):
    job = jobs.Job(tmp_path, survey)
    running = start(job, delay=300)
    for gathers in (5, 25):
        assert running.wait_for(lambda n=gathers: len(job.done()) >= n)
        if victim == "mpirun":
            os.kill(running.launcher(), signal.SIGKILL)
        else:
            assert running.kill(victim)
    result = running.wait(90)
    assert result.returncode == 0, str(result)
    assert result.stderr.count("starting again, 1 of 3") == 2  # there was progress in between
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_restarts_without_progress_come_to_an_end(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    result = job.run(*LAYOUT, "--restarts=2", ranks=None, binary=harness.FAULTY, check=75,
                     env={"SEISPROC_FAULT": "before_append:1@0"})
    assert len(job.history_lines("run")) == 3 or len(job.history_lines("run")) == 4
    assert "given up after 2 restarts in a row without a gather done" in result.stderr
    assert not job.done()
    result = job.run(*LAYOUT, ranks=None)
    assert jobs.sha(job.output) == expected


def test_no_restarts_when_none_are_wanted(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    result = job.run(*LAYOUT, "--restarts=0", ranks=None, binary=harness.FAULTY, check=75,
                     env={"SEISPROC_FAULT": "after_write:2@1"})
    who = "a rank" if harness.launcher_is_hydra() else "rank 1"
    assert f"{who} died by signal 9" in result.stderr and "starting again" not in result.stderr


def test_a_restart_begins_anew_only_once(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    job.run(*LAYOUT, "--set=chain.0.dwt.k=3.5", ranks=None)
    running = start(job, "--restart", delay=300)
    assert running.wait_for(lambda: len(job.done()) >= 20)
    assert running.kill(2)
    result = running.wait(60)
    assert result.returncode == 0, str(result)
    assert "resuming: " in result.stderr
    assert [line[2] for line in job.history_lines("run")] == ["new", "new", "resumed"]
    assert jobs.sha(job.output) == expected


# --- poisoned gathers ------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@pytest.mark.parametrize("poison", ["37", "0,79,41"])
def test_a_poisoned_gather_is_set_aside_and_the_survey_completes(tmp_path, survey, poison):
    job = jobs.Job(tmp_path, survey)
    result = job.run(*LAYOUT, ranks=None, binary=harness.FAULTY, check=2, timeout=200,
                     env={"SEISPROC_POISON": poison})
    gathers = [int(g) for g in poison.split(",")]
    for gather in gathers:
        assert f"gather {gather} (fldr " in result.stderr and "is set aside" in result.stderr
    assert "died by signal 11" in result.stderr and "is dealt alone" in result.stderr
    with h5py.File(job.output) as f, h5py.File(survey) as before:
        status = f["integrity/status"][:]
        assert {g: int(s) for g, s in enumerate(status) if s} == {g: 7 for g in gathers}
        first = f["gathers/first_trace"][:].astype(int)
        for g in gathers:
            rows = slice(first[g], first[g + 1])
            assert np.array_equal(f["traces"][rows], before["traces"][rows]) and not f["noise"][rows].any()
    # the other gathers are what they are without poison
    other = jobs.Job(tmp_path, survey, name="other")
    other.run("--set=engine=cpu", ranks=3)
    with h5py.File(job.output) as a, h5py.File(other.output) as b:
        same = (a["integrity/crc32c"][:] == b["integrity/crc32c"][:]).all(axis=1)
    assert sorted(np.flatnonzero(~same)) == sorted(gathers)


def test_kills_from_outside_set_nothing_aside(tmp_path, survey, expected):
    """However often a worker is killed with the same gathers in hand: SIGKILL is not a gather's fault."""
    job = jobs.Job(tmp_path, survey)
    for _ in range(4):
        begun = time.time_ns()
        running = job.start(ranks=3, delay=3000)
        # what the run before left there does not count
        assert running.wait_for(lambda: job.inflight.exists() and job.inflight.stat().st_mtime_ns > begun
                                and "deal 2" in job.inflight.read_text())
        assert running.kill(2)
        assert not running.wait(20).timed_out
    result = job.run(ranks=3)
    assert "alone" not in result.stderr and "set aside" not in result.stderr
    assert jobs.sha(job.output) == expected


def test_a_gather_is_tried_on_another_worker_before_it_is_set_aside(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    result = job.run(*LAYOUT, ranks=None, binary=harness.FAULTY, check=2, env={"SEISPROC_POISON": "37"})
    trials = {line[5]: line[1] for line in job.history_lines("crash") if line[5] != "0"}
    assert sorted(trials) == ["1", "2"] and trials["1"] != trials["2"], job.history.read_text()
    assert f"crashed rank {trials['1']} on " in result.stderr


def test_where_there_is_one_worker_the_cpu_tries(tmp_path, survey, expected):
    """A gather that only the device fails at is computed."""
    job = jobs.Job(tmp_path, survey)
    result = job.run("--set=workers=1", "--set=threads=1", ranks=None, binary=harness.FAULTY, check=0,
                     env={"SEISPROC_POISON": "37:mock"})
    assert "gather 37 is computed by the CPU" in result.stderr and "set aside" not in result.stderr, str(result)
    assert jobs.sha(job.output) == expected


def test_a_device_that_fails_accuses_no_gather(tmp_path, survey, expected):
    """Time and again, with the same gathers in hand, and the CPU has no memory to take over: it ends with what to do,
    and all gathers are computed later."""
    job = jobs.Job(tmp_path, survey)
    result = job.run(*LAYOUT, "--restarts=2", ranks=None, check=75, binary=harness.FAULTY,
                     env={"SEISPROC_MOCK": "fail_wait=2", "SEISPROC_FAULT": "take_over:1"})
    assert "died of a device that failed" in result.stderr
    assert "given up: a device failed 3 times in a row" in result.stderr, str(result)
    assert len(job.history_lines("run")) == 3 and not job.history_lines("crash")
    assert {line[2] for line in job.history_lines("end")} == {"device"}
    result = job.run(*LAYOUT, ranks=None)
    assert "alone" not in result.stderr and "set aside" not in result.stderr
    assert jobs.sha(job.output) == expected


def test_a_device_that_fails_now_and_then_does_not_keep_the_job(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    result = job.run("--set=workers=1", "--set=threads=1", ranks=None, binary=harness.FAULTY,
                     env={"SEISPROC_MOCK": "delay=100,fail_wait=12", "SEISPROC_FAULT": "take_over:1"})
    assert result.stderr.count("starting again") >= 1
    assert "starting again, 2 of 3" not in result.stderr and jobs.sha(job.output) == expected


def test_signals_that_are_not_of_computing_accuse_no_gather(tmp_path, survey, expected):
    """SIGSEGV from outside, and SIGBUS however it comes, as for memory-backed storage that is full."""
    job = jobs.Job(tmp_path, survey)
    for number in (signal.SIGSEGV, signal.SIGBUS):
        job.inflight.unlink(missing_ok=True)
        running = job.start(ranks=3, delay=3000)
        assert running.wait_for(lambda: job.inflight.exists() and "deal 2" in job.inflight.read_text())
        running.kill(2, number)
        running.wait(20)
    assert [line[1:] for line in job.history_lines("crash")] == [
        ["2", str(int(n)), "0", "0", "0"] for n in (signal.SIGSEGV, signal.SIGBUS)]
    result = job.run(ranks=3)
    assert "alone" not in result.stderr and jobs.sha(job.output) == expected


# --- hangs -------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim, role", [(jobs.FIRST_WORKER, "worker"), (jobs.IO_RANK, "i/o"),
                                          (jobs.COORDINATOR, "coordinator")])
def test_a_stopped_rank_is_reported_and_the_job_started_again(tmp_path, survey, expected, victim, role):
    job = jobs.Job(tmp_path, survey)
    running = start(job, f"--set=stall_timeout={5 * SCALE}", delay=300)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    stopped = running.pids()[victim]
    os.kill(stopped, signal.SIGSTOP)
    result = running.wait(90)
    assert result.returncode == 0, str(result)
    assert "stalled: " in result.stderr and "starting again" in result.stderr
    if victim == jobs.COORDINATOR:
        assert re.search(r"stalled: .+ for \d+ s, and rank 0 says nothing", result.stderr)
    else:
        assert re.search(rf"rank {victim}: {role} on \S+, process {stopped}\b.*, says nothing", result.stderr), \
            str(result)
        assert re.search(r"rank \d: .*, waits .* for \d+ s", result.stderr)
    assert jobs.sha(job.output) == expected


def test_an_engine_that_hangs_is_reported(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = job.start(f"--set=stall_timeout={2 * SCALE}", ranks=4, env={"SEISPROC_MOCK": "lose=2"})
    result = running.wait(60)
    running.seconds_until_gone(10)
    # MPICH's launcher may end with the code of a rank that it killed itself
    assert result.returncode in ([75, 9] if harness.launcher_is_hydra() else [75]), str(result)
    assert re.search(r"rank 2: worker on .* gathers .* in flight, computes for \d+ s", result.stderr)
    job.run()
    assert jobs.sha(job.output) == expected


def test_a_slow_job_is_no_hang(tmp_path, survey, expected):
    """Slabs of half a second, where two seconds without progress are a hang."""
    job = jobs.Job(tmp_path, survey)
    result = job.run(f"--set=stall_timeout={2 * SCALE}", ranks=4, delay=600)
    assert "stalled" not in result.stderr and jobs.sha(job.output) == expected


# --- time --------------------------------------------------------------------------------------------------------


def test_time_that_is_up_stops_the_job_so_that_it_goes_on(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    began = time.monotonic()
    running = start(job, f"--max-time={8 * SCALE:.0f}", delay=1500 * SCALE)
    result = running.wait(60)
    assert result.returncode == 75, str(result)
    assert "time is nearly up" in result.stderr and time.monotonic() - began < 13 * SCALE
    assert 0 < len(job.done()) < 80
    assert job.history_lines("end")[-1][2] == "stopped"
    job.run()
    assert jobs.sha(job.output) == expected


def test_the_resource_managers_limit_counts_too(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    result = job.run(ranks=4, delay=1500 * SCALE, check=75, env={"SLURM_JOB_END_TIME": int(time.time() + 8 * SCALE)})
    assert "time is nearly up" in result.stderr and job.done()


def test_the_time_asked_for_wins(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    result = job.run("--max-time=500", ranks=3, env={"SLURM_JOB_END_TIME": int(time.time()) + 300})
    assert "the job has 500 s" in result.stderr and "may end it before it stops by itself" in result.stderr


def test_the_time_of_an_earlier_job_does_not_count(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    job.run(ranks=3, env={"SLURM_JOB_ID": "77", "SLURM_JOB_END_TIME": int(time.time()) - 3600})


@pytest.mark.parametrize("text, seconds", [("90", 90), ("2:30", 150), ("1:00:05", 3605), ("1-00:00:00", 86400)])
def test_times_are_read_as_slurm_writes_them(tmp_path, survey, text, seconds):
    job = jobs.Job(tmp_path, survey)
    result = job.run(f"--max-time={text}", ranks=3)
    assert f"the job has {seconds} s" in result.stderr


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "1-2", "1-2:3", "-5", "5m", "1:-2"])
def test_times_that_are_none_are_refused(seisproc, tmp_path, survey, text):
    job = jobs.Job(tmp_path, survey)
    result = seisproc("run", job.path, f"--max-time={text}", check=1)
    assert "--max-time" in result.stderr or "max_time" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT])
def test_a_signal_to_the_command_stops_the_job_and_is_no_death(tmp_path, survey, expected, number):
    job = jobs.Job(tmp_path, survey)
    running = start(job, delay=500)
    assert running.wait_for(lambda: len(job.done()) >= 5)
    running.process.send_signal(number)
    result = running.wait(30)
    running.seconds_until_gone(10)
    assert result.returncode == 75 and "starting again" not in result.stderr, str(result)
    job.run()
    assert jobs.sha(job.output) == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_at_the_launcher_itself_is_a_request_and_no_death(tmp_path, survey, expected, number):
    """SIGTERM: it kills the ranks soon after, and says nothing of it. SIGUSR2: MPICH's dies, Open MPI's hands it on."""
    job = jobs.Job(tmp_path, survey)
    running = start(job, delay=1500)
    assert running.wait_for(lambda: len(job.done()) >= 3)
    os.kill(running.launcher(), number)
    result = running.wait(60)
    running.seconds_until_gone(10)
    assert result.returncode == 75 and "starting again" not in result.stderr, str(result)
    assert "died" not in result.stderr and 3 <= len(job.done()) < 80
    job.run()
    assert jobs.sha(job.output) == expected


def test_what_takes_too_long_to_stop_is_given_up(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = job.start(ranks=3, env={"SEISPROC_MOCK": "lose=3"})
    assert running.wait_for(lambda: len(job.done()) >= 1)
    began = time.monotonic()
    running.process.send_signal(signal.SIGUSR1)
    result = running.wait(40)
    assert result.returncode == 75 and "given up" in result.stderr, str(result)
    assert time.monotonic() - began < 12 * harness.TIME_SCALE
    assert job.history_lines("end")[-1][2] == "stopped"
    job.run()
    assert jobs.sha(job.output) == expected


def test_a_launcher_that_cannot_start_the_job_is_no_signal(tmp_path, survey):
    """mpirun ends with 255 where it does not know a host: nothing that the same command mends."""
    job = jobs.Job(tmp_path, survey)
    launcher = tmp_path / "mpirun"
    launcher.write_text('#!/bin/sh\n[ "$1" != --version ] || { echo "mpirun (Open MPI) 4.1.4"; exit 0; }\nexit 255\n')
    launcher.chmod(0o755)
    result = job.run(*LAYOUT, ranks=None, check=1, env={"SEISPROC_MPIRUN": str(launcher)})
    assert "did not bring the ranks up: exit code 255" in result.stderr and "signal" not in result.stderr
    assert "starting again" not in result.stderr


def test_a_launcher_that_waits_for_ever_is_killed(tmp_path, survey):
    """Open MPI's does so now and then where a rank is killed while it connects: no rank is left, and it never ends."""
    job = jobs.Job(tmp_path, survey)
    launcher = tmp_path / "mpirun"
    launcher.write_text('#!/bin/sh\n[ "$1" != --version ] || { echo "mpirun (Open MPI) 4.1.4"; exit 0; }\nsleep 1000\n')
    launcher.chmod(0o755)
    env = {"SEISPROC_MPIRUN": str(launcher), "SEISPROC_START_TIMEOUT": 0.2}
    result = job.run(*LAYOUT, "--set=restarts=1", ranks=None, check=75, env=env)
    assert result.stderr.count("does not end, though the job has or never began; killing it") == 2, str(result)
    assert "starting again, 1 of 1" in result.stderr and "given up after 1 restart" in result.stderr, str(result)
