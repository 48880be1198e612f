#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kills a job again and again, and sees that the same command goes on, to the same bytes, losing and repeating nothing.

    torture.py [--kills 40] [--minutes M] [--seed 1] [--nodes 1] [--transfer auto] [--folder FOLDER]

Victims are a worker, an I/O rank, the coordinator, mpirun, the supervisor and all at once, at random times, and each
role at every named point around the steps of a commit (src/base/fault.h). The job runs under mpirun directly or under
its own supervisor, on 1 to 3 workers and 1 or 2 I/O ranks, as chance will have it. When it completes, its bytes are
compared with those of a run that nobody disturbed, and it begins anew, until so many processes have been killed or
the time is up. Every other death by chance is followed by a second one while the job still ends.

Open MPI's launcher may wait for ever for a rank that is killed while it connects to it ("PMIX ERROR: UNREACHABLE"):
where no rank is left and it has said so, it is killed, too, and counted.

With --nodes it runs on so many pretended nodes (tests/run/nodes.py), up to two workers and two I/O ranks on each; the
command is given on any of them, rank 0 is on any of them, and so is the victim, which may be the daemon that the
launcher has on another node, or all that runs on a node.
"""

import argparse
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "run")]

import harness
import jobs
import nodes as pretended

JOB = """\
input: {input}
output: {output}
mode: both
engine: mock
commit_interval: 0.05
chain:
  - dwt: {{wavelet: db4, level: 3, k: 2.5}}
"""
COMMIT_INTERVAL = 0.05

# Points by the role that comes to them; how often it does so at least in a whole run.
POINTS = {
    "coordinator": {
        "forgetting": 2, "looked": 1, "created": 1, "headers_copied": 1, "journal_written": 1, "journal_renamed": 1,
        "before_deal": 8, "before_append": 10, "append_torn": 10, "after_append": 10, "before_sync": 6, "after_sync": 6,
        "before_publish": 1, "integrity_written": 1, "publish_synced": 1, "publish_renamed": 1, "published": 1,
        "tidied_up": 1},
    "io": {
        "headers_copied": 1, "before_write": 10, "between_writes": 10, "after_write": 10, "before_sync": 6,
        "after_sync": 6, "before_report": 10, "after_report": 10},
    "worker": {
        "headers_copied": 1, "in_compute": 8, "before_slot_full": 8, "after_slot_full": 8},
}
# Points that only a job comes to that begins anew.
AT_START = {"forgetting", "created", "headers_copied", "journal_written", "journal_renamed"}

VICTIMS = ["worker", "io", "coordinator", "mpirun", "supervisor", "all"]
VICTIMS_OF_NODES = ["daemon", "node"]

GONE_S = 10     # no process is left so long after a death
LOST_S = 4      # work that is lost was begun so long before the death at most, and a commit interval
SECONDS = 1.6   # kills come within this
SHOCK_S = 0.3   # a second one within this after the first, in the midst of the end
UNREACHABLE = "PMIX ERROR: UNREACHABLE"  # a rank died while it connected to its launcher
RUN_S = 60      # a command takes at most, with all its restarts


class Listener(threading.Thread):
    """Keeps what a run says, with the time of each line, and the last journal that was seen meanwhile."""

    def __init__(self, running, journal):
        super().__init__(daemon=True)
        self.running, self.path, self.lines, self.journal = running, journal, [], b""
        self.start()

    def run(self):
        looker = threading.Thread(target=self.look, daemon=True)
        looker.start()
        for line in self.running.process.stdout:
            self.lines.append((time.monotonic(), line.decode(errors="replace")))
        looker.join()

    def look(self):
        while True:
            alive = self.is_alive() and self.running.is_alive()
            try:
                self.journal = self.path.read_bytes()
            except FileNotFoundError:
                pass
            if not alive:
                return
            time.sleep(0.02)

    def count(self, words):
        return sum(words in line for _, line in self.lines)

    def text(self):
        return "".join(f"{at - self.running.started:6.2f} {line}" for at, line in self.lines)


class Layout:
    """Where the ranks of a run are: on each host, I/O ranks and then workers; rank 0 is the first one's."""

    def __init__(self, chance, nodes):
        self.io_ranks = chance.choice([1, 1, 1, 2])  # a node
        self.hosts = chance.sample(nodes.names(), nodes.n) if nodes else [None]
        most = 2 if nodes else 3
        self.workers = [chance.randint(max(1, self.io_ranks), max(most, self.io_ranks)) for _ in self.hosts]
        if nodes:  # as `--workers` deals them out
            total = sum(self.workers)
            self.workers = [total // nodes.n + (i < total % nodes.n) for i in range(nodes.n)]
        self.by_role, self.ranks_on, rank = {"coordinator": [0], "io": [], "worker": []}, [], 1
        for i, n in enumerate(self.workers):
            n_io = min(self.io_ranks, n)
            self.by_role["io"] += range(rank, rank + n_io)
            self.by_role["worker"] += range(rank + n_io, rank + n_io + n)
            self.ranks_on.append(n_io + n + (i == 0))
            rank += n_io + n
        self.size = rank

    def slots(self):
        return ",".join(f"{host}:{n}" for host, n in zip(self.hosts, self.ranks_on))


def what_hangs(mark):
    """The processes of a run that are left, and where each stands as far as gdb is there to tell."""
    text = ""
    for pid in harness.marked_processes(mark):
        commands = [["ps", "-o", "pid,ppid,stat,wchan:24,etimes,args", "-p", pid]]
        if shutil.which("gdb"):
            commands.append(["gdb", "-p", pid, "-batch", "-nx", "-ex", "thread apply all bt 16"])
        for command in commands:
            try:
                said = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, timeout=60 * harness.TIME_SCALE)
                text += said.stdout.decode(errors="replace")
            except subprocess.TimeoutExpired:
                text += f"{command[0]} {pid}: no answer\n"
    return text


class Torture:
    def __init__(self, folder, seed, nodes=None, transfer="auto"):
        self.chance, self.nodes, self.transfer = random.Random(seed), nodes, transfer
        self.survey = jobs.make_survey(folder / "in.h5", gathers=160, traces=10, samples=300)
        reference = jobs.Job(folder, self.survey, text=JOB, name="reference")
        reference.run("--set=engine=cpu", ranks=3, binary=harness.FAULTY)
        self.expected = jobs.sha(reference.output)
        self.job = jobs.Job(folder, self.survey, text=JOB)
        self.lines = []  # of the journal after the last run
        self.kills, self.missed, self.deck = Counter(), Counter(), []
        self.n_runs = self.n_completed = self.n_shocks = self.n_stuck = 0
        self.slowest_end = 0
        self.lost = []  # (gathers, age of the oldest in s) a death

    # --- what to do next ---

    def next_card(self):
        if not self.deck:
            victims = VICTIMS + (VICTIMS_OF_NODES if self.nodes else [])
            points = [("point", role, name) for role, names in POINTS.items() for name in names]
            self.deck = points + [("time", victim, None) for victim in victims] * 3
            self.chance.shuffle(self.deck)
        return self.deck.pop()

    def run_once(self):
        """One command: started, disturbed, and looked at when it has ended."""
        kind, who, point = self.next_card()
        supervised = who == "supervisor" or self.chance.random() < 0.4
        layout = Layout(self.chance, self.nodes)
        arguments, env = [f"--set=io_ranks={layout.io_ranks}", "--restarts=2"], {"SEISPROC_LOG": "debug"}
        arguments.append(f"--set=transfer={self.transfer}")
        if self.nodes and self.transfer == "collective":
            arguments.append(f"--set=group={self.chance.choice(['node', 'all'])}")
        if supervised:
            arguments += [f"--set=workers={sum(layout.workers)}", "--set=threads=1"]
            env["SEISPROC_START_TIMEOUT"] = 20 * harness.TIME_SCALE
        if point in AT_START and self.job.journal.exists():
            arguments.append("--restart")
            self.lines = []
        if kind == "point":
            nth = 1 + int(POINTS[who][point] * self.chance.random() ** 2)
            env["SEISPROC_FAULT"] = f"{point}:{nth}@{self.chance.choice(layout.by_role[who])}"
        running = self.start(layout, arguments, supervised, 100 if kind == "time" else 20, env)
        listener = Listener(running, self.job.journal)
        self.command = f"{kind} {who} {layout.slots()} {' '.join(arguments)} {env.get('SEISPROC_FAULT', '')}"
        deaths = []  # when
        try:
            if kind == "time":
                deaths = self.kill_at_times(running, who, supervised, layout)
            deaths += self.wait(running, listener, supervised)
        finally:
            running.end()
        if kind == "point":
            at_point = [at for at, line in listener.lines if "fault point " in line]
            self.kills[f"{who} at {point}"] += len(at_point)
            self.missed[f"{who} at {point}"] += not at_point
            deaths += at_point
        self.n_runs += 1
        self.look(listener, running.process.returncode, deaths, self.command)

    def start(self, layout, arguments, supervised, delay, env):
        if not self.nodes:
            return self.job.start(*arguments, ranks=None if supervised else layout.size, delay=delay,
                                  binary=harness.FAULTY, env=env)
        command = [harness.FAULTY, "run", self.job.path, "--quiet", *arguments]
        env = {"SEISPROC_MOCK": f"delay={delay}", **env}
        if supervised:
            node = self.chance.choice(layout.hosts)
            return self.nodes.start(node, *command, "--hosts", ",".join(f"{host}:9" for host in layout.hosts),
                                    cwd=self.job.folder, env=env)
        return self.nodes.start(layout.hosts[0], "mpirun", "--bind-to", "none", "--host", layout.slots(), "-np",
                                layout.size, *command, cwd=self.job.folder, env=env)

    def kill_at_times(self, running, victim, supervised, layout):
        deaths = []
        victims = VICTIMS + (VICTIMS_OF_NODES if self.nodes else [])
        while running.is_alive():
            time.sleep(self.chance.uniform(0.05, SECONDS * (2 if self.nodes else 1)))
            if not running.is_alive():
                break
            if self.kill(running, victim, supervised, layout):
                self.kills[victim] += 1
                deaths.append(time.monotonic())
            if deaths and self.chance.random() < 0.5:
                time.sleep(self.chance.uniform(0, SHOCK_S))
                self.n_shocks += self.kill_again(running, supervised, layout)
            if not supervised or victim in ("supervisor", "all"):
                break
            victim = self.chance.choice(victims)
        return deaths

    def kill_again(self, running, supervised, layout):
        """Something of a job that has just lost something else; whether there was something left."""
        victim = self.chance.choice(["worker", "io", "coordinator", "mpirun", "supervisor"])
        killed = running.is_alive() and self.kill(running, victim, supervised, layout)
        self.kills[victim] += killed
        return killed

    def kill(self, running, victim, supervised, layout):
        if victim == "all":
            running.kill_all()
            return True
        if victim == "node":
            return self.kill_some(self.nodes.processes(self.chance.choice(layout.hosts), running.mark))
        if victim == "daemon":
            return self.kill_some(self.nodes.daemons(running.mark)[:1])
        if victim == "supervisor" or (victim == "mpirun" and not supervised):
            running.process.kill()
            return True
        if victim == "mpirun":
            return self.kill_some([pid for pid in [running.launcher()] if pid])
        return running.kill(self.chance.choice(layout.by_role[victim]))

    def kill_some(self, pids):
        n = 0
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                n += 1
            except ProcessLookupError:
                pass
        return n > 0

    def wait(self, running, listener, supervised):
        """Until the end. What a supervisor starts again and again, to the same death, ends with the supervisor."""
        limit, deaths = time.monotonic() + RUN_S * harness.TIME_SCALE, []
        while running.is_alive():
            assert time.monotonic() < limit, \
                f"{self.command}: hangs, load {os.getloadavg()[0]:.0f}\n{listener.text()}{what_hangs(running.mark)}"
            if not supervised and self.launcher_waits(running, listener):
                break
            if not deaths and listener.count("fault point ") >= 3:
                running.process.kill()
                self.kills["supervisor"] += 1
                deaths = [time.monotonic()]
            time.sleep(0.01)
        try:
            self.slowest_end = max(self.slowest_end, running.seconds_until_gone(GONE_S))
        except AssertionError as error:
            if not listener.count(UNREACHABLE) or "seisproc run" in str(error):
                raise AssertionError(f"{self.command}: {error}\n{listener.text()}") from error
            self.n_stuck += 1
        listener.join(10)
        return deaths

    def launcher_waits(self, running, listener):
        """Whether Open MPI's launcher waits for a dead rank, and was killed; it has been given time to end."""
        if not listener.count(UNREACHABLE) or not running.kill_launcher_without_ranks(GONE_S):
            return False
        self.n_stuck += 1
        running.process.wait()
        return True

    # --- what must hold ---

    def look(self, listener, exit_code, deaths, told):
        text = listener.text()
        assert "set aside" not in text and "damaged" not in text, text
        assert deaths or exit_code == 0, f"{told}: exit {exit_code} without a kill\n{text}"
        journal = jobs.Journal(self.job.journal)
        complete = self.job.output.exists()
        if not complete:
            assert journal.lines[:len(self.lines)] == self.lines, f"{told}: lines of the journal are lost\n{text}"
        if complete:
            journal = jobs.Journal(text=listener.journal)
        self.look_at_work(listener.lines, journal, [] if complete else deaths, told)
        self.lines = [] if complete else journal.lines
        if complete:
            self.look_at_output(told)

    def look_at_work(self, lines, journal, deaths, told):
        """Of each run of one command: nothing is computed that was durable when it began; what its death cost."""
        runs = []  # (when it began, what was durable then, what it computed and when)
        for at, line in lines:
            resumed = re.search(r"resuming: (\d+) of \d+ gathers are done", line)
            computing = re.search(r"computing gathers (\d+) \+ (\d+)", line)
            if "starting again" in line or not runs:
                runs.append([at, set(), []])
            if resumed:
                runs[-1][1] = journal.first(int(resumed.group(1)))
            if computing:
                first, n = map(int, computing.groups())
                runs[-1][2] += [(at, g) for g in range(first, first + n)]
        for i, (began, done, computed) in enumerate(runs):
            again = [g for _, g in computed if g in done]
            assert not again, f"{told}: durable and computed again: {again}"
            end, durable = (runs[i + 1][0], runs[i + 1][1]) if i + 1 < len(runs) else (math.inf, set(journal.done))
            death = min((d for d in deaths if began < d < end), default=None)
            if death:
                self.look_at_loss([death - at for at, g in computed if at < death and g not in durable], told)

    def look_at_loss(self, ages, told):
        oldest = max(ages, default=0)
        self.lost.append((len(ages), oldest))
        assert oldest < COMMIT_INTERVAL + LOST_S * harness.TIME_SCALE, f"{told}: work of {oldest:.2f} s was lost"

    def look_at_output(self, told):
        if self.job.files() != ["out.h5"] or self.chance.random() < 0.25:
            self.job.run(ranks=3, binary=harness.FAULTY)  # complete already; tidies up where that was cut off
        assert jobs.sha(self.job.output) == self.expected, f"{told}: the output differs"
        assert self.job.files() == ["out.h5"], self.job.files()
        self.n_completed += 1
        self.job.output.unlink()
        self.job.history.unlink()

    def end(self):
        """To the end without a kill."""
        self.job.run(ranks=4, binary=harness.FAULTY)
        self.look_at_output("the last run")


def torture(folder, kills, seed, say=lambda text: None, nodes=None, transfer="auto", minutes=math.inf):
    t = Torture(folder, seed, nodes, transfer)
    began = time.monotonic()
    while t.kills.total() < kills and time.monotonic() < began + 60 * minutes:
        t.run_once()
        say(f"{t.kills.total()} kills in {t.n_runs} runs, {t.n_completed} completed, "
            f"{time.monotonic() - began:.0f} s")
    t.end()
    return t


def summary(t, seconds):
    gathers, ages = [n for n, _ in t.lost], [age for _, age in t.lost]
    lines = [f"{t.kills.total()} kills ({t.n_shocks} right after another one) in {t.n_runs} runs, {seconds:.0f} s; "
             f"{t.n_completed} outputs, all of them with the bytes of an undisturbed run",
             f"no process left after {t.slowest_end:.1f} s; computed and lost, of 160 gathers: "
             f"{sum(gathers) / len(gathers):.1f} a kill, {max(gathers)} at most; begun {max(ages):.2f} s before the "
             f"kill at most; Open MPI's launcher waited for ever {t.n_stuck} times"]
    return lines + [f"  {n:4d}  {what}" for what, n in sorted(t.kills.items(), key=lambda kind: -kind[1])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--transfer", choices=["auto", "collective", "independent"], default="auto")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # takes its nodes away, whoever ends it
    print(f"seed {options.seed}", flush=True)
    nodes = pretended.Nodes(options.nodes) if options.nodes > 1 else None
    try:
        with tempfile.TemporaryDirectory(prefix="sp-", dir=options.folder) as folder:
            t = torture(Path(folder), options.kills, options.seed, lambda text: print(text, flush=True), nodes,
                        options.transfer, options.minutes)
    finally:
        if nodes:
            nodes.down()
    print("\n".join(summary(t, time.monotonic() - began)))


if __name__ == "__main__":
    main()
