# SPDX-License-Identifier: BSD-3-Clause
"""Small programs beside the project, each about one situation from the field: they print PASS or FAIL with the reason.

Looked for at ../shared/cases; skipped by name where they are not there. Those that need a Slurm belong to its tests."""

import os
import subprocess
import sys

import pytest

import harness

CASES = harness.ROOT.parent / "shared" / "cases"
NAMES = sorted(p.stem for p in CASES.glob("*.py") if not p.stem.startswith("_")) if CASES.is_dir() else []
READERS = {"h5_readers", "h5py_new_library"}  # need other programs that read HDF5
LONG = {"over_4gib"} | READERS                # moves more than 10 GB; fetches packages

# What is changed in a case before it is run, since it was written for other rules than the documented ones.
# special_samples wants a gather with one NaN to pass through whole, which is `nan: gather` (the default sets aside the
# trace alone), of a mute as well, although here it covers the bad samples and so makes them good.
# manifest_names runs a job script, in whose place `seisproc campaign` is.
CHANGES = {"manifest_names": (("['bash', JS + '/workstation.sh', 'j.yaml', 'm.txt']",
                               "[SP, 'campaign', '--job', 'j.yaml', 'm.txt', 'run']"),),
           "special_samples": (("mode='both')", "mode='both', nan='gather')"),
                               ("bool(fin and (same or c == 'mute') and st[0] == 2 and rc == 2)",
                                "bool(fin and (same and st[0] == 2 and rc == 2 if c != 'mute' else not st.any() "
                                "and rc == 0))"))}
# libfaketime changes the times of files, too, and so the input as far as anybody can tell; a clock does not.
ENVIRONMENT = {"clock_skew": {"NO_FAKE_STAT": "1"}}


@pytest.fixture(scope="session")
def readers(tmp_path_factory):
    """A Python with netCDF4, h5netcdf, xarray and a recent h5py."""
    if "VENV_PYTHON" in os.environ:
        return os.environ["VENV_PYTHON"]
    folder = tmp_path_factory.mktemp("readers")
    for command in ([sys.executable, "-m", "venv", folder],
                    [folder / "bin/python", "-m", "pip", "install", "-q", "netCDF4", "h5netcdf", "xarray", "h5py"]):
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            pytest.skip(f"no other readers of HDF5: {made.stdout.strip()[-200:]}")
    return folder / "bin/python"


def program(name, folder):
    """The case, or what it is after its changes."""
    text = (CASES / f"{name}.py").read_text()
    if name not in CHANGES:
        return CASES / f"{name}.py"
    for before, after in CHANGES[name]:
        assert text.count(before) == 1, f"{name} has changed: {before} is not there once"
        text = text.replace(before, after)
    (folder / f"{name}.py").write_text(text)
    return folder / f"{name}.py"


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n in LONG else []) for n in NAMES] or [
    pytest.param(None, marks=pytest.mark.skip(reason="no cases: ../shared/cases is not there"))])
def test_case(name, tmp_path, request):
    env = {"SEISPROC": harness.BINARY, "TMPDIR": tmp_path, "JOBSCRIPTS": harness.ROOT / "jobscripts",
           "PYTHONPATH": CASES, **ENVIRONMENT.get(name, {})}
    if name in READERS:
        env["VENV_PYTHON"] = request.getfixturevalue("readers")
        del env["PYTHONPATH"]
    result = harness.run([sys.executable, program(name, tmp_path)], timeout=170, env=env)
    last = result.stdout.strip().splitlines()[-1] if result.stdout.strip() else ""
    assert result.returncode == 0 and last.startswith("PASS"), f"{last}\n{result}"
    if last.startswith("PASS - skipped"):
        pytest.skip(last)
