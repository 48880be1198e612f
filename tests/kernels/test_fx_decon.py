# SPDX-License-Identifier: BSD-3-Clause
"""Processor fx_decon against its formula in NumPy, by least squares on the equations themselves."""

import numpy as np
import pytest

from kernel_tool import LOCAL_BLOCK, OK, TOO_SHORT, Refused, worst_distance
from reference_tools import fx_decon


@pytest.mark.parametrize("shape", [(40, 126), (7, 101), (23, 64), (20, 333)])
def test_formula(kernels, shape):
    rng = np.random.default_rng(sum(shape))
    gather = rng.standard_normal(shape).astype(np.float32)
    gather += 3 * np.sin(0.3 * np.arange(shape[1])[None, :] - 0.2 * np.arange(shape[0])[:, None]).astype(np.float32)
    for options in ({}, dict(window=100, traces=12, length=2), dict(fmin=10, fmax=60, prewhitening=0.1, length=3)):
        got = kernels.apply("fx_decon", gather, interval=0.004, **options)
        assert got.reason == OK and got.locality == LOCAL_BLOCK
        assert worst_distance(got.out, fx_decon(gather, 0.004, **options)) < 1e-5


def test_a_straight_event_stays(kernels):
    """A plane wave is predicted by one trace: all of it stays, but for what prewhitening takes."""
    t, x = np.arange(500)[None, :], np.arange(30)[:, None]
    phase = 0.12 * (t - 200 - 2 * x)
    gather = ((1 - 2 * phase ** 2) * np.exp(-phase ** 2)).astype(np.float32)
    out = kernels.apply("fx_decon", gather, prewhitening=0.01).out
    assert np.linalg.norm(out - gather) < 0.02 * np.linalg.norm(gather)
    noise = np.random.default_rng(5).standard_normal((30, 500)).astype(np.float32)
    assert np.linalg.norm(kernels.apply("fx_decon", noise).out) < 0.5 * np.linalg.norm(noise)


def test_bits_do_not_depend_on_the_cut(kernels):
    gather = np.random.default_rng(3).standard_normal((90, 200)).astype(np.float32)
    whole = kernels.apply("fx_decon", gather, block=90).out
    for threads, block in ((1, 0), (2, 7), (3, 31)):
        assert np.array_equal(kernels.apply("fx_decon", gather, threads=threads, block=block).out, whole)


def test_what_cannot_be_predicted(kernels):
    zero = np.zeros((20, 100), np.float32)
    assert np.array_equal(kernels.apply("fx_decon", zero).out, zero)
    assert kernels.apply("fx_decon", np.ones((5, 100), np.float32)).reason == TOO_SHORT
    for options in (dict(fmin=50, fmax=20), dict(traces=6, length=4), dict(fmin=1e5), dict(length=17)):
        with pytest.raises(Refused):
            kernels.apply("fx_decon", np.ones((20, 100), np.float32), **options)


def test_benchmark(kernels, data_dir):
    """The published three-dimensional benchmark, line by line: f-x deconvolution as usually written gives 5.7 dB."""
    folder = data_dir / "bench_hyper4"
    clean, noisy = (np.fromfile(folder / f"syn3d_30_{k}.bin", np.float32).reshape(32, 32, 126) for k in "cn")
    out = np.stack([kernels.apply("fx_decon", line, interval=0.004).out for line in noisy])
    assert 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clean - out)) > 5.7
