# SPDX-License-Identifier: BSD-3-Clause
"""The job scripts in a throw-away Slurm: jobs complete, go on after every kind of stop, and a campaign does all it can.

Slurm looks at time limits twice a minute only, so all jobs are submitted at once and the tests wait for theirs.
"""

import os
import re
import signal
from pathlib import Path

import pytest

import jobs
from cluster import wait_until

pytestmark = pytest.mark.timeout(240)

SRUN = ("--nodes=2", "--ntasks-per-node=3", "--cpus-per-task=1")  # a coordinator, two I/O ranks and three workers
ALONE = ("--nodes=1", "--ntasks=1", "--cpus-per-task=2")  # a layout of seisproc's own, under mpirun


@pytest.fixture(scope="module")
def survey(run_dir):
    folder = run_dir / "slurm-survey"
    folder.mkdir()
    return jobs.make_survey(folder / "in.h5", gathers=40)


@pytest.fixture(scope="module")
def expected(survey):
    """What an uninterrupted run gives."""
    job = jobs.Job(survey.parent, survey, name="expected")
    job.run()
    return jobs.sha(job.output)


@pytest.fixture(scope="module")
def long_survey(run_dir):
    folder = run_dir / "slurm-long-survey"
    folder.mkdir()
    return jobs.make_survey(folder / "in.h5", gathers=160)


class Submitted(jobs.Job):
    """A job that Slurm runs, with a script of `make install`; each of its slabs takes up to `delay` ms longer."""

    def __init__(self, slurm, scripts, survey, name, *options, script="denoise.sbatch", delay=0, arguments=()):
        folder = survey.parent / name
        folder.mkdir()
        super().__init__(folder, survey)
        self.cluster, self.script, self.delay, self.arguments = slurm, scripts / script, delay, arguments
        self.submit(*options)

    def submit(self, *options):
        self.slurm = self.cluster.submit(self.folder, *options, self.script, self.path.name, "--quiet",
                                         *self.arguments, env={"SEISPROC_MOCK": f"delay={self.delay}"})

    def interrupt(self, *command):
        """Runs a command of Slurm on the job once it has done something; false before."""
        if not self.done() or self.output.exists():
            assert not self.output.exists(), self.slurm.describe()
            return False
        self.interrupted_at = len(self.done())
        self.cluster.ask(*command, self.slurm.number)
        return True


    def kill(self, rank):
        """Kills this rank once the job has done something; false before."""
        if not self.done() or self.output.exists():
            assert not self.output.exists(), self.slurm.describe()
            return False
        marks = {f"SLURM_JOB_ID={self.slurm.number}".encode(), f"PMIX_RANK={rank}".encode()}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marks <= set((entry / "environ").read_bytes().split(b"\0")):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass  # it ended meanwhile
        return True


@pytest.fixture(scope="module")
def submitted(slurm, scripts, survey, long_survey):
    """One job for each test, so that they run side by side."""
    def submit(*arguments, **options):
        return Submitted(slurm, scripts, options.pop("survey", survey), *arguments, **options)

    found = {
        # Slurm sends the signal at the first look that finds less than 40 s left: it adds the time between two looks
        "limit": submit("limit", *ALONE, "--time=1", "--signal=B:USR1@10", delay=2500, survey=long_survey),
        "requeue": submit("requeue", *ALONE, delay=2000),
        "usr1": submit("usr1", *SRUN, delay=3000),
        "usr1-mpirun": submit("usr1-mpirun", *ALONE, delay=2000),
        "cancel": submit("cancel", *ALONE, delay=2000),
        "killed": submit("killed", *SRUN, delay=3000),
    }
    commands = {
        "requeue": ["scontrol", "requeue"],
        "usr1": ["scancel", "--signal=USR1"],
        "usr1-mpirun": ["scancel", "--batch", "--signal=USR1"],
        "cancel": ["scancel"],
    }

    def interrupt_all():
        for name in [n for n, command in commands.items() if found[n].interrupt(*command)]:
            del commands[name]
        return not commands and found["killed"].kill(4)

    wait_until(interrupt_all, 60, lambda: "\n".join(job.slurm.describe() for job in found.values()))
    found["srun"] = submit("srun", *SRUN)
    found["mpirun"] = submit("mpirun", *ALONE)
    found["gpu"] = submit("gpu", *ALONE, "--gpus-per-node=1", script="gpu.sbatch", arguments=["--set", "engine=mock"])
    return found


def completed(job, expected, restarts=None):
    shown = job.slurm.wait()
    assert shown["JobState"] == "COMPLETED", job.slurm.describe()
    assert restarts is None or int(shown["Restarts"]) == restarts, job.slurm.describe()
    assert jobs.sha(job.output) == expected, job.slurm.describe()
    return shown


@pytest.mark.parametrize("name", ["srun", "mpirun", "gpu"])
def test_a_job_completes(submitted, expected, name):
    completed(submitted[name], expected, restarts=0)


@pytest.mark.parametrize("name", ["requeue", "usr1", "usr1-mpirun"])
def test_a_job_that_was_requeued_goes_on(submitted, expected, name):
    job = submitted[name]
    completed(job, expected, restarts=1)
    log = job.slurm.log()
    assert re.search(r"run 1, seisproc run out\.yaml .*run 2, seisproc run out\.yaml ", log, re.DOTALL), log
    assert int(re.search(r"(\d+) of 40 gathers are done", log).group(1)) >= job.interrupted_at, log
    if name != "requeue":
        assert "stopped early: requeueing" in log, log
    if name == "usr1-mpirun":
        assert "asked to stop by SIGUSR1" in log, log


def test_a_rank_that_dies_is_named_and_the_job_goes_on(submitted, expected):
    job = submitted["killed"]
    completed(job, expected, restarts=0)
    log = job.slurm.log()
    assert re.search(r"rank 4 died by signal 9 \(Killed\): worker on n2, process \d+, has gathers ", log), log
    assert "starting again, 1 of 3" in log and "of 40 gathers are done" in log, log


def test_a_cancelled_job_stays_so_and_goes_on_when_submitted_again(submitted, slurm, expected):
    job = submitted["cancel"]
    job.slurm.wait_for(lambda s: s["JobState"] == "CANCELLED")
    wait_until(lambda: slurm.ask("squeue", "-h", "-j", job.slurm.number) == "", 30, job.slurm.describe)
    assert job.slurm.show()["Restarts"] == "0" and "requeueing" not in job.slurm.log(), job.slurm.describe()
    assert not job.output.exists()
    job.delay = 0
    job.submit(*ALONE)
    completed(job, expected, restarts=0)
    assert "gathers are done" in job.slurm.log()


def test_time_limit(submitted, slurm, long_survey):
    reference = jobs.Job(long_survey.parent, long_survey, name="expected")
    reference.run()
    job = submitted["limit"]
    job.slurm.wait_for(lambda s: s["Restarts"] != "0", 75)
    slurm.ask("scontrol", "update", f"JobId={job.slurm.number}", "TimeLimit=60")  # once is enough
    completed(job, jobs.sha(reference.output))
    log = job.slurm.log()
    assert "asked to stop by SIGUSR1" in log or "time is nearly up" in log, log
    assert "stopped early: requeueing" in log and "of 160 gathers are done" in log, log
