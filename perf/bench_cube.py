#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The velocity filter of a cube by `seisproc run`, and by what one writes in Python, on the same traces.

    perf/bench_cube.py [--json] [--dir DIR] [--cells NX NY] [--samples N] [--threads N] [--turns N] [--engine cpu|cuda]
                       [--workers N]... [--peers WORD]...

The cube is `seisproc synth`, a gather a line. The job rejects waves slower than 2000 m/s, with zeros in the padding,
so that the program in numpy.fft, padded alike and with the same mask, does the same: its result is compared before
anything is said. The others stand for what there was before, each with its own padding and zone, and differ from ours
by what is said beside them:

    numpy     numpy.fft, double precision, the same mask
    scipy     scipy.fft, single precision: fast lengths of the cube itself, and a trapezoid in velocity with straight
              flanks, as Madagascar's sfdipfilter has it
    torch     PyTorch on the CPU, powers of two, the mask as large as the spectrum: the form of an older program
    torch-gpu the same on a GPU, with the copies there and back

Python's times are those of the filter alone, of a cube that is in memory, after a first turn that is not counted;
ours are those of the worker: processor time in all, with reading and checksums (its computing on a GPU), and of the
command. Each program of Python runs in a process of its own, for the peak of its memory.

Besides, what a worker takes of memory is said beside what `seisproc plan` says. With several --workers the job is run
on each number, with as many I/O ranks, and the outputs are compared.
"""

import argparse
import hashlib
import json
import multiprocessing
import resource
import statistics
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np

from figures import PROGRAM, bench_survey, figure

DT, STEP, VMAX, TAPER, PAD = 0.004, 25.0, 2000.0, 0.2, 0.25
JOB = """\
input: {survey}
output: {output}
engine: {engine}
io_ranks: {io_ranks}
chain:
  - {chain}
"""
FKK = "fkk: {x: [fldr], y: [tracf], dx: 25, dy: 25, vmax: 2000, edge: zero}"
NOTHING = "mute: {velocity: 1e6}"  # reading and writing, and next to no work between


def good(n, even=False):
    while True:
        m = n
        for p in (2, 3, 5, 7):
            while m % p == 0:
                m //= p
        if m == 1 and not (even and n % 2):
            return n
        n += 1


def ramp(x, module=np):
    return 0.5 * (1 + module.cos(np.pi * module.clip(x, 0, 1)))


def wave_numbers(shape, module=np, **more):
    f = module.fft.rfftfreq(shape[2], DT, **more)[None, None, :]
    kx, ky = (module.fft.fftfreq(n, STEP, **more) for n in shape[:2])
    return f, module.sqrt(kx[:, None, None]**2 + ky[None, :, None]**2)


def kept_cosine(shape, module=np, **more):
    """What is left of each point: 1 - Z of the velocity band up to VMAX."""
    f, k = wave_numbers(shape, module, **more)
    p3 = 1 / VMAX
    p4 = p3 / (1 + TAPER)
    width = f * (p3 - p4)
    inside = (k - f * p4) / module.where(width > 0, width, width + 1e-30)
    return ramp(module.where(k > f * p4, inside, k * 0), module)


def kept_trapezoid(shape):
    """Straight flanks in velocity."""
    f, k = wave_numbers(shape)
    v = np.divide(f, k, out=np.full(np.broadcast(f, k).shape, np.inf), where=k > 0)
    return np.clip((v - VMAX) / (TAPER * VMAX), 0, 1).astype(np.float32)


def by_numpy(cube):
    shape = (good(int(np.ceil(cube.shape[0] * (1 + PAD)))), good(int(np.ceil(cube.shape[1] * (1 + PAD)))),
             good(int(np.ceil(cube.shape[2] * (1 + PAD))), True))
    spectrum = np.fft.rfftn(cube, shape)
    spectrum *= kept_cosine(shape)
    return np.fft.irfftn(spectrum, shape)[tuple(map(slice, cube.shape))]


def by_scipy(cube):
    import scipy.fft
    shape = tuple(scipy.fft.next_fast_len(n, True) for n in cube.shape)
    spectrum = scipy.fft.rfftn(cube, shape, workers=1)
    spectrum *= kept_trapezoid(shape)
    return scipy.fft.irfftn(spectrum, shape, workers=1)[tuple(map(slice, cube.shape))]


def by_torch(cube, device="cpu"):
    import torch
    torch.set_num_threads(1)
    shape = tuple(1 << (n - 1).bit_length() for n in cube.shape)
    data = torch.from_numpy(cube).to(device)
    spectrum = torch.fft.rfftn(data, shape)
    spectrum *= kept_cosine(shape, torch, dtype=torch.float32, device=device)
    return torch.fft.irfftn(spectrum, shape)[tuple(map(slice, cube.shape))].cpu().numpy()


PEERS = {"numpy": by_numpy, "scipy": by_scipy, "torch": by_torch, "torch-gpu": lambda cube: by_torch(cube, "cuda")}


def run_peer(name, path, shape, turns, pipe):
    with h5py.File(path) as f:
        cube = f["traces"][:].reshape(shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, cpu = [], []
    for _ in range(turns + 1):
        start, used = time.perf_counter(), time.process_time()
        result = PEERS[name](cube)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    np.save(Path(path).with_name("peer.npy"), np.asarray(result, np.float32))
    pipe.send((statistics.median(seconds[1:]), statistics.median(cpu[1:]), peak * 1024))


def peer(name, path, shape, turns):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=run_peer, args=(name, path, shape, turns, there))
    process.start()
    there.close()
    try:
        found = here.recv()
    except EOFError:
        found = None
    process.join()
    return found


def run_job(survey, options, workers, chain=FKK):
    """Our workers' figures in the report, seconds of the command, what plan says of a worker's memory, the output."""
    output = survey.with_name("out.h5")
    job, report = output.with_suffix(".yaml"), output.with_suffix(".json")
    output.unlink(missing_ok=True)
    job.write_text(JOB.format(survey=survey, output=output, engine=options.engine, io_ranks=workers,
                              chain=chain))
    more = ["--workers", str(workers), "--threads", str(options.threads)]
    plan = json.loads(subprocess.run([PROGRAM, "plan", job, "--json", *more], check=True, capture_output=True).stdout)
    start = time.perf_counter()
    subprocess.run([PROGRAM, "run", job, "--quiet", "--report", report, *more], check=True)
    seconds = time.perf_counter() - start
    ranks = [r for r in json.loads(report.read_text())["ranks"] if r["role"] == "worker"]
    return ranks, seconds, plan, output


def digest(path):
    total = hashlib.sha256()
    with h5py.File(path) as f:
        traces = f["traces"]
        for at in range(0, len(traces), 1 << 14):
            total.update(traces[at:at + (1 << 14)].tobytes())
    return total.hexdigest()


def memory_of(plan):
    return plan["memory"]["worker_bytes"]


def measure(survey, options):
    figures, digests, first = [], set(), None
    shape = (*options.cells, options.samples)
    gigabytes = 4e-9 * shape[0] * shape[1] * shape[2]
    for workers in options.workers:
        turns, copies = [], []
        for _ in range(options.turns):  # the output of the last one stays
            copies.append(run_job(survey, options, workers, NOTHING)[1])
            turns.append(run_job(survey, options, workers))
        seconds = statistics.median(t[1] for t in turns)
        ranks, _, plan, output = turns[0]
        first = first or (seconds, ranks)
        figures.append(figure(f"seisproc, {workers} workers, the command", seconds, "s",
                              f"{gigabytes:.1f} GB in and out",
                              first[0] / seconds))
        copied = statistics.median(copies)
        figures.append(figure("  reading and writing alone, the command", copied, "s", "the command with fkk to it",
                              seconds / copied))
        for stage in ("read", "compute", "slot wait"):
            spent = statistics.median(max(r["stages"][stage]["seconds"] for r in t[0]) for t in turns)
            figures.append(figure(f"  {stage}, the slowest worker", spent, "s", "the command", spent / seconds))
        peak, planned = max(r["peak_rss"] for t in turns for r in t[0]), memory_of(plan)
        figures.append(figure("  memory of a worker", peak / 1e6, "MB",
                              f"{planned / 1e6:.0f} MB of plan", peak / planned))
        digests.add(digest(output) if len(options.workers) > 1 else "")
    if len(digests) > 1:
        raise SystemExit("bench_cube: the outputs differ with the number of workers")
    on_cpu = options.engine == "cpu"
    used = first[1][0]["cpu_s"] if on_cpu else first[1][0]["stages"]["compute"]["seconds"]
    what = "processor time of a worker" if on_cpu else "a worker computes"
    figures.append(figure(f"seisproc, {what}", used, "s", "itself", 1.0))
    for name in options.peers:
        found = peer(name, survey, shape, options.turns)
        if not found:
            figures.append(figure(f"{name}: could not run", float("nan"), "s", "ours", float("nan")))
            continue
        wall, cpu, peak = found
        ours, theirs = h5py.File(output)["traces"], np.load(survey.with_name("peer.npy"), mmap_mode="r")
        theirs = theirs.reshape(-1, shape[2])
        step, difference, norm = 1 << 14, 0.0, 0.0
        for at in range(0, len(theirs), step):
            a, b = ours[at:at + step].astype(np.float64), theirs[at:at + step].astype(np.float64)
            difference, norm = difference + np.sum((a - b)**2), norm + np.sum(b**2)
        distance = np.sqrt(difference / norm)
        if name == "numpy" and not distance < 1e-5:
            raise SystemExit(f"bench_cube: ours differs from numpy's by {distance:.2g}")
        taken = wall if name.endswith("gpu") else cpu
        what = f"{name}, differs by {distance:.1e}, {peak / 1e6:.0f} MB more"
        figures.append(figure(what, taken, "s", "ours", taken / used))
    return figures


def main():
    parser = argparse.ArgumentParser(description="Times the velocity filter of a cube against programs in Python.")
    parser.add_argument("--cells", type=int, nargs=2, default=[120, 200], help="lines and traces a line (120 200)")
    parser.add_argument("--samples", type=int, default=1000, help="a trace (1000)")
    parser.add_argument("--engine", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--peers", nargs="*", default=["numpy", "scipy", "torch"], choices=list(PEERS))
    bench_survey("cube", parser, lambda o: (f"--gathers={o.cells[0]}", f"--traces={o.cells[1]}",
                                            f"--samples={o.samples}"), measure)


if __name__ == "__main__":
    main()
