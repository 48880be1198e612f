"""Processor fx_decon against its formula in NumPy, by least squares on the equations themselves."""

import numpy as np
import pytest

from kernel_tool import LOCAL_BLOCK, OK, TOO_SHORT, Refused, worst_distance


def smooth_length(n):
    n += n % 2
    while True:
        left = n
        for p in (2, 3, 5, 7):
            while left % p == 0:
                left //= p
        if left == 1:
            return n
        n += 2


def predict(x, p, prewhitening):
    """The mean of the predictions of a row of complex numbers from both sides."""
    n = len(x)
    rows = [x[i - p:i][::-1] for i in range(p, n)] + [x[i + 1:i + 1 + p].conj() for i in range(n - p)]
    right = [x[i] for i in range(p, n)] + [x[i].conj() for i in range(n - p)]
    a = np.array(rows)
    damping = prewhitening * np.sum(np.abs(a) ** 2) / p
    if damping == 0:
        return np.zeros_like(x)
    a = np.vstack([a, np.sqrt(damping) * np.eye(p)])
    solution = np.linalg.lstsq(a, np.concatenate([right, np.zeros(p)]), rcond=None)[0]
    forward = {i: solution @ x[i - p:i][::-1] for i in range(p, n)}
    backward = {i: solution.conj() @ x[i + 1:i + 1 + p] for i in range(n - p)}
    return np.array([np.mean([s[i] for s in (forward, backward) if i in s]) for i in range(n)])


def reference(gather, interval, window=250, traces=20, length=3, prewhitening=1, fmin=0, fmax=None):
    gather = np.asarray(gather, float)
    n_traces, n = gather.shape
    half = max(2, int(np.floor(window * 1e-3 / interval / 2 + 0.5)))
    size, many = 2 * half, -(-n // half) + 1
    taper = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    transform = smooth_length(size + size // 2)
    f = np.fft.rfftfreq(transform, interval)
    inside = (f >= fmin - 1e-9) & (f <= (np.inf if fmax is None else fmax + 1e-9))
    width = min(traces, n_traces)
    count = 1 if width == n_traces else -(-(n_traces - width) // (traces // 2)) + 1
    starts = [j * (n_traces - width) // (count - 1) if count > 1 else 0 for j in range(count)]
    across = np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
    padded = np.pad(gather, ((0, 0), (half, size)))
    out, weight = np.zeros_like(padded), np.zeros(n_traces)
    for start in starts:
        weight[start:start + width] += across
        for k in range(many):
            spectra = np.fft.rfft(padded[start:start + width, k * half:k * half + size] * taper, transform)
            for b in range(len(f)):
                spectra[:, b] = predict(spectra[:, b], length, prewhitening / 100) if inside[b] else 0
            back = np.fft.irfft(spectra, transform)[:, :size]
            out[start:start + width, k * half:k * half + size] += across[:, None] * back
    return out[:, half:half + n] / weight[:, None]


@pytest.mark.parametrize("shape", [(40, 126), (7, 101), (23, 64), (20, 333)])
def test_formula(kernels, shape):
    rng = np.random.default_rng(sum(shape))
    gather = rng.standard_normal(shape).astype(np.float32)
    gather += 3 * np.sin(0.3 * np.arange(shape[1])[None, :] - 0.2 * np.arange(shape[0])[:, None]).astype(np.float32)
    for options in ({}, dict(window=100, traces=12, length=2), dict(fmin=10, fmax=60, prewhitening=0.1, length=3)):
        got = kernels.apply("fx_decon", gather, interval=0.004, **options)
        assert got.reason == OK and got.locality == LOCAL_BLOCK
        assert worst_distance(got.out, reference(gather, 0.004, **options)) < 1e-5


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
