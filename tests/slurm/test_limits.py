# SPDX-License-Identifier: BSD-3-Clause
"""Time limits as Slurm has them, and ways of starting that do not make one MPI job."""

import re

import pytest

import jobs


@pytest.fixture(scope="module")
def job(seisproc, tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    seisproc("synth", folder / "in.h5", "--gathers", 4, "--traces", 20, "--samples", 300, "--quiet")
    return jobs.Job(folder, folder / "in.h5")


def run(slurm, job, *command, check=0):
    result = slurm.run(*command, cwd=job.output.parent, timeout=60, env={"TMPDIR": str(job.output.parent)})
    assert result.returncode == check, f"{result.stdout}\n{result.stderr}"
    return result.stderr


def test_time_limits_are_read(slurm, job):
    def seconds(*options):
        text = run(slurm, job, "salloc", "-Q", "-n", 4, *options, "seisproc", "run", job.path, "--restart")
        found = re.search(r"the job has (\d+) s", text)
        return int(found.group(1)) if found else None
    assert seconds() is None  # no limit
    assert 2 * 86400 - 60 < seconds("-t", "2-00:00:00") <= 2 * 86400
    assert 129600 - 60 < seconds("-t", "1-12:00:00") <= 129600


def test_srun_without_pmix_is_named_with_what_to_type(slurm, job):
    text = run(slurm, job, "srun", "-Q", "-n", 3, "--mpi=none", "seisproc", "run", job.path, "--restart", check=1)
    assert text.count("srun --mpi=pmix seisproc run") == 1 and "3 processes that are no ranks" in text, text


def test_an_interactive_step_of_one_process_runs(slurm, job):
    run(slurm, job, "srun", "-Q", "-n", 1, "-c", 4, "--mpi=none", "seisproc", "run", job.path, "--restart")
