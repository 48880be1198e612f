# SPDX-License-Identifier: BSD-3-Clause
"""Campaigns: many surveys of a manifest, in Slurm as a job array and on a workstation one after the other."""

import json
import os
import shutil
import signal

import h5py
import numpy as np
import pytest

import harness
import jobs
from cluster import wait_until

pytestmark = pytest.mark.timeout(240)

JOB = "input: any.h5\noutput: any-out.h5\nchain: [{dwt: {wavelet: db4, level: 4}}]\nthreads: 1\nnan: gather\n"
SLOW = JOB + "engine: mock\nslab_mb: 1\ncommit_interval: 0.1\n"


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
    """A manifest in a folder of its own, with all surveys; `run` runs `seisproc campaign` in the way it is given."""

    def __init__(self, folder, surveys, run):
        self.folder, self.surveys, self.call = folder, surveys, run
        (folder / "job.yaml").write_text(JOB)
        (folder / "in").mkdir()
        for i in range(1, 6):
            shutil.copy(surveys / f"{i}.h5", folder / f"in/{i} a.h5")
        # a comment, so that the surveys stand on lines 2 to 6; a name with a space; an option
        lines = [f'"in/{i} a.h5" out/{i}.h5' for i in range(1, 6)]
        lines[4] += " --workers 1"
        (folder / "out").mkdir()
        (folder / "surveys.txt").write_text("\r\n".join(["# line 12", *lines]) + "\r\n")

    def run(self, *arguments):
        return self.call("run", "--job", "job.yaml", *arguments)

    def corrupt(self, i):
        path = self.folder / f"in/{i} a.h5"
        path.write_bytes(path.read_bytes()[:5000])

    def repair(self, i):
        shutil.copy(self.surveys / f"{i}.h5", self.folder / f"in/{i} a.h5")

    def status(self):
        """Exit code, closing line, and the line of each survey."""
        result = self.call("status")
        lines = result.stdout.splitlines()
        assert len(lines) == 7 and result.stderr == "", f"{result.stdout}\n{result.stderr}"
        return result.returncode, lines[-1], {int(line.split()[0]): line for line in lines[1:-1]}

    def json(self, action, *arguments):
        return json.loads(self.call(action, "--json", *arguments).stdout)

    def logs(self):
        return "\n".join(f"--- {p}\n{p.read_text()}" for p in sorted(self.folder.glob("surveys.txt.campaign/*.log")))

    def is_identical(self, i):
        return jobs.sha(self.folder / f"out/{i}.h5") == jobs.sha(self.surveys / f"{i}-out.h5")


def on_workstation(prefix, folder):
    def run(*arguments):
        return harness.run([prefix / "bin/seisproc", "campaign", "surveys.txt", *arguments], cwd=folder, tmp=folder,
                           timeout=150, env={"PATH": f"{prefix}/bin:/usr/bin:/bin", "SLURM_CONF": "/no/such/file"})
    return run


def test_a_job_array_does_all_it_can(slurm, prefix, surveys, tmp_path):
    def run(*arguments):
        return slurm.run("seisproc", "campaign", "surveys.txt", *arguments, cwd=tmp_path,
                         env={"TMPDIR": str(tmp_path)})

    campaign = Campaign(tmp_path, surveys, run)
    campaign.corrupt(3)
    assert campaign.status()[:2] == (75, "5 surveys: 0 done, 0 partial, 0 failed, 5 left")
    options = ("--slurm", "--sbatch=--cpus-per-task=2", "--sbatch=--time=10")
    submitted = campaign.run(*options, "--at-once=3", "--", "--verbose")
    assert "lines 2,3,4,5,6" in submitted.stdout, submitted
    again = campaign.run(*options)
    assert "nothing to submit" in again.stdout, again
    wait_until(lambda: campaign.status()[0] != 75, 90, lambda: f"{campaign.status()}\n{campaign.logs()}")
    code, closing, lines = campaign.status()
    assert (code, closing) == (2, "5 surveys: 4 done, 0 partial, 1 failed, 0 left"), campaign.logs()
    assert " failed " in lines[4] and "in/3 a.h5" in lines[4], lines[4]
    assert all(campaign.is_identical(i) for i in (1, 2, 4, 5))

    campaign.repair(3)
    submitted = campaign.run(*options)
    assert "lines 4\n" in submitted.stdout, submitted
    wait_until(lambda: campaign.status()[0] != 75, 60, lambda: f"{campaign.status()}\n{campaign.logs()}")
    assert campaign.status()[:2] == (0, "5 surveys: 5 done, 0 partial, 0 failed, 0 left"), campaign.logs()
    assert campaign.is_identical(3)
    report = json.loads((tmp_path / "surveys.txt.campaign/4.json").read_text())
    assert report["slurm_job"] and report["exit_code"] == 0


def test_a_workstation_does_all_it_can(prefix, surveys, tmp_path):
    campaign = Campaign(tmp_path, surveys, on_workstation(prefix, tmp_path))
    campaign.corrupt(3)
    with h5py.File(tmp_path / "in/2 a.h5", "r+") as f:
        f["traces"][7, 5] = np.nan
    planned = campaign.json("plan", "--job=job.yaml")
    assert [s["state"] for s in planned["surveys"]] == ["new", "new", "refused", "new", "new"], planned
    assert "in/3 a.h5" in planned["surveys"][2]["error"] and planned["left"]["surveys"] == 4
    size = (surveys / "1.h5").stat().st_size
    assert planned["surveys"][0]["read_bytes"] == planned["surveys"][0]["write_bytes"] < size
    assert planned["left"]["computing_core_hours"] > 0 and not (tmp_path / "surveys.txt.campaign").exists()

    result = campaign.run()
    assert result.returncode == 2, f"{result}\n{campaign.logs()}"
    code, closing, lines = campaign.status()
    assert (code, closing) == (2, "5 surveys: 3 done, 1 partial, 1 failed, 0 left"), campaign.logs()
    assert " partial " in lines[3] and "1 not finite" in lines[3], lines[3]
    assert " failed " in lines[4] and "in/3 a.h5" in lines[4], lines[4]
    assert all(campaign.is_identical(i) for i in (1, 4, 5))

    campaign.repair(3)
    result = campaign.run()
    assert campaign.status()[1] == "5 surveys: 4 done, 1 partial, 0 failed, 0 left", f"{result}\n{campaign.logs()}"
    assert campaign.is_identical(3)
    told = campaign.json("report")
    totals, each = told["totals"], told["surveys"]
    assert totals["by_reason"] == {"not finite": 1} and (totals["done"], totals["partial"]) == (4, 1)
    reports = [json.loads((tmp_path / f"surveys.txt.campaign/{line}.json").read_text()) for line in range(2, 7)]
    assert totals["core_hours"] == pytest.approx(sum(r["core_hours"] for r in reports), rel=0.05)
    assert totals["moved_bytes"] == sum(r["read_bytes"] + r["written_bytes"] for r in reports)
    assert [s["units_done"] for s in each] == [s["units"] for s in each] == [4] * 5
    text = campaign.call("report").stdout
    assert "core-hours" in text and "not finite  1 units" in text and "line 3      partial" in text, text


def test_a_campaign_goes_on_wherever_it_was_cut_off(prefix, tmp_path):
    """Stopped in order, and killed outright: the same bits."""
    call = on_workstation(prefix, tmp_path)
    env = dict(os.environ, **harness.mpi_environment(), PATH=f"{prefix}/bin:/usr/bin:/bin", TMPDIR=str(tmp_path))
    (tmp_path / "job.yaml").write_text(SLOW)
    for i in (1, 2):
        jobs.make_survey(tmp_path / f"{i}.h5", gathers=40, seed=i)
    (tmp_path / "surveys.txt").write_text("1.h5 o1.h5\n2.h5 o2.h5\n")
    assert call("run", "--job=job.yaml").returncode == 0
    expected = [jobs.sha(tmp_path / f"o{i}.h5") for i in (1, 2)]
    for path in tmp_path.glob("o*.h5*"):
        path.unlink()

    def start():
        return jobs.Running(["env", f"--chdir={tmp_path}", prefix / "bin/seisproc", "campaign", "surveys.txt", "run",
                             "--job=job.yaml"], None, {**env, "SEISPROC_MOCK": "delay=200"}, tmp_path)

    def n_done():
        return len(jobs.Journal(tmp_path / "o1.h5.journal").done)

    running = start()
    assert running.wait_for(lambda: n_done() >= 3), running.wait()
    running.process.send_signal(signal.SIGTERM)
    assert running.wait().returncode == 75
    result = call("status")
    assert result.returncode == 75 and "stopped early" in result.stdout and "not begun" in result.stdout, result
    kept = n_done()
    assert 3 <= kept < 40

    running = start()
    assert running.wait_for(lambda: n_done() > kept)
    result = call("status")
    assert "running, host" in result.stdout and result.returncode == 75, str(result)
    running.kill_all()
    running.end()
    assert "cut off" in call("status").stdout
    result = call("run", "--job=job.yaml")
    assert result.returncode == 0, str(result)
    assert [jobs.sha(tmp_path / f"o{i}.h5") for i in (1, 2)] == expected
    first = json.loads(call("status", "--json").stdout)["surveys"][0]
    assert first["runs"] >= 3 and first["core_hours"] > 0 and first["units_done"] == first["units"] == 40


def test_a_campaign_ends_within_its_time(prefix, tmp_path):
    """A run that stops for its time is not begun again, and no other survey is; given again, it goes on."""
    call = on_workstation(prefix, tmp_path)
    (tmp_path / "job.yaml").write_text(SLOW)
    for i in (1, 2):
        jobs.make_survey(tmp_path / f"{i}.h5", gathers=40, seed=i)
    (tmp_path / "surveys.txt").write_text("1.h5 o1.h5\n2.h5 o2.h5\n")
    slow = harness.run(["env", "SEISPROC_MOCK=delay=2000", prefix / "bin/seisproc", "campaign", "surveys.txt", "run",
                        "--job=job.yaml", "--max-time=0:15"], cwd=tmp_path, tmp=tmp_path, timeout=150)
    assert slow.returncode == 75, str(slow)
    first, second = json.loads(call("status", "--json").stdout)["surveys"]
    assert first["runs"] <= 1 and first["units_done"] < 40 and second["runs"] == 0, (first, second)
    assert first["runs"] == 0 or "time is nearly up" in (tmp_path / "surveys.txt.campaign/1.log").read_text()
    result = call("run", "--job=job.yaml")
    assert result.returncode == 0, str(result)
    for wrong in (["status", "--max-time=5"], ["run", "--job=job.yaml", "--slurm", "--max-time=5"]):
        result = call(*wrong)
        assert result.returncode == 1 and "--max-time is for run" in result.stderr, str(result)
    result = call("run", "--job=job.yaml", "--max-time=soon")
    assert result.returncode == 1 and "[[DAYS-]HOURS:]MINUTES:SECONDS" in result.stderr, str(result)


def test_outputs_of_another_job_do_not_pass_for_done(prefix, surveys, tmp_path):
    """A job file that was edited, and a file that no job made. An input may go once its output is there."""
    campaign = Campaign(tmp_path, surveys, on_workstation(prefix, tmp_path))
    (tmp_path / "surveys.txt").write_text("".join(f'"in/{i} a.h5" out/{i}.h5\n' for i in (1, 2, 3)))
    (tmp_path / "out/3.h5").write_text("a note\n")
    result = campaign.run()
    assert result.returncode == 2 and "line 3: exit code 1" in result.stderr, str(result)
    assert [s["state"] for s in campaign.json("report")["surveys"]] == ["done", "done", "failed"]
    assert (tmp_path / "out/3.h5").read_text() == "a note\n"
    (tmp_path / "out/3.h5").unlink()
    assert campaign.run().returncode == 0
    again = campaign.run()
    assert again.returncode == 0 and "line" not in again.stderr, str(again)

    (tmp_path / "job.yaml").write_text(JOB.replace("level: 4", "level: 3"))
    (tmp_path / "in/2 a.h5").unlink()
    result = campaign.run()
    assert result.returncode == 2, str(result)
    each = campaign.json("report")["surveys"]
    assert [s["state"] for s in each] == ["failed", "done", "failed"]
    assert "was begun with chain.0.dwt.level: 4, now 3" in each[0]["note"], each[0]
    assert campaign.is_identical(1) and campaign.is_identical(2)
    (tmp_path / "job.yaml").write_text(JOB)
    assert campaign.run().returncode == 0
    assert [s["state"] for s in campaign.json("report")["surveys"]] == ["done"] * 3


def test_two_campaigns_at_once_leave_each_others_surveys_alone(prefix, surveys, tmp_path):
    campaign = Campaign(tmp_path, surveys, on_workstation(prefix, tmp_path))
    (tmp_path / "surveys.txt").write_text("".join(f'"in/{i} a.h5" out/{i}.h5\n' for i in (1, 2, 3)))
    env = dict(os.environ, **harness.mpi_environment(), PATH=f"{prefix}/bin:/usr/bin:/bin", TMPDIR=str(tmp_path),
               SEISPROC_MOCK="delay=100")
    (tmp_path / "job.yaml").write_text(JOB + "engine: mock\n")
    other = jobs.Running(["env", f"--chdir={tmp_path}", prefix / "bin/seisproc", "campaign", "surveys.txt", "run",
                          "--job=job.yaml"], None, env, tmp_path)
    assert other.wait_for(lambda: (tmp_path / "out/1.h5.part").exists())
    campaign.run()
    assert other.wait().returncode in (0, 75)
    assert [s["state"] for s in campaign.json("report")["surveys"]] == ["done"] * 3, campaign.logs()
    for line in (1, 2, 3):
        log = (tmp_path / f"surveys.txt.campaign/{line}.log").read_text()
        assert "another job writes this output" not in log, log
