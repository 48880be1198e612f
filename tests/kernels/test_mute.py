"""Processor mute against its formula in NumPy."""

import numpy as np
import pytest

from kernel_tool import GEOMETRY, OK, Refused
from reference import mute_weights


OFFSETS = np.array([0.0, 37.3, -37.3, 812.7, -2999.9, 1e5, 3.3, 150.05])


@pytest.mark.parametrize("where", ["top", "bottom"])
@pytest.mark.parametrize("shape", ["linear", "hyperbolic"])
def test_weights(kernels, where, shape):
    gather = np.random.default_rng(1).standard_normal((8, 1001)).astype(np.float32)
    for velocity, t0, taper in ((1500, 0.1, 20), (333.3, 200.7, 55.5), (4000, 50.3, 0), (800, -100.1, 5000)):
        options = dict(velocity=velocity, t0=t0, taper=taper, where=where, shape=shape)
        got = kernels.apply("mute", gather, headers=[OFFSETS], interval=0.004, **options)
        expected = gather * mute_weights(OFFSETS, 1001, 0.004, **options)
        assert got.reason == OK
        assert np.abs(got.out - expected).max() < 1e-6
        untouched = expected == gather
        assert np.array_equal(got.out[untouched], gather[untouched])


def test_times_start_at_the_delay(kernels):
    """A trace whose recording begins at d is the one that begins at 0, without its first d / dt samples."""
    delays = np.array([0.0, 800, 40, -200, 12, 3996, 400, 2.5])
    for shape in ("linear", "hyperbolic"):
        options = dict(velocity=1500, t0=120.3, taper=33, shape=shape, where="top")
        gather = np.ones((8, 600), np.float32)
        got = kernels.apply("mute", gather, headers=[OFFSETS, delays], interval=0.004, **options).out
        fine = mute_weights(OFFSETS, 16001, 0.0005, **options)
        for i, delay in enumerate(delays):
            at = np.rint((delay + 4.0 * np.arange(600)) / 0.5).astype(int)
            expected = np.where(at < 0, 0, fine[i, np.clip(at, 0, 16000)])
            assert np.abs(got[i] - expected)[at <= 16000].max() < 1e-6


def test_a_mute_at_a_sample(kernels):
    """1500 m/s, 3 m, 2 ms: the mute time is sample 1. Zero before it, and a taper that starts from zero at it."""
    gather = np.ones((1, 12), np.float32)
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=0).out[0]
    assert got.tolist() == [0] + [1] * 11
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=4).out[0]
    assert np.allclose(got, [0, 0, 0.5] + [1] * 9, atol=1e-6)
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=0, where="bottom").out[0]
    assert got.tolist() == [1, 1] + [0] * 10


def test_top_and_bottom_meet(kernels):
    """With no taper, what one keeps the other removes, but for a sample exactly at the mute time."""
    gather = np.random.default_rng(2).standard_normal((8, 500)).astype(np.float32)
    options = dict(velocity=1234.5, t0=10.1, taper=0)
    top = kernels.apply("mute", gather, headers=[OFFSETS], where="top", **options).out
    bottom = kernels.apply("mute", gather, headers=[OFFSETS], where="bottom", **options).out
    assert np.array_equal(top + bottom, gather)


def test_bits_do_not_depend_on_the_cut(kernels):
    gather = np.random.default_rng(3).standard_normal((50, 301)).astype(np.float32)
    offset = np.linspace(-500, 500, 50)
    whole = kernels.apply("mute", gather, headers=[offset], block=50).out
    for threads, block, in_place in ((1, 0, True), (2, 3, False), (3, 1, True)):
        got = kernels.apply("mute", gather, headers=[offset], threads=threads, block=block, in_place=in_place)
        assert np.array_equal(got.out, whole)


def test_an_offset_that_is_no_number(kernels):
    gather = np.ones((3, 50), np.float32)
    assert kernels.apply("mute", gather, headers=[[1.0, np.nan, 2.0]]).reason == GEOMETRY


def test_refused(kernels):
    gather = np.ones((3, 50), np.float32)
    for options in ({"velocity": 0}, {"velocity": -1500}, {"taper": -1}, {"where": "left"}):
        with pytest.raises(Refused):
            kernels.apply("mute", gather, headers=[[1.0, 2.0, 3.0]], **options)
