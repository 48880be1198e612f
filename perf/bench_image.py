#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A whole migration by `seisproc run`, and the plain loop over traces in NumPy and in Numba on the same survey.

    perf/bench_image.py [--json] [--dir DIR] [--gathers N] [--threads N] [--turns N]

The survey is `seisproc synth --diffractors`; the job is 3-D, with true-amplitude weights and limits on aperture and dip
with their tapers, without anti-alias, since that is the loop that one writes. Python migrates a few columns of the same
image with the formula of docs/migration.md, a trace at a time for all times (NumPy, double precision) or compiled for
this processor (Numba, single precision, fastmath, one thread, not counting the compilation); both read traces that were
filtered and made finer before, which is not counted either. Their columns are compared with the job's before anything
is said. Rates are contributions a second of processor time, which a busy machine changes little: a contribution is a
trace times an image sample within the aperture. Of the job's worker all its processor time counts.

Besides, of the job's own report: the share of the wall time in which its worker reads, whether or not it computes
meanwhile, and in which it writes snapshots, here every 10 s.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import h5py
import numpy as np

from figures import PROGRAM, bench_survey, figure

try:
    import numba
except ImportError:
    numba = None

DT, N_TAU, VELOCITY, APERTURE, TAPER, DIP, DIP_TAPER, FINE = 0.004, 600, 2000.0, 1000.0, 0.2, 60.0, 10.0, 4
NX, NY, STEP, ORIGIN, SNAPSHOT = 60, 20, 25.0, (499500.0, 4000400.0), 10
JOB = """\
input: {survey}
output: {output}
engine: cpu
chain:
  - pstm: {{velocity: 2000, origin: [499500, 4000400], dx: 25, nx: 60, ny: 20, ntau: 600, aperture: 1000, max_dip: 60,
           dip_taper: 10, antialias: false, normalize: none, snapshot: 10}}
"""


def read_survey(path):
    """Samples under -d/dt on a grid FINE times as fine; sources and receivers from the image's origin, m."""
    with h5py.File(path) as f:
        data, scale = f["traces"][:].astype(np.float64), f["headers/scalco"][:].astype(np.float64)
        scale = np.where(scale < 0, -1 / np.minimum(scale, -1), np.maximum(scale, 1))
        x = {name: f["headers/" + name][:] for name in ("sx", "sy", "gx", "gy")}
    x = {name: v if v.dtype.kind == "f" else v * scale for name, v in x.items()}
    n = data.shape[1]
    length = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(data, length) * (-2j * np.pi * np.fft.rfftfreq(length, DT))
    spectrum[:, -1] = 0
    fine = np.fft.irfft(spectrum, length * FINE)[:, :(n - 1) * FINE + 1] * FINE
    source = np.column_stack([x["sx"] - ORIGIN[0], x["sy"] - ORIGIN[1]])
    return fine.astype(np.float32), source, np.column_stack([x["gx"] - ORIGIN[0], x["gy"] - ORIGIN[1]])


def numpy_column(fine, source, receiver, place, v, tau):
    """One column of the image, and its contributions."""
    image, pairs = np.zeros(len(tau)), 0
    for trace, s, r in zip(fine, source, receiver):
        a, b = place - s, place - r
        distance = np.hypot(*(0.5 * (a + b)))
        if distance > APERTURE:
            continue
        pairs += len(tau)
        ts, tr = (np.sqrt(0.25 * tau * tau + h @ h / (v * v)) for h in (a, b))
        t, inverse = ts + tr, 1 / ts + 1 / tr
        slope = np.hypot(a[0] / ts + b[0] / tr, a[1] / ts + b[1] / tr) / v
        dip = np.degrees(np.arctan2(slope, 0.5 * tau * inverse))
        at = t / DT * FINE
        use = (dip < DIP) & (at < len(trace) - 1)
        i = at[use].astype(np.int64)
        g = at[use] - i
        w = tau[use] / v * t[use] * (1 / ts[use]**2 + 1 / tr[use]**2)
        w *= 0.5 + 0.5 * np.cos(np.pi * np.clip((dip[use] - DIP + DIP_TAPER) / DIP_TAPER, 0, 1))
        w *= 0.5 + 0.5 * np.cos(np.pi * max(distance - (1 - TAPER) * APERTURE, 0) / (TAPER * APERTURE))
        image[use] += w * ((1 - g) * trace[i] + g * trace[i + 1])
    return image, pairs


def loop(fine, source, receiver, place, v, tau, image):
    """The same as plain loops, for a compiler."""
    one, half = np.float32(1), np.float32(0.5)
    dip_end, turn = np.float32(np.radians(DIP)), np.float32(np.pi / np.radians(DIP_TAPER))
    begin = np.float32(np.radians(DIP - DIP_TAPER))
    to_index, quarter, slowness_2 = np.float32(FINE / DT), np.float32(0.25), one / (v * v)
    pairs = 0
    for n in range(len(fine)):
        ax, ay = np.float32(place[0] - source[n, 0]), np.float32(place[1] - source[n, 1])
        bx, by = np.float32(place[0] - receiver[n, 0]), np.float32(place[1] - receiver[n, 1])
        distance = np.sqrt((half * (ax + bx))**2 + (half * (ay + by))**2)
        if distance > np.float32(APERTURE):
            continue
        pairs += len(tau)
        past = max(distance - np.float32((1 - TAPER) * APERTURE), np.float32(0)) / np.float32(TAPER * APERTURE)
        taper = half + half * np.cos(np.float32(np.pi) * past)
        a2, b2 = ax * ax + ay * ay, bx * bx + by * by
        for i in range(len(tau)):
            q = quarter * tau[i] * tau[i]
            rs, rr = one / np.sqrt(q + a2 * slowness_2), one / np.sqrt(q + b2 * slowness_2)
            t = one / rs + one / rr
            x, y = ax * rs + bx * rr, ay * rs + by * rr
            at = t * to_index
            dip = np.arctan2(np.sqrt(x * x + y * y) / v, half * tau[i] * (rs + rr))
            if dip >= dip_end or at >= fine.shape[1] - 1:
                continue
            w = taper * tau[i] / v * t * (rs * rs + rr * rr)
            if dip > begin:
                w *= half + half * np.cos((dip - begin) * turn)
            k = int(at)
            g = at - np.float32(k)
            image[i] += w * ((one - g) * fine[n, k] + g * fine[n, k + 1])
    return pairs


def numba_column(compiled, fine, source, receiver, place, v, tau):
    image = np.zeros(len(tau), np.float32)
    pairs = compiled(fine, source, receiver, place, np.float32(v), tau.astype(np.float32), image)
    return image, pairs


def count(source, receiver):
    """Contributions of the whole image."""
    middle, n = 0.5 * (source + receiver), 0
    for iy in range(NY):
        for ix in range(NX):
            n += int((np.hypot(middle[:, 0] - STEP * ix, middle[:, 1] - STEP * iy) <= APERTURE).sum())
    return n * N_TAU


def run_seisproc(survey, output, threads):
    """The worker's figures in the report, and the seconds of the command."""
    job, report = output.with_suffix(".yaml"), output.with_suffix(".json")
    job.write_text(JOB.format(survey=survey, output=output))
    start = time.perf_counter()
    subprocess.run([PROGRAM, "run", job, "--quiet", "--restart", "--workers", "1", "--threads", str(threads),
                    "--report", report], check=True)
    seconds = time.perf_counter() - start
    worker = next(r for r in json.loads(report.read_text())["ranks"] if r["role"] == "worker")
    return worker, seconds


def take_columns(column, places, data, tau, expected):
    """Contributions a second over these columns, and how far they are from the job's."""
    start, pairs, images = time.process_time(), 0, []
    for place in places:
        image, n = column(*data, place, VELOCITY, tau)
        images.append(image)
        pairs += n
    seconds = time.process_time() - start
    distance = np.linalg.norm(np.array(images) - expected) / np.linalg.norm(expected)
    if not distance < 1e-3:
        raise SystemExit(f"bench_image: the columns differ by {distance:.2g}, allowed is 0.001")
    return pairs / seconds, distance


def measure(survey, options):
    output = survey.with_name("image.h5")
    data, tau = read_survey(survey), DT * np.arange(1, N_TAU + 1)
    total = count(*data[1:])
    columns = [(ix, iy) for iy in (4, 15) for ix in (5, 30, 52)]
    places = [np.array([STEP * ix, STEP * iy]) for ix, iy in columns]
    turns = [run_seisproc(survey, output, options.threads) for _ in range(options.turns)]
    with h5py.File(output) as f:
        expected = np.array([f["traces"][iy * NX + ix] for ix, iy in columns]).astype(np.float64)
    median = statistics.median
    rate, whole = total / median(w["cpu_s"] for w, _ in turns), total / median(s for _, s in turns)
    figures = [figure("a core of the worker", rate / 1e9, "G/s", f"{total:.3g} contributions", 1.0),
               figure("the whole command, wall time", whole / 1e9, "G/s", "a core", whole / rate)]
    peers = {"NumPy": (numpy_column, places[:2], expected[:2])}
    if numba:
        compiled = numba.njit(fastmath=True)(loop)
        numba_column(compiled, *(d[:2] for d in data), places[0], VELOCITY, tau)
        peers["Numba"] = (lambda *a: numba_column(compiled, *a), places, expected)
    for name, (column, where, image) in peers.items():
        found = [take_columns(column, where, data, tau, image) for _ in range(options.turns)]
        theirs = median(r for r, _ in found)
        figures.append(figure(f"{name}, differs by {found[0][1]:.1e}", theirs / 1e9, "G/s", "seisproc", theirs / rate))
    for stage, what in (("read", "reading"), ("write", f"snapshots every {SNAPSHOT} s")):
        share = median(w["stages"][stage]["seconds"] / w["wall_s"] for w, _ in turns)
        figures.append(figure(f"share of the wall time: {what}", 100 * share, "%", "the wall time", share))
    return figures


def main():
    parser = argparse.ArgumentParser(description="Times a migration against the plain loop in Python.")
    parser.add_argument("--gathers", type=int, default=100, help="of 200 traces (100)")
    bench_survey("image", parser, lambda o: ("--diffractors", f"--gathers={o.gathers}", "--traces=200",
                                             "--samples=750"), measure)
    if not numba:
        print("Numba is not there: pip install numba", file=sys.stderr)


if __name__ == "__main__":
    main()
