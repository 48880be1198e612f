# SPDX-License-Identifier: BSD-3-Clause
"""Processor dwt, transform dwt, one trace at a time, against PyWavelets."""

import numpy as np
import pytest

import reference
from gathers import tied, wild
from kernel_tool import LOCAL_TRACE, OK, TOO_SHORT, Refused, worst_distance

LIMIT = 1e-5


def fixed(kernels, gather, **options):
    """Processor dwt with a threshold that is told, not chosen, unless `options` say otherwise."""
    told = {"transform": "dwt", "threshold": "soft", "k": 3, "noise_level": "finest"}
    return kernels.apply("dwt", gather, **{**told, **options})


@pytest.mark.parametrize("wavelet", reference.WAVELETS)
def test_all_levels_odd_and_even_lengths(kernels, wavelet):
    worst, cases = 0, 0
    for n_samples in (64, 777, 1600, 1601):
        gather = wild(9, n_samples)
        for level in range(1, reference.max_level(n_samples, wavelet) + 1):
            threshold = ("soft", "hard", "garrote")[level % 3]
            got = fixed(kernels, gather, wavelet=wavelet, level=level, threshold=threshold, k=2.5)
            expected = reference.dwt_gather(gather.astype(float), wavelet, level, threshold, 2.5)
            assert got.reason == OK
            worst, cases = max(worst, worst_distance(got.out, expected)), cases + 1
    assert cases >= 10 and worst < LIMIT


@pytest.mark.parametrize("threshold", ["soft", "hard", "garrote"])
@pytest.mark.parametrize("noise_level", ["finest", "coarsest"])
def test_modes_at_defaults(kernels, threshold, noise_level):
    gather = wild(40, 1600, seed=2)
    got = fixed(kernels, gather, threshold=threshold, noise_level=noise_level)
    expected = reference.dwt_gather(gather.astype(float), "db4", 6, threshold, 3.0, noise_level)
    assert worst_distance(got.out, expected) < LIMIT
    assert not got.out[20].any()


@pytest.mark.parametrize("threshold", ["soft", "hard", "garrote"])
def test_ties(kernels, threshold):
    gather = tied(30, 500)
    for wavelet in ("db1", "bior2.2", "db4"):
        got = fixed(kernels, gather, wavelet=wavelet, threshold=threshold, k=1.37)
        level = reference.auto_level(500, wavelet)
        expected = reference.dwt_gather(gather.astype(float), wavelet, level, threshold, 1.37)
        assert worst_distance(got.out, expected) < LIMIT


def test_nothing_is_changed_where_the_noise_is_zero(kernels):
    """More than half of the finest detail is zero, so sigma is zero: the trace comes back."""
    gather = np.zeros((4, 1600), np.float32)
    gather[:, 700:720] = np.random.default_rng(4).standard_normal((4, 20))
    got = fixed(kernels, gather, k=10)
    assert worst_distance(got.out, gather) < 1e-6


def test_level_auto_is_six_at_most(kernels):
    for n_samples, wavelet in ((1600, "db4"), (300, "db4"), (1600, "db20"), (1 << 14, "db1")):
        gather = wild(5, n_samples)
        auto = fixed(kernels, gather, wavelet=wavelet).out
        told = fixed(kernels, gather, wavelet=wavelet, level=reference.auto_level(n_samples, wavelet)).out
        assert np.array_equal(auto, told)


def test_too_short(kernels):
    for n_samples, options in ((13, {}), (4, {}), (1, {}), (1600, {"level": 8}), (77, {"wavelet": "db20"})):
        gather = np.ones((3, n_samples), np.float32)
        assert fixed(kernels, gather, **options).reason == TOO_SHORT
    assert fixed(kernels, np.ones((3, 14), np.float32)).reason == OK
    assert fixed(kernels, np.ones((3, 1600), np.float32), level=7).reason == OK


def test_not_finite_ends(kernels):
    gather = wild(6, 1600)
    gather[1] = np.nan
    gather[2, 5] = np.inf
    gather[3, 800] = np.nan
    gather[4, ::3] = -np.inf
    expected = fixed(kernels, wild(6, 1600)).out
    got = fixed(kernels, gather).out
    assert np.array_equal(got[[0, 5]], expected[[0, 5]])


def test_parameters_that_contradict_are_refused(kernels):
    gather = wild(2, 100)
    for options in ({"best_basis": True}, {"noise_level": "coarsest", "transform": "wpt"},
                    {"noise_level": "coarsest", "aperture": 3}, {"aperture": 4}, {"wavelet": "db21"}, {"k": -1}):
        with pytest.raises(Refused):
            fixed(kernels, gather, **options)


def test_same_bits_for_any_cut_and_place(kernels):
    gather = wild(67, 777)
    whole = fixed(kernels, gather, block=67)
    assert whole.locality == LOCAL_TRACE
    for threads, block, in_place in ((1, 0, False), (2, 0, True), (3, 7, False), (5, 1, True), (1, 16, False)):
        got = fixed(kernels, gather, threads=threads, block=block, in_place=in_place)
        assert np.array_equal(got.out, whole.out)
    for first in (1, 5, 66):
        assert np.array_equal(fixed(kernels, gather[first:]).out, whole.out[first:])
