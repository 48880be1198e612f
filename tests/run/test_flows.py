# SPDX-License-Identifier: BSD-3-Clause
"""The seam that flows stand on, shown by two that the program does not have.

One has tasks that are worked on by teams, which exchange; one has phases, and workers that keep what they compute and
write an output of another shape. On 1, 2, 3 and 5 workers, killed anywhere and resumed on another number, they give
the same bytes, and those that an independent program computes.
"""

import h5py
import numpy as np
import pytest

import harness
import jobs

TOOL = harness.BUILD / "tests" / "run" / "tool_flows"
SAMPLES = 120


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = jobs.make_survey(tmp_path_factory.mktemp("flows") / "in.h5", gathers=14, traces=50, samples=SAMPLES)
    with h5py.File(path) as f:
        assert f["traces"].shape[0] > 300
    return path


class FlowJob:
    def __init__(self, folder, survey, flow):
        self.folder, self.flow, self.output = folder, flow, folder / "out.h5"
        self.yaml = folder / "job.yaml"
        self.yaml.write_text(f"input: {survey}\noutput: {self.output}\ncommit_interval: 0.05\nchain: [dwt]\n")

    def run(self, workers, fault=None, **env):
        full = {**env, **({"FLOW_FAULT": fault} if fault else {})}
        return harness.run([TOOL, self.flow, self.yaml], ranks=workers + 2, tmp=self.folder, timeout=60, env=full)


def volume_reference(path):
    """Each cube of 50 traces without its mean trace, in reverse order; the mean is added up in trace order."""
    with h5py.File(path) as f:
        x = f["traces"][:]
    out = np.empty_like(x)
    for first in range(0, len(x), 50):
        cube = x[first:first + 50]
        total = np.zeros(x.shape[1])
        for trace in cube:
            total += trace
        out[first:first + len(cube)] = (cube - (total / len(cube)).astype(np.float32))[::-1]
    return out


def image_reference(path):
    with h5py.File(path) as f:
        x = f["traces"][:]
    image = np.zeros((11, 3, x.shape[1]), np.int64)
    for i, trace in enumerate(x):
        for m in range(11):
            weight = np.float32(1) / np.float32(1 + (i + m) % 7)
            image[m, i % 3] += np.rint((trace * weight).astype(np.float32) * np.float32(2**20)).astype(np.int64)
    return (image.astype(np.float32) * np.float32(2**-20)).reshape(33, -1)


REFERENCE = {"volume": volume_reference, "image": image_reference}


@pytest.fixture(scope="module")
def expected(survey, tmp_path_factory):
    """By flow, the hash of what one worker makes, which is what the reference says."""
    found = {}
    for flow, reference in REFERENCE.items():
        job = FlowJob(tmp_path_factory.mktemp(flow), survey, flow)
        result = job.run(1)
        assert result.returncode == 0, str(result)
        with h5py.File(job.output) as f:
            assert np.array_equal(f["traces"][:], reference(survey))
        found[flow] = jobs.sha(job.output)
    return found


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("flow", REFERENCE)
def test_any_number_of_workers_gives_the_same_bytes(tmp_path, survey, expected, flow, workers):
    job = FlowJob(tmp_path, survey, flow)
    result = job.run(workers)
    assert result.returncode == 0, str(result)
    assert jobs.sha(job.output) == expected[flow]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.yaml", "out.h5", "out.h5.runs"]


@pytest.mark.parametrize("flow, fault, before, after", [
    ("volume", "read:2@2", 3, 2), ("volume", "exchanged:3@3", 2, 5), ("volume", "slot:9@2", 1, 3),
    ("volume", "slot:5@4", 5, 1),
    ("image", "added:5@2", 2, 3), ("image", "reduced:2@2", 3, 1), ("image", "snapshot:2@2", 1, 2),
    ("image", "snapshot:3@4", 5, 3), ("image", "point:3@2", 2, 5), ("image", "point:1@3", 3, 3)])
def test_killed_and_resumed_on_other_ranks_gives_the_same_bytes(tmp_path, survey, expected, flow, fault, before, after):
    job = FlowJob(tmp_path, survey, flow)
    slow = {"FLOW_PAUSE_US": "20000"}
    killed = job.run(before, fault, **slow)
    assert killed.returncode != 0 and not job.output.exists(), str(killed)
    killed_again = job.run(after, fault.split("@")[0] + "@2", **slow)
    result = job.run(after) if killed_again.returncode else killed_again
    assert result.returncode == 0, str(result)
    assert jobs.sha(job.output) == expected[flow]


def test_what_a_flow_refuses_is_refused_before_anything_exists(tmp_path):
    small = jobs.make_survey(tmp_path / "small.h5", gathers=1, traces=20, samples=50)
    job = FlowJob(tmp_path, small, "volume")
    result = job.run(2)
    assert result.returncode == 1 and "too few traces" in result.stderr
    assert not list(tmp_path.glob("out.h5*[!k]"))
