#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How well the processors denoise: the figures of docs/quality.md.

    quality.py                        measures, and says what differs from figures.json
    quality.py --update [NAME]...     writes figures.json and the tables of docs/quality.md;
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
import harness  # noqa: E402
from benchmarks import PAIRS, REAL, seisproc  # noqa: E402

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "figures.json"
PAGE = HERE.parent.parent / "docs" / "quality.md"

# Row of the tables -> its chain: processors and their parameters.
PROCESSORS = {
    "dwt": [("dwt", {})],
    "dwt, fk": [("dwt", {"noise_level": "fk"})],
    "dwt, k 2": [("dwt", {"k": 2, "noise_level": "finest"})],
    "dwt, soft k 3": [("dwt", {"transform": "dwt", "threshold": "soft", "k": 3, "noise_level": "finest"})],
    "fx_decon": [("fx_decon", {})],
    "fk_denoise": [("fk_denoise", {})],
    "fk_denoise, robust 0": [("fk_denoise", {"robust": 0})],
    "fk_denoise, robust 1": [("fk_denoise", {"robust": 1})],
    "stft": [("tf", {})],
    "stft, k 1": [("tf", {"k": 1})],
    "stockwell": [("tf", {"transform": "stockwell"})],
    "stockwell, reduced": [("tf", {"transform": "stockwell", "sampling": "reduced"})],
    "stft; dwt": [("tf", {}), ("dwt", {})],
    "stft; fk_denoise": [("tf", {}), ("fk_denoise", {})],
    "stft, k 1; fk_denoise": [("tf", {"k": 1}), ("fk_denoise", {})],
}

DECIBELS, PERCENT = 0.1, 0.5  # how far a figure may be from the one that is written down
AT_ONCE = 3  # jobs, of one worker with one thread; half their time is starting


# --- measuring ---------------------------------------------------------------------------------------------------


def denoise(folder, row, survey="noisy.h5"):
    """Runs a survey through the chain of a row; the output's name."""
    steps = "".join(f"  - {processor}: {json.dumps(params)}\n" for processor, params in PROCESSORS[row])
    name = row.replace(" ", "").replace(",", "-").replace(";", "-")
    (folder / f"{name}.yaml").write_text(
        f"input: {survey}\noutput: {name}.h5\ndead_traces: ignore\nchain:\n{steps}")
    seisproc(folder, "run", f"{name}.yaml", "--workers=1", "--threads=1", "--quiet", timeout=100)
    return f"{name}.h5"


def snr(folder, name):
    return json.loads(seisproc(folder, "compare", "clean.h5", name, "--json"))["snr_db"]


def denoised_snr(folder, row):
    return snr(folder, denoise(folder, row))


def measure_pair(folder, data, name):
    """SNR in dB of a benchmark before, and of each row after."""
    PAIRS[name](folder, data)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(PROCESSORS, pool.map(lambda row: denoised_snr(folder, row), PROCESSORS)))
    return {"before": snr(folder, "noisy.h5"), **found}


def read_traces(path):
    with h5py.File(path) as f:
        return f["traces"][:].astype(np.float64)


def box_means(x, traces, samples):
    """Means over boxes around each point, clipped at the edges."""
    for axis, size in ((0, traces), (1, samples)):
        total = np.cumsum(np.concatenate([np.zeros_like(x.take([0], axis)), x], axis), axis)
        n, half = x.shape[axis], size // 2
        low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
        width = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        x = (total.take(high, axis) - total.take(low, axis)) / width
    return x


def similarity(kept, removed):
    """The median of the correlation of what is kept and what is removed, in boxes of 5 traces by 25 samples; 0.07 where
    they have nothing in common."""
    scale = np.abs(kept).max() or 1
    kept, removed = kept / scale, removed / scale
    power = np.sqrt(box_means(kept**2, 5, 25) * box_means(removed**2, 5, 25))
    live = power > 1e-6 * np.mean(kept**2)
    return float(np.median(np.abs(box_means(kept * removed, 5, 25)[live]) / power[live])) if live.any() else 0.0


def quietest_fifth(before, removed):
    """Percent of the energy of the quietest fifth of blocks of 6 traces by 32 samples that is removed."""
    n, m = before.shape[0] // 6 * 6, before.shape[1] // 32 * 32

    def energies(x):
        return np.sum(x[:n, :m].reshape(n // 6, 6, m // 32, 32) ** 2, axis=(1, 3)).ravel()

    own = energies(before)
    quiet = (own > 0) & (own <= np.quantile(own[own > 0], 0.2))
    return 100 * np.sum(energies(removed)[quiet]) / np.sum(own[quiet])


def measure_strongest(folder, row):
    """In percent: how the energy of the strongest 1 % of samples changes, what of all energy and of that of the
    quietest fifth is taken away; and the similarity of what was taken and what was left."""
    part = f"noisy-{row}.h5"
    survey = part if (folder / part).exists() else "noisy.h5"
    before, after = read_traces(folder / survey), read_traces(folder / denoise(folder, row, survey=survey))
    strongest = np.abs(before) >= np.quantile(np.abs(before), 0.99)
    energy = np.sum(before[strongest]**2)
    return {"strongest": 100 * (np.sum(after[strongest]**2) / energy - 1),
            "taken": 100 * np.sum((after - before)**2) / np.sum(before**2),
            "similarity": similarity(after, before - after),
            "quietest": quietest_fifth(before, before - after)}


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
        return differences(figures["snr"][name], measure_pair(folder, data, name), DECIBELS, (name,))
    return differences(figures["real"][name], measure_real(folder, data, name), PERCENT, (name,))


# --- the page ----------------------------------------------------------------------------------------------------


def row_of(*cells):
    return "| " + " | ".join(cells) + " |"


def decibels(value):
    return f"{value:.2f}".replace("-", "−")


def snr_table(figures):
    lines = [row_of("SNR in dB", *PAIRS), "|---|" + "--:|" * len(PAIRS)]
    for row in ("before", *PROCESSORS):
        found = {name: figures[name][row] for name in PAIRS}
        best = {name: max(figures[name].values()) for name in PAIRS}
        bold = {name: "**" if found[name] == best[name] else "" for name in PAIRS}
        cells = (bold[name] + decibels(found[name]) + bold[name] for name in PAIRS)
        lines.append(row_of("noisy" if row == "before" else row, *cells))
    return lines


def real_table(figures, which, digits):
    lines = [row_of("", *REAL), "|---|" + "--:|" * len(REAL)]
    for row in PROCESSORS:
        values = (round(figures[name][row][which], digits) + 0.0 for name in REAL)
        lines.append(row_of(row, *(f"{value:.{digits}f}".replace("-", "−") for value in values)))
    return lines


def tables(figures):
    advice = harness.run([harness.BINARY, "help", "denoise", "--markdown"]).stdout.splitlines()
    found = {"advice": advice, "snr": snr_table(figures["snr"])}
    found.update({which: real_table(figures["real"], which, 2 if which == "similarity" else 1)
                  for which in ("strongest", "taken", "similarity", "quietest")})
    return found


def fill(page, figures):
    return fill_tables(page, tables(figures))


def fill_tables(page, tables):
    """The page with these tables made anew: each stands between `<!-- begin: quality NAME -->` and `<!-- end -->`."""
    for name, lines in tables.items():
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
            part, found = "snr", in_folder(measure_pair, data, name)
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
