# SPDX-License-Identifier: BSD-3-Clause
"""Processor dwt: every transform, with and without an aperture, against PyWavelets and NumPy."""

import numpy as np
import pytest

import reference
from gathers import coherent, tied
from kernel_tool import LOCAL_BLOCK, LOCAL_TRACE, OK, TOO_SHORT, worst_distance

LIMIT = 1e-5
THRESHOLDS = ("soft", "hard", "garrote")
GATHER = {"dwt": reference.dwt_gather, "swt": reference.swt_gather}


def fixed(kernels, gather, **options):
    """Processor dwt with a threshold that is told, not chosen, unless `options` say otherwise."""
    told = {"transform": "dwt", "threshold": "soft", "k": 3, "noise_level": "finest"}
    return kernels.apply("dwt", gather, **{**told, **options})


def distance(kernels, transform, gather, wavelet, level, threshold, k=2.5, noise_level="finest", aperture=1):
    """Worst of the traces that hard thresholding decides clearly; most must be."""
    undecided = []
    expected = GATHER[transform](gather.astype(float), wavelet, level, threshold, k, noise_level, aperture, undecided)
    got = fixed(kernels, gather, transform=transform, wavelet=wavelet, level=level, threshold=threshold, k=k,
                noise_level=noise_level, aperture=aperture)
    assert got.reason == OK
    clear = ~np.any(undecided, axis=0) if threshold == "hard" else np.ones(len(gather), bool)
    assert clear.mean() > 0.6
    return worst_distance(got.out[clear], expected[clear])


def levels_to_try(n_samples, wavelet):
    most = reference.max_level(n_samples, wavelet)
    return sorted({min(1, most), (most + 1) // 2, most} - {0})


@pytest.mark.parametrize("wavelet", reference.WAVELETS)
def test_undecimated(kernels, wavelet):
    worst, cases = 0, 0
    for n_samples in (64, 777, 1600, 1601):
        gather = coherent(7, n_samples)
        for level in levels_to_try(n_samples, wavelet):
            worst = max(worst, distance(kernels, "swt", gather, wavelet, level, THRESHOLDS[cases % 3]))
            cases += 1
    assert cases >= 8 and worst < LIMIT


@pytest.mark.parametrize("wavelet", reference.WAVELETS)
def test_decimated_over_an_aperture(kernels, wavelet):
    worst, cases = 0, 0
    for n_samples in (64, 777, 1600, 1601):
        gather = coherent(11, n_samples)
        for level in levels_to_try(n_samples, wavelet):
            worst = max(worst, distance(kernels, "dwt", gather, wavelet, level, THRESHOLDS[cases % 3], aperture=7))
            cases += 1
    assert cases >= 8 and worst < LIMIT


@pytest.mark.parametrize("aperture", range(3, 32, 2))
@pytest.mark.parametrize("transform", ["dwt", "swt"])
def test_every_aperture(kernels, transform, aperture):
    for n_samples, level in ((64, 3), (333, 4)):
        gather = coherent(aperture + 12, n_samples, seed=aperture)
        for threshold in THRESHOLDS:
            assert distance(kernels, transform, gather, "db4", level, threshold, aperture=aperture) < LIMIT


@pytest.mark.parametrize("transform", ["dwt", "swt"])
@pytest.mark.parametrize("aperture", [1, 3, 7, 11])
def test_ties(kernels, transform, aperture):
    gather = tied(30, 500)
    for wavelet, k in (("db1", 1.37), ("bior2.2", 2.91), ("db4", 0.77)):
        for threshold in THRESHOLDS:
            assert distance(kernels, transform, gather, wavelet, 4, threshold, k, aperture=aperture) < LIMIT


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("noise_level", ["finest", "coarsest"])
def test_noise_level_of_swt(kernels, threshold, noise_level):
    assert distance(kernels, "swt", coherent(9, 1600), "db4", 5, threshold, 3.0, noise_level) < LIMIT


def test_gathers_smaller_than_the_aperture(kernels):
    for n_traces in (1, 2, 3, 4, 5, 8):
        gather = coherent(20, 200)[5:5 + n_traces]
        for aperture in (3, 7, 31):
            assert distance(kernels, "dwt", gather, "db4", 3, "soft", aperture=aperture) < LIMIT


@pytest.mark.parametrize("wavelet", ["db1", "db4", "db11", "db20", "sym7", "coif3", "bior1.3", "bior2.2", "bior6.8"])
@pytest.mark.parametrize("aperture", [1, 5])
@pytest.mark.parametrize("best_basis", [False, True])
def test_packets(kernels, wavelet, aperture, best_basis):
    worst, cases = 0, 0
    for n_samples in (64, 777, 1600, 1601):
        gather = coherent(5, n_samples, seed=2)
        for level in sorted({1, 3, min(reference.max_level(n_samples, wavelet), 5)}):
            if level == 0 or level > reference.max_level(n_samples, wavelet):
                continue
            threshold = ("soft", "garrote")[cases % 2]
            got = fixed(kernels, gather, transform="wpt", wavelet=wavelet, level=level, threshold=threshold,
                                k=2.5, aperture=aperture, best_basis=best_basis)
            expected = reference.wpt_gather(gather.astype(float), wavelet, level, threshold, 2.5, best_basis, aperture)
            worst, cases = max(worst, worst_distance(got.out, expected)), cases + 1
    assert cases >= 5 and worst < LIMIT


def test_packets_to_the_last_sample(kernels):
    """db1 at its deepest: leaves of a few coefficients."""
    gather = coherent(3, 100)
    for best_basis in (False, True):
        got = fixed(kernels, gather, transform="wpt", wavelet="db1", level=6, k=1.5, best_basis=best_basis)
        expected = reference.wpt_gather(gather.astype(float), "db1", 6, "soft", 1.5, best_basis)
        assert worst_distance(got.out, expected) < LIMIT


def test_best_basis_differs_from_the_full_tree(kernels):
    """A spike and a tone have different best bases: if the search did nothing, this would not notice it above."""
    t = np.arange(1024)
    gather = np.stack([np.sin(1.1 * t), np.where(t % 97 == 5, 10.0, 0.0)])
    gather += 0.1 * np.random.default_rng(1).standard_normal(gather.shape)
    gather = gather.astype(np.float32)
    options = dict(transform="wpt", level=4, k=1.0)
    full = fixed(kernels, gather, **options).out
    best = fixed(kernels, gather, best_basis=True, **options).out
    assert worst_distance(best[1:], full[1:]) > 1e-3


@pytest.mark.parametrize("options", [
    dict(transform="dwt", aperture=7), dict(transform="swt"), dict(transform="swt", aperture=5), dict(transform="wpt"),
    dict(transform="wpt", best_basis=True), dict(transform="wpt", best_basis=True, aperture=3),
    dict(transform="dwt", aperture=13), dict(transform="dwt", wavelet="bior4.4", aperture=9)], ids=str)
def test_same_bits_for_any_cut_and_place(kernels, options):
    gather = coherent(67, 301)
    whole = fixed(kernels, gather, block=67, **options)
    assert whole.locality == (LOCAL_BLOCK if options.get("aperture", 1) > 1 else LOCAL_TRACE)
    for threads, block in ((1, 0), (2, 0), (3, 7), (5, 1), (1, 16)):
        assert np.array_equal(fixed(kernels, gather, threads=threads, block=block, **options).out, whole.out)
    # traces far from an edge do not see what is there
    reach = options.get("aperture", 1) // 2
    part = fixed(kernels, gather[3:], **options).out
    assert np.array_equal(part[reach:], whole.out[3 + reach:])


@pytest.mark.parametrize("options", [dict(transform="swt"), dict(transform="wpt"), dict(aperture=7)], ids=str)
def test_not_finite_ends(kernels, options):
    clean = coherent(30, 400)
    gather = clean.copy()
    gather[10] = np.nan
    gather[11, 5] = np.inf
    gather[12, ::3] = -np.inf
    reach = options.get("aperture", 1) // 2
    far = np.r_[0:10 - reach, 13 + reach:30]
    expected = fixed(kernels, clean, **options).out
    assert np.array_equal(fixed(kernels, gather, **options).out[far], expected[far])


@pytest.mark.parametrize("options", [dict(transform="swt"), dict(transform="wpt"), dict(aperture=7)], ids=str)
def test_too_short(kernels, options):
    assert fixed(kernels, np.ones((9, 13), np.float32), **options).reason == TOO_SHORT
    assert fixed(kernels, np.ones((9, 14), np.float32), **options).reason == OK


def test_constant_and_dead_traces_come_back(kernels):
    gather = np.outer([0, 12.5, -3e-7, 0, 1e9, 1, 1, 1, 1, 1, 1], np.ones(401)).astype(np.float32)
    for transform in ("dwt", "swt", "wpt"):
        for aperture in (1, 5):
            got = fixed(kernels, gather, transform=transform, aperture=aperture).out
            assert worst_distance(got, gather) < 1e-6
            assert not got[[0, 3]].any()
