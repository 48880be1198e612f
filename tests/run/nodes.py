# SPDX-License-Identifier: BSD-3-Clause
"""Pretended nodes: nodes.sh gives each a host name, network and /dev/shm of its own; folders are shared."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import harness
import jobs

SCRIPT = Path(__file__).with_name("nodes.sh")


class Nodes:
    def __init__(self, n):
        self.folder = tempfile.mkdtemp(prefix="sp-nodes-")
        self.n = n
        self.env = {**os.environ, **harness.mpi_environment(), "NODES_DIR": self.folder}
        for name in ("SEISPROC_LOG", harness.MARK):
            self.env.pop(name, None)
        self.script("up", n)

    def script(self, *arguments):
        result = subprocess.run([SCRIPT, *map(str, arguments)], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if arguments[0] != "up" else None,
                                timeout=60)
        assert result.returncode == 0, f"nodes.sh {arguments}: {result.stderr}"

    def bind(self, node, there, here):
        """`node` sees the folder `there` at `here`."""
        self.script("bind", node, there, here)

    def own_folder(self, node, path):
        """A folder of the node's own at `path`; returns where the others find it."""
        own = path.parent / f"own-{node}"
        own.mkdir()
        path.mkdir(exist_ok=True)
        self.bind(node, own, path)
        return own

    def names(self):
        return [f"n{i + 1}" for i in range(self.n)]

    def keeper(self, node):
        """The process that keeps a node there."""
        return int((Path(self.folder) / node).read_text())

    def processes(self, node, mark):
        """What a command that carries this mark has running on a node."""
        home = os.readlink(f"/proc/{self.keeper(node)}/ns/net")
        found = []
        for pid in harness.marked_processes(mark):
            try:
                if os.readlink(f"/proc/{pid}/ns/net") == home:
                    found.append(pid)
            except OSError:
                pass  # it ended meanwhile
        return found

    def daemons(self, mark):
        """The daemons that mpirun has on other nodes for such a command, in no order."""
        found = []
        for pid in harness.marked_processes(mark):
            try:
                with open(f"/proc/{pid}/comm") as f:
                    if f.read().strip() in ("orted", "prted"):
                        found.append(pid)
            except OSError:
                pass
        return found

    def words(self, node, cwd, *command):
        agent = f"OMPI_MCA_plm_rsh_agent={SCRIPT} agent"
        # they reach each other by network
        return ["nsenter", "-t", str(self.keeper(node)), "--mount", "--uts", "--net", "--ipc", "--root",
                "env", f"--chdir={cwd}", "OMPI_MCA_btl=^ofi,openib,uct,usnic", agent, "OMPI_MCA_pml=ob1",
                "OMPI_MCA_mpi_yield_when_idle=1", f"LD_PRELOAD={harness.BUILD}/tests/run/shim_yield.so",
                *map(str, command)]

    def start(self, node, *command, cwd, env=None):
        """A command on one node that is not waited for: a jobs.Running."""
        return jobs.Running(self.words(node, cwd, *command), None, {"NODES_DIR": self.folder, **(env or {})}, cwd)

    def run(self, node, *command, cwd, check=0, env=None, timeout=90):
        """A command on one node."""
        words = self.words(node, cwd, *command)
        result = subprocess.run(words, env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=timeout * harness.TIME_SCALE)
        assert check is None or result.returncode == check, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    def mpirun(self, hosts, *arguments, **options):
        """seisproc under mpirun on n1 with hosts such as n1:3,n2:3."""
        n = sum(int(h.split(":")[1]) for h in hosts.split(","))
        return self.run("n1", "mpirun", "--bind-to", "none", "--host", hosts, "-np", n, harness.BINARY, *arguments,
                        **options)

    def down(self):
        self.script("down")
        shutil.rmtree(self.folder)


def check_left_files_are_refused(nodes, hosts, node, tmp_path, survey):
    """Where `node` sees a folder of its own in place of the output's, in which an earlier job left all its files."""
    scratch = tmp_path / "scratch"
    own = nodes.own_folder(node, scratch)
    for name in ("out.h5.part", "out.h5.lock", "out.h5.journal"):
        (own / name).write_bytes(b"left by an earlier job\n" * 5)
    job = jobs.Job(scratch, survey)
    shutil.copy(job.path, tmp_path / "job.yaml")
    result = nodes.mpirun(hosts, "run", tmp_path / "job.yaml", "-q", cwd=tmp_path, check=1)
    assert f"on {node} sees another folder there than rank 0 on n1" in result.stderr, result.stderr
    assert not [p for p in job.files() if "part" in p], job.files()


def check_another_input_is_refused(nodes, hosts, node, tmp_path, survey):
    """Where `node` sees another file in place of the input. Returns the job, and the node's own folder of the input."""
    data = tmp_path / "data"
    own = nodes.own_folder(node, data)
    shutil.copy2(survey, data / "in.h5")
    shutil.copy2(survey, own / "in.h5")
    os.utime(own / "in.h5", (1000, 1000))
    job = jobs.Job(tmp_path, data / "in.h5")
    result = nodes.mpirun(hosts, "run", job.path, "-q", cwd=tmp_path, check=1)
    assert f"on {node} sees another file than rank 0 on n1" in result.stderr, result.stderr
    assert not job.files()
    return job, own


def make(n):
    """Skips where there can be none."""
    if harness.launcher_is_hydra():
        pytest.skip("over UCX's TCP between pretended nodes MPICH hangs in MPI_Finalize by itself")
    path = "/usr/sbin:/sbin:" + os.environ["PATH"]
    missing = [p for p in ("unshare", "nsenter", "ip") if shutil.which(p, path=path) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"no pretended nodes: {', '.join(missing) or 'root'} is needed")
    probe = subprocess.run(["unshare", "--mount", "--uts", "--net", "--ipc", "true"], capture_output=True, timeout=20)
    if probe.returncode:
        pytest.skip(f"no namespaces for nodes: {probe.stderr.decode().strip()}")
    return Nodes(n)
