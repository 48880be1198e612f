# SPDX-License-Identifier: BSD-3-Clause
"""Processor dwt with thresholds that are chosen by all of a gather: k auto, noise_level auto and fk."""

import numpy as np
import pytest

import gathers
import reference
from kernel_tool import LOCAL_GATHER, OK, Refused, worst_distance

LIMIT = 1e-5
MODES = {"dwt": reference.dwt_gather, "swt": reference.swt_gather}


def noisy_events(n_traces, n_samples, noise, seed=1, colour=0.0):
    """Dipping events, and noise of that standard deviation: white, or where colour is above 0 of the first order."""
    random = np.random.default_rng(seed)
    t = np.arange(n_samples)
    clean = np.zeros((n_traces, n_samples))
    for i in range(n_traces):
        for start, dip in ((0.2, 1.2), (0.5, -0.6), (0.8, 0.3)):
            d = t - start * n_samples - dip * i
            clean[i] += np.exp(-(d / 9) ** 2) * np.cos(0.45 * d)
    added = random.standard_normal((n_traces, n_samples))
    for j in range(1, n_samples if colour else 0):
        added[:, j] = colour * added[:, j - 1] + np.sqrt(1 - colour**2) * added[:, j]
    return clean, (clean + noise * added).astype(np.float32)


def snr(clean, found):
    return 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clean - found))


@pytest.mark.parametrize("transform", MODES)
@pytest.mark.parametrize("noise_level", ["auto", "finest", "fk"])
@pytest.mark.parametrize("threshold", ["garrote", "soft"])
def test_agrees_with_the_reference(kernels, transform, noise_level, threshold):
    for n_traces, n_samples in ((40, 512), (3, 301), (7, 200), (1, 400)):
        for seed, wavelet in ((1, "db4"), (2, "bior2.4")):
            gather = noisy_events(n_traces, n_samples, 0.3, seed)[1]
            gather[n_traces // 2, :] *= n_traces % 2
            level = reference.auto_level(n_samples, wavelet)
            expected = MODES[transform](gather.astype(np.float64), wavelet, level, threshold, "auto", noise_level)
            got = kernels.apply("dwt", gather, transform=transform, threshold=threshold, noise_level=noise_level,
                                wavelet=wavelet)
            assert got.reason == OK and got.locality == LOCAL_GATHER
            assert worst_distance(got.out, expected) < LIMIT


@pytest.mark.parametrize("noise_level", ["auto", "fk"])
def test_a_given_k(kernels, noise_level):
    gather = noisy_events(30, 400, 0.3)[1]
    for threshold in ("soft", "hard", "garrote"):
        expected = reference.swt_gather(gather.astype(np.float64), "db4", 5, threshold, 2.0, noise_level)
        got = kernels.apply("dwt", gather, k=2, threshold=threshold, noise_level=noise_level).out
        assert worst_distance(got, expected) < LIMIT


def test_large_gathers_are_looked_at_in_part(kernels):
    gather = noisy_events(1100, 200, 0.3)[1]
    expected = reference.swt_gather(gather.astype(np.float64), "db4", 4, "garrote", "auto", "auto")
    assert worst_distance(kernels.apply("dwt", gather).out, expected) < LIMIT


def test_packets_choose_too(kernels):
    clean, gather = noisy_events(40, 512, 0.3)
    assert snr(clean, kernels.apply("dwt", gather, transform="wpt").out) > snr(clean, gather) + 2


def test_better_than_any_one_k(kernels):
    clean, gather = noisy_events(64, 512, 0.5)
    best = max(snr(clean, kernels.apply("dwt", gather, k=k, noise_level="finest").out) for k in np.arange(0.5, 4, 0.25))
    assert snr(clean, kernels.apply("dwt", gather).out) > best


def test_clean_data_sampled_coarsely_stays(kernels):
    """The finest detail of a coarsely sampled gather is signal."""
    random = np.random.default_rng(3)
    t = np.arange(1200)
    clean = np.zeros((48, 1200))
    for _ in range(80):
        start, dip, size = random.uniform(0, 1200), random.uniform(-3, 3), random.standard_normal()
        d = t - start - dip * np.arange(48)[:, None]
        clean += size * np.exp(-(d / 9) ** 2) * np.cos(0.45 * d)
    clean = clean[:, ::4].astype(np.float32)
    lost = {level: np.sum((kernels.apply("dwt", clean, noise_level=level).out - clean) ** 2) / np.sum(clean**2)
            for level in ("auto", "finest")}
    assert lost["auto"] < 0.02 < 5 * lost["finest"]


def test_coloured_noise(kernels):
    clean, gather = noisy_events(64, 512, 0.5, colour=0.85)
    found = {level: snr(clean, kernels.apply("dwt", gather, noise_level=level).out) for level in ("finest", "fk")}
    assert found["fk"] > found["finest"] + 1


def test_scale_does_not_matter(kernels):
    gather = noisy_events(20, 300, 0.3)[1]
    for options in ({}, {"noise_level": "fk"}):
        out = kernels.apply("dwt", gather, **options).out
        for power in (-60, 60):
            scaled = kernels.apply("dwt", gather * np.float32(2.0**power), **options).out
            assert worst_distance(scaled, out * 2.0**power) < 1e-6


def test_dead_constant_and_broken_traces(kernels):
    gather = gathers.coherent(40, 300)
    for options in ({}, {"noise_level": "fk"}, {"transform": "dwt"}):
        out = kernels.apply("dwt", gather, **options).out
        assert not out[[0, 20]].any() and np.allclose(out[[13, 39]], 12.5, rtol=1e-5)
    gather[5, 7] = np.nan
    gather[6, 8] = np.inf
    kernels.apply("dwt", gather)
    assert not kernels.apply("dwt", np.zeros((10, 200))).out.any()


def test_same_bits_for_any_threads(kernels):
    gather = noisy_events(700, 256, 0.3)[1]
    once = kernels.apply("dwt", gather).out
    assert np.array_equal(kernels.apply("dwt", gather, threads=3, block=7).out, once)


def test_instruction_sets():
    from tf_gathers import isa_or_skip

    gather = noisy_events(40, 300, 0.3)[1]
    running = isa_or_skip("portable")
    out = running.apply("dwt", gather).out
    running.close()
    best = isa_or_skip("avx2")
    assert np.array_equal(best.apply("dwt", gather).out, out)
    best.close()


def test_what_does_not_go_together_is_refused(kernels):
    gather = np.ones((9, 200), np.float32)
    for options, why in (({"threshold": "hard"}, "k: auto"), ({"transform": "wpt", "best_basis": True}, "k: auto"),
                         ({"noise_level": "fk", "aperture": 7, "k": 1}, "noise_level: fk")):
        with pytest.raises(Refused, match=why):
            kernels.apply("dwt", gather, **options)


def test_with_an_aperture_auto_is_one(kernels):
    gather = np.random.default_rng(3).standard_normal((20, 300)).astype(np.float32)
    got = kernels.apply("dwt", gather, aperture=7).out
    assert np.array_equal(got, kernels.apply("dwt", gather, aperture=7, k=1).out)
