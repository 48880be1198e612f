# SPDX-License-Identifier: BSD-3-Clause
"""The throw-away Slurm leaves nothing behind, also when whoever uses it is killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import harness
from cluster import why_not

USER = """
import sys, time
sys.path[:0] = [{tests!r}, {here!r}]
from cluster import Cluster
cluster = Cluster("/usr")
print(cluster.dir, flush=True)
cluster.ask("sbatch", "--wrap=sleep 1000", cwd="/tmp")
print("submitted", flush=True)
time.sleep(1000)
"""


def processes_of(folder):
    """Processes that have this folder in their command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            if folder.encode() in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            pass
    return found


def test_nothing_is_left_when_its_user_is_killed():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    here = Path(__file__).parent
    user = subprocess.Popen([sys.executable, "-c", USER.format(tests=str(here.parent), here=str(here))], text=True,
                            stdout=subprocess.PIPE, env={**os.environ, "SEISPROC_BUILD": str(harness.BUILD)})
    try:
        folder = user.stdout.readline().strip()
        assert user.stdout.readline() == "submitted\n"
        assert len(processes_of(folder)) >= 5  # munged, slurmctld, two slurmd, the script
    finally:
        user.kill()
        user.wait()
    for _ in range(100):
        if not processes_of(folder) and not Path(folder).exists():
            return
        time.sleep(0.1)
    pytest.fail(f"left: {processes_of(folder)}, {folder} {'is' if Path(folder).exists() else 'is not'} there")
