# SPDX-License-Identifier: BSD-3-Clause
"""Processor tf, transform stft, against SciPy."""

import re

import numpy as np
import pytest

import harness
import reference_tf as reference
from kernel_tool import LOCAL_BLOCK, LOCAL_TRACE, OK, TOO_SHORT, Refused, worst_distance
from tf_gathers import isa_or_skip, make_gather, tied_gather

LIMIT = 1e-5
LENGTHS = (1600, 1601, 777, 64)


def distance(kernels, gather, **options):
    got = kernels.apply("tf", gather, **options)
    assert got.reason == OK
    return worst_distance(got.out, reference.stft_gather(gather, **options))


@pytest.mark.parametrize("mode", reference.MODES)
@pytest.mark.parametrize("n_samples", LENGTHS)
def test_modes_and_apertures(kernels, mode, n_samples):
    gather = make_gather(40, n_samples)
    for aperture in (3, 5, 7, 9, 15, 31):
        assert distance(kernels, gather, aperture=aperture, mode=mode, k=1.5) < LIMIT, aperture


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512"])
@pytest.mark.parametrize("mode", reference.MODES)
def test_instruction_sets(isa, mode):
    running = isa_or_skip(isa)
    for n_samples in LENGTHS:
        gather = make_gather(24, n_samples, seed=2)
        for options in ({}, {"fmin": 5, "fmax": 100}, {"hop": 16}, {"time_smoothing": 200}, {"aperture": 11}):
            assert distance(running, gather, mode=mode, k=1.5, **options) < LIMIT, (n_samples, options)
    running.close()


@pytest.mark.parametrize("band", [{"fmin": 5, "fmax": 100}, {"fmin": 62.5}, {"fmax": 7.8125}, {"fmax": 0},
                                  {"fmin": 250}, {"fmin": 31.2, "fmax": 31.3}])
def test_bands(kernels, band):
    gather = make_gather(30, 1601, seed=3)
    for mode in reference.MODES:
        assert distance(kernels, gather, mode=mode, k=1.5, **band) < LIMIT


@pytest.mark.parametrize("window, hop", [(64, 32), (64, 16), (64, 8), (64, 4), (64, 1), (32, 16), (128, 32), (100, 25),
                                         (62, 31), (4, 2), (256, "auto"), (48, 16)])
def test_windows(kernels, window, hop):
    for n_samples in (1600, 777, max(window, 64)):
        gather = make_gather(20, n_samples, seed=4)
        for options in ({"mode": "adaptive", "k": 2}, {"mode": "soft", "k": 0.5, "fmin": 20, "fmax": 150}):
            assert distance(kernels, gather, window=window, hop=hop, **options) < LIMIT, (n_samples, options)


@pytest.mark.parametrize("time_smoothing", [63, 64, 127.9, 128, 200, 1000, 10000])
def test_time_smoothing(kernels, time_smoothing):
    gather = make_gather(25, 1600, seed=5)
    for options in ({"mode": "hard"}, {"mode": "adaptive", "aperture": 13}, {"mode": "soft", "fmin": 8, "fmax": 80}):
        assert distance(kernels, gather, k=1.5, time_smoothing=time_smoothing, **options) < LIMIT, options


@pytest.mark.parametrize("mode", reference.MODES)
def test_low_amplitudes(kernels, mode):
    """Without protection weak coefficients are raised: a phase must be known, so no constant traces here."""
    gather = make_gather(30, 1600, seed=6, constant=False)
    for options in ({"low_amp_protection": False}, {"low_amp_factor": 1}, {"low_amp_factor": 0},
                    {"low_amp_factor": 0.8}):
        assert distance(kernels, gather, mode=mode, k=1, **options) < LIMIT, options


@pytest.mark.parametrize("mode", reference.MODES)
def test_ties(kernels, mode):
    for aperture in (3, 7, 15):
        assert distance(kernels, tied_gather(60, 640), mode=mode, k=1.37, aperture=aperture) < LIMIT


@pytest.mark.parametrize("k", [0, 1e-3, 1000])
def test_extreme_thresholds(kernels, k):
    gather = make_gather(20, 777, seed=7)
    for mode in reference.MODES:
        assert distance(kernels, gather, mode=mode, k=k) < LIMIT


@pytest.mark.parametrize("scale", [1e-6, 1e9])
def test_scales(kernels, scale):
    gather = make_gather(20, 777, seed=8) * np.float32(scale)
    for mode in reference.MODES:
        assert distance(kernels, gather, mode=mode, k=1.5) < LIMIT


def test_comes_back_where_nothing_is_thresholded(kernels):
    gather = np.random.default_rng(9).standard_normal((20, 1601)).astype(np.float32)
    for mode in ("adaptive", "hard", "scaled"):
        for options in ({}, {"hop": 8}, {"window": 100}, {"time_smoothing": 300}):
            whole = kernels.apply("tf", gather, mode=mode, k=1000, **options).out
            assert worst_distance(whole, gather) < 1e-6
            part = kernels.apply("tf", gather, mode=mode, k=1000, fmin=5, fmax=100, **options).out
            assert np.array_equal(part, gather)


def test_small_gathers_use_the_largest_odd_aperture(kernels):
    for n_traces in range(1, 9):
        gather = make_gather(9, 640, seed=10)[:n_traces]
        for aperture in (3, 7, 31):
            assert distance(kernels, gather, aperture=aperture, k=1) < LIMIT
    alone = make_gather(9, 640, seed=10)[:1]
    assert np.array_equal(kernels.apply("tf", alone, k=0).out, alone)


def test_dead_traces_stay_dead(kernels):
    gather = make_gather(20, 1600, seed=11)
    gather[[0, 7, 8, 19]] = 0
    for options in ({}, {"low_amp_protection": False}, {"mode": "soft"}, {"fmin": 5, "fmax": 100}):
        out = kernels.apply("tf", gather, **options).out
        assert not out[[0, 7, 8, 19]].any() and out[1].any()
    assert not kernels.apply("tf", np.zeros((9, 1600)), mode="garrote").out.any()


def test_too_short(kernels):
    assert kernels.apply("tf", np.ones((9, 63))).reason == TOO_SHORT
    assert kernels.apply("tf", np.ones((9, 64))).reason == OK
    assert kernels.apply("tf", np.ones((9, 1600)), window=1602).reason == TOO_SHORT


def test_not_finite_ends(kernels):
    gather = make_gather(60, 1600, seed=12)
    gather[20] = np.nan
    gather[21, 5] = np.inf
    gather[22, ::3] = -np.inf
    gather[23, 800] = np.nan
    clean = make_gather(60, 1600, seed=12)
    for options in ({}, {"time_smoothing": 200}, {"mode": "soft", "aperture": 9}, {"window": 32}):
        got = kernels.apply("tf", gather, **options).out
        expected = kernels.apply("tf", clean, **options).out
        far = np.r_[0:16, 28:60]
        assert np.array_equal(got[far], expected[far])


@pytest.mark.parametrize("options", [
    {"aperture": 4}, {"aperture": 33}, {"window": 63}, {"window": 64, "hop": 48}, {"hop": 64}, {"hop": 24},
    {"fmin": 60, "fmax": 50}, {"fmin": 251}, {"fmin": 1, "fmax": 2}, {"sampling": "reduced"}, {"k": -1},
    {"mode": "median"}, {"low_amp_factor": 1.5}])
def test_parameters_that_cannot_be_are_refused(kernels, options):
    with pytest.raises(Refused):
        kernels.apply("tf", make_gather(10, 200), **options)


@pytest.mark.parametrize("options", [{}, {"fmin": 5, "fmax": 100, "aperture": 11}, {"window": 100},
                                     {"time_smoothing": 200, "mode": "hard"}])
def test_same_bits_for_any_cut_and_place(kernels, options):
    gather = make_gather(67, 777, seed=13)
    whole = kernels.apply("tf", gather, block=67, **options)
    assert whole.locality == LOCAL_BLOCK
    for threads, block in ((1, 0), (1, 1), (2, 16), (3, 7), (4, 33)):
        assert np.array_equal(kernels.apply("tf", gather, threads=threads, block=block, **options).out, whole.out)


def test_aperture_one_copies(kernels):
    gather = make_gather(20, 300, seed=14)
    for in_place in (False, True):
        got = kernels.apply("tf", gather, aperture=1, in_place=in_place)
        assert got.locality == LOCAL_TRACE and np.array_equal(got.out, gather)


@pytest.mark.parametrize("step, refusal", [
    ("{}", None), ("{window: 50}", "no plan for windows of 50 samples.*window: 64 does without"),
    ("{transform: stockwell}", "no plan for 300 samples.*there is no stockwell")])
def test_an_fft_library_without_split_transforms_is_refused_in_a_line(seisproc, tmp_path, step, refusal):
    """As MKL is, in place of FFTW; by `plan`, before anything was made. The usual window has a transform of its own."""
    seisproc("synth", "in.h5", "--gathers=1", "--traces=12", "--samples=300", "--quiet", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(f"input: in.h5\noutput: out.h5\nchain: [{{tf: {step}}}]\n")
    lacking = {"LD_PRELOAD": harness.BUILD / "tests/kernels/shim_fft.so"}
    result = seisproc("plan", "job.yaml", cwd=tmp_path, env=lacking, check=1 if refusal else 0)
    if refusal:
        line, = result.stderr.splitlines()
        assert re.search(refusal, line), str(result)
