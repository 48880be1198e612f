# SPDX-License-Identifier: BSD-3-Clause
"""Twenty small jobs and the hashes of what they write.

    bits.py PROGRAM     prints the hashes that PROGRAM gives, as JSON: expected_bits.json was made so by the program
                        that was there before tasks and flows
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

SYNTH = ["--gathers=9", "--traces=23", "--samples=301", "--noise=1", "--seed=11", "--quiet"]

# What the defaults of dwt were when the hashes were made.
DWT, SOFT, K, FINEST = "transform: dwt", "threshold: soft", "k: 3", "noise_level: finest"
JOBS = {
    "mute": ("mode: processed", "mute: {velocity: 1700, taper: 24}"),
    "mute-noise": ("mode: noise", "mute: {velocity: 1700}"),
    "dwt": ("mode: both", f"dwt: {{{DWT}, {SOFT}, {K}, {FINEST}}}"),
    "dwt-hard": ("mode: both", f"dwt: {{wavelet: sym8, threshold: hard, k: 2.5, level: 3, {DWT}, {FINEST}}}"),
    "dwt-garrote": ("mode: noise", f"dwt: {{wavelet: coif2, threshold: garrote, {DWT}, {K}, {FINEST}}}"),
    "dwt-coarsest": ("mode: processed", f"dwt: {{noise_level: coarsest, {DWT}, {SOFT}, {K}}}"),
    "dwt-aperture": ("mode: both", f"dwt: {{aperture: 5, {DWT}, {SOFT}, {K}, {FINEST}}}"),
    "swt": ("mode: both", f"dwt: {{transform: swt, level: 4, {SOFT}, {K}, {FINEST}}}"),
    "swt-hard": ("mode: processed",
                 f"dwt: {{transform: swt, wavelet: bior3.5, threshold: hard, level: 3, {K}, {FINEST}}}"),
    "swt-aperture": ("mode: both", f"dwt: {{transform: swt, aperture: 3, level: 3, {SOFT}, {K}, {FINEST}}}"),
    "wpt": ("mode: both", f"dwt: {{transform: wpt, level: 4, {SOFT}, {K}, {FINEST}}}"),
    "wpt-best": ("mode: processed", f"dwt: {{transform: wpt, best_basis: true, level: 4, {SOFT}, {K}, {FINEST}}}"),
    "sorted": ("mode: both\nsort: [offset]", f"dwt: {{aperture: 3, {DWT}, {SOFT}, {K}, {FINEST}}}"),
    "chain": ("mode: both", "mute: {velocity: 1500, taper: 20}\n"
              f"  - dwt: {{wavelet: db6, {DWT}, {SOFT}, {K}, {FINEST}}}\n  - mute: {{velocity: 900}}"),
    "stft": ("mode: both", "tf: {window: 64}"),
    "stft-hard": ("mode: processed", "tf: {mode: hard, aperture: 5, fmin: 10, fmax: 120, hop: 16}"),
    "stft-garrote": ("mode: noise", "tf: {mode: garrote, time_smoothing: 40, low_amp_protection: false}"),
    "stockwell": ("mode: both", "tf: {transform: stockwell, fmax: 90}"),
    "stockwell-reduced": ("mode: processed", "tf: {transform: stockwell, sampling: reduced, mode: soft, fmax: 90}"),
    "tf-chain": ("mode: both\nsort: [offset]", "mute: {velocity: 1500}\n  - tf: {mode: scaled}\n"
                 f"  - dwt: {{{DWT}, {SOFT}, {K}, {FINEST}}}"),
}


def key():
    """What decides bits beside the job: the processor's vectors, by which FFTW too chooses, and FFTW's version."""
    flags = re.search(r"^flags\s*:(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    words = set(flags.group(1).split()) if flags else set()
    vectors = next((name for name in ("avx512f", "avx2", "avx") if name in words), "none")
    fftw = subprocess.run(["pkg-config", "--modversion", "fftw3f"], capture_output=True, text=True).stdout.strip()
    return f"{vectors}, fftw {fftw or 'unknown'}"


def uses_fftw(name):
    return "tf:" in JOBS[name][1]


def hash_of(path):
    """Of the samples and what became of each gather; not of what the file says of the program and the job."""
    digest = hashlib.sha256()
    with h5py.File(path) as f:
        for name in ("traces", "noise", "sort_map", "integrity/crc32c", "integrity/status"):
            if name in f:
                digest.update(name.encode())
                digest.update(f[name][:].tobytes())
    return digest.hexdigest()


def job_text(name, folder):
    head, steps = JOBS[name]
    return (f"input: {folder}/in.h5\noutput: {folder}/{name}.h5\ndead_traces: ignore\nengine: cpu\n{head}\n"
            f"chain:\n  - {steps}\n")


def main():
    hashes = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.argv[1], "synth", folder / "in.h5", *SYNTH], check=True)
        hashes["synth"] = hash_of(folder / "in.h5")
        for job in JOBS:
            (folder / "job.yaml").write_text(job_text(job, folder))
            subprocess.run([sys.argv[1], "run", folder / "job.yaml", "--quiet"], check=True)
            hashes[job] = hash_of(folder / f"{job}.h5")
    print(json.dumps({key(): hashes}, indent=1))


if __name__ == "__main__":
    main()
