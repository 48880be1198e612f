"""Small programs beside the project, each about one situation from the field: they print PASS or FAIL with the reason.

Looked for at ../shared/cases; skipped by name where they are not there. Those about Slurm belong to the Slurm tests."""

import os
import sys

import pytest

import harness

CASES = harness.ROOT.parent / "shared" / "cases"
NAMES = sorted(p.stem for p in CASES.glob("*.py") if not p.stem.startswith(("_", "slurm_"))) if CASES.is_dir() else []
LONG = {"over_4gib"}  # moves more than 10 GB


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n in LONG else []) for n in NAMES] or [
    pytest.param(None, marks=pytest.mark.skip(reason="no cases: ../shared/cases is not there"))])
def test_case(name, tmp_path):
    env = {"SEISPROC": harness.BINARY, "TMPDIR": tmp_path, "JOBSCRIPTS": harness.ROOT / "jobscripts"}
    if name in ("h5_readers", "h5py_new_library") and "VENV_PYTHON" not in os.environ:
        pytest.skip("no $VENV_PYTHON with other readers of HDF5")
    if name == "special_samples":
        pytest.skip("wants whole gathers set aside for one bad sample, which is `nan: gather`; the default is `trace`")
    result = harness.run([sys.executable, CASES / f"{name}.py"], timeout=170, env=env)
    last = result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""
    assert result.returncode == 0 and last.startswith("PASS"), f"{last}\n{result}"
