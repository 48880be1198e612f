# SPDX-License-Identifier: BSD-3-Clause
"""`seisproc doctor` says what is there, what is wrong and what to do; what is wrong here is made so by each test."""

import json
import os

import pytest

import harness

NAMES = ["mpi", "mpi files", "launcher", "pmix", "hdf5", "file system", "interfaces", "slurm", "gpu", "cores",
         "memlock", "nofile", "/dev/shm"]


def doctor(folder, *arguments, prefix=(), **env):
    return harness.run([*prefix, harness.BINARY, "doctor", *arguments, folder], timeout=100, env=env)


def findings(result):
    """Name -> finding."""
    report = json.loads(result.stdout)
    assert report["schema"] == 1
    return {f["name"]: f for f in report["findings"]}


def script(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_a_sound_machine(tmp_path):
    result = doctor(tmp_path, "--json")
    found = findings(result)
    assert [n for n in found if n != "striping"] == NAMES
    assert result.returncode == any(f["state"] == "problem" for f in found.values()), str(result)
    for name in ("mpi", "mpi files", "hdf5", "launcher"):
        assert found[name]["state"] == "ok" and found[name]["wrong"] is found[name]["do"] is None, found[name]
    assert found["mpi files"]["found"] in ("OMPIO", "ROMIO")
    assert "with MPI" in found["hdf5"]["found"]
    for finding in found.values():
        assert (finding["wrong"] is None) == (finding["do"] is None) == (finding["state"] in ("ok", "none")), finding
    assert list(tmp_path.iterdir()) == []
    text = doctor(tmp_path).stdout
    assert [line for line in text.splitlines() if line[:1] != " " and line.split()[1] == "mpi"]


def test_a_folder_where_nothing_can_be_written():
    result = doctor("/proc", "--json")
    found = findings(result)
    assert result.returncode == 1
    assert found["file system"]["state"] == "problem" and "no file can be written" in found["file system"]["wrong"]
    assert found["mpi files"]["state"] == "problem" and found["mpi"]["state"] == "ok"
    assert " do:    name a folder" in doctor("/proc").stdout


def test_what_is_no_folder(tmp_path):
    result = doctor(tmp_path / "nowhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1 and "is no folder" in result.stderr


@pytest.mark.parametrize("body, wrong", [("echo 'HYDRA build details:'", "another MPI"),
                                         ("exit 3", "cannot start ranks")])
def test_a_launcher_that_does_not_fit(tmp_path, body, wrong):
    ours = harness.run(["mpirun", "--version"]).stdout
    if "HYDRA" in body and "Open MPI" not in ours:
        body = "echo 'mpirun (Open MPI) 4.1.4'"
    result = doctor(tmp_path, "--json", SEISPROC_MPIRUN=str(script(tmp_path, "launch", body)))
    launcher = findings(result)["launcher"]
    assert result.returncode == 1 and launcher["state"] == "problem" and wrong in launcher["wrong"], launcher


@pytest.mark.parametrize("types, state", [("pmix", "ok"), ("none pmi2", "warning")])
def test_slurm(tmp_path, types, state):
    script(tmp_path, "srun", f"echo 'MPI plugin types are...'; echo '{types}'")
    found = findings(doctor(tmp_path, "--json", PATH=f"{tmp_path}:{os.environ['PATH']}", SLURM_JOB_ID="77"))["slurm"]
    assert found["state"] == state and "in job 77" in found["found"], found
    assert (state == "ok") == ("with PMIx" in found["found"])


@pytest.mark.parametrize("answer, state", [("echo 1", "warning"), ("echo 8", "ok"), ("echo -1", "ok"),
                                           ("exit 1", "warning")])
def test_stripes(tmp_path, answer, state):
    script(tmp_path, "lfs", f'[ "$1 $2 $3" = "getstripe -d -c" ] && {answer}')
    found = findings(doctor(tmp_path, "--json", PATH=f"{tmp_path}:{os.environ['PATH']}",
                            LD_PRELOAD=str(harness.BUILD / "tests/cli/shim_lustre.so")))
    assert found["file system"]["found"].startswith("Lustre"), found
    assert found["striping"]["state"] == state, found["striping"]


def test_few_open_files(tmp_path):
    result = doctor(tmp_path, "--json", prefix=["bash", "-c", 'ulimit -n 200; exec "$@"', "bash"])
    found = findings(result)["nofile"]
    assert found["state"] == "warning" and found["found"] == "200 files" and "ulimit" in found["do"], found


def test_under_a_launcher(tmp_path):
    result = harness.run([harness.BINARY, "doctor", "--json", tmp_path], ranks=1, timeout=100)
    assert findings(result)["mpi"]["state"] == "ok", str(result)


@pytest.mark.parametrize("limit, name", [("-f 100000", "fsize"), ("-v 4000000", "address space")])
def test_limits_of_sizes(tmp_path, limit, name):
    found = findings(doctor(tmp_path, "--json", prefix=["bash", "-c", f'ulimit {limit}; exec "$@"', "bash"]))
    assert found[name]["state"] == "warning" and "ulimit" in found[name]["do"], found


@pytest.mark.parametrize("kib, state", [(64, "problem"), (512, "warning")])
def test_a_small_stack(tmp_path, kib, state):
    """MPI dies in it, and doctor does not."""
    result = doctor(tmp_path, "--json", prefix=["bash", "-c", f'ulimit -s {kib}; exec "$@"', "bash"])
    found = findings(result)["stack"]
    assert (found["state"], found["found"]) == (state, f"{kib * 1024} bytes") and "ulimit" in found["do"], found
    assert result.returncode == (1 if state == "problem" else 0), str(result)


def test_shared_memory_that_cannot_be_used(tmp_path):
    found = findings(doctor(tmp_path, "--json", prefix=harness.mounted("/dev/shm", "ro")))
    assert found["/dev/shm"]["state"] == "problem" and "Read-only" in found["/dev/shm"]["wrong"], found["/dev/shm"]


def test_a_folder_without_room(tmp_path):
    prefix = harness.mounted(tmp_path, "size=4k,nr_inodes=1")
    found = findings(doctor(tmp_path, "--json", prefix=prefix))["file system"]
    assert found["state"] == "problem" and "No space left" in found["wrong"], found
    prefix[-2] = prefix[-2].replace(",nr_inodes=1", "").replace("&& exec", '&& echo >"$0/x" && exec')
    found = findings(doctor(tmp_path, "--json", prefix=prefix))["file system"]
    assert found["state"] == "problem" and "No space left" in found["wrong"], found
