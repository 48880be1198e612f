# SPDX-License-Identifier: BSD-3-Clause
"""Processors bandpass and notch against their formulas in NumPy, and what they do to sines."""

import numpy as np
import pytest

from kernel_tool import OK, Refused, worst_distance
from reference_tools import bandpass, filtered, flank

N, DT = 501, 0.002


@pytest.mark.parametrize("low, high", [([3, 6], [60, 80]), ([5, 9], None), (None, [30.5, 31]), ([0, 10], [240, 300])])
def test_bandpass(kernels, low, high):
    gather = np.random.default_rng(1).standard_normal((7, N)).astype(np.float32)
    options = {k: str(v or []).replace(" ", "") for k, v in (("low", low), ("high", high))}
    got = kernels.apply("bandpass", gather, interval=DT, **options)
    assert got.reason == OK
    assert worst_distance(got.out, bandpass(gather, DT, low, high)) < 1e-5
    in_place = kernels.apply("bandpass", gather, interval=DT, in_place=True, threads=3, block=1, **options)
    assert np.array_equal(in_place.out, got.out)


def test_what_is_inside_stays_and_what_is_outside_goes(kernels):
    t = np.arange(1500) * DT
    inside, outside = np.sin(2 * np.pi * 30 * t), np.sin(2 * np.pi * 100 * t) + 5
    gather = np.stack([inside, outside, inside + outside]).astype(np.float32)
    out = kernels.apply("bandpass", gather, interval=DT, low="[3,6]", high="[60,80]").out
    middle = slice(400, 1100)
    assert np.abs(out[0] - inside)[middle].max() < 1e-3
    assert np.abs(out[1])[middle].max() < 1e-3
    assert np.abs(out[2] - inside)[middle].max() < 1e-3


def test_notch(kernels):
    rng = np.random.default_rng(2)
    gather = rng.standard_normal((5, N)).astype(np.float32)

    def response(f):
        return np.min([flank((np.abs(f - m * 50) - 0.75) / 2) for m in (1, 2, 3)], axis=0)
    got = kernels.apply("notch", gather, interval=DT, f=50, width=1.5, taper=2, harmonics=2)
    assert got.reason == OK
    assert worst_distance(got.out, filtered(gather, DT, 0.5, response)) < 1e-5
    t = np.arange(2000) * DT
    hum = np.sin(2 * np.pi * 50 * t + 1)[None, :].astype(np.float32)
    left = kernels.apply("notch", hum, interval=DT, f=50).out[0]
    assert np.abs(left[700:1300]).max() < 0.01


def test_refused(kernels):
    gather = np.ones((2, 100), np.float32)
    for name, options in (("bandpass", dict(low="[]", high="[]")), ("bandpass", dict(low="[6,3]")),
                          ("bandpass", dict(low="[3]")), ("bandpass", dict(low="[3,70]", high="[60,80]")),
                          ("bandpass", dict(high="[60,60]")),
                          ("notch", dict(f=0)), ("notch", dict(f=50, taper=0))):
        with pytest.raises(Refused):
            kernels.apply(name, gather, interval=DT, **options)
