# SPDX-License-Identifier: BSD-3-Clause
"""Runs programs for the tests: with a time limit, under mpirun or not, and with nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("SEISPROC_BUILD", ROOT / "build")).resolve()
BINARY = BUILD / "seisproc"
FAULTY = BUILD.parent / f"{BUILD.name}-faults" / "seisproc"  # the same with fault switches

# A loaded machine may be given more time: every limit is multiplied by this.
TIME_SCALE = float(os.environ.get("SEISPROC_TIME_SCALE", "1"))

# Every process that a test starts inherits this variable with a value of its own, so that whatever is left
# when time is up can be found and ended, whichever session or process group it moved to.
MARK = "SEISPROC_TEST_MARK"

# Inside an allocation of Slurm `seisproc run` would take that for its own.
for variable in [name for name in os.environ if name.startswith("SLURM_")]:
    del os.environ[variable]


class Finished:
    """What a program did. `seconds` is its wall time, `timed_out` whether it was killed for it."""

    def __init__(self, command, returncode, stdout, stderr, seconds, timed_out):
        self.command, self.returncode, self.stdout, self.stderr = command, returncode, stdout, stderr
        self.seconds, self.timed_out = seconds, timed_out

    def __str__(self):
        how = f"killed after {self.seconds:.0f} s" if self.timed_out else f"exit {self.returncode}"
        text = [f"$ {' '.join(map(str, self.command))}   ({how})"]
        text += [f"--- {name}\n{what.rstrip()}" for name, what in
                 (("stdout", self.stdout), ("stderr", self.stderr)) if what.strip()]
        return "\n".join(text)


def skip_without_codec(text):
    """A test that comes to a codec which this build has not is skipped, and says so."""
    lacks = re.search(r"this program was built without (lib\w+)", text)
    if lacks:
        pytest.skip(f"the program was built without {lacks[1]}")


def marked_processes(mark):
    """Ids of living processes that carry this mark."""
    needle, found = f"{MARK}={mark}".encode(), []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry.name}/environ", "rb") as f:
                if needle in f.read().split(b"\0"):
                    found.append(int(entry.name))
        except OSError:
            pass  # it ended meanwhile, or is not ours
    return found


def kill_marked(mark):
    """Ends every process with this mark, and those they start while we look."""
    clean = 0
    for _ in range(50):
        left = marked_processes(mark)
        clean = 0 if left else clean + 1
        if clean == 2:  # twice, since a process in the middle of an exec shows no environment
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def mpi_environment():
    """What mpirun needs to start at all for root, and to start in a third of the time: it looks for no fabric, and not
    for networks, of which Open MPI 5 would have things to say where there is none."""
    env = {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "^tcp,ofi,openib,uct,usnic"}
    env.update({name: os.environ[name] for name in env if name in os.environ})
    if os.geteuid() == 0:
        env.update({"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
    return env


def launcher_is_hydra():
    """MPICH's. Of a rank that dies it does not tell which one it was."""
    return any(name in os.environ.get("SEISPROC_MPIRUN", "") for name in ("mpich", "hydra"))


def mpirun_prefix(ranks):
    launcher = os.environ.get("SEISPROC_MPIRUN") or "mpirun"
    if launcher_is_hydra():
        return [launcher, "-n", str(ranks), "-bind-to", "none"]
    return [shutil.which(launcher) or launcher, "-n", str(ranks), "--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]


def run(command, ranks=None, timeout=60, env=None, cwd=None, tmp=None, stdin=None):
    """Runs `command`, under mpirun with `ranks` ranks unless that is None, for at most `timeout` seconds.

    `env` adds to the environment (a value None removes), `tmp` becomes TMPDIR. Returns Finished and leaves
    no process behind, whatever happens.
    """
    mark = uuid.uuid4().hex
    full_env = dict(os.environ, **mpi_environment(), **{MARK: mark})
    for name in ("SEISPROC_LOG", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        full_env.pop(name, None)
    if tmp is not None:
        full_env["TMPDIR"] = str(tmp)
    for key, value in (env or {}).items():
        if value is None:
            full_env.pop(key, None)
        else:
            full_env[key] = str(value)
    command = [str(c) for c in command]
    if ranks is not None:
        command = mpirun_prefix(ranks) + command
    start, timed_out = time.monotonic(), False
    process = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=full_env, cwd=cwd, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout * TIME_SCALE)
    except subprocess.TimeoutExpired:
        timed_out = True
        kill_marked(mark)
        out, err = process.communicate()
    finally:
        kill_marked(mark)
        process.wait()
    skip_without_codec(err.decode(errors="replace"))
    return Finished(command, process.returncode, out.decode(errors="replace"), err.decode(errors="replace"),
                    time.monotonic() - start, timed_out)


def mounted(where, options):
    """A prefix that mounts a tmpfs for the command alone; skips where that is not allowed."""
    prefix = ["unshare", "--mount", "--map-root-user", "bash", "-c",
              f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"', str(where)]
    if run([*prefix, "true"], timeout=30).returncode:
        pytest.skip("no tmpfs can be mounted here")
    return prefix
