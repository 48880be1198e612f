# SPDX-License-Identifier: BSD-3-Clause
"""The surveys that denoising is measured on: pairs of a clean and a noisy one, and real ones without a known truth."""

import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "cli")]

import harness  # noqa: E402
from surveys import write_survey  # noqa: E402

INTERVAL_US = 4000.0


def seisproc(folder, *arguments, timeout=60):
    """Runs the program in a folder; what it prints on standard output. Launchers that begin at one moment must not
    share a folder for temporary files: Open MPI's then refuse to make what another has just made."""
    with tempfile.TemporaryDirectory(prefix="m", dir=folder) as tmp:
        result = harness.run([harness.BINARY, *arguments], timeout=timeout, cwd=folder, tmp=tmp)
    assert result.returncode == 0, str(result)
    return result.stdout


def white(shape, seed):
    return np.random.RandomState(seed).standard_normal(shape)


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


# --- pairs -------------------------------------------------------------------------------------------------------


def pair_of(folder, clean, noisy, first_trace):
    for name, traces in (("clean.h5", clean), ("noisy.h5", noisy)):
        write_survey(folder / name, traces, first_trace, interval_us=INTERVAL_US)


def hyper4(folder, data):
    """A cube of 32 lines of 32 traces, noisy as published; a line is a gather."""
    clean, noisy = (np.fromfile(data / "bench_hyper4" / f"syn3d_30_{which}.bin", "<f4").reshape(32 * 32, 126)
                    for which in "cn")
    pair_of(folder, clean, noisy, np.arange(0, 32 * 32 + 1, 32))


def red(folder, data):
    """The same cube with noise of the first order, 0.85, as strong as the published noise."""
    clean, noisy = (np.fromfile(data / "bench_hyper4" / f"syn3d_30_{which}.bin", "<f4").reshape(32 * 32, 126)
                    for which in "cn")
    noise = white(clean.shape, 2)
    for t in range(1, noise.shape[1]):
        noise[:, t] = 0.85 * noise[:, t - 1] + np.sqrt(1 - 0.85**2) * noise[:, t]
    pair_of(folder, clean, clean + rms(noisy - clean) * noise, np.arange(0, 32 * 32 + 1, 32))


def edge2d(folder, data):
    """One gather; published clean, here with white noise as strong as the signal."""
    clean = np.fromfile(data / "bench_edge2d" / "syn_edge2d.bin", "<f4").reshape(50, 512)
    pair_of(folder, clean, clean + rms(clean) * white(clean.shape, 1), [0, len(clean)])


def synth(folder, data):
    """Reflections with moveout, ground roll, and white noise as strong as the reflections."""
    seisproc(folder, "synth", "noisy.h5", "--clean", "clean.h5", "--gathers=3", "--traces=110", "--samples=600",
             f"--interval-ms={INTERVAL_US / 1000}", "--noise=1", "--seed=1", "--quiet")


def burst(rng, n_samples, interval):
    """Half a second of noise around some low frequency, of unit strength at its middle."""
    noise = rng.standard_normal(n_samples)
    frequency = np.fft.rfftfreq(n_samples, interval)
    noise = np.fft.irfft(np.fft.rfft(noise) * np.exp(-((frequency - rng.uniform(4, 40)) / 6)**2), n_samples)
    time = np.arange(n_samples) * interval
    return noise / rms(noise) * np.exp(-((time - rng.uniform(0, time[-1])) / 0.4)**2)


def bursts(folder, data):
    """`synth` with a third of its noise, and on each twelfth trace a burst ten times as strong as the reflections."""
    synth(folder, data)
    with h5py.File(folder / "clean.h5") as c, h5py.File(folder / "noisy.h5", "r+") as n:
        clean, noise = c["traces"][:], n["traces"][:] - c["traces"][:]
        strength, rng = rms(noise), np.random.RandomState(3)
        noise *= 0.3
        for trace in np.flatnonzero(rng.random_sample(len(clean)) < 1 / 12):
            noise[trace] += 10 * strength * burst(rng, clean.shape[1], INTERVAL_US * 1e-6)
        n["traces"][:] = clean + noise


# Name -> what makes clean.h5 and noisy.h5 in a folder.
PAIRS = {"hyper4": hyper4, "red": red, "edge2d": edge2d, "synth": synth, "bursts": bursts}
NEED_DATA = {"hyper4", "red", "edge2d"}


# --- real surveys ------------------------------------------------------------------------------------------------

# Name -> file below the folder of real data, gather key.
REAL = {
    "marine": ("marine_cdp_su/cdp601to610.su", "cdp"),
    "land": ("land_shot_su/subarna_fldr3360.su", "fldr"),
    "viking": ("viking_segy/viking_small.segy", "fldr"),
    "near_surface": ("near_surface_segy/real_gather.sgy", "fldr"),
    "oz16": ("oz16_su/ozdata16.su", "fldr"),
}


# Where a whole survey takes minutes: bytes of a trace, first trace and number of those that make do.
FEW_TRACES = {("land", row): (240 + 4 * 2501, 130, 16) for row in ("stockwell",)}


def real(folder, data, name):
    """Imports a real survey as noisy.h5, and parts of it for the rows that make do with them as noisy-ROW.h5."""
    path, key = REAL[name]
    seisproc(folder, "import", data / path, "noisy.h5", "--gather", key, "--quiet")
    for (survey, row), (size, first, count) in FEW_TRACES.items():
        if survey == name:
            (folder / "part.su").write_bytes((data / path).read_bytes()[first * size:(first + count) * size])
            seisproc(folder, "import", "part.su", f"noisy-{row}.h5", "--gather", key, "--quiet")
