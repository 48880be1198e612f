# SPDX-License-Identifier: BSD-3-Clause
"""fk_denoise in double precision with NumPy and SciPy, from its definition (docs/processors.md).

Cubes are [t][i][j]; a 2-D gather has one i.
"""

import math

import numpy as np
import scipy.fft
from scipy.ndimage import median_filter, uniform_filter1d


def smooth(n):
    for p in (2, 3, 5):
        while n > 1 and n % p == 0:
            n //= p
    return n == 1


def time_axis(n, samples, q):
    """(window, step, samples before the first) for a window of so many samples."""
    unit = {2: 2, 3: 6, 4: 4}[q]
    wanted = min((w for w in range(12, 257, 4) if smooth(w)), key=lambda w: (abs(w - samples), w))
    window = max(w for w in range(unit, min(wanted, n) + 1, unit) if smooth(w))
    step = window // q
    return window, step, window - step


def trace_axis(n, traces, q):
    if n < q:
        return 1, 1, 0
    step = max(s for s in range(1, min(traces, n) // q + 1) if smooth(s * q))
    if n % 2 and step % 2 == 0:
        odd = [s for s in range(1, 64 // q + 1, 2) if smooth(s * q)]
        step = min(odd, key=lambda s: (abs(s - step), -s))
    window = step * q
    missing = -(n + 2 * (window - step) - window) % step
    missing += step * (missing % 2)
    return window, step, window - step + missing // 2


def sine(n):
    return np.sin(np.pi * (np.arange(n) + 0.5) / n) if n > 1 else np.ones(1)


class Windows:
    """The windows of a cube: slabs of them, and their sum."""

    def __init__(self, cube, axes):
        self.shape, self.axes = cube.shape, axes
        self.size = tuple(a[0] for a in axes)
        self.taper = math_product([sine(w).reshape([-1 if k == d else 1 for k in range(3)])
                                   for d, w in enumerate(self.size)])
        pads = []
        for n, (w, s, before) in zip(cube.shape, axes):
            end = w - s * (-(before + n - s) // s)  # the last sample too lies in w / s windows
            pads.append((before, end - before - n))
        self.pads = pads
        self.padded = np.pad(cube, pads, mode="symmetric")

    def starts(self, d):
        w, s, _ = self.axes[d]
        return range(0, self.padded.shape[d] - w + 1, s)

    def slabs(self):
        views = np.lib.stride_tricks.sliding_window_view(self.padded, self.size)
        views = views[::self.axes[0][1], ::self.axes[1][1], ::self.axes[2][1]]
        for k, start in enumerate(self.starts(0)):
            block = views[k].reshape(-1, *self.size)
            live = np.count_nonzero(block, axis=(1, 2, 3)) > 0.5 * block[0].size
            spectra = scipy.fft.rfft(block * self.taper, axis=1)
            yield start, scipy.fft.fftn(spectra, axes=(2, 3)), live

    def add(self, total, start, spectra):
        blocks = scipy.fft.irfft(scipy.fft.ifftn(spectra, axes=(2, 3)), self.size[0], axis=1) * self.taper
        each = iter(blocks)
        for i in self.starts(1):
            for j in self.starts(2):
                total[start:start + self.size[0], i:i + self.size[1], j:j + self.size[2]] += next(each)

    def crop(self, total):
        norm = math.prod(w / s / 2 for w, s, _ in self.axes if w > 1)
        return total[tuple(slice(b, b + n) for (b, _), n in zip(self.pads, self.shape))] / norm


def math_product(factors):
    product = 1
    for factor in factors:
        product = product * factor
    return product


def noise_level(windows):
    levels = []
    for _, spectra, live in windows.slabs():
        power = np.abs(spectra[live]) ** 2
        power = np.moveaxis(power, 1, -1).reshape(-1, spectra.shape[1])
        levels.append(np.quantile(power, 0.3, axis=0) / -math.log(0.7) if len(power) else None)
    smoothed = []
    for k in range(len(levels)):
        near = [x for x in levels[max(0, k - 3):k + 4] if x is not None]
        row = np.median(near, axis=0) if near else np.zeros(windows.size[0] // 2 + 1)
        smoothed.append(geometric_means(row))
    return np.array(smoothed)


def geometric_means(row):
    """Over as many frequencies on either side, at most two; at the ends of two times the own one and the next."""
    with np.errstate(divide="ignore"):
        logs = np.log(row)
    reaches = [min(2, f, len(row) - 1 - f) for f in range(len(row))]
    means = [np.mean(logs[f - reach:f + reach + 1]) for f, reach in enumerate(reaches)]
    means[0], means[-1] = (2 * logs[0] + logs[1]) / 3, (2 * logs[-1] + logs[-2]) / 3
    return np.exp(means)


def kept(power, level, high, low):
    """Strong coefficients, and weaker ones beside them."""
    strong = power > high**2 * level
    beside = strong.copy()
    beside[:, 1:] |= strong[:, :-1]
    beside[:, :-1] |= strong[:, 1:]
    for axis in (2, 3):
        if power.shape[axis] > 2:
            beside = beside | np.roll(beside, 1, axis) | np.roll(beside, -1, axis)
    return strong | (beside & (power > low**2 * level))


def one_pass(cube, axes, high, low):
    windows = Windows(cube, axes)
    level = noise_level(windows)
    total = np.zeros(windows.padded.shape)
    for k, (start, spectra, _) in enumerate(windows.slabs()):
        keep = kept(np.abs(spectra) ** 2, level[k][:, None, None], high, low)
        windows.add(total, start, spectra * keep)
    return windows.crop(total)


def guard(x, y):
    r = x - y
    sums = [x * r, r * r]
    for axis, size in enumerate((25, 5, 5)):
        sums = [s if x.shape[axis] == 1 else uniform_filter1d(s, size, axis=axis, mode="nearest") for s in sums]
    rho = np.clip(sums[0] / np.where(sums[1] > 0, sums[1], 1), 0, 1)
    return x - rho * r


def screen(x, window):
    """What `robust` of 1 and more distrusts at first."""
    mean = uniform_filter1d(np.abs(x), window, axis=0, mode="nearest")
    across = x.shape[1] >= 5 and x.shape[2] >= 5
    median = median_filter(mean, (1, 5, 5) if across else (1, 1, 13), mode="nearest")
    return (median > 0) & ((mean > 5 * median) | (np.abs(x) > 8 * median))


def denoise(cube, samples=24, traces=12, overlap=4, high=3.1, low=None, robust=0):
    """One box [t][i][j], i the shorter axis."""
    x = np.array(cube, np.float64)
    dead = ~np.isfinite(x).all(axis=0) | (x == 0).all(axis=0)
    x[:, dead] = 0
    axes = [time_axis(x.shape[0], samples, overlap)] + [trace_axis(n, traces, overlap) for n in x.shape[1:]]
    if low is None:
        low = high * (2.45 if min(axes[1][0], axes[2][0]) > 2 else 2.2) / 3.1
    given = np.where(screen(x, axes[0][0]), 0, x) if robust else x
    y = one_pass(given, axes, high, low)
    for _ in range(robust or int(dead.any())):
        bad = np.broadcast_to(dead, x.shape)
        if robust:
            r = np.abs(x - y)
            bad = bad | (r > 4 * 1.4826 * np.median(r[:, ~dead]))
        given = np.where(bad, y, x)
        y = one_pass(given, axes, high, low)
    y = guard(given, y)
    y[:, dead] = 0
    return y


def gather_2d(gather, **options):
    """The same of a gather [traces][samples]."""
    return denoise(gather.T[:, None, :], **options)[:, 0, :].T
