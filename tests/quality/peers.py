#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers beside fk_denoise on data whose truth is known: the tables "peers" and "aims" of docs/quality.md.

    peers.py [--update] [--on DATA] [ROW]...    measures (only these rows, only this data) and prints;
                                                --update: writes peers.json and the tables
    peers.py --time                             processor time of the packages, and of fk_denoise on the same data

Needs bm3d, bm4d and pyseistr (pip install bm3d bm4d pyseistr "numpy<2" setuptools; --no-build-isolation). Takes some
20 minutes. fk_denoise and dwt are measured with the program, a survey file in; the others in memory.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import peer_methods as peers  # noqa: E402
import quality  # noqa: E402
from benchmarks import INTERVAL_US, rms, seisproc  # noqa: E402
from surveys import write_survey  # noqa: E402

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "peers.json"
FIRST, FRESH = 202526, range(1, 6)  # seeds: that of figures published elsewhere, and others

# --- data: a function of the seed that returns clean and noisy, [sample][trace] or [sample][inline][crossline] -------


def load(name, shape):
    from conftest import DATA

    return np.fromfile(DATA / name, "<f4").reshape(shape, order="F").astype(float)


def with_noise(clean, sigma, seed):
    return clean, clean + sigma * np.random.RandomState(seed).standard_normal(clean.shape)


def published(seed):
    clean, noisy = (load(f"bench_hyper4/syn3d_30_{which}.bin", (126, 32, 32)) for which in "cn")
    return (clean, noisy) if seed == FIRST else with_noise(clean, rms(noisy - clean), seed)


def hyper4(seed):
    clean = load("bench_hyper4/hyper4_126_32_32.bin", (126, 32, 32))
    return with_noise(clean, 0.1 * np.abs(clean).max(), seed)


def edge2d(seed):
    clean = load("bench_edge2d/syn_edge2d.bin", (512, 50))
    return with_noise(clean, 0.2 * np.abs(clean).max(), seed)


def edge2d_even(seed):
    clean = load("bench_edge2d/syn_edge2d.bin", (512, 50))
    return with_noise(clean, rms(clean), seed)


def linear(seed):
    """Three plane waves, Ricker wavelets of 30 Hz at 2 ms (Huang et al., 2016): what rank reduction is made for."""
    n, i, j = np.ogrid[:300, :20, :20]
    phases = ((np.pi * 30 * 0.002 * (n - at - 27.5))**2 for at in (137 - 2 * j + 0 * i, 173 - 6 * i + 0 * j,
                                                                  18 + 6 * i + 3 * j))
    clean = sum((1 - 2 * phase) * np.exp(-phase) for phase in phases)
    return with_noise(clean / clean.max(), 0.2, seed)


def noise_alone(seed):
    return with_noise(np.zeros((126, 32, 32)), 1, seed)


SETS = {"hyper4": published, "hyper4, 0.1": hyper4, "edge2d": edge2d, "linear": linear}

# --- rows ------------------------------------------------------------------------------------------------------------


def program(x, chain, lines=False):
    """Through the program: a cube as one gather with its grid, or its lines (of one crossline) as gathers; a section as
    it is."""
    index = np.indices(x.shape[1:]).reshape(x.ndim - 1, -1, order="F")
    gathers = np.arange(0, index.shape[1] + 1, x.shape[1] if lines else index.shape[1])
    with tempfile.TemporaryDirectory(prefix="sp-") as name:
        folder = Path(name)
        write_survey(folder / "in.h5", x.reshape(len(x), -1, order="F").T, gathers,
                     interval_us=2000.0 if len(x) == 300 else INTERVAL_US,
                     headers={name: node.astype("<i4") + 1 for name, node in zip(("iline", "xline"), index)})
        (folder / "job.yaml").write_text(f"input: in.h5\noutput: out.h5\nchain:\n  - {chain}\n")
        seisproc(folder, "run", "job.yaml", "--workers=1", "--threads=1", "--quiet")
        with h5py.File(folder / "out.h5") as f:
            return f["traces"][:].astype(float).T.reshape(x.shape, order="F")


def fk_denoise(x, _):
    return program(x, "fk_denoise: {}" if x.ndim == 2 else "fk_denoise: {grid: [iline, xline]}")


def by_lines(chain):
    return lambda x, _: program(x, chain, lines=True)


def oriented(which):
    def cube(x, _, radius):
        return peers.structure_oriented(x, which, 10, radius)

    def sections(x, _, radius):
        return peers.lines(peers.structure_oriented, x, which, 10, radius)

    return {f"{name}, radius {radius}": partial(function, radius=radius)
            for name, function, radii in (("2-D", sections, (2, 4, 6)), ("3-D", cube, (1, 2, 4))) for radius in radii}


# Row -> its settings: of several the one that the truth shows to be best on the first noise is taken for all.
ROWS = {
    "f-x deconvolution, line by line": {
        f"{length} points": lambda x, _, n=length: peers.lines(peers.fx_decon, x, n) for length in (2, 4, 6)},
    "structure-oriented mean": oriented("mean"),
    "structure-oriented median": oriented("median"),
    "BM3D, line by line": {"": peers.bm3d},
    "BM4D": {"": peers.bm4d},
    "DRR": {f"rank {rank}": lambda x, _, n=rank: peers.drr(x, n) for rank in (3, 4, 6, 10, 20)},
    "dwt": {"": by_lines("dwt: {}")},
    "fk_denoise, line by line": {"": by_lines("fk_denoise: {}")},
    "fk_denoise": {"": fk_denoise},
}
# Of cubes measured on one noise only: seconds to a minute each.
ONE_NOISE = {"structure-oriented mean", "structure-oriented median", "BM3D, line by line", "BM4D"}


def snr(clean, other):
    return 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clean - other))


def measure_one(function, make, seed):
    clean, noisy = make(seed)
    return snr(clean, function(noisy, rms(noisy - clean)))


def measure_row(row, make):
    """{"first": dB on the first noise, "mean": on five others, "setting": the one that was best on the first}"""
    clean = make(FIRST)[0]
    found = {setting: measure_one(function, make, FIRST) for setting, function in ROWS[row].items()
             if clean.ndim == 3 or not setting.startswith("3-D")}
    setting = max(found, key=found.get)
    result = {"first": round(found[setting], 2), "setting": setting}
    if row not in ONE_NOISE or clean.ndim == 2:
        result["mean"] = round(np.mean([measure_one(ROWS[row][setting], make, seed) for seed in FRESH]), 2)
    return result


def read_figures():
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {"rows": {}, "noisy": {}, "aims": {}}


def write_figure(part, *path_and_value):
    """One more figure in peers.json, as soon as it is known: all of them take long."""
    figures = read_figures()
    *path, name, value = path_and_value
    place = figures[part]
    for key in path:
        place = place.setdefault(key, {})
    place[name] = value
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n")


def measure(rows, names, keep):
    for name in names:
        make = SETS[name]
        keep("noisy", name, round(snr(*make(FIRST)), 2))
        for row in rows:
            keep("rows", row, name, measure_row(row, make))


# --- what is aimed at ------------------------------------------------------------------------------------------------


def energy_left(seed):
    noise = noise_alone(seed)[1]
    return 100 * np.sum(fk_denoise(noise, 1)**2) / np.sum(noise**2)


def clean_again(make):
    clean = make(FIRST)[0]
    return {"first": round(snr(clean, fk_denoise(clean, 0)), 1)}


def measure_aims(keep):
    keep("aims", "white noise", {"first": round(energy_left(FIRST), 3),
                                 "mean": round(np.mean([energy_left(seed) for seed in FRESH]), 3)})
    for name in ("hyper4", "edge2d", "linear"):
        keep("aims", "clean", name, clean_again(SETS[name]))
    keep("aims", "dwt, edge2d at 0 dB", measure_row("dwt", edge2d_even))


# --- time ------------------------------------------------------------------------------------------------------------


TURNS, APPLIED = 3, 40


def processor_seconds(process):
    """Of all threads of a process that runs, those that have ended too; in steps of a hundredth."""
    words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def time_own(kernels, noisy):
    """Of one gather, its plan and its way through two pipes included."""
    traces = noisy.reshape(len(noisy), -1).T
    headers, options = [np.full(len(traces), np.nan)] * 4, {}
    if noisy.ndim == 3:
        headers, options = np.indices(noisy.shape[1:]).reshape(2, -1).astype(float), {"grid": "[iline,xline]"}
    start = processor_seconds(kernels.process.pid)
    for _ in range(APPLIED):
        assert kernels.apply("fk_denoise", traces, headers, interval=INTERVAL_US * 1e-6, **options).reason == 0
    return (processor_seconds(kernels.process.pid) - start) / APPLIED


def time_package(function, noisy, sigma):
    start = time.process_time()
    function(noisy, sigma)
    return time.process_time() - start


PACKAGES = {"BM4D": peers.bm4d,
            "structure-oriented mean": lambda x, _: peers.structure_oriented(x, "mean", 10, 2),
            "structure-oriented median": lambda x, _: peers.structure_oriented(x, "median", 10, 4)}


def time_all():
    """Medians of processor time in turns, of all threads; slopes included."""
    sys.path[:0] = [str(HERE.parent / "kernels")]
    from kernel_tool import Kernels

    kernels = Kernels()
    for name in ("edge2d", "hyper4"):
        clean, noisy = SETS[name](FIRST)
        found = {row: [] for row in ("fk_denoise", *PACKAGES)}
        for _ in range(TURNS):
            found["fk_denoise"].append(time_own(kernels, noisy))
            for row, function in PACKAGES.items():
                found[row].append(time_package(function, noisy, rms(noisy - clean)))
        for row, seconds in found.items():
            ratio = np.median(seconds) / np.median(found["fk_denoise"])
            print(f"{name}: {row}: {1e3 * np.median(seconds):.1f} ms, {ratio:.0f}", flush=True)
    kernels.close()


# --- the page --------------------------------------------------------------------------------------------------------


def cell(found):
    mean = f" / {found['mean']:.2f}" if "mean" in found else ""
    setting = f" ({found['setting']})" if found.get("setting") else ""
    return f"{found['first']:.2f}{mean}{setting}".replace("-", "−").replace("2−D", "2-D").replace("3−D", "3-D")


def peers_table(figures):
    lines = [quality.row_of("SNR in dB", *SETS), "|---|" + "--:|" * len(SETS),
             quality.row_of("noisy", *(quality.decibels(figures["noisy"][name]) for name in SETS))]
    for row in ROWS:
        name = f"**{row}**" if row == "fk_denoise" else row
        lines.append(quality.row_of(name, *(cell(figures["rows"][row][data]) for data in SETS)))
    return lines


# Data, row, must, better, and the best that was known.
AIMS = [("hyper4", "fk_denoise", "14.8", "15.3", "14.61 (BM4D, true noise level), 11.00 (ODRR, published)"),
        ("hyper4, 0.1", "fk_denoise", "19.0", "19.4", "18.71 (BM4D, true noise level)"),
        ("hyper4", "fk_denoise, line by line", "9.8", "10.3", "5.70 (f-x deconvolution)"),
        ("edge2d", "fk_denoise", "15.9", "16.7", "16.59 (BM4D, true noise level)"),
        ("linear", "fk_denoise", "10.8", "11.3", "10.96 (ODRR, true rank, published)"),
        ("hyper4", "dwt", "3.6", "", ""), ("hyper4, 0.1", "dwt", "8.7", "", "")]


def aims_table(figures):
    def line(what, found, digits, *aims):
        mean = f"{found['mean']:.{digits}f}" if "mean" in found else ""
        return quality.row_of(what, f"{found['first']:.{digits}f}", mean, *aims)

    lines = [quality.row_of("", "first noise", "mean of five others", "wanted", "hoped for", "best known elsewhere"),
             "|---|--:|--:|--:|--:|---|"]
    lines += [line(f"{row}, {data}, dB", figures["rows"][row][data], 2, *aims) for data, row, *aims in AIMS]
    extra = figures["aims"]
    lines.append(line("dwt, edge2d at 0 dB, dB", extra["dwt, edge2d at 0 dB"], 2, "9.4", "", ""))
    lines.append(line("fk_denoise, cube of white noise, % of energy left", extra["white noise"], 3, "0.5", "0.1", ""))
    lines += [line(f"fk_denoise, {data} without noise, dB", found, 1, "30", "40", "")
              for data, found in extra["clean"].items()]
    return lines


def tables(figures):
    return {"peers": peers_table(figures), "aims": aims_table(figures)}


def main():
    from conftest import DATA, NO_DATA

    parser = argparse.ArgumentParser(description="Peers beside fk_denoise.")
    parser.add_argument("--update", action="store_true", help="write peers.json and the tables of docs/quality.md")
    parser.add_argument("--time", action="store_true", help="processor time of the packages and of fk_denoise")
    parser.add_argument("--on", choices=SETS, metavar="DATA", help=f"only on this of {'; '.join(SETS)}")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {'; '.join(ROWS)}; all, and the aims, unless told")
    options = parser.parse_args()
    if set(options.rows) - set(ROWS):
        parser.error(f"no row {'; '.join(sorted(set(options.rows) - set(ROWS)))}")
    if DATA is None:
        parser.error(NO_DATA)
    if options.time:
        time_all()
        return

    def keep(*figure):
        print(*figure, flush=True)
        if options.update:
            write_figure(*figure)

    measure([row for row in ROWS if row in options.rows or not options.rows], [options.on] if options.on else SETS,
            keep)
    if not (options.rows or options.on):
        measure_aims(keep)
    if options.update:
        quality.PAGE.write_text(quality.fill_tables(quality.PAGE.read_text(), tables(read_figures())))


if __name__ == "__main__":
    main()
