# SPDX-License-Identifier: BSD-3-Clause
"""Killed again and again, and with the power going, a job goes on to the same bytes."""

import random
import time

import pytest

import harness
import jobs
import power
import torture
from torture import pretended


def test_fault_switches_are_in_test_builds_only():
    words = (b"SEISPROC_FAULT", b"SEISPROC_POISON", b"before_append")
    assert all(word in harness.FAULTY.read_bytes() for word in words)
    assert not any(word in harness.BINARY.read_bytes() for word in words)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [20, pytest.param(40, marks=pytest.mark.long)])
def test_kills(tmp_path, kills):
    t = torture.torture(tmp_path, kills, seed=40)
    assert t.n_completed > kills // 30 and len(t.kills) > kills // 2


@pytest.mark.long
@pytest.mark.timeout(600)
def test_kills_under_collective_transfers(tmp_path):
    t = torture.torture(tmp_path, 40, seed=41, transfer="collective")
    assert t.n_completed > 1 and len(t.kills) > 20


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("transfer", ["auto", "collective"])
def test_kills_on_three_nodes(tmp_path, transfer):
    """The victim, rank 0 and the command are on any of them."""
    nodes = pretended.make(3)
    try:
        t = torture.torture(tmp_path, 30, seed=42, nodes=nodes, transfer=transfer)
    finally:
        nodes.down()
    assert t.n_completed > 0 and len(t.kills) > 10


@pytest.mark.timeout(120)
def test_power_failures(tmp_path):
    """All ends at once and of what was not synced some is gone: what the journal says is there all the same."""
    folder, undo, chance = tmp_path / "disk", tmp_path / "undo", random.Random(8)
    folder.mkdir()
    undo.mkdir()
    survey = jobs.make_survey(tmp_path / "in.h5", gathers=160, traces=10, samples=300)
    reference = jobs.Job(tmp_path, survey, text=torture.JOB, name="reference")
    reference.run("--set=engine=cpu", ranks=3)
    job = jobs.Job(folder, survey, text=torture.JOB)
    env = {"LD_PRELOAD": harness.BUILD / "tests/torture/shim_disk.so", "SHIM_FILES": folder, "SHIM_UNDO": undo,
           "TMPDIR": tmp_path}
    n_lost, n_verified, delay = 0, 0, 100 * harness.TIME_SCALE
    points = ["journal_renamed:1@0", "append_torn:3@0", "before_sync:2@1", "publish_renamed:1@0"]
    for i in range(20):  # as a rule eight; how much is durable when it strikes is chance
        point = points[i] if i < len(points) else None
        running = job.start(ranks=chance.choice([3, 4]), delay=0 if point else delay,
                            binary=harness.FAULTY, env={**env, **({"SEISPROC_FAULT": point} if point else {})})
        if point:
            running.wait(30)
        else:
            running.wait_for(lambda: job.journal.exists() and len(job.done()) >= 20 * (1 + i % 4))
            time.sleep(0 if i % 2 else chance.uniform(0.2, 1.5))
        running.kill_all()
        running.wait(10)
        failure = power.PowerFailure(folder, undo, chance)
        failure.strike()
        n_lost += failure.n_lost
        assert not job.output.exists() or jobs.sha(job.output) == jobs.sha(reference.output)
        if job.output.exists():
            job.output.unlink()  # begins anew, and more slowly: a busy machine struck too late
            delay *= 1 if point else 2
        elif job.journal.exists() and job.part.exists():
            result = harness.run([harness.BINARY, "verify", job.part], tmp=tmp_path)
            assert result.returncode == 0, f"{i} {point} {result}\n{job.journal.read_bytes()[:600]}"
            n_verified += len(job.done()) > 0
        if i > 6 and n_lost > 0 and n_verified > 2:
            break
    job.run()
    assert jobs.sha(job.output) == jobs.sha(reference.output) and job.files() == ["out.h5"]
    assert n_lost > 0 and n_verified > 2, (n_lost, n_verified)
