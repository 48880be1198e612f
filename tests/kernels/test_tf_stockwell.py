# SPDX-License-Identifier: BSD-3-Clause
"""Processor tf, transform stockwell, against the S-transform in NumPy."""

from functools import lru_cache

import numpy as np
import pytest

import reference_tf as reference
from kernel_tool import LOCAL_BLOCK, OK, TOO_SHORT, worst_distance
from tf_gathers import isa_or_skip, make_gather, tied_gather

LIMIT = 1e-5
# Lengths with and without zeros behind them, odd and even: 200 is taken apart into phases, 101 is a prime.
SHORT = (64, 101, 200, 243)
LONG = (1600, 1601, 777)
LOW = {"fmin": 5, "fmax": 20}


@lru_cache(maxsize=None)
def expectation(n_traces, n_samples, seed, sampling, options):
    gather = make_gather(n_traces, n_samples, seed)
    expected_of = reference.stockwell_gather if sampling == "full" else reference.reduced_gather
    return gather, expected_of(gather, **dict(options))


def distance(kernels, n_traces, n_samples, seed=1, sampling="full", **options):
    gather, expected = expectation(n_traces, n_samples, seed, sampling, tuple(options.items()))
    got = kernels.apply("tf", gather, transform="stockwell", sampling=sampling, **options)
    assert got.reason == OK and got.locality == LOCAL_BLOCK
    return worst_distance(got.out, expected)


def test_the_reference_inverts_itself():
    for n_samples in SHORT:
        x = make_gather(3, n_samples).astype(np.float64)
        assert worst_distance(reference.inverse_s_transform(reference.s_transform(x)).real, x) < 1e-13


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("mode", reference.MODES)
def test_modes_and_apertures(kernels, mode, sampling):
    for n_samples in SHORT:
        for aperture in (3, 5, 7, 13, 31):
            options = {"sampling": sampling, "mode": mode, "aperture": aperture, "k": 1.5}
            assert distance(kernels, 12, n_samples, **options) < LIMIT, options


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("mode", reference.MODES)
@pytest.mark.parametrize("n_samples", LONG)
def test_long_traces(kernels, mode, n_samples, sampling):
    aperture = 3 + 2 * reference.MODES.index(mode)
    options = {"sampling": sampling, "mode": mode, "aperture": aperture, "k": 1.5, **LOW}
    assert distance(kernels, 9, n_samples, seed=2, **options) < LIMIT


@pytest.mark.parametrize("sampling", ["full", "reduced"])
def test_all_voices_of_a_long_trace(kernels, sampling):
    assert distance(kernels, 7, 800, seed=3, sampling=sampling, mode="hard", k=1.5) < LIMIT


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512"])
@pytest.mark.parametrize("sampling", ["full", "reduced"])
def test_instruction_sets(isa, sampling):
    running = isa_or_skip(isa)
    for n_samples in SHORT + (777,):
        for options in ({"mode": "hard"}, {"mode": "soft", "time_smoothing": 20}, {"aperture": 9}):
            band = LOW if n_samples == 777 else {}
            assert distance(running, 10, n_samples, seed=4, sampling=sampling, k=1.5, **options, **band) < LIMIT
    running.close()


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("band", [{"fmax": 0}, {"fmin": 250}, {"fmin": 245}, {"fmax": 2.5}, {"fmin": 30, "fmax": 31},
                                  {"fmin": 12.5, "fmax": 100}, {"fmin": 60, "fmax": 200}])
def test_bands(kernels, band, sampling):
    """The first voice is the mean, the last one of an even number of samples has no conjugate."""
    for mode in reference.MODES:
        assert distance(kernels, 10, 200, seed=5, sampling=sampling, mode=mode, k=1.5, **band) < LIMIT, mode


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("time_smoothing", [1, 4, 7, 50, 400, 10000])
def test_time_smoothing(kernels, time_smoothing, sampling):
    for n_samples, options in ((200, {"mode": "hard"}), (101, {"mode": "adaptive", "aperture": 11}),
                               (200, {"mode": "soft", "fmin": 20, "fmax": 90})):
        options = {"sampling": sampling, "k": 1.5, "time_smoothing": time_smoothing, **options}
        assert distance(kernels, 10, n_samples, seed=6, **options) < LIMIT, options


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("mode", reference.MODES)
def test_low_amplitudes(kernels, mode, sampling):
    """Without protection weak coefficients are raised: a phase must be known, so no constant traces here."""
    gather = make_gather(12, 200, seed=7, constant=False)
    expected_of = reference.stockwell_gather if sampling == "full" else reference.reduced_gather
    for options in ({"low_amp_protection": False}, {"low_amp_factor": 1}, {"low_amp_factor": 0.8}):
        options = {"mode": mode, "k": 1, **options}
        got = kernels.apply("tf", gather, transform="stockwell", sampling=sampling, **options).out
        assert worst_distance(got, expected_of(gather, **options)) < LIMIT, options


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("mode", reference.MODES)
def test_ties(kernels, mode, sampling):
    gather = tied_gather(24, 160)
    expected_of = reference.stockwell_gather if sampling == "full" else reference.reduced_gather
    for aperture in (3, 7):
        options = {"mode": mode, "k": 1.37, "aperture": aperture}
        got = kernels.apply("tf", gather, transform="stockwell", sampling=sampling, **options)
        assert worst_distance(got.out, expected_of(gather, **options)) < LIMIT


@pytest.mark.parametrize("sampling", ["full", "reduced"])
def test_comes_back_where_nothing_is_thresholded(kernels, sampling):
    for n_samples in LONG:
        gather = np.random.default_rng(8).standard_normal((9, n_samples)).astype(np.float32)
        options = {"transform": "stockwell", "sampling": sampling, "mode": "hard", "k": 1000}
        if n_samples == 1600:
            assert worst_distance(kernels.apply("tf", gather, **options).out, gather) < 1e-6
        part = kernels.apply("tf", gather, **options, **LOW).out
        assert np.array_equal(part, gather)


def test_a_change_stays_local(kernels):
    """A burst in one trace is taken out where it is, and nowhere else."""
    random = np.random.default_rng(9)
    gather = np.tile(random.standard_normal(1600), (9, 1)).astype(np.float32)
    noisy = gather.copy()
    t = np.arange(1600)
    noisy[4] += (40 * np.exp(-((t - 800) / 10) ** 2) * np.cos(0.6 * (t - 800))).astype(np.float32)
    out = kernels.apply("tf", noisy, transform="stockwell", fmin=15, fmax=120).out
    error = out[4] - gather[4]
    assert np.abs(error).max() < 0.15 * 40
    assert np.abs(error[:500]).max() < 0.01 and np.abs(error[1100:]).max() < 0.01


def test_dead_traces_stay_dead(kernels):
    gather = make_gather(12, 200, seed=10)
    gather[[0, 5, 11]] = 0
    for options in ({}, {"low_amp_protection": False}, {"mode": "soft"}, {"sampling": "reduced"}, LOW):
        out = kernels.apply("tf", gather, transform="stockwell", **options).out
        assert not out[[0, 5, 11]].any() and out[1].any()


def test_short_traces(kernels):
    assert kernels.apply("tf", np.ones((9, 7)), transform="stockwell").reason == TOO_SHORT
    for n_samples in range(8, 26):
        for sampling in ("full", "reduced"):
            assert distance(kernels, 9, n_samples, seed=11, sampling=sampling, mode="hard", k=1) < LIMIT


def test_not_finite_ends(kernels):
    gather = make_gather(40, 200, seed=12)
    gather[20] = np.nan
    gather[21, 5] = np.inf
    gather[22, ::3] = -np.inf
    clean = make_gather(40, 200, seed=12)
    for options in ({}, {"time_smoothing": 20}, {"sampling": "reduced"}, {"mode": "hard"}):
        got = kernels.apply("tf", gather, transform="stockwell", **options).out
        expected = kernels.apply("tf", clean, transform="stockwell", **options).out
        far = np.r_[0:17, 26:40]
        assert np.array_equal(got[far], expected[far])


@pytest.mark.parametrize("options", [{}, {"sampling": "reduced"}, {"fmin": 5, "fmax": 100, "aperture": 11},
                                     {"time_smoothing": 20, "mode": "hard"}])
def test_same_bits_for_any_cut_and_place(kernels, options):
    for n_traces, n_samples in ((150, 128), (40, 101)):
        gather = make_gather(n_traces, n_samples, seed=13)
        whole = kernels.apply("tf", gather, block=n_traces, transform="stockwell", **options).out
        for threads, block in ((1, 0), (1, 1), (2, 16), (3, 7)):
            got = kernels.apply("tf", gather, threads=threads, block=block, transform="stockwell", **options).out
            assert np.array_equal(got, whole)


def test_small_gathers_use_the_largest_odd_aperture(kernels):
    for n_traces in range(2, 8):
        assert distance(kernels, n_traces, 160, seed=14, aperture=7, k=1) < LIMIT


@pytest.mark.parametrize("sampling", ["full", "reduced"])
@pytest.mark.parametrize("band", [{"fmin": 20, "fmax": 40}, {"fmin": 60, "fmax": 120}, {"fmax": 30}])
def test_what_is_removed_lies_in_the_band(kernels, band, sampling):
    """As seen in a spectrum of twice the length, which shows what lies between the frequencies of the transform."""
    for n_samples in (1600, 1001):
        gather = make_gather(24, n_samples, seed=15).astype(np.float64)
        out = kernels.apply("tf", gather, transform="stockwell", sampling=sampling, k=1.5, **band).out
        removed = np.pad(out - gather, [(0, 0), (0, n_samples)])
        power = np.abs(np.fft.rfft(removed, axis=-1)) ** 2
        frequencies = np.fft.rfftfreq(2 * n_samples, 0.002)
        inside = reference.in_band(frequencies, band.get("fmin", 0), band["fmax"])
        assert np.sum(removed**2) > 0.01 * np.sum(gather**2)
        assert power[:, inside].sum() > 0.98 * power.sum()
