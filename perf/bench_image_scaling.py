#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A whole migration of minutes on 1, 2, 4 ... workers, on a GPU or a core each.

    perf/bench_image_scaling.py [--json] [--dir DIR] [--engine cpu|cuda|auto] [--workers N]... [--threads N]
                                [--gathers N] [--traces N] [--samples N] [--points N] [--aperture M] [--groups N]
                                [--tile-mb MB] [--snapshot S] [--turns N]

The survey is `seisproc synth --diffractors`, in memory-backed storage unless --dir says otherwise; the image is a
square of N by N points, 12.5 m apart, above its middle, with anti-alias, true-amplitude weights, aperture and dip. The
defaults take about 100 s on one H100; `--gathers 40 --points 40 --samples 400 --aperture 600 --engine cpu` a few
seconds a core.

Of each number of workers, the fastest turn: wall time of the command, contributions a second of it, how many times as
fast as the first number, and of the workers' wall time the shares in which their main threads wait for the computing
(the larger the better: all else is beside it or late), read, wait to be dealt a task, and meet to add up and write
snapshots. All images must have one SHA-256.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import PROGRAM

STEP = 12.5
STAGES = (("compute", "computing"), ("read", "reading"), ("wait", "waiting for tasks"), ("write", "sums and snapshots"))
JOB = """\
input: {survey}
output: {output}
engine: {engine}
chain:
  - pstm: {{velocity: 2000, origin: [{x}, {y}], dx: 12.5, dy: 12.5, nx: {n}, ny: {n}, aperture: {aperture},
           spacing: [25, 50], peak: {peak}, snapshot: {snapshot}, tile_mb: {tile_mb}, tile_groups: {groups}}}
"""


def make_survey(options, path):
    """Returns x and y of the middle of its sources, m."""
    said = subprocess.run([PROGRAM, "synth", path, "--diffractors", f"--gathers={options.gathers}",
                           f"--traces={options.traces}", f"--samples={options.samples}", "--interval-ms=4",
                           "--spread=0"], check=True, capture_output=True, text=True).stdout
    return tuple(float(v) for v in re.search(r"below x (\d+), y (\d+)", said).groups())


def write_job(options, survey, output, middle):
    job = survey.with_name("job.yaml")
    half = STEP * (options.points - 1) / 2
    job.write_text(JOB.format(survey=survey, output=output, engine=options.engine, x=middle[0] - half,
                              y=middle[1] - half, n=options.points, aperture=options.aperture, peak=options.peak,
                              snapshot=options.snapshot, tile_mb=options.tile_mb, groups=options.groups))
    return job


def sha(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while piece := f.read(1 << 24):
            digest.update(piece)
    return digest.hexdigest()


def run(options, job, output, workers):
    """Seconds of the command, shares of the stages, and the image's SHA-256."""
    report = job.with_suffix(".json")
    start = time.perf_counter()
    subprocess.run([PROGRAM, "run", job, "--quiet", "--restart", f"--workers={workers}", f"--threads={options.threads}",
                    "--report", report], check=True)
    seconds = time.perf_counter() - start
    ranks = [r for r in json.loads(report.read_text())["ranks"] if r["role"] == "worker"]
    if len(ranks) != workers:
        raise SystemExit(f"bench_image_scaling: {len(ranks)} workers came for {workers}")
    wall = sum(r["wall_s"] for r in ranks)
    shares = {name: sum(r["stages"][name]["seconds"] for r in ranks) / wall for name, _ in STAGES}
    digest = sha(output)
    output.unlink()
    return {"workers": workers, "engine": ranks[0]["engine"], "seconds": seconds, "shares": shares, "sha256": digest}


def measure(options, folder):
    survey, output = folder / "survey.h5", folder / "image.h5"
    job = write_job(options, survey, output, make_survey(options, survey))
    planned = subprocess.run([PROGRAM, "plan", job], check=True, capture_output=True, text=True).stdout
    contributions = float(re.search(r"(\S+) contributions", planned)[1])
    results = []
    for workers in options.workers:
        turns = [run(options, job, output, workers) for _ in range(options.turns)]
        results += [min(turns, key=lambda t: t["seconds"])]
        if len({t["sha256"] for t in turns} | {results[0]["sha256"]}) != 1:
            raise SystemExit(f"bench_image_scaling: the image of {workers} workers has other bits")
    for r in results:
        r["giga_contributions_s"] = 1e-9 * contributions / r["seconds"]
        r["speedup"] = results[0]["seconds"] / r["seconds"]
    return {"name": "image_scaling", "contributions": contributions, "survey_bytes": survey.stat().st_size,
            "results": results}


def show(found):
    print(f"{found['contributions']:.3g} contributions, survey of {1e-9 * found['survey_bytes']:.2f} GB")
    print("workers  engine   wall s      G/s    times  " + "  ".join(f"{what:>20}" for _, what in STAGES))
    for r in found["results"]:
        shares = "  ".join(f"{100 * r['shares'][name]:>18.2f} %" for name, _ in STAGES)
        print(f"{r['workers']:>7}  {r['engine']:<6} {r['seconds']:>8.2f} {r['giga_contributions_s']:>8.3f} "
              f"{r['speedup']:>8.3f}  {shares}")
    print(f"one SHA-256: {found['results'][0]['sha256']}")


def main():
    parser = argparse.ArgumentParser(description="Times a whole migration on several numbers of workers.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--dir", default="/dev/shm", help="where the files are made (/dev/shm)")
    parser.add_argument("--engine", default="cuda", choices=("cpu", "cuda", "auto"))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--threads", type=int, default=1, help="of a worker (1)")
    parser.add_argument("--gathers", type=int, default=2400)
    parser.add_argument("--traces", type=int, default=400, help="of a gather (400)")
    parser.add_argument("--samples", type=int, default=1000, help="of a trace, and image times (1000)")
    parser.add_argument("--points", type=int, default=240, help="of the image along x and y (240)")
    parser.add_argument("--aperture", type=float, default=2500, help="m (2500)")
    parser.add_argument("--peak", type=float, default=100, help="largest derivative of a trace, 1/s (100)")
    parser.add_argument("--snapshot", default="auto", help="s between snapshots (auto)")
    parser.add_argument("--tile-mb", default="auto", help="memory of a tile (auto)")
    parser.add_argument("--groups", default="auto", help="of workers, with a tile each (auto)")
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sp-", dir=options.dir) as folder:
        found = measure(options, Path(folder))
    print(json.dumps(found, indent=2)) if options.json else show(found)


if __name__ == "__main__":
    sys.exit(main())
