# SPDX-License-Identifier: BSD-3-Clause
"""Processor fk_denoise on published benchmarks: as good as promised, and the same as the double-precision oracle where
that is at hand."""

import importlib.util
import os
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

import harness
from test_fk_denoise import run, run_cube, snr

ORACLE = harness.ROOT.parent / "shared" / "oracle" / "fk_denoise.py"


def load(folder, name, shape):
    return np.fromfile(folder / name, "<f4").reshape(shape, order="F").astype(float)


def published_cube(folder):
    return tuple(load(folder, f"bench_hyper4/syn3d_30_{which}.bin", (126, 32, 32)) for which in "cn")


def seeded_cube(folder, seed):
    clean = load(folder, "bench_hyper4/hyper4_126_32_32.bin", (126, 32, 32))
    return clean, clean + 0.1 * np.abs(clean).max() * np.random.RandomState(seed).randn(*clean.shape)


def seeded_edges(folder, seed):
    clean = load(folder, "bench_edge2d/syn_edge2d.bin", (512, 50))
    return clean, clean + 0.2 * np.abs(clean).max() * np.random.RandomState(seed).randn(*clean.shape)


def cube_figure(kernels, pair):
    return snr(pair[0], run_cube(kernels, pair[1].astype(np.float32), robust="auto"))


def lines_figure(kernels, pair):
    lines = [run(kernels, pair[1][:, :, k].T, robust="auto").out.T for k in range(pair[1].shape[2])]
    return snr(pair[0], np.stack(lines, axis=2))


def section_figure(kernels, pair):
    return snr(pair[0], run(kernels, pair[1].T, robust="auto").out.T)


def test_published_files(kernels, data_dir):
    assert cube_figure(kernels, published_cube(data_dir)) > 14.95
    assert lines_figure(kernels, published_cube(data_dir)) > 9.9
    assert cube_figure(kernels, seeded_cube(data_dir, 202526)) > 19.2
    assert section_figure(kernels, seeded_edges(data_dir, 202526)) > 15.9


def test_clean_data_come_back(kernels, data_dir):
    for make, figure in ((published_cube, cube_figure), (published_cube, lines_figure),
                         (lambda folder: seeded_edges(folder, 1), section_figure)):
        clean = make(data_dir)[0]
        assert figure(kernels, (clean, clean)) > 34


def test_coloured_noise(kernels, data_dir):
    """Of the first order, 0.85: its power falls by a factor of ten within two frequencies of a window."""
    clean, noisy = published_cube(data_dir)
    noise = np.random.RandomState(2).standard_normal(clean.shape)
    for t in range(1, len(noise)):
        noise[t] = 0.85 * noise[t - 1] + np.sqrt(1 - 0.85**2) * noise[t]
    coloured = clean, clean + np.std(noisy - clean) * noise
    assert lines_figure(kernels, coloured) > 8.8
    assert cube_figure(kernels, coloured) > 14


@pytest.mark.long
def test_fresh_seeds(kernels, data_dir):
    """The parameters' defaults were found on the files above; of these the noise was not looked at."""
    clean, noisy = published_cube(data_dir)
    fresh = [clean + np.std(noisy - clean) * np.random.RandomState(seed).standard_normal(clean.shape)
             for seed in range(1, 6)]
    assert np.mean([cube_figure(kernels, (clean, x)) for x in fresh]) > 14.8
    assert np.mean([cube_figure(kernels, seeded_cube(data_dir, seed)) for seed in range(5)]) > 19.1
    assert np.mean([section_figure(kernels, seeded_edges(data_dir, seed)) for seed in range(5)]) > 15.8


@pytest.mark.skipif(not ORACLE.is_file(), reason="no ../shared/oracle/fk_denoise.py")
def test_the_oracle_agrees(kernels, data_dir):
    """But for the guard, and for the ends of the gather, which the oracle does not pad alike."""
    spec = importlib.util.spec_from_file_location("fk_denoise_oracle", ORACLE)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    clean, noisy = seeded_edges(data_dir, 202526)
    assert snr(clean, run(kernels, noisy.T).out.T) > snr(clean, oracle.lfk(noisy)) - 0.05
    clean, noisy = published_cube(data_dir)
    assert cube_figure(kernels, (clean, noisy)) > snr(clean, oracle.lfk(noisy)) - 0.05


def survey(folder):
    """Two gathers of five receiver lines with ground roll: clean and noisy [trace][sample], and their positions."""
    command = [harness.BUILD / "seisproc", "synth", "noisy.h5", "--clean=clean.h5", "--interval-ms=4", "--samples=1000",
               "--gathers=2", "--traces=200", "--spread=0", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                                         "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
    with h5py.File(Path(folder) / "clean.h5") as c, h5py.File(Path(folder) / "noisy.h5") as n:
        positions = [n["headers/" + name][:].astype(float) for name in ("sx", "sy", "gx", "gy")]
        return c["traces"][:].astype(float), n["traces"][:], positions


def survey_figure(kernels, clean, noisy, positions, robust):
    gathers = [run(kernels, noisy[k:k + 200], [p[k:k + 200] for p in positions], robust=robust).out
               for k in range(0, len(noisy), 200)]
    return snr(clean, np.concatenate(gathers))


def test_a_survey_with_ground_roll(kernels, tmp_path):
    """Nothing of it is taken for bad, and the lines are told apart by their positions; bad traces in it are found."""
    clean, noisy, positions = survey(tmp_path)
    plain = survey_figure(kernels, clean, noisy, positions, 0)
    assert plain > 16.7
    assert survey_figure(kernels, clean, noisy, positions, "auto") > plain - 0.1
    random = np.random.default_rng(4)
    bad = random.choice(len(noisy), 16, replace=False)
    noisy[bad] = clean[bad] + 20 * np.std(noisy - clean) * random.standard_normal((16, noisy.shape[1]))
    found = {robust: survey_figure(kernels, clean, noisy, positions, robust) for robust in (0, 1, "auto")}
    assert found["auto"] > max(found[0] + 10, found[1] - 0.5)
