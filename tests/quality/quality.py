#!/usr/bin/python3
"""How well the processors denoise: the figures of docs/quality.md.

    quality.py                        measures, and says what differs from figures.json
    quality.py --update [NAME]...     searches the best k, writes figures.json and the tables of docs/quality.md;
                                      NAME: only these benchmarks or real surveys

Every figure comes from the program itself: a survey file in, `seisproc run`, `seisproc compare`.
"""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import benchmarks  # noqa: E402
from benchmarks import PAIRS, REAL, seisproc  # noqa: E402

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "figures.json"
PAGE = HERE.parent.parent / "docs" / "quality.md"

# Row of the tables -> its chain: processors and their parameters, besides the k of the last one.
GARROTE = ("dwt", {"transform": "swt", "threshold": "garrote"})
PROCESSORS = {
    "dwt": [("dwt", {})],
    "swt": [("dwt", {"transform": "swt"})],
    "swt, garrote": [GARROTE],
    "wpt": [("dwt", {"transform": "wpt"})],
    "dwt, aperture 7": [("dwt", {"aperture": 7})],
    "stft": [("tf", {})],
    "stockwell": [("tf", {"transform": "stockwell"})],
    "stockwell, reduced": [("tf", {"transform": "stockwell", "sampling": "reduced"})],
    "stockwell, smoothed": [("tf", {"transform": "stockwell", "time_smoothing": 50})],
    "stft; swt, garrote": [("tf", {}), GARROTE],
}

DECIBELS, PERCENT = 0.1, 0.5  # how far a figure may be from the one that is written down
COARSE_K = (0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6)
AT_ONCE = 3  # jobs, of one worker with one thread; half their time is starting


# --- measuring ---------------------------------------------------------------------------------------------------


def denoise(folder, row, k=None, survey="noisy.h5"):
    """Runs a survey through a processor, at its default k unless told; the output's name."""
    *first, (last, params) = PROCESSORS[row]
    chain = [*first, (last, params if k is None else dict(params, k=k))]
    steps = "".join(f"  - {processor}: {json.dumps(params)}\n" for processor, params in chain)
    name = f"{row}-{k}".replace(" ", "").replace(",", "-").replace(";", "-")
    (folder / f"{name}.yaml").write_text(
        f"input: {survey}\noutput: {name}.h5\ndead_traces: ignore\nchain:\n{steps}")
    seisproc(folder, "run", f"{name}.yaml", "--workers=1", "--threads=1", "--quiet", timeout=100)
    return f"{name}.h5"


def snr(folder, name):
    return json.loads(seisproc(folder, "compare", "clean.h5", name, "--json"))["snr_db"]


def denoised_snr(folder, row, k=None):
    name = denoise(folder, row, k)
    found = snr(folder, name)
    (folder / name).unlink()
    return found


def measure_pair(folder, data, name, best_k):
    """SNR in dB of a benchmark before, and of each row after, at the default k and at best_k[row]."""
    PAIRS[name](folder, data)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        default = {row: pool.submit(denoised_snr, folder, row) for row in PROCESSORS}
        best = {row: pool.submit(denoised_snr, folder, row, best_k[row]) for row in PROCESSORS}
    found = {"before": snr(folder, "noisy.h5")}
    for row in PROCESSORS:
        found[row] = {"default": default[row].result(), "best_k": best_k[row], "best": best[row].result()}
    return found


def search_row(folder, row):
    """The k of the largest SNR, in steps of 0.25."""
    found = {k: denoised_snr(folder, row, k) for k in COARSE_K}
    top = max(found, key=found.get)
    found.update({k: denoised_snr(folder, row, k) for k in (top - 0.25, top + 0.25) if k > 0})
    return max(found, key=found.get)


def search(folder, data, name):
    PAIRS[name](folder, data)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(PROCESSORS, pool.map(lambda row: search_row(folder, row), PROCESSORS)))


def read_traces(path):
    with h5py.File(path) as f:
        return f["traces"][:].astype(np.float64)


def measure_strongest(folder, row):
    """Percent by which the energy of the strongest 1 % of samples changes, and of all energy that is taken away."""
    part = f"noisy-{row}.h5"
    survey = part if (folder / part).exists() else "noisy.h5"
    before, after = read_traces(folder / survey), read_traces(folder / denoise(folder, row, survey=survey))
    strongest = np.abs(before) >= np.quantile(np.abs(before), 0.99)
    energy = np.sum(before[strongest]**2)
    return {"strongest": 100 * (np.sum(after[strongest]**2) / energy - 1),
            "taken": 100 * np.sum((after - before)**2) / np.sum(before**2)}


def measure_real(folder, data, name):
    benchmarks.real(folder, data, name)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(PROCESSORS, pool.map(lambda row: measure_strongest(folder, row), PROCESSORS)))


# --- figures -----------------------------------------------------------------------------------------------------


def read_figures():
    return json.loads(FIGURES.read_text())


def rounded(tree):
    return {key: rounded(value) if isinstance(value, dict) else round(value, 2) for key, value in tree.items()}


def differences(stated, found, tolerance, path=()):
    """A line for each figure that is missing or further from the stated one than the tolerance."""
    if isinstance(found, dict):
        if not isinstance(stated, dict) or set(stated) != set(found):
            return [f"{' '.join(path)}: not the rows that are stated"]
        return [line for key in found for line in differences(stated[key], found[key], tolerance, path + (key,))]
    if abs(found - stated) <= tolerance:
        return []
    return [f"{' '.join(path)}: {found:.2f}, stated is {stated:.2f}"]


def measure(folder, data, name):
    """Of one benchmark or real survey: the lines that differ from figures.json."""
    figures = read_figures()
    if name in PAIRS:
        stated = figures["snr"][name]
        best_k = {row: stated[row]["best_k"] for row in PROCESSORS}
        return differences(stated, measure_pair(folder, data, name, best_k), DECIBELS, (name,))
    return differences(figures["real"][name], measure_real(folder, data, name), PERCENT, (name,))


# --- the page ----------------------------------------------------------------------------------------------------


def row_of(*cells):
    return "| " + " | ".join(cells) + " |"


def decibels(value):
    return f"{value:.2f}".replace("-", "−")


def snr_table(figures):
    lines = [row_of("SNR in dB", "default (k = 3)", "gain", "best", "at k", "gain"), "|---|--:|--:|--:|--:|--:|",
             row_of("noisy", decibels(figures["before"]), "", "", "", "")]
    for row in PROCESSORS:
        f, before = figures[row], figures["before"]
        lines.append(row_of(row, decibels(f["default"]), decibels(f["default"] - before), decibels(f["best"]),
                            f"{f['best_k']:g}", decibels(f["best"] - before)))
    return lines


def real_table(figures, which):
    lines = [row_of("", *REAL), "|---|" + "--:|" * len(REAL)]
    for row in PROCESSORS:
        percent = (round(figures[name][row][which], 1) + 0.0 for name in REAL)
        lines.append(row_of(row, *(f"{value:.1f}".replace("-", "−") for value in percent)))
    return lines


def tables(figures):
    found = {name: snr_table(figures["snr"][name]) for name in PAIRS}
    found.update({which: real_table(figures["real"], which) for which in ("strongest", "taken")})
    return found


def fill(page, figures):
    """The page with its tables made anew: each stands between `<!-- begin: quality NAME -->` and `<!-- end -->`."""
    for name, lines in tables(figures).items():
        head, rest = page.split(f"<!-- begin: quality {name} -->\n", 1)
        _, tail = rest.split("<!-- end -->\n", 1)
        page = f"{head}<!-- begin: quality {name} -->\n\n" + "\n".join(lines) + f"\n\n<!-- end -->\n{tail}"
    return page


# --- the command -------------------------------------------------------------------------------------------------


def in_folder(function, *arguments):
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        return function(Path(folder), *arguments)


def update(data, names):
    for name in names:
        if name in PAIRS:
            best_k = in_folder(search, data, name)
            part, found = "snr", in_folder(measure_pair, data, name, best_k)
        else:
            part, found = "real", in_folder(measure_real, data, name)
        figures = read_figures() if FIGURES.exists() else {"snr": {}, "real": {}}
        figures[part][name] = rounded(found)
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
        print(f"{name}: written", flush=True)
    PAGE.write_text(fill(PAGE.read_text(), read_figures()))


def main():
    from conftest import DATA, NO_DATA

    parser = argparse.ArgumentParser(description="How well the processors denoise.")
    parser.add_argument("--update", action="store_true", help="write figures.json and the tables of docs/quality.md")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*PAIRS, *REAL])}; all unless told")
    options = parser.parse_args()
    names = options.names or [*PAIRS, *REAL]
    unknown = set(names) - set(PAIRS) - set(REAL)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    if DATA is None:
        parser.error(NO_DATA)
    if options.update:
        update(DATA, names)
        return 0
    different = [line for name in names for line in in_folder(measure, DATA, name)]
    print("\n".join(different or ["no figure differs"]))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
