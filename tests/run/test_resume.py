# SPDX-License-Identifier: BSD-3-Clause
"""A job that is cut off goes on where it was: on any ranks, with the same bytes, computing nothing twice."""

import re
import shutil
import signal
import time

import h5py
import pytest

import harness
import jobs

PLACE = re.compile(r"resuming: (\d+) of (\d+) gathers are done, (\d+) are left")


def cut_off(job, gathers=10, **options):
    """Runs the job until so many gathers are done, then kills all of it. Returns how many are done."""
    running = job.start(**options)
    assert running.wait_for(lambda: len(job.done()) >= gathers), str(running.wait())
    running.kill_all()
    running.wait()
    assert not job.output.exists()
    return len(job.done())


def expect_complete(job, expected, **options):
    result = job.run(**options)
    assert jobs.sha(job.output) == expected
    assert job.files() == ["out.h5"]
    return result


def test_other_numbers_of_ranks_go_on(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    for ranks, delay, gathers in ((4, 300, 5), (7, 400, 20), (3, 100, 40), (5, 200, 55)):
        cut_off(job, gathers, ranks=ranks, delay=delay)
    n = len(job.done())
    result = expect_complete(job, expected, ranks=6)
    assert PLACE.search(result.stderr).groups() == (str(n), "80", str(80 - n))


@pytest.mark.parametrize("victim", [jobs.COORDINATOR, jobs.IO_RANK, jobs.FIRST_WORKER, "mpirun"])
def test_whatever_is_killed_ends_the_job_at_once_and_it_goes_on(tmp_path, survey, expected, victim):
    job = jobs.Job(tmp_path, survey)
    running = job.start(ranks=4, delay=400)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    start = time.monotonic()
    if victim == "mpirun":
        running.process.kill()
    else:
        assert running.kill(victim)
    result = running.wait(20)
    running.seconds_until_gone(10)
    assert not result.timed_out and result.returncode != 0
    assert time.monotonic() - start < 10 * harness.TIME_SCALE
    expect_complete(job, expected)


def test_what_is_durable_is_not_computed_again(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, 30, delay=400)
    done = set(job.done())
    result = job.run(ranks=4, env={"SEISPROC_LOG": "debug"})
    computed = [range(int(a), int(a) + int(n)) for a, n in
                re.findall(r"computing gathers (\d+) \+ (\d+)", result.stderr)]
    again = [g for r in computed for g in r]
    assert sorted(again) == sorted(set(range(80)) - done)
    assert jobs.sha(job.output) == expected


# --- what must not be resumed --------------------------------------------------------------------------------


def test_a_changed_parameter_is_refused_by_name_and_restart_starts_over(tmp_path, survey):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    before = job.journal.read_bytes()
    result = job.run("--set=chain.0.dwt.k=3.5", check=1)
    assert "chain.0.dwt.k: 2.5, now 3.5" in result.stderr and "--restart" in result.stderr
    assert job.journal.read_bytes() == before and job.part.exists()
    job.run("--set=chain.0.dwt.k=3.5", "--restart")
    other = jobs.sha(job.output)
    job.output.unlink()
    job.run("--set=chain.0.dwt.k=3.5", "--set=engine=cpu")
    assert jobs.sha(job.output) == other


def test_settings_that_change_no_bit_may_change(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    expect_complete(job, expected, ranks=5)
    cut_off(jobs.Job(tmp_path, survey, name="other"), delay=400)
    other = jobs.Job(tmp_path, survey, name="other")
    other.run("--set=slots=5", "--set=threads=2", "--set=slab_mb=2", "--set=commit_interval=3", "--set=io_ranks=2",
              ranks=6)
    with h5py.File(job.output) as a, h5py.File(other.output) as b:
        assert (a["integrity/crc32c"][:] == b["integrity/crc32c"][:]).all()


def change_uuid(path):
    with h5py.File(path, "r+") as f:
        f.attrs.modify("uuid", b"00000000-0000-4000-8000-000000000000")


def add_column(path):
    with h5py.File(path, "r+") as f:
        f["headers/extra"] = f["headers/offset"][:]


def other_shape(path):
    path.unlink()
    jobs.make_survey(path, gathers=81)
    with h5py.File(path, "r+") as f:
        f.attrs.modify("uuid", b"12345678-1234-4234-8234-123456789012")


@pytest.mark.parametrize("change, words", [(change_uuid, "uuid"), (add_column, "bytes"), (other_shape, "now")])
def test_a_changed_input_is_refused(tmp_path, survey, change, words):
    copy = tmp_path / "in.h5"
    shutil.copy(survey, copy)
    with h5py.File(copy, "r+") as f:
        f.attrs.modify("uuid", b"12345678-1234-4234-8234-123456789012")
    job = jobs.Job(tmp_path, copy)
    cut_off(job, delay=400)
    change(copy)
    result = job.run(check=1)
    assert words in result.stderr and "another input" in result.stderr or "the input had" in result.stderr \
        or "the input has changed" in result.stderr
    assert job.part.exists()
    job.run("--restart")


def test_a_second_job_on_one_output_is_refused_naming_the_first(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    first = job.start(delay=4000, env={"SLURM_JOB_ID": "4711"})
    assert first.wait_for(lambda: job.journal.exists())
    pid = first.pids()[0]
    for extra in ([], ["--restart"], ["--no-commit"]):
        result = job.run(*extra, check=1)
        assert f"process {pid}" in result.stderr and "host " in result.stderr and "Slurm job 4711" in result.stderr
    first.end()
    expect_complete(job, expected)


def test_a_lock_that_a_dead_job_left_does_not_hold(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    assert "out.h5.lock" in job.files()
    expect_complete(job, expected)


# --- complete, gone, damaged ---------------------------------------------------------------------------------


def test_a_complete_output_is_left_as_it_is(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    job.run()
    stamp = job.output.stat().st_mtime_ns
    result = job.run()
    assert "complete already" in result.stderr and job.output.stat().st_mtime_ns == stamp
    result = job.run("--set=chain.0.dwt.k=3.5", check=1)
    assert "chain.0.dwt.k: 2.5, now 3.5" in result.stderr
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_a_restart_over_a_complete_output_goes_on_too(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    job.run("--set=chain.0.dwt.k=3.5")
    old = jobs.sha(job.output)
    running = job.start("--restart", delay=400)
    assert running.wait_for(lambda: len(job.done()) >= 10)
    running.kill_all()
    running.wait()
    assert jobs.sha(job.output) == old  # until the new one is complete
    result = job.run()
    assert PLACE.search(result.stderr)
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_killed_between_publishing_and_tidying_up(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    journal = job.journal.read_bytes()
    job.run()
    job.journal.write_bytes(journal)
    result = job.run()
    assert "complete already" in result.stderr
    assert jobs.sha(job.output) == expected and job.files() == ["out.h5"]


def test_a_journal_whose_output_is_gone_starts_over(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    job.part.unlink()
    result = expect_complete(job, expected)
    assert "is gone; starting over" in result.stderr


def test_a_part_without_a_journal_starts_over(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    job.journal.unlink()
    expect_complete(job, expected)


def test_a_damaged_journal_costs_its_damaged_lines_only(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, 40, delay=400)
    text = bytearray(job.journal.read_bytes())
    lines = text.split(b"\n")
    at = text.index(b"done ") + 20
    text[at] ^= 1
    job.journal.write_bytes(text + b"done 3 1 0:torn")
    n = len(job.done())
    result = expect_complete(job, expected)
    assert "1 damaged lines" in result.stderr and len(lines) > 3
    assert PLACE.search(result.stderr).group(1) == str(n)


def with_a_damaged_header(journal):
    return journal.replace(b"begin", b"befin", 1)


def with_another_figure(journal):
    first, rest = journal.split(b"\n", 1)
    body = first.rpartition(b" crc32c=")[0] + b",another"
    return body + b" crc32c=%08x\n" % jobs.crc32c(body) + rest


@pytest.mark.parametrize("changed, words", [
    (lambda journal: b"milk, eggs\n", "not a journal"), (with_a_damaged_header, "damaged in its header"),
    (with_another_figure, "of another version of seisproc")], ids=["foreign", "damaged", "other figures"])
def test_a_journal_that_is_not_this_jobs_is_refused_and_kept(tmp_path, survey, expected, changed, words):
    job = jobs.Job(tmp_path, survey)
    cut_off(job, delay=400)
    text = changed(job.journal.read_bytes())
    job.journal.write_bytes(text)
    result = job.run(check=1)
    assert words in result.stderr and "--restart" in result.stderr
    assert job.journal.read_bytes() == text and job.part.exists()
    job.run("--restart")
    assert jobs.sha(job.output) == expected


# --- stopping ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number, victim", [
    (signal.SIGUSR1, "mpirun"), (signal.SIGUSR2, "mpirun"), (signal.SIGTERM, jobs.COORDINATOR),
    (signal.SIGUSR1, jobs.IO_RANK), (signal.SIGTERM, jobs.FIRST_WORKER + 1), (signal.SIGINT, jobs.FIRST_WORKER)])
def test_a_signal_stops_the_job_with_75_and_all_in_flight_is_kept(tmp_path, survey, expected, number, victim):
    if harness.launcher_is_hydra() and (number, victim) == (signal.SIGUSR2, "mpirun"):
        pytest.skip("MPICH's launcher dies of SIGUSR2 (docs/cluster.md)")
    job = jobs.Job(tmp_path, survey)
    running = job.start(ranks=4, delay=500, env={"SEISPROC_LOG": "debug"})
    assert running.wait_for(lambda: len(job.done()) >= 5)
    start = time.monotonic()
    if victim == "mpirun":
        running.process.send_signal(number)
    else:
        assert running.kill(victim, number)
    result = running.wait(20)
    assert result.returncode == 75, str(result)
    assert time.monotonic() - start < 11 * harness.TIME_SCALE
    assert f"asked to stop (signal {int(number)})" in result.stderr
    dealt = max(int(n) for n in re.findall(r"dealt task .*, (\d+) so far", result.stderr))
    assert len(job.done()) == dealt < 80  # nothing that was begun is lost
    expect_complete(job, expected)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("grace_s", [None, pytest.param(8, marks=pytest.mark.long)])
def test_sigterm_at_mpirun_itself_keeps_what_was_durable(tmp_path, survey, expected, grace_s):
    """It hands the signal on and kills the ranks a second later, or as much later as it is told."""
    job = jobs.Job(tmp_path, survey)
    env = {"OMPI_MCA_odls_base_sigkill_timeout": grace_s, "PRTE_MCA_odls_base_sigkill_timeout": grace_s}
    running = job.start(ranks=4, delay=4000 if grace_s else 300, env=env if grace_s else {})
    assert running.wait_for(lambda: len(job.done()) >= 5)
    running.process.send_signal(signal.SIGTERM)
    result = running.wait(60)
    running.seconds_until_gone()
    assert result.returncode != 0 and not job.output.exists() and 5 <= len(job.done()) < 80, str(result)
    if grace_s:
        assert [line[2] for line in job.history_lines("end")] == ["stopped"], str(result)
    expect_complete(job, expected)


def test_a_signal_before_the_first_gather_is_heeded(tmp_path, survey, expected):
    job = jobs.Job(tmp_path, survey)
    running = job.start(ranks=3, delay=400)
    assert running.wait_for(lambda: len(running.pids()) == 3 and job.files())
    running.process.send_signal(signal.SIGUSR1)
    assert running.wait(20).returncode == 75
    expect_complete(job, expected)


def test_an_abort_stands_when_the_job_is_run_again(tmp_path, survey):
    bad = tmp_path / "bad.h5"
    shutil.copy(survey, bad)
    with h5py.File(bad, "r+") as f:
        f["traces"][int(f["gathers/first_trace"][3])] = float("nan")
    job = jobs.Job(tmp_path, bad)
    for _ in range(2):
        result = job.run("--set=on_error=abort", "--set=nan=gather", check=1)
        assert "gather 3" in result.stderr and "on_error is abort" in result.stderr
    assert not job.output.exists()
