# SPDX-License-Identifier: BSD-3-Clause
"""A throw-away Slurm for the tests of this folder, and its jobs."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import harness

SCRIPT = Path(__file__).with_name("cluster.sh")
PROGRAMS = "slurmctld slurmd sbatch scontrol munged unshare nsenter ip".split()
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")


def why_not():
    """Why there can be no Slurm here; None where there can."""
    missing = [p for p in PROGRAMS if shutil.which(p, path="/usr/sbin:/sbin:" + os.environ["PATH"]) is None]
    if missing:
        return f"no Slurm to start: {', '.join(missing)} not installed (`make setup` lists the packages)"
    if os.geteuid() != 0:
        return "Slurm's daemons and namespaces need root"
    probe = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True, timeout=20)
    return None if probe.returncode == 0 else f"no namespaces for Slurm: {probe.stderr.decode().strip()}"


def wait_until(condition, timeout, what):
    limit = time.monotonic() + timeout * harness.TIME_SCALE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < limit, f"not within {timeout} s: {what() if callable(what) else what}"
        time.sleep(0.1)


class Cluster:
    """Two nodes, n1 and n2, of 16 processors each. It ends with `stop` or with this process, whatever ends that."""

    def __init__(self, prefix):
        self.dir = Path(tempfile.mkdtemp(prefix="sp-slurm-"))
        self.env = dict(os.environ, **harness.mpi_environment(), SLURM_CONF=str(self.dir / "slurm.conf"),
                        PATH=f"{prefix}/bin:/usr/sbin:/sbin:{os.environ['PATH']}",
                        OMPI_MCA_btl_tcp_if_include="lo", OMPI_MCA_oob_tcp_if_include="lo")
        del self.env["OMPI_MCA_btl"]  # its nodes reach each other by network
        for name in ("SEISPROC_LOG", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SEISPROC_JOBSCRIPTS", harness.MARK):
            self.env.pop(name, None)
        for name in [n for n in self.env if n.startswith(("SLURM_", "SBATCH_", "SRUN_")) and n != "SLURM_CONF"]:
            self.env.pop(name)
        with open(self.dir / "cluster.log", "w") as log:
            self.process = subprocess.Popen([SCRIPT, self.dir], stdin=subprocess.PIPE, stdout=log, stderr=log,
                                            env=self.env, start_new_session=True)
        try:
            init = self.dir / "init"
            wait_until(init.exists, 20, "namespaces")
            # by its own root, which is another one than that of its mounts where the tests run in a chroot
            self.inside = ["nsenter", "--target", init.read_text().strip(), "--mount", "--pid", "--net", "--root"]
            wait_until(lambda: self.ask("sinfo", "-h", "-o", "%D %t", check=False).strip() == "2 idle", 30, self.logs)
        except BaseException:
            self.stop()
            raise

    def logs(self):
        texts = [f"--- {p}\n{p.read_text(errors='replace')}" for p in sorted(self.dir.glob("log/*"))]
        return "\n".join([(self.dir / "cluster.log").read_text(), *texts])

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def run(self, *command, cwd="/", env=None, timeout=30):
        """Runs a command inside; returns subprocess.CompletedProcess."""
        # nsenter leaves the folder
        full = [*self.inside, "env", f"--chdir={cwd}", *map(str, command)]
        return subprocess.run(full, env={**self.env, **(env or {})}, capture_output=True, text=True,
                              timeout=timeout * harness.TIME_SCALE, stdin=subprocess.DEVNULL)

    def ask(self, *command, check=True, **options):
        result = self.run(*command, **options)
        assert not check or result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def submit(self, folder, *arguments, env=None):
        """sbatch with these arguments in `folder`; returns the Job."""
        number = self.ask("sbatch", "--parsable", f"--output={folder}/%x-%j.log", *arguments, cwd=folder,
                          env={"TMPDIR": str(folder), **(env or {})}).strip()
        return Job(self, number, folder)


class Job:
    def __init__(self, cluster, number, folder):
        self.cluster, self.number, self.folder = cluster, number, folder

    def show(self):
        """What scontrol says of the job."""
        text = self.cluster.ask("scontrol", "--oneliner", "show", "job", self.number)
        return dict(word.partition("=")[::2] for word in text.split() if "=" in word)

    def log(self):
        return "".join(p.read_text(errors="replace") for p in sorted(self.folder.glob(f"*-{self.number}.log")))

    def describe(self):
        return f"job {self.number}: {self.show()}\n{self.log()}"

    def wait_for(self, condition, timeout=60):
        """Waits for condition(show()); an end of another kind fails."""
        def look():
            shown = self.show()
            if condition(shown):
                return shown
            assert shown["JobState"] not in ENDED, self.describe()
            return None
        return wait_until(look, timeout, self.describe)

    def wait(self, timeout=75):
        """Waits for the end; returns what scontrol says then."""
        return wait_until(lambda: (s := self.show())["JobState"] in ENDED and s, timeout, self.describe)
