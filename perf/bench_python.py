#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The whole `seisproc run` against a Python program that does the same, on the same survey, with as many processes.

    perf/bench_python.py [--json] [--dir DIR] [--gb SIZE] [--workers N] [--turns N] [CASE]...

The Python program is what one writes with h5py, PyWavelets, SciPy and multiprocessing: a fork pool, a gather a task,
read by the worker, written by the parent. Its kernels are those of tests/kernels, whole gathers at a time, in
single precision as far as their libraries have it. It takes the first gathers of the survey only, and its time, from
its first import done to its output closed, is scaled by traces to the whole; seisproc's is that of the whole command
with the start of MPI and the sync of the output. Turns alternate, after one of seisproc's that is not counted; figures
are medians. The two outputs are compared before anything is said.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from figures import PROGRAM, ROOT, figure, show

sys.path.insert(0, str(ROOT / "tests" / "kernels"))

import reference  # noqa: E402
import reference_tf  # noqa: E402

TRACES, SAMPLES, INTERVAL_S = 3000, 1600, 0.002
TOLERANCE = 1e-5
MEGABYTE = 1e6


def dwt(gather):
    return reference.dwt_gather(gather, "db4", 6, "soft", 3.0)


def dwt_aperture(gather):
    return reference.dwt_gather(gather, "db4", 6, "soft", 3.0, aperture=7)


def stft(gather):
    return reference_tf.stft_gather(gather, INTERVAL_S, fmin=5, fmax=100, precision=gather.dtype)


THRESHOLDS = "transform: dwt, wavelet: db4, level: 6, threshold: soft, k: 3.0, noise_level: finest"

# Name -> chain of the job, the same in Python, gathers that Python takes for each worker.
CASES = {
    "dwt": (f"dwt: {{{THRESHOLDS}}}", dwt, 4),
    "dwt, aperture 7": (f"dwt: {{{THRESHOLDS}, aperture: 7}}", dwt_aperture, 1),
    "stft, 5-100 Hz": ("tf: {transform: stft, aperture: 7, fmin: 5, fmax: 100, k: 3.0}", stft, 1),
}


# --- the Python program ------------------------------------------------------------------------------------------


def process(task):
    path, name, first, end = task
    with h5py.File(path) as survey:
        gather = survey["traces"][first:end]
    result = CASES[name][1](gather).astype(np.float32)
    return result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_python(name, survey, output, n_gathers, workers):
    """Seconds for the first n_gathers, and the peak memory of a worker."""
    start, peak = time.perf_counter(), 0
    with h5py.File(survey) as f:
        first_trace, shape = f["gathers/first_trace"][:n_gathers + 1], f["traces"].shape
    tasks = [(survey, name, a, b) for a, b in zip(first_trace[:-1], first_trace[1:])]
    with h5py.File(output, "w") as f, multiprocessing.get_context("fork").Pool(workers) as pool:
        traces = f.create_dataset("traces", (first_trace[-1], shape[1]), np.float32)
        for (_, _, a, b), (result, rss) in zip(tasks, pool.imap(process, tasks)):
            traces[a:b] = result
            peak = max(peak, rss)
    return time.perf_counter() - start, peak


# --- seisproc ----------------------------------------------------------------------------------------------------


def seisproc(*arguments):
    subprocess.run([PROGRAM, *map(str, arguments)], check=True)


def run_seisproc(name, survey, output, workers):
    """Seconds of the command, and the peak memory of a worker."""
    job, report = output.with_suffix(".yaml"), output.with_suffix(".json")
    job.write_text(f"input: {survey}\noutput: {output}\nchain:\n  - {CASES[name][0]}\n")
    output.unlink(missing_ok=True)
    start = time.perf_counter()
    seisproc("run", job, "--quiet", "--workers", workers, "--threads", 1, "--report", report)
    seconds = time.perf_counter() - start
    ranks = json.loads(report.read_text())["ranks"]
    return seconds, max(r["peak_rss"] for r in ranks if r["role"] == "worker")


# --- both --------------------------------------------------------------------------------------------------------


def distance(ours, theirs):
    """Relative L2 distance of our output from that of the Python program, over what that has."""
    difference = norm = 0.0
    with h5py.File(ours) as f, h5py.File(theirs) as g:
        a, b = f["traces"], g["traces"]
        for at in range(0, len(b), TRACES):
            expected = b[at:at + TRACES].astype(np.float64)
            difference += np.sum((a[at:at + len(expected)] - expected)**2)
            norm += np.sum(expected**2)
    return float(np.sqrt(difference / norm))


def gathers_of_python(name, survey, workers):
    with h5py.File(survey) as f:
        first_trace = f["gathers/first_trace"][:]
    n = min(CASES[name][2] * workers, len(first_trace) - 1)
    return n, int(first_trace[n]), int(first_trace[-1])


def take_case(name, survey, options):
    ours, theirs = survey.with_name("ours.h5"), survey.with_name("theirs.h5")
    n_gathers, few, all_traces = gathers_of_python(name, survey, options.workers)
    run_seisproc(name, survey, ours, options.workers)
    turns = [(run_seisproc(name, survey, ours, options.workers),
              run_python(name, survey, theirs, n_gathers, options.workers)) for _ in range(options.turns)]
    found = distance(ours, theirs)
    if found > TOLERANCE:
        raise SystemExit(f"bench_python: {name}: the outputs differ by {found:.2g}, allowed is {TOLERANCE}")
    seconds, memory = ([statistics.median(turn[who][what] for turn in turns) for who in (0, 1)] for what in (0, 1))
    scaled = seconds[1] * all_traces / few
    size = all_traces * SAMPLES * 4 / 1e9
    part = f" (from {few} of {all_traces} traces)" if few < all_traces else ""
    return [
        figure(f"{name}: run of {size:.2f} GB", seconds[0], "s", f"Python, {scaled:.1f} s{part}", seconds[0] / scaled),
        figure(f"{name}: traces a second", all_traces / seconds[0], "1/s", f"Python, {few / seconds[1]:.0f}",
               scaled / seconds[0]),
        figure(f"{name}: memory of a worker", memory[0] / MEGABYTE, "MB", f"Python, {memory[1] / MEGABYTE:.0f} MB",
               memory[0] / memory[1]),
        figure(f"{name}: distance of the outputs", found, "", f"{TOLERANCE:g}, which is allowed", found / TOLERANCE),
    ]


def parse():
    parser = argparse.ArgumentParser(description="Times seisproc run against a Python program that does the same.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where the files are made; twice the size")
    parser.add_argument("--gb", type=float, default=0.7, help="size of the survey (0.7)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes of both (cores)")
    parser.add_argument("--turns", type=int, default=3, help="repetitions (3)")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {'; '.join(CASES)}; all unless told")
    options = parser.parse_args()
    if set(options.cases) - set(CASES):
        parser.error(f"no case {', '.join(set(options.cases) - set(CASES))}")
    return options


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="sp-", dir=options.dir) as folder:
        survey = Path(folder) / "survey.h5"
        gathers = max(1, round(options.gb * 1e9 / (4 * TRACES * SAMPLES)))
        seisproc("synth", survey, "--gathers", gathers, "--traces", TRACES, "--samples", SAMPLES, "--noise", 1,
                 "--seed", 1, "--quiet")
        figures = []
        for name in options.cases or CASES:
            found = take_case(name, survey, options)
            figures += found
            if not options.json:
                show("python", found, False)
        if options.json:
            show("python", figures, True, workers=options.workers)


if __name__ == "__main__":
    main()
