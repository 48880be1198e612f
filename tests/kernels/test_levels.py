# SPDX-License-Identifier: BSD-3-Clause
"""Processors agc and balance against their formulas in NumPy."""

import numpy as np
import pytest

from kernel_tool import LOCAL_GATHER, LOCAL_TRACE, OK, Refused, worst_distance
from reference_tools import agc

DT = 0.002


def burst_gather():
    gather = np.random.default_rng(1).standard_normal((9, 400)).astype(np.float32)
    gather[:, 50:60] *= 1000
    gather[2, 100:] = 0
    gather[4] = 0
    gather[5] *= 1e-20
    return gather


def test_agc(kernels):
    gather = burst_gather()
    for window in (500, 50, 1, 1e5):
        got = kernels.apply("agc", gather, interval=DT, window=window)
        assert got.reason == OK and got.locality == LOCAL_TRACE
        assert worst_distance(got.out, agc(gather, DT, window)) < 1e-5
        assert np.array_equal(kernels.apply("agc", gather, interval=DT, window=window, threads=3, block=2,
                                            in_place=True).out, got.out)


MEASURES = {"rms": lambda x: np.sqrt(np.mean(x ** 2)), "peak": lambda x: np.abs(x).max(),
            "median": lambda x: np.median(np.abs(x))}


@pytest.mark.parametrize("measure", MEASURES)
def test_balance(kernels, measure):
    gather = burst_gather()
    levels = np.array([MEASURES[measure](x.astype(float)) for x in gather])
    live = levels > 0
    got = kernels.apply("balance", gather, interval=DT, measure=measure)
    assert got.reason == OK and got.locality == LOCAL_GATHER
    factors = np.where(live, np.median(levels[live]) / np.where(live, levels, 1), 1)
    assert worst_distance(got.out, gather * factors[:, None]) < 1e-6
    fixed = kernels.apply("balance", gather, interval=DT, measure=measure, level=3, threads=2, block=2)
    assert fixed.locality == LOCAL_TRACE
    for x, alive in zip(fixed.out, live):
        assert not alive or abs(MEASURES[measure](x.astype(float)) - 3) < 1e-5


def test_refused(kernels):
    for name, options in (("agc", dict(window=0)), ("balance", dict(level=0)), ("balance", dict(level=-1))):
        with pytest.raises(Refused):
            kernels.apply(name, np.ones((2, 20), np.float32), **options)
