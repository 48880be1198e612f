# SPDX-License-Identifier: BSD-3-Clause
"""Twenty small jobs over the processors and modes write the samples they always have (bits.py): expected_bits.json was
made by the program as it was before it had tasks and flows, but for stockwell, whose inverse has changed since."""

import json
from pathlib import Path

import pytest

import bits
import harness

EXPECTED = json.loads((Path(__file__).parent / "expected_bits.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bits")
    result = harness.run([harness.BINARY, "synth", folder / "in.h5", *bits.SYNTH], tmp=folder)
    assert result.returncode == 0, str(result)
    return folder


def expected(job):
    """Of a job without FFTW whatever machine will do."""
    known = EXPECTED.get(bits.key())
    if known is None and bits.uses_fftw(job):
        pytest.skip(f"no hashes are known for {bits.key()}")
    return (known or next(iter(EXPECTED.values())))[job]


def test_the_survey_is_the_same(folder):
    assert bits.hash_of(folder / "in.h5") == next(iter(EXPECTED.values()))["synth"]


@pytest.mark.parametrize("job", bits.JOBS)
def test_the_job_writes_the_same_bits(folder, job):
    (folder / f"{job}.yaml").write_text(bits.job_text(job, folder))
    result = harness.run([harness.BINARY, "run", folder / f"{job}.yaml", "--quiet"], tmp=folder, timeout=60)
    assert result.returncode == 0, str(result)
    assert bits.hash_of(folder / f"{job}.h5") == expected(job)
