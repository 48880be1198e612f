#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How busy very many workers are kept that take unlike times: real ranks, engines that sleep.

    perf/bench_dealing.py [--json] [--dir DIR] [--workers 64] [--slabs 40] [--seconds 1] [--stop 10] [--transfer NAME]

`seisproc run` with the mock engine, in which every slab takes so many seconds asleep, and one in a thousand, at random,
five times as long. Efficiency is the time in which engines slept, by what they were ordered, over that of the workers
from the first slab until the last of them has nothing more to do. Then the same once more, while one worker is
stopped (SIGSTOP) for --stop seconds: what the others did meanwhile, over what they do in such a time otherwise. The
output must have the same bytes both times.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from figures import PROGRAM

ODDS, TIMES = 1000, 5
JOB = """\
input: {folder}/in.h5
output: {folder}/out.h5
engine: mock
slab_mb: 1
commit_interval: 0.5
transfer: {transfer}
chain:
  - mute: {{velocity: 1500}}
"""


class Run:
    """One run of the job; when each gather was computed."""

    def __init__(self, folder, options, stop=0):
        self.folder, self.options, self.stop = folder, options, stop
        self.computed, self.ended = [], 0  # (when, rank), and when the last worker was done
        env = {**os.environ, "SEISPROC_LOG": "debug", "SEISPROC_START_TIMEOUT": "600", "OMPI_MCA_pml": "ob1",
               "SEISPROC_MOCK": f"take={1000 * options.seconds},hiccup={ODDS}"}
        if os.geteuid() == 0:
            env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        command = [PROGRAM, "run", folder / "job.yaml", "--quiet", "--restart", "--restarts=0", "--threads=1",
                   f"--workers={options.workers}", f"--report={folder / 'report.json'}"]
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        stopper = threading.Thread(target=self.stop_one, daemon=True)
        if stop:
            stopper.start()
        self.said = []
        for line in self.process.stderr:
            if "debug: computing gathers" in line:
                self.computed.append((time.monotonic(), int(line.split("[")[1].split("]")[0])))
            elif "debug: steady state" in line:
                self.ended = time.monotonic()
            elif "debug" not in line:
                self.said.append(line)
        if self.process.wait():
            sys.exit(f"the job ended with {self.process.returncode}\n{''.join(self.said)}")
        self.report = json.loads((folder / "report.json").read_text())
        self.sha = hashlib.sha256((folder / "out.h5").read_bytes()).hexdigest()

    def stop_one(self):
        """One worker, once each has computed a few slabs, for a while."""
        while len(self.computed) < 8 * self.options.workers:
            time.sleep(0.1)
        rank = self.options.workers // 2
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                here = Path(os.readlink(entry.parent / "exe")) == PROGRAM
                if here and f"OMPI_COMM_WORLD_RANK={rank}".encode() in entry.read_bytes().split(b"\0"):
                    pid = int(entry.parent.name)
            except OSError:
                pass  # not ours, or it ended
        self.stopped = (time.monotonic(), rank)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.stop)
        os.kill(pid, signal.SIGCONT)

    def efficiency(self):
        slabs = sum(r["stages"]["compute"]["count"] for r in self.report["ranks"] if r["role"] == "worker")
        slept = slabs * self.options.seconds * (1 + (TIMES - 1) / ODDS)
        return slept / (self.options.workers * (self.ended - self.computed[0][0]))

    def others(self):
        """Slabs that the others computed in the time of the stop, over those of all the rest of the steady time."""
        began, rank = self.stopped
        first, last = self.computed[2 * self.options.workers][0], self.computed[-2 * self.options.workers][0]
        during = sum(r != rank and began <= at < began + self.stop for at, r in self.computed)
        rest = sum(r != rank and first <= at < last and not began <= at < began + self.stop
                   for at, r in self.computed)
        return (during / self.stop) / (rest / (last - first - self.stop))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--slabs", type=int, default=40, help="a worker")
    parser.add_argument("--seconds", type=float, default=1.0, help="a slab")
    parser.add_argument("--stop", type=float, default=10.0, help="seconds that one worker is stopped")
    parser.add_argument("--transfer", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sp-", dir=options.dir) as name:
        folder = Path(name)
        (folder / "job.yaml").write_text(JOB.format(folder=folder, transfer=options.transfer))
        # gathers of more than half a slab: one each
        subprocess.run([PROGRAM, "synth", folder / "in.h5", f"--gathers={options.workers * options.slabs}",
                        "--traces=180", "--samples=1000", "--quiet"], check=True)
        undisturbed = Run(folder, options)
        disturbed = Run(folder, options, options.stop) if options.stop else undisturbed
        if disturbed.sha != undisturbed.sha:
            sys.exit("the outputs differ")
    result = {"workers": options.workers, "slab_s": options.seconds, "wall_s": undisturbed.report["wall_s"],
              "efficiency": undisturbed.efficiency(), "load": os.getloadavg()[0]}
    if options.stop:
        result.update(stop_s=options.stop, wall_with_stop_s=disturbed.report["wall_s"], others=disturbed.others())
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.workers} workers, slabs of {options.seconds:g} s, one in {ODDS} takes {TIMES} times as long, "
          f"transfer {options.transfer}: {result['wall_s']:.1f} s, efficiency {result['efficiency']:.3f} "
          f"(load {result['load']:.0f})")
    if options.stop:
        print(f"one worker stopped for {options.stop:g} s: {result['wall_with_stop_s']:.1f} s; meanwhile the others do "
              f"{result['others']:.2f} of what they do otherwise")


if __name__ == "__main__":
    main()
