# SPDX-License-Identifier: BSD-3-Clause
"""docs/slurm.md: what it types is typed in a throw-away Slurm, in the order of the page."""

import re
import shutil

import pytest

import harness
import jobs
from cluster import wait_until

PAGE = (harness.ROOT / "docs/slurm.md").read_text()
# The page's cluster has four nodes of 16 cores, ours two of as many processors.
SMALLER = {"--nodes=4 --ntasks-per-node=18": "--nodes=2 --ntasks-per-node=3"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def typed():
    """What stands after `$ ` and in blocks of sh, in the order of the page."""
    found = []
    for block in blocks("(?:console|sh)"):
        lines = re.findall(r"^\$ (.*)", block, re.MULTILINE) or block.splitlines()
        found += lines
    return found


@pytest.fixture
def folder(tmp_path, scripts):
    """The page's surveys, its manifest, a job of its name, and copies of the scripts."""
    for script in scripts.iterdir():
        shutil.copy(script, tmp_path)
    jobs.make_survey(tmp_path / "line12.h5", gathers=40)
    for i in (13, 14, 15, 16):
        jobs.make_survey(tmp_path / (f"line {i}.h5" if i == 14 else f"line{i}.h5"), gathers=3, traces=10, samples=200)
    manifest, = (text for text in blocks("text") if "line12.h5 out/line12.h5" in text)
    (tmp_path / "surveys.txt").write_text(manifest)
    (tmp_path / "out").mkdir()
    (tmp_path / "denoise.yaml").write_text("input: line12.h5\noutput: line12-denoised.h5\nengine: mock\nslab_mb: 1\n"
                                           "commit_interval: 0.1\nchain: [{tf: {k: 2}}]\n")
    return tmp_path


@pytest.mark.timeout(240)
def test_what_the_page_types(slurm, folder):
    def type_in(command, delay=0):
        """In the folder of the page; slabs of jobs that it submits take up to `delay` ms longer."""
        for here, there in SMALLER.items():
            command = command.replace(here, there)
        return slurm.ask("bash", "-c", command, cwd=folder, timeout=60,
                         env={"TMPDIR": str(folder), "SEISPROC_MOCK": f"delay={delay}"})

    def state(job):
        return slurm.ask("squeue", "-h", "-o", "%t", "-j", job).strip()

    def logs():
        return "\n".join(f"--- {p}\n{p.read_text()}" for p in sorted(folder.rglob("*.log")))

    commands = typed()
    submit, look, stop, look_again, over_nodes, campaign, status = commands
    assert [c.split()[0] for c in (submit, look, stop, over_nodes)] == ["sbatch", "squeue", "scancel", "sbatch"]

    job, = re.findall(r"^Submitted batch job (\d+)\n$", type_in(submit, delay=2000))
    journal = folder / "line12-denoised.h5.journal"
    wait_until(lambda: jobs.Journal(journal).done, 60, logs)
    assert re.search(rf"^ +{job} +test +seisproc +\w+ +R ", type_in(look), re.MULTILINE)
    type_in(re.sub(r"1$", job, stop))
    wait_until(lambda: state(job) == "PD" or "run 2" in logs(), 40, logs)
    assert re.search(rf"^ +{job} ", type_in(look_again), re.MULTILINE)
    wait_until(lambda: (folder / "line12-denoised.h5").exists() and not state(job), 90, logs)
    assert "asked to stop by SIGUSR1" in logs() and "gathers are done" in logs(), logs()
    whole = jobs.sha(folder / "line12-denoised.h5")

    (folder / "line12-denoised.h5").unlink()
    job, = re.findall(r"^Submitted batch job (\d+)\n$", type_in(over_nodes))
    wait_until(lambda: (folder / "line12-denoised.h5").exists() and not state(job), 60, logs)
    assert jobs.sha(folder / "line12-denoised.h5") == whole, logs()

    said = type_in(campaign)
    assert re.fullmatch(r"submitted as job \d+: lines 2,3,4,5,6\n", said), said

    def all_done():
        """`status` ends with 75 while surveys are left."""
        result = slurm.run("bash", "-c", status, cwd=folder)
        return "5 surveys: 5 done" in result.stdout

    wait_until(all_done, 90, logs)
    assert jobs.sha(folder / "out/line12.h5") == whole
