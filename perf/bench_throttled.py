#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What packed surveys and samples of 16 bits do for a job on a storage that is the wall.

    perf/bench_throttled.py [--json] [--dir DIR] [--rate GB/s] [--gathers N] [--codec NAME] [--turns N]

All processes of a job together read and write so many bytes a second (perf/throttle.c, preloaded), 1 GB/s unless told;
four threads compute, in a chain that costs little. The same survey, in memory-backed storage: plain to plain, packed to
plain, packed to packed, plain to 16 bits; in turns, the best of each counts. What is timed is checked: outputs hold the
same samples (of 16 bits, within their errors), and as many bytes went through the throttle as the files have.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from figures import PROGRAM, ROOT

JOB = """\
input: {input}
output: {output}
engine: cpu
workers: 1
threads: 4
direct_io: false
qc: none
{more}
chain:
  - mute: {{velocity: 1500}}
"""


def run(*arguments, env=None):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")


class Throttle:
    def __init__(self, folder, rate):
        self.library, self.state, self.folder, self.rate = folder / "throttle.so", folder / "state", folder, rate
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", self.library,
                        ROOT / "perf" / "throttle.c", "-ldl"], check=True)

    def environment(self):
        self.state.write_bytes(bytes(24))
        env = {**os.environ, "LD_PRELOAD": str(self.library), "THROTTLE_DIR": str(self.folder / "slow"),
               "THROTTLE_STATE": str(self.state), "THROTTLE_RATE": str(self.rate)}
        if os.geteuid() == 0:
            env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        return env

    def moved(self):
        return struct.unpack("QQQ", self.state.read_bytes())[1:]


def time_job(throttle, folder, source, more, output):
    job = folder / "job.yaml"
    job.write_text(JOB.format(input=source, output=output, more=more))
    output.unlink(missing_ok=True)
    start = time.monotonic()
    run("run", job, "--quiet", env=throttle.environment())
    seconds = time.monotonic() - start
    read, written = throttle.moved()
    if read < 0.9 * source.stat().st_size * 0.95 or written < 0.9 * output.stat().st_size:
        sys.exit(f"{output}: {read} and {written} bytes went through the throttle, too few to be the job's")
    return seconds


def samples_of(path, folder):
    with h5py.File(path) as f:
        if not f["traces"].chunks:
            codes = f["traces"][:]
            return codes if "scale" not in f else codes.astype("f4") * f["scale/traces"][:][:, None]
    run("unpack", path, folder / "back.h5", "--quiet")
    return samples_of(folder / "back.h5", folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", default="/dev/shm")
    parser.add_argument("--rate", type=float, default=1, help="GB/s")
    parser.add_argument("--noise", type=float, default=1, help="of the samples: with less they pack better")
    parser.add_argument("--gathers", type=int, default=400, help="of 1000 traces of 1000 samples, 4 MB each")
    parser.add_argument("--codec", default="zstd", choices=("lz4", "zstd", "zfp"))
    parser.add_argument("--turns", type=int, default=2)
    o = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=o.dir) as name:
        folder = Path(name)
        (folder / "slow").mkdir()
        throttle = Throttle(folder, 1e9 * o.rate)
        plain, packed = folder / "slow" / "plain.h5", folder / "slow" / "packed.h5"
        run("synth", plain, f"--gathers={o.gathers}", "--traces=1000", "--samples=1000", f"--noise={o.noise}",
            "--quiet")
        run("pack", plain, packed, "--codec", o.codec, "--quiet")
        ratio = plain.stat().st_size / packed.stat().st_size
        cases = {"plain to plain": (plain, ""), "packed to plain": (packed, ""),
                 "packed to packed": (packed, f"pack: {o.codec}"), "plain to 16 bits": (plain, "samples: int16-scaled")}
        best, load = {}, os.getloadavg()[0]
        for _ in range(o.turns):
            for case, (source, more) in cases.items():
                output = folder / "slow" / f"{case.replace(' ', '-')}.h5"
                best[case] = min(best.get(case, 1e9), time_job(throttle, folder, source, more, output))
        expected = samples_of(folder / "slow" / "plain-to-plain.h5", folder)
        for case in list(cases)[1:]:
            found = samples_of(folder / "slow" / f"{case.replace(' ', '-')}.h5", folder)
            exact = o.codec != "zfp" and "16" not in case
            slack = 0 if exact else 0.01 * expected.std()
            good = np.allclose(found, expected, rtol=0, atol=slack)
            if not good:
                sys.exit(f"{case}: other samples")
        figures = {"rate_gb_s": o.rate, "codec": o.codec, "ratio": ratio, "bytes": plain.stat().st_size, "load": load,
                   "seconds": best, "faster": {c: best["plain to plain"] / s for c, s in best.items()}}
    if o.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"{1e-9 * figures['bytes']:.2f} GB, {o.codec}, ratio {ratio:.3f}, storage {o.rate} GB/s, load {load:.0f}")
    for case, seconds in best.items():
        print(f"{case:18} {seconds:7.2f} s  {figures['faster'][case]:.3f} times as fast as plain to plain")


main()
