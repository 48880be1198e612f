# SPDX-License-Identifier: BSD-3-Clause
"""seisproc run outside a launcher starts itself under mpirun: its exit codes, its messages, its stop on request."""

import os
import re
import shutil
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest

import harness


def write_job(folder, text=""):
    (folder / "job.yaml").write_text("input: in.h5\noutput: out.h5\nchain: [dwt]\n" + text)


def make_survey(seisproc, folder, gathers=30):
    seisproc("synth", "in.h5", "--gathers", gathers, "--traces", 60, "--samples", 300, "--interval-ms", 4, "--noise",
             0.3, "--seed", 5, cwd=folder)


def test_complete(seisproc, tmp_path):
    make_survey(seisproc, tmp_path)
    write_job(tmp_path)
    alone = seisproc("run", "job.yaml", "--quiet", cwd=tmp_path)
    assert "mpirun" not in alone.stderr and "error" not in alone.stderr
    launched = seisproc("run", "job.yaml", "--quiet", "--set", "output=launched.h5", ranks=4, cwd=tmp_path)
    assert launched.returncode == 0
    with h5py.File(tmp_path / "out.h5") as a, h5py.File(tmp_path / "launched.h5") as b:
        assert np.array_equal(a["traces"], b["traces"])
    assert not [p.name for p in tmp_path.iterdir() if "outcome" in p.name]


def test_nothing_is_said_of_networks_that_one_machine_needs_not(seisproc, tmp_path):
    """By MPI as it is set up, on whatever interfaces there are: Open MPI 5 speaks of pairs of IPv6 addresses."""
    make_survey(seisproc, tmp_path)
    write_job(tmp_path)
    usual = {"OMPI_MCA_btl": None, "OMPI_MCA_pml": None}
    result = seisproc("run", "job.yaml", "--quiet", "--workers", 2, cwd=tmp_path, env=usual)
    assert result.stderr == "", str(result)


def test_workers_as_asked(seisproc, tmp_path):
    make_survey(seisproc, tmp_path)
    write_job(tmp_path)
    result = seisproc("run", "job.yaml", "--workers", 3, "--threads", 1, "--io-ranks", 2, "--verbose", cwd=tmp_path)
    for stage, ranks in (("compute", 3), ("write", 2)):
        assert re.search(rf"^ +{stage} +{ranks} ", result.stderr, re.MULTILINE), str(result)


def test_partial_is_exit_2_and_nothing_else_is_said(seisproc, tmp_path):
    make_survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        f["traces"][7, 5] = np.nan
    write_job(tmp_path)
    result = seisproc("run", "job.yaml", "--quiet", check=2, cwd=tmp_path)
    assert "Primary job" not in result.stderr and "mpirun" not in result.stderr, str(result)


def test_mistakes_are_found_before_anything_starts(seisproc, tmp_path):
    write_job(tmp_path, "mode: all\n")
    result = seisproc("run", "job.yaml", check=1, cwd=tmp_path)
    assert result.stderr == "seisproc: error: job.yaml:4: mode: found 'all', allowed is one of processed, noise, both\n"
    write_job(tmp_path)
    make_survey(seisproc, tmp_path)
    result = seisproc("run", "job.yaml", check=1, cwd=tmp_path, env={"SEISPROC_MPIRUN": "/no/such/mpirun"})
    assert result.stderr.startswith("seisproc: error: `/no/such/mpirun --version` fails")
    assert result.stderr.count("\n") == 1


def test_stopped_on_request(seisproc, tmp_path):
    """A signal ends the job early with exit 75, the same command completes it."""
    make_survey(seisproc, tmp_path, gathers=200)
    write_job(tmp_path, "engine: mock\nslab_mb: 1\nthreads: 1\n")
    environment = dict(os.environ, **harness.mpi_environment(), SEISPROC_MOCK="delay=400")
    process = subprocess.Popen([harness.BINARY, "run", "job.yaml"], cwd=tmp_path, env=environment,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        for _ in range(3000):
            journal = tmp_path / "out.h5.journal"
            if journal.exists() and journal.stat().st_size > 0:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30 * harness.TIME_SCALE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 75
    assert not (tmp_path / "out.h5").exists()
    seisproc("run", "job.yaml", "--quiet", cwd=tmp_path)
    assert (tmp_path / "out.h5").exists()


def test_the_launcher_of_another_mpi_is_named(seisproc, tmp_path):
    """Its processes are each alone; the first of them speaks."""
    make_survey(seisproc, tmp_path)
    write_job(tmp_path)
    for rank in (0, 1):
        env = {"PMI_SIZE": "4", "PMI_RANK": str(rank), "OMPI_ALLOW_RUN_AS_ROOT": "1",
               "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        result = seisproc("run", "job.yaml", cwd=tmp_path, env=env, check=1)
        named = "started 4 processes that do not find each other" in result.stderr and "MPI" in result.stderr
        assert named == (rank == 0), result.stderr
    assert not (tmp_path / "out.h5").exists()


def launchers_of_others():
    """Launchers that are here of an MPI that the program is not built with, by the names that distributions use."""
    libraries = subprocess.run(["ldd", harness.BINARY], capture_output=True, text=True).stdout
    own = "openmpi" if "libmpi.so" in libraries else "mpich"
    return [f for f in map(shutil.which, {"openmpi": ["mpirun.mpich"], "mpich": ["mpirun.openmpi"]}[own]) if f]


def test_a_real_launcher_of_another_mpi_is_named(seisproc, tmp_path):
    """Under it, and as what `seisproc run` is told to use."""
    found = launchers_of_others()
    if not found:
        pytest.skip("no launcher of another MPI is here")
    make_survey(seisproc, tmp_path)
    write_job(tmp_path)
    env = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    under = [found[0], "-n", "3", *(["--oversubscribe"] if "openmpi" in found[0] else [])]
    results = [harness.run([*under, harness.BINARY, "run", "job.yaml"], cwd=tmp_path, tmp=tmp_path, env=env),
               seisproc("run", "job.yaml", cwd=tmp_path, env={"SEISPROC_MPIRUN": found[0]}, check=None)]
    for result in results:
        assert result.returncode == 1 and not result.timed_out, str(result)
        assert result.stderr.count("processes that do not find each other") == 1, str(result)
        assert "seisproc is built with" in result.stderr and "SEISPROC_MPIRUN" in result.stderr
    assert not (tmp_path / "out.h5").exists()
