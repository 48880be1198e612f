#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The report on a survey of any size: `seisproc qc` on an output of so many gathers, its time and its memory.

    perf/bench_report.py [--json] [--dir DIR] [--gathers N] [--traces N] [--samples N] [--turns N]

A job with `mode: both` is run on a survey of 12 uneven gathers, and its output repeated until there are --gathers of
them: headers (shots along a line, 8 columns), figures and spectra of each gather in full; samples only of the gathers
that the report draws, the rest of /traces and /noise being holes. So 7,074 gathers of about 3,156 traces of 1600
samples, 286 GB, take 1.2 GB on a file system that has holes. What is not drawn is not read either.

Before anything is said the numbers behind the report are compared with the samples and figures that were written. What
figures are shown beside is what is wanted for 7,074 gathers: 60 s and 1 GB.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from figures import PROGRAM, figure, show

PERIOD, SECONDS, BYTES = 12, 60, 1e9
COLUMNS = ("offset", "sx", "sy", "gx", "gy", "scalco", "counit", "fldr")
JOB = "input: in.h5\noutput: out.h5\nmode: both\nengine: cpu\nchain: [dwt]\n"
CHUNK = 1 << 20  # rows of a header written at a time


def make_template(folder, options):
    """An output of a job on PERIOD gathers, opened."""
    subprocess.run([PROGRAM, "synth", "in.h5", f"--gathers={PERIOD}", f"--traces={options.traces}",
                    f"--samples={options.samples}", "--noise=1", "--seed=3", "--quiet"], cwd=folder, check=True)
    (folder / "job.yaml").write_text(JOB)
    subprocess.run([PROGRAM, "run", "job.yaml", "--quiet"], cwd=folder, check=True)
    return h5py.File(folder / "out.h5")


def copy_attributes(source, to, **others):
    for name, value in source.attrs.items():
        if name not in ("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "NAME"):
            to.attrs[name] = others.get(name, value)


def write_header(template, survey, name, sizes):
    """The column of the template, again and again; shots move on by 25 m."""
    once = template[f"headers/{name}"][:]
    n = int(sizes.sum())
    column = survey.create_dataset(f"headers/{name}", (n,), once.dtype)
    copy_attributes(template[f"headers/{name}"], column)
    step = {"sx": 25 * PERIOD, "gx": 25 * PERIOD, "fldr": PERIOD}.get(name, 0)
    for at in range(0, n, CHUNK):
        row = np.arange(at, min(at + CHUNK, n))
        column[at:at + len(row)] = once[row % len(once)] + step * (row // len(once))


def write_survey(template, path, n_gathers):
    """All but the samples."""
    which = np.arange(n_gathers) % PERIOD
    sizes = np.diff(template["gathers/first_trace"][:].astype("i8"))[which]
    n_traces, n_samples = int(sizes.sum()), template["traces"].shape[1]
    space = h5py.h5s.create_simple((n_traces, n_samples))
    holes = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    holes.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    holes.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w") as f:
        copy_attributes(template, f, n_traces=n_traces)
        for name in ("traces", "noise"):
            data = h5py.Dataset(h5py.h5d.create(f.id, name.encode(), h5py.h5t.IEEE_F32LE, space, holes))
            copy_attributes(template[name], data)
        f["gathers/first_trace"] = np.concatenate([[0], np.cumsum(sizes)]).astype("u8")
        f["gathers/key"] = np.arange(1, n_gathers + 1, dtype="i8")
        copy_attributes(template["gathers/key"], f["gathers/key"])
        for name in [n for n in COLUMNS if n in template["headers"]]:
            write_header(template, f, name, sizes)
        for group in ("qc/gather", "integrity"):
            for name, data in template[group].items():
                f[f"{group}/{name}"] = data[:][which]


def write_samples(template, path, gathers):
    """Those of the gathers that are drawn."""
    first = template["gathers/first_trace"][:].astype("i8")
    with h5py.File(path, "r+") as f:
        to = f["gathers/first_trace"][:].astype("i8")
        for g in gathers:
            for name in ("traces", "noise"):
                f[name][to[g]:to[g + 1]] = template[name][first[g % PERIOD]:first[g % PERIOD + 1]]


def take_report(path):
    """Wall and processor seconds and peak memory of one report, and the numbers behind it."""
    page, numbers = path.with_suffix(".html"), path.with_suffix(".json")
    start = time.perf_counter()
    process = subprocess.Popen([PROGRAM, "qc", path, "-o", page, "--json", numbers, "--quiet"])
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("bench_report: seisproc qc failed")
    return (seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024), json.loads(numbers.read_text())


def check(numbers, path, n_gathers):
    """That the report tells of all gathers what was written, and draws what it says."""
    with h5py.File(path) as f:
        share, first = f["qc/gather/removed_fraction"][:], f["gathers/first_trace"][:].astype("i8")
        right = np.allclose(np.array(numbers["removed_fraction"], float), share, rtol=1e-6)
        drawn = {g["gather"]: g["removed_fraction"] for g in numbers["gathers"]}
        for g, said in drawn.items():
            noise, kept = (f[name][first[g]:first[g + 1]].astype("f8") for name in ("noise", "traces"))
            right = right and abs(said / ((noise**2).sum() / ((noise + kept)**2).sum()) - 1) < 1e-3
    spectra = numbers["survey_spectra"]["measured"]
    sections = path.with_suffix(".html").read_text().count("<svg")
    if not (right and len(drawn) >= min(12, n_gathers) and {0, n_gathers - 1} <= set(drawn) and spectra == n_gathers
            and sections > len(drawn)):
        raise SystemExit(f"bench_report: the report is wrong: drawn {sorted(drawn)}, {spectra} spectra, "
                         f"{sections} pictures")


def measure(folder, options):
    path = folder / "large.h5"
    with make_template(folder, options) as template:
        write_survey(template, path, options.gathers)
        _, numbers = take_report(path)  # to learn what it draws; not counted
        write_samples(template, path, [g["gather"] for g in numbers["gathers"]])
        n_traces = h5py.File(path)["traces"].shape[0]
    turns = []
    for _ in range(options.turns):
        took, numbers = take_report(path)
        check(numbers, path, options.gathers)
        turns.append(took)
    seconds, processor, memory = (statistics.median(t[i] for t in turns) for i in range(3))
    what = f"report of {options.gathers} gathers, {n_traces} traces"
    return [figure(what, seconds, "s", f"{SECONDS} s for 7074 gathers", seconds / SECONDS),
            figure("time of the processor", processor, "s", "the time that it took", processor / seconds),
            figure("memory", memory / 1e6, "MB", "1 GB", memory / BYTES)]


def main():
    parser = argparse.ArgumentParser(description="Times seisproc qc on an output of many gathers.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where the files are made, with holes")
    parser.add_argument("--gathers", type=int, default=7074, help="of the output (7074)")
    parser.add_argument("--traces", type=int, default=3156, help="of a gather, about (3156)")
    parser.add_argument("--samples", type=int, default=1600, help="of a trace (1600)")
    parser.add_argument("--turns", type=int, default=1, help="repetitions (1)")
    options = parser.parse_args()
    if min(options.gathers, options.traces, options.samples, options.turns) < 1:
        parser.error("numbers from 1 on are allowed")
    with tempfile.TemporaryDirectory(prefix="sp-", dir=options.dir) as folder:
        show("report", measure(Path(folder), options), options.json, load=round(os.getloadavg()[0], 1))


if __name__ == "__main__":
    main()
