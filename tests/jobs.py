# SPDX-License-Identifier: BSD-3-Clause
"""Jobs that are started, killed at a moment of one's choice, looked at, and started again."""

import hashlib
import itertools
import os
import signal
import subprocess
import time
import uuid

import h5py

import harness

JOB = """\
input: {input}
output: {output}
mode: both
engine: mock
slab_mb: 1
commit_interval: 0.1
chain:
  - dwt: {{wavelet: db4, level: 4, k: 2.5}}
"""

# Rank 0 coordinates; on one node rank 1 writes; the others compute.
COORDINATOR, IO_RANK, FIRST_WORKER = 0, 1, 2


def make_survey(path, gathers=80, traces=60, samples=1000, seed=5):
    """A synthetic survey; the default has 19 MB, which is some twenty slabs."""
    result = harness.run([harness.BINARY, "synth", path, f"--gathers={gathers}", f"--traces={traces}",
                          f"--samples={samples}", "--noise=1", f"--seed={seed}", "--quiet"], tmp=path.parent)
    assert result.returncode == 0, str(result)
    return path


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- journals ------------------------------------------------------------------------------------------------


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data, crc=0):
    """CRC-32C by its definition; checked against the published value of "123456789" below."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


class Journal:
    """What a journal says, read independently of the program: gathers done, and the lines that count."""

    def __init__(self, path=None, text=b""):
        self.text = path.read_bytes() if path and path.exists() else text
        self.lines, self.done, self.n_bad, seed, at = [], {}, 0, None, 0
        for line in self.text.split(b"\n")[:-1]:
            at += len(line) + 1
            body, _, crc = line.rpartition(b" crc32c=")
            if crc != b"%08x" % crc32c(body, seed or 0):
                self.n_bad += 1
                continue
            self.lines.append(line)
            if body.startswith(b"begin "):
                seed = crc32c(self.text[:at])
            elif body.startswith((b"done ", b"packed ")):
                words = body.split()
                first, n = int(words[1]), int(words[2])
                assert len(words) == 3 + n or body.startswith(b"packed ")
                self.done.update(zip(range(first, first + n), words[3:3 + n]))

    def first(self, n):
        """The n gathers that were done first."""
        return set(itertools.islice(self.done, n))


# --- running jobs --------------------------------------------------------------------------------------------


def describe(pid):
    """What a process is and does, for the message of a failed test."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f, open(f"/proc/{pid}/status") as status:
            state = [line.strip() for line in status if line.startswith(("State", "PPid"))]
            return f"{pid} {f.read().replace(bytes(1), b' ').decode()} {state}"
    except OSError:
        return f"{pid}, gone"


class Running:
    """A job under way. Whatever happens, its processes end with `end`."""

    def __init__(self, command, ranks, env, tmp):
        self.mark = uuid.uuid4().hex
        full_env = dict(os.environ, **harness.mpi_environment(), TMPDIR=str(tmp), **{harness.MARK: self.mark})
        full_env.update({key: str(value) for key, value in (env or {}).items()})
        prefix = harness.mpirun_prefix(ranks) if ranks else []
        self.command, self.started = prefix + [str(c) for c in command], time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=full_env, start_new_session=True)

    def pids(self):
        """Process ids of the ranks that live, by rank."""
        found = {}
        for pid in harness.marked_processes(self.mark):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environ = f.read().split(b"\0")
                with open(f"/proc/{pid}/stat", "rb") as f:
                    state = f.read().rpartition(b")")[2].split()[0]
            except OSError:
                continue
            rank = [e.partition(b"=")[2] for e in environ if e.startswith((b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK="))]
            if rank and state != b"Z":
                found[int(rank[0])] = pid
        return found

    def launcher(self):
        """The process id of the mpirun that a job started by itself; None before that."""
        for pid in harness.marked_processes(self.mark):
            try:
                with open(f"/proc/{pid}/stat", "rb") as f:
                    parent = int(f.read().rpartition(b")")[2].split()[1])
                with open(f"/proc/{pid}/comm", "rb") as f:
                    name = f.read()
            except OSError:
                continue
            if parent == self.process.pid and name.startswith((b"mpirun", b"orterun", b"prterun", b"mpiexec")):
                return pid
        return None

    def is_alive(self):
        return self.process.poll() is None

    def wait_for(self, condition, timeout=30):
        """Waits until condition() holds; false when the job ended first."""
        limit = time.monotonic() + timeout * harness.TIME_SCALE
        while not condition():
            if not self.is_alive():
                return False
            assert time.monotonic() < limit, f"not within {timeout} s\n{self.end()}"
            time.sleep(0.005)
        return True

    def kill(self, rank, number=signal.SIGKILL):
        """Sends a signal to one rank; false when it is not there."""
        pid = self.pids().get(rank)
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill_all(self):
        """Everything at once, as when a node goes down."""
        harness.kill_marked(self.mark)

    def kill_launcher_without_ranks(self, timeout=20):
        """Open MPI's launcher may wait for ever for a rank that was killed as it connected to it. Whether there was no
        rank for so long, and it was killed; false at once where there is one, or all has ended."""
        limit = time.monotonic() + timeout * harness.TIME_SCALE
        while self.is_alive() and not self.pids():
            if time.monotonic() > limit:
                self.kill_all()
                return True
            time.sleep(0.1)
        return False

    def wait(self, timeout=60):
        """Waits for the end; returns harness.Finished. What is still there after the time is killed."""
        timed_out = False
        try:
            out, _ = self.process.communicate(timeout=timeout * harness.TIME_SCALE)
        except subprocess.TimeoutExpired:
            timed_out = True
            harness.kill_marked(self.mark)
            out, _ = self.process.communicate()
        harness.skip_without_codec(out.decode(errors="replace"))
        return harness.Finished(self.command, self.process.returncode, "", out.decode(errors="replace"),
                                time.monotonic() - self.started, timed_out)

    def seconds_until_gone(self, timeout=30):
        """How long it takes until no process of the job is left."""
        start = time.monotonic()
        while harness.marked_processes(self.mark):
            if time.monotonic() - start > timeout * harness.TIME_SCALE:
                left = [describe(pid) for pid in harness.marked_processes(self.mark)]
                self.kill_all()
                raise AssertionError(f"still there after {timeout} s: {left}")
            time.sleep(0.01)
        return time.monotonic() - start

    def end(self):
        harness.kill_marked(self.mark)
        return self.wait(10)


class Job:
    """A job file in a folder of its own, and the output that it makes."""

    def __init__(self, folder, survey, text=JOB, name="out"):
        self.folder, self.survey = folder, survey
        self.path, self.output = folder / f"{name}.yaml", folder / f"{name}.h5"
        self.part, self.journal = folder / f"{name}.h5.part", folder / f"{name}.h5.journal"
        self.history, self.inflight = folder / f"{name}.h5.runs", folder / f"{name}.h5.inflight"
        self.path.write_text(text.format(input=survey, output=self.output))

    def start(self, *arguments, ranks=4, delay=100, binary=harness.BINARY, env=None):
        """Starts the job; each slab takes up to `delay` ms longer than it needs. ranks=None: it starts its own."""
        full_env = {"SEISPROC_MOCK": f"delay={delay}", **(env or {})}
        return Running([binary, "run", self.path, "--quiet", *arguments], ranks, full_env, self.folder)

    def run(self, *arguments, ranks=4, delay=0, timeout=60, check=0, env=None, binary=harness.BINARY):
        """Runs it to the end, and expects this exit code; returns harness.Finished."""
        running = self.start(*arguments, ranks=ranks, delay=delay, env=env, binary=binary)
        result = running.wait(timeout)
        running.seconds_until_gone()
        assert not result.timed_out and (check is None or result.returncode == check), f"expected {check}\n{result}"
        return result

    def done(self):
        return Journal(self.journal).done

    def files(self):
        """What there is of the output, but for its history."""
        return sorted(p.name for p in self.folder.glob(f"{self.output.name}*") if p != self.history)

    def history_lines(self, word):
        """The lines of the history that begin with this word, split into words."""
        return [line.split() for line in self.history.read_text().splitlines() if line.startswith(word + " ")]


def refuses_wiped_samples(folder, survey, text, *words):
    """A job that is cut off before its output is published, whose samples are then zeros: refused by `run` and `plan`
    in one line with these words; with the samples back, it ends as it should."""
    job = Job(folder, survey, text)
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "before_publish:1"}, check=None)
    whole = job.part.read_bytes()
    with h5py.File(job.part) as f:
        at, n = f["traces"].id.get_offset(), f["traces"].id.get_storage_size()
    job.part.write_bytes(whole[:at] + bytes(n) + whole[at + n:])
    for done in (job.run(check=1), harness.run([harness.BINARY, "plan", job.path], tmp=folder)):
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error: " in line]
        assert done.returncode == 1 and len(said) == 1 and all(word in said[0] for word in words), str(done)
    job.part.write_bytes(whole)
    job.run()
    return job
