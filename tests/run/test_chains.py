# SPDX-License-Identifier: BSD-3-Clause
"""Chains whose steps belong together: what one changes a later one takes back."""

import h5py
import numpy as np
import pytest

import jobs

JOB = """\
input: {input}
output: {output}
chain:
"""


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=7, traces=30, samples=300)


def run(folder, survey, name, *steps):
    chain = "".join(f"  - {step}\n" for step in steps).replace("{", "{{").replace("}", "}}")
    job = jobs.Job(folder, survey, name=name, text=JOB + chain)
    job.run("--set=engine=cpu", "--set=threads=2", ranks=3)
    with h5py.File(job.output) as file:
        return file["traces"][:]


@pytest.mark.parametrize("step", ["agc: {window: 100}", "balance: {measure: median}"])
def test_a_level_is_taken_back(tmp_path, survey, step):
    name = step.split(":")[0]
    with h5py.File(survey) as file:
        before = file["traces"][:]
    levelled = run(tmp_path, survey, "levelled", step)
    back = run(tmp_path, survey, "back", step, f"undo: {name}")
    assert np.linalg.norm(levelled - before) > 0.1 * np.linalg.norm(before)
    assert np.allclose(back, before, rtol=1e-6, atol=0)


def test_a_filter_between(tmp_path, survey):
    """A linear filter between a gain and its inverse differs from the filter alone, and keeps the amplitudes."""
    alone = run(tmp_path, survey, "alone", "bandpass: {high: [40, 60]}")
    between = run(tmp_path, survey, "between", "agc: {window: 100}", "bandpass: {high: [40, 60]}", "undo: agc")
    distance = np.linalg.norm(between - alone) / np.linalg.norm(alone)
    assert 1e-3 < distance < 0.5
