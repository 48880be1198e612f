#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""`make pictures`: the f-k panels of docs/velocities.md, and the figures of its table.

    tools/velocity_pictures.py PICTURES [FIGURES]

Makes a shot of known parts, has `seisproc run` filter it and each part by itself, and `seisproc view` draw it. Writes
fk-*.png to one folder and velocities.json to the same or another: in dB, what each filter leaves of each part. The same
program gives the same bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(os.environ.get("SEISPROC_BUILD", ROOT / "build")).resolve() / "seisproc"
N, NT, DX, DT = 96, 500, 12.5, 0.004
FILTERS = {"600": "vmax: 600", "1500": "vmax: 1500", "4000": "vmax: 4000", "band": "vmin: 300, vmax: 400",
           "aliases": "vmin: 300, vmax: 400, aliases: 1"}
JOB = "input: {part}.h5\noutput: {out}.h5\nmode: both\nengine: cpu\ndead_traces: ignore\nchain:\n  - fk: {{{filter}}}\n"
PICTURES = {"fk-600": "all-600.h5", "fk-1500": "all-1500.h5", "fk-4000": "all-4000.h5"}


def ricker(t, f):
    a = (np.pi * f * t)**2
    return (1 - 2 * a) * np.exp(-a)


def make_parts():
    """Traces [N][NT] by offset: reflections, ground roll, an air wave that is aliased above 14 Hz."""
    x, t = DX * np.arange(1, N + 1)[:, None], DT * np.arange(NT)[None, :]
    reflections = sum(a * ricker(t - np.sqrt(t0**2 + (x / v)**2), 30) for a, t0, v in
                      ((1, 0.4, 2200), (0.8, 0.7, 2500), (0.7, 1.1, 2900), (0.6, 1.6, 3300)))
    roll = 4 * sum(ricker(t - 0.05 - x / v, f) for v, f in ((560, 8), (650, 11), (780, 14)))
    air = 1.5 * ricker(t - x / 340, 28)
    return {"reflections": reflections, "ground roll": roll, "air wave": air}


def write_survey(path, traces):
    with h5py.File(path, "w") as f:
        f.attrs.update(format="seisproc", format_version=1, n_traces=N, n_samples=NT, sample_interval_us=1e6 * DT)
        f["traces"] = traces.astype(np.float32)
        f["gathers/first_trace"] = np.array([0, N], np.uint64)
        f["gathers/key"] = np.array([1], np.int64)
        f["headers/offset"] = DX * np.arange(1, N + 1)
        f["headers/offset"].attrs["units"] = np.bytes_("m")


def seisproc(folder, *words):
    subprocess.run([PROGRAM, *words], cwd=folder, check=True, capture_output=True)


def traces_of(path):
    with h5py.File(path) as f:
        return f["traces"][:].astype(np.float64)


def kept(folder, part, name, text):
    """In dB, what a filter leaves of a part; its output stays in the folder."""
    out = f"{part.replace(' ', '-')}-{name}"
    (folder / "job.yaml").write_text(JOB.format(part=part.replace(" ", "-"), out=out, filter=text))
    seisproc(folder, "run", "job.yaml", "--quiet")
    before, after = (np.linalg.norm(traces_of(folder / f)) for f in (f"{part.replace(' ', '-')}.h5", f"{out}.h5"))
    return round(20 * np.log10(after / before), 2)


def main(pictures, target):
    parts = make_parts()
    with tempfile.TemporaryDirectory(prefix="sp-") as name:
        folder = Path(name)
        for part, traces in {**parts, "all": sum(parts.values())}.items():
            write_survey(folder / f"{part.replace(' ', '-')}.h5", traces)
        figures = {name: {part: kept(folder, part, name, text) for part in (*parts, "all")}
                   for name, text in FILTERS.items()}
        for picture, survey in PICTURES.items():
            with h5py.File(folder / survey, "r+") as f:
                f.attrs["uuid"] = np.bytes_("0" * 8 + "-0000-4000-8000-" + "0" * 12)  # pictures show it
            seisproc(folder, "view", survey, "--what=fk", "--size=900x360", "-o", pictures / f"{picture}.png")
    (target / "velocities.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[-1]).resolve())
