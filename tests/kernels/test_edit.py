# SPDX-License-Identifier: BSD-3-Clause
"""Processor edit against the same steps in NumPy."""

import numpy as np
import pytest

from kernel_tool import OK, Refused

DT = 0.002


def filled(x, bad):
    good = np.flatnonzero(~bad)
    if len(good) == 0:
        return np.zeros_like(x)
    return np.where(bad, np.interp(np.arange(len(x)), good, x[good]), x)


def despiked(x, limit, window):
    half = int(np.floor(window * 1e-3 / DT / 2 + 0.5))
    median = np.array([np.median(np.abs(x[max(0, i - half):i + half + 1])) for i in range(len(x))])
    return filled(x, (median > 0) & (np.abs(x) > limit * median))


def test_despike(kernels):
    rng = np.random.default_rng(1)
    gather = rng.standard_normal((6, 333)).astype(np.float32)
    for trace in gather:
        trace[rng.integers(0, 333, 9)] *= 30
    gather[3, :2] = 100
    gather[4, -3:] = -100
    gather[5] = 0
    gather[5, 7] = 3  # alone among zeros: no level to compare with
    for limit, window in ((6, 100), (3.5, 31), (8, 5000)):
        got = kernels.apply("edit", gather, despike=limit, window=window)
        expected = np.stack([despiked(x, limit, window) for x in gather.astype(float)])
        assert got.reason == OK
        assert np.abs(got.out - expected).max() < 1e-5
        assert np.array_equal(got.out[5], gather[5])


def test_nan(kernels):
    gather = np.random.default_rng(2).standard_normal((4, 50)).astype(np.float32)
    gather[0, 10:13] = np.nan
    gather[1, 0] = np.inf
    gather[1, -2:] = -np.inf
    gather[2] = np.nan
    bad = ~np.isfinite(gather)
    assert np.array_equal(kernels.apply("edit", gather, nan="zero", despike=0).out, np.where(bad, 0, gather))
    killed = kernels.apply("edit", gather, nan="kill", despike=0).out
    assert not killed[:3].any() and np.array_equal(killed[3], gather[3])
    got = kernels.apply("edit", gather, nan="interpolate", despike=0).out
    with np.errstate(invalid="ignore"):
        assert np.abs(got - np.stack([filled(x, b) for x, b in zip(gather.astype(float), bad)])).max() < 1e-6
    kept = kernels.apply("edit", gather, despike=5).out
    assert np.array_equal(np.isfinite(kept), ~bad)


def test_kill_by_rms(kernels):
    gather = np.random.default_rng(3).standard_normal((40, 400)).astype(np.float32)
    gather *= np.linspace(1, 4, 40)[:, None].astype(np.float32)  # amplitudes that change slowly are no reason
    gather[[5, 21]] *= 10
    gather[30] *= 0.05
    gather[31] = 0
    out = kernels.apply("edit", gather, kill_rms=3, aperture=9, despike=0).out
    dead = ~out.any(axis=1)
    assert np.flatnonzero(dead).tolist() == [5, 21, 30, 31]
    assert np.array_equal(out[~dead], gather[~dead])


def test_kill_by_header(kernels):
    gather = np.ones((5, 20), np.float32)
    trid, offset = [1, 2, 1, 1, 1], [100, 200, -4000, 3000, np.nan]
    out = kernels.apply("edit", gather, headers=[trid, offset], kill="(trid=2)or(abs(offset)>3000)", despike=0).out
    assert out.any(axis=1).tolist() == [True, False, False, True, True]


def test_dead_traces_are_filled(kernels):
    gather = np.random.default_rng(4).standard_normal((12, 30)).astype(np.float32)
    gather[[0, 3, 6, 7, 9, 11]] = 0
    out = kernels.apply("edit", gather, interpolate=1, despike=0).out
    assert np.abs(out[3] - (gather[2] + gather[4]) / 2).max() < 1e-6
    assert not out[[0, 6, 7, 11]].any() and out[9].any()
    out = kernels.apply("edit", gather, interpolate=2, despike=0).out
    assert np.abs(out[6] - (2 * gather[5] + gather[8]) / 3).max() < 1e-6
    assert not out[[0, 11]].any()


def test_bits_do_not_depend_on_threads(kernels):
    gather = np.random.default_rng(5).standard_normal((30, 200)).astype(np.float32)
    options = dict(despike=3, kill_rms=1.05, aperture=5, interpolate=3)
    one = kernels.apply("edit", gather, **options).out
    assert np.array_equal(kernels.apply("edit", gather, threads=3, **options).out, one)


def test_refused(kernels):
    gather = np.ones((3, 20), np.float32)
    for options in (dict(despike=0), dict(despike=0.5), dict(kill_rms=1),
                    dict(kill="offset>"), dict(kill="offset"), dict(aperture=4, despike=3)):
        with pytest.raises(Refused):
            kernels.apply("edit", gather, **options)
