#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ratio and speed of packing beside what MDIO's defaults reach on the same samples, in one table.

    perf/bench_packing.py [--data DIR] [--record]

MDIO stores Zarr chunks by Blosc with Zstandard, level 5 and byte shuffle, or by zfp with a fixed accuracy; both come
from numcodecs, and get here the chunk that build/bench/packing takes, and zfp the same bound on errors (0.001 of the
RMS). Each on one core, times of the processor, best of five, ours and theirs one after the other for each set. Sets are
the folders of DIR (shared/data beside the checkout, or $SEISPROC_DATA) and a synthetic survey. Where numcodecs is
missing (pip install numcodecs zfpy==1.0.1) its lines are, too. The SNR that denoising reaches from a zfp input is
compared with that from the plain one.
"""

import argparse
import csv
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("SEISPROC_BUILD", ROOT / "build")).resolve()
BOUND, TURNS, CHUNK_BYTES = 1e-3, 5, 20 << 20

RAW = {"real3d_post/real3d.bin": 300, "line2d_post/masha_field_800_1000.bin": 800, "bench_hyper4/syn3d_30_n.bin": 126,
       "bench_edge2d/syn_edge2d.bin": 512}
GATHER = {"marine_cdp_su": ["--gather=cdp"], "near_surface_segy": ["--gather=fldr", "--length-unit=m"],
          "viking_segy": ["--gather=fldr"], "land_shot_su": ["--gather=fldr"], "oz16_su": ["--gather=fldr"]}


def program(*arguments):
    return subprocess.run([BUILD / "seisproc", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def sets(data, folder):
    """Name and samples, [traces][samples], of each set."""
    for name, n_samples in RAW.items():
        path = data / name
        if path.exists():
            yield name.split("/")[0], np.fromfile(path, "<f4").reshape(-1, n_samples)
    for name, options in GATHER.items():
        for path in sorted((data / name).glob("*.s[ueg]*")):
            try:
                program("import", path, folder / "set.h5", "--quiet", *options)
            except subprocess.CalledProcessError as error:
                print(f"{path.name}: {error.stderr.strip()}", file=sys.stderr)
                continue
            with h5py.File(folder / "set.h5") as f:
                yield name, f["traces"][:]
    program("synth", folder / "synth.h5", "--gathers=2", "--traces=3000", "--samples=1600", "--noise=1", "--quiet")
    with h5py.File(folder / "synth.h5") as f:
        yield "synthetic, noise 1", f["traces"][:]


def ours(samples, folder):
    samples.tofile(folder / "raw.bin")
    command = [BUILD / "bench" / "packing", "--json", folder / "raw.bin", str(samples.shape[1])]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {f["name"]: f for f in json.loads(text)["figures"]}
    return {codec: (found[f"{codec} bytes"]["ratio"], *(found[f"{codec} {way}"]["value"] for way in ("pack", "unpack")))
            for codec in ("lz41", "zstd1", "zstd3", "zfp") if f"{codec} bytes" in found}


def measure(codec, samples):
    packed, times = None, [[], []]
    for _ in range(TURNS):
        start = time.thread_time()
        packed = codec.encode(samples)
        between = time.thread_time()
        codec.decode(packed)
        times[0].append(between - start)
        times[1].append(time.thread_time() - between)
    return samples.nbytes / len(packed), *(1e-9 * samples.nbytes / max(min(t), 1e-9) for t in times)


def theirs(samples):
    try:
        from numcodecs import blosc
        from numcodecs.zfpy import ZFPY
    except (ImportError, ValueError) as error:  # the latter for zfpy 1.0.1.post0, a version that numcodecs cannot read
        print(f"without MDIO's codecs (pip install numcodecs zfpy==1.0.1): {error}", file=sys.stderr)
        return {}
    blosc.use_threads = False
    chunk = np.ascontiguousarray(samples[:max(1, CHUNK_BYTES // (4 * samples.shape[1]))])
    bound = BOUND * np.sqrt((samples.astype("f8")**2).mean())
    return {"blosc-zstd": measure(blosc.Blosc("zstd", clevel=5, shuffle=blosc.SHUFFLE), chunk),
            "zfpy": measure(ZFPY(mode=4, tolerance=bound), chunk)}  # 4: fixed accuracy


def snr_from(folder):
    """SNR in dB of what denoising makes of a plain and of a zfp-packed survey."""
    shape = ["--gathers=6", "--traces=300", "--samples=1000", "--seed=7", "--quiet"]
    program("synth", folder / "clean.h5", "--noise=0", "--ground-roll=0", *shape)
    program("synth", folder / "noisy.h5", "--noise=1", "--ground-roll=0", *shape)
    program("pack", folder / "noisy.h5", folder / "zfp.h5", "--codec=zfp", "--quiet")
    found = []
    for name in ("noisy", "zfp"):
        (folder / "job.yaml").write_text(f"input: {folder / name}.h5\noutput: {folder / name}-out.h5\n"
                                         "chain:\n  - dwt: {wavelet: db4, level: 5}\n")
        program("run", folder / "job.yaml")
        found.append(json.loads(program("compare", folder / "clean.h5", folder / f"{name}-out.h5", "--json"))["snr_db"])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SEISPROC_DATA", ROOT.parent / "shared/data")))
    parser.add_argument("--record", action="store_true", help="append to perf/results/packing.csv")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'set':24} {'codec':12} {'ratio':>7} {'pack':>7} {'unpack':>7} GB/s")
        for title, samples in sets(args.data, folder):
            for codec, (ratio, pack, unpack) in {**ours(samples, folder), **theirs(samples)}.items():
                print(f"{title:24} {codec:12} {ratio:7.3f} {pack:7.3f} {unpack:7.3f}", flush=True)
                rows.append([title, codec, f"{ratio:.3f}", f"{pack:.3f}", f"{unpack:.3f}"])
        plain, packed = snr_from(folder)
        print(f"SNR of dwt: {plain:.4f} dB from the plain survey, {packed:.4f} dB from zfp, {packed - plain:+.5f}")
    if args.record:
        path = ROOT / "perf/results/packing.csv"
        new = not path.exists()
        with path.open("a", newline="") as f:
            writer = csv.writer(f)
            if new:
                writer.writerow("date load set codec ratio pack_gb_s unpack_gb_s".split())
            today = [datetime.date.today().isoformat(), f"{os.getloadavg()[0]:.0f}"]
            writer.writerows(today + row for row in rows)
            writer.writerow(today + ["dwt of synthetic", "zfp", f"{packed - plain:+.5f} dB", "", ""])


if __name__ == "__main__":
    main()
