# SPDX-License-Identifier: BSD-3-Clause
"""A pstm job that is killed, at random and at every step, goes on to the same bits, with its stack, too."""

import os
import signal
import time

import h5py
import numpy as np
import pytest

import harness
import jobs
from images import JOB, STACK, files, stack_of


def phase_of(job):
    """What a job that was cut off had come to, by the files that it left."""
    if job.output.exists():
        return "published"
    state = job.folder / (job.part.name + ".image")
    if not job.part.exists() or not state.exists():
        return "begins"
    head = max((state.read_bytes()[at:at + 20] for at in (0, 4096)), key=lambda h: h[8:16][::-1])
    n_complete = int.from_bytes(head[16:20], "little")
    return ("peak", "class 0", "class 1", "class 2", "image")[n_complete]


def kill_and_resume(job, kills, expected, seed):
    """Kills at random moments, each time on another number of ranks; whatever is complete has these bits, and is begun
    again. Returns how many kills fell into each phase."""
    rng, phases = np.random.default_rng(seed), {}
    took = 1.0
    for kill in range(kills):
        running = job.start(*STACK, ranks=int(rng.choice([3, 4, 6])))
        time.sleep(float(rng.uniform(0.1, 1.2 * took)))
        if not running.is_alive():
            took = 0.9 * took
        running.kill_all()
        running.wait()
        phase = phase_of(job)
        phases[phase] = phases.get(phase, 0) + 1
        if phase == "published" and not job.journal.exists():
            assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == expected, f"after kill {kill}"
            job.output.unlink()
        elif phase == "begins":
            took *= 1.1
    job.run(*STACK, ranks=5)
    assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == expected
    assert files(job.folder) == ["out-stack.h5", "out.h5"]
    return phases


def test_killed_anywhere_it_goes_on_with_the_same_bits(tmp_path, image_survey, stacked_hashes):
    seed = int(os.environ.get("SEISPROC_SEED", 1))
    kill_and_resume(jobs.Job(tmp_path, image_survey, JOB), 10, stacked_hashes, seed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_kills_in_every_phase(tmp_path, image_survey, stacked_hashes):
    seed = int(os.environ.get("SEISPROC_SEED", 1))
    phases = kill_and_resume(jobs.Job(tmp_path, image_survey, JOB), 100, stacked_hashes, seed)
    print("kills by phase:", phases)
    assert len(phases) >= 5, phases


FAULTS = ("snapshot_written:1@2", "snapshot_written:2@2", "snapshot_named:1@2", "snapshot_named:3@2",
          "before_slot_full:1@2", "integrity_written:1@0", "in_compute:4@2")


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_at_every_step(tmp_path, image_survey, image_hash, fault):
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    job = jobs.Job(tmp_path, image_survey, JOB)
    for _ in range(5):  # on a busy machine the others may have done all before rank 2 comes there
        result = job.run("--restart", ranks=4, binary=faulty, env={"SEISPROC_FAULT": fault}, check=None)
        if "fault point" in result.stderr:
            break
    assert "fault point" in result.stderr and not job.output.exists()
    job.run(ranks=3)
    assert jobs.sha(job.output) == image_hash


def test_stopped_by_a_signal_it_keeps_what_it_has(tmp_path, image_survey, image_hash):
    job = jobs.Job(tmp_path, image_survey, JOB)
    running = job.start(ranks=4)
    running.wait_for(lambda: job.journal.exists() and len(job.done()) > 3)
    running.kill(0, signal.SIGTERM)
    assert running.wait().returncode in (0, 75)
    job.run(ranks=3)
    assert jobs.sha(job.output) == image_hash


STACK_FAULTS = ("before_phase_sync:3@0", "publish_renamed:1@0", "publish_synced:2@0")


@pytest.mark.parametrize("fault", STACK_FAULTS)
def test_killed_about_the_stack(tmp_path, image_survey, stacked_hashes, fault):
    """Before it is made, and between the two files that get their names."""
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(*STACK, ranks=4, binary=faulty, env={"SEISPROC_FAULT": fault}, check=None)
    assert not job.output.exists()
    job.run(*STACK, ranks=3)
    assert (jobs.sha(job.output), jobs.sha(stack_of(job))) == stacked_hashes
    assert files(job.folder) == ["out-stack.h5", "out.h5"]


@pytest.mark.parametrize("ranks", [3, 5])
def test_a_point_that_is_damaged_is_made_again(tmp_path, image_survey, image_hash, ranks):
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "before_publish:1"}, check=None)
    with h5py.File(job.part, "r+") as f:
        f["traces"][0, 7] += 1
    job.run(ranks=ranks)
    assert [line[1] for line in job.history_lines("undone")] == ["1"]
    assert jobs.sha(job.output) == image_hash


def test_points_that_are_not_what_was_written_are_refused(tmp_path, image_survey, image_hash):
    job = jobs.refuses_wiped_samples(tmp_path, image_survey, JOB, "out.h5.part: ", "/traces has checksum",
                                     "--restart starts over")
    assert jobs.sha(job.output) == image_hash
