# SPDX-License-Identifier: BSD-3-Clause
"""Campaigns: many surveys of a manifest, in Slurm as a job array and on a workstation one after the other."""

import shutil

import h5py
import numpy as np
import pytest

import harness
import jobs
from cluster import wait_until

pytestmark = pytest.mark.timeout(240)

JOB = "input: any.h5\noutput: any-out.h5\nchain: [{dwt: {wavelet: db4, level: 4}}]\nthreads: 1\nnan: gather\n"


@pytest.fixture(scope="module")
def surveys(run_dir):
    """Five surveys, and what an uninterrupted run makes of each."""
    folder = run_dir / "campaign-surveys"
    folder.mkdir()
    (folder / "job.yaml").write_text(JOB)
    for i in range(1, 6):
        jobs.make_survey(folder / f"{i}.h5", gathers=4, traces=20, samples=200, seed=i)
        result = harness.run([harness.BINARY, "run", "job.yaml", "--quiet", "--set", f"input={i}.h5", "--set",
                              f"output={i}-out.h5"], cwd=folder, tmp=folder)
        assert result.returncode == 0, str(result)
    return folder


class Campaign:
    """A manifest in a folder of its own, with all surveys; `run` runs campaign.sh in the way it is given."""

    def __init__(self, folder, surveys, run):
        self.folder, self.surveys, self.run = folder, surveys, run
        (folder / "job.yaml").write_text(JOB)
        (folder / "in").mkdir()
        for i in range(1, 6):
            shutil.copy(surveys / f"{i}.h5", folder / f"in/{i} a.h5")
        # a comment, so that the surveys stand on lines 2 to 6; a name with a space; an option
        lines = [f'"in/{i} a.h5" out/{i}.h5' for i in range(1, 6)]
        lines[4] += " --workers 1"
        (folder / "out").mkdir()
        (folder / "surveys.txt").write_text("\n".join(["# line 12", *lines]) + "\n")

    def corrupt(self, i):
        path = self.folder / f"in/{i} a.h5"
        path.write_bytes(path.read_bytes()[:5000])

    def repair(self, i):
        shutil.copy(self.surveys / f"{i}.h5", self.folder / f"in/{i} a.h5")

    def status(self):
        """Exit code, closing line, and the line of each survey."""
        result = self.run("campaign.sh", "status", "surveys.txt")
        lines = result.stdout.splitlines()
        assert len(lines) == 7 and result.stderr == "", f"{result.stdout}\n{result.stderr}"
        return result.returncode, lines[-1], {int(line.split()[0]): line for line in lines[1:-1]}

    def logs(self):
        return "\n".join(f"--- {p}\n{p.read_text()}" for p in sorted(self.folder.glob("surveys.txt.campaign/*.log")))

    def is_identical(self, i):
        return jobs.sha(self.folder / f"out/{i}.h5") == jobs.sha(self.surveys / f"{i}-out.h5")


def test_a_job_array_does_all_it_can(slurm, scripts, surveys, tmp_path):
    def run(script, *arguments):
        return slurm.run(scripts / script, *arguments, cwd=tmp_path, env={"TMPDIR": str(tmp_path)})

    campaign = Campaign(tmp_path, surveys, run)
    campaign.corrupt(3)
    assert campaign.status()[:2] == (75, "5 surveys: 0 done, 0 partial, 0 failed, 5 left")
    options = ("--cpus-per-task=2", "--time=10")
    submitted = run("campaign.sh", "submit", "job.yaml", "surveys.txt", "--array=%3", *options)
    assert "lines 2,3,4,5,6" in submitted.stdout, submitted
    again = run("campaign.sh", "submit", "job.yaml", "surveys.txt", *options)
    assert "nothing to submit" in again.stdout, again
    wait_until(lambda: campaign.status()[0] != 75, 90, lambda: f"{campaign.status()}\n{campaign.logs()}")
    code, closing, lines = campaign.status()
    assert (code, closing) == (2, "5 surveys: 4 done, 0 partial, 1 failed, 0 left"), campaign.logs()
    assert " failed " in lines[4] and "in/3 a.h5" in lines[4], lines[4]
    assert all(campaign.is_identical(i) for i in (1, 2, 4, 5))

    campaign.repair(3)
    submitted = run("campaign.sh", "submit", "job.yaml", "surveys.txt", *options)
    assert "lines 4\n" in submitted.stdout, submitted
    wait_until(lambda: campaign.status()[0] != 75, 60, lambda: f"{campaign.status()}\n{campaign.logs()}")
    assert campaign.status()[:2] == (0, "5 surveys: 5 done, 0 partial, 0 failed, 0 left"), campaign.logs()
    assert campaign.is_identical(3)


def test_a_workstation_does_all_it_can(scripts, prefix, surveys, tmp_path):
    def run(script, *arguments):
        return harness.run([scripts / script, *arguments], cwd=tmp_path, tmp=tmp_path, timeout=60,
                           env={"PATH": f"{prefix}/bin:/usr/bin:/bin", "SLURM_CONF": "/no/such/file"})

    campaign = Campaign(tmp_path, surveys, run)
    campaign.corrupt(3)
    with h5py.File(tmp_path / "in/2 a.h5", "r+") as f:
        f["traces"][7, 5] = np.nan
    result = run("workstation.sh", "job.yaml", "surveys.txt")
    assert result.returncode == 2, f"{result}\n{campaign.logs()}"
    code, closing, lines = campaign.status()
    assert (code, closing) == (2, "5 surveys: 3 done, 1 partial, 1 failed, 0 left"), campaign.logs()
    assert " partial " in lines[3] and "1 gathers not processed" in lines[3], lines[3]
    assert " failed " in lines[4] and "in/3 a.h5" in lines[4], lines[4]
    assert all(campaign.is_identical(i) for i in (1, 4, 5))

    campaign.repair(3)
    result = run("workstation.sh", "job.yaml", "surveys.txt")
    assert campaign.status()[1] == "5 surveys: 4 done, 1 partial, 0 failed, 0 left", f"{result}\n{campaign.logs()}"
    assert campaign.is_identical(3)
