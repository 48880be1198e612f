# SPDX-License-Identifier: BSD-3-Clause
"""The plain processors as their formulas say, in NumPy: filters, levels, f-x prediction."""

import numpy as np


def flank(x):
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0, 1))


def even_smooth(n):
    n += n % 2
    while True:
        left = n
        for p in (2, 3, 5, 7):
            while left % p == 0:
                left //= p
        if left == 1:
            return n
        n += 2


def filtered(gather, interval, extension, response):
    gather = np.asarray(gather, float)
    n = gather.shape[1]
    extra = min(n, int(np.floor(extension / interval + 0.5)))
    fade = np.cos(np.pi * (np.arange(extra) + 0.5) / (2 * extra)) ** 2
    size = even_smooth(n + 2 * extra)
    work = np.zeros((len(gather), size))
    work[:, :n] = gather
    work[:, n:n + extra] = gather[:, ::-1][:, :extra] * fade
    work[:, size - extra:] = (gather[:, :extra] * fade)[:, ::-1]
    return np.fft.irfft(np.fft.rfft(work) * response(np.fft.rfftfreq(size, interval)), size)[:, :n]


def bandpass(gather, interval, low=None, high=None):
    def response(f):
        factor = np.ones_like(f)
        if low:
            factor *= flank((f - low[0]) / (low[1] - low[0]))
        if high:
            factor *= flank((high[1] - f) / (high[1] - high[0]))
        return factor
    return filtered(gather, interval, 1 / min(b - a for a, b in (p for p in (low, high) if p)), response)


def agc(gather, interval, window):
    gather = np.asarray(gather, float)
    n = gather.shape[1]
    half = int(np.floor(window * 1e-3 / interval / 2 + 0.5))
    out = np.zeros_like(gather)
    for trace, x in zip(out, gather):
        if not x.any():
            continue
        ms = np.array([np.mean(x[max(0, i - half):i + half + 1] ** 2) for i in range(n)])
        trace[:] = x / np.sqrt(ms + 1e-4 * np.mean(x ** 2))
    return out


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


def fx_decon(gather, interval, window=250, traces=20, length=3, prewhitening=1, fmin=0, fmax=None):
    gather = np.asarray(gather, float)
    n_traces, n = gather.shape
    half = max(2, int(np.floor(window * 1e-3 / interval / 2 + 0.5)))
    size, many = 2 * half, -(-n // half) + 1
    taper = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    transform = even_smooth(size + size // 2)
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
