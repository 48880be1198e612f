"""What the processor tf is measured against: SciPy's stft and istft, the S-transform in NumPy, in double precision."""

import numpy as np
import scipy.signal

MODES = ("adaptive", "hard", "scaled", "soft", "garrote")


def share_kept(deviation, limit, mode):
    r = deviation / limit
    with np.errstate(divide="ignore"):
        if mode == "hard":
            return np.where(r > 1, 0.0, 1.0)
        if mode == "scaled":
            return np.where(r > 1, 1 / (1 + (r - 1) ** 2), 1.0)
        if mode == "adaptive":
            return np.where(r > 2, 0.0, np.where(r > 1, 2 - r, 1.0))
        if mode == "soft":
            return np.where(r > 1, 1 - 1 / r, 0.0)
        if mode == "garrote":
            return np.where(r > 1, 1 - 1 / r**2, 0.0)
    raise ValueError(mode)


def moving_average(values, half):
    """Along the last axis, over what there is within `half` values of each."""
    n = values.shape[-1]
    total = np.concatenate([np.zeros(values.shape[:-1] + (1,)), np.cumsum(values, axis=-1)], axis=-1)
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    return (total[..., high] - total[..., low]) / (high - low)


def new_magnitudes(size, aperture, k, mode, low_amp_factor, smoothing_half):
    """size [trace][frequency][time]; low_amp_factor 0: no protection."""
    n_traces = len(size)
    half = min(aperture, n_traces - 1 + n_traces % 2) // 2
    new = np.empty_like(size)
    for i in range(n_traces):
        near = size[max(i - half, 0):i + half + 1]
        m = np.median(near, axis=0)
        mad = np.median(np.abs(near - m), axis=0)
        limit = np.maximum(k * 1.4826 * np.maximum(np.maximum(mad, 0.01 * m), 1e-10), 1e-30)
        deviation = size[i] - m
        share = share_kept(np.abs(deviation), limit, mode)
        if smoothing_half:
            share = moving_average(share, smoothing_half)
        new[i] = m + share * deviation
        weak = size[i] < low_amp_factor * m
        new[i][weak] = np.minimum(new[i], size[i])[weak]
    return new


def judged(cells, band, aperture, k, mode, low_amp_factor, smoothing_half):
    """cells [trace][frequency][time], of which the frequencies of `band` (a mask) may change."""
    part = cells[:, band]
    size = np.abs(part)
    new = new_magnitudes(size, aperture, k, mode, low_amp_factor, smoothing_half)
    out = cells.copy()
    out[:, band] = np.where(size > 0, part * (new / np.where(size > 0, size, 1)), 0)
    return out


def in_band(frequencies, fmin, fmax):
    high = np.inf if fmax == "auto" else fmax
    return (frequencies >= fmin * (1 - 1e-9)) & (frequencies <= high * (1 + 1e-9))


def stft_gather(gather, interval=0.002, aperture=7, fmin=0, fmax="auto", k=3.0, mode="adaptive", window=64, hop="auto",
                time_smoothing=0, low_amp_protection=True, low_amp_factor=0.3):
    x = np.asarray(gather, np.float64)
    hop = window // 2 if hop == "auto" else hop
    options = {"fs": 1 / interval, "nperseg": window, "noverlap": window - hop}
    frequencies, _, cells = scipy.signal.stft(x, **options)
    half = int(time_smoothing * 1e-3 / (hop * interval) / 2 + 1e-9)
    factor = low_amp_factor if low_amp_protection else 0
    cells = judged(cells, in_band(frequencies, fmin, fmax), aperture, k, mode, factor, half)
    return scipy.signal.istft(cells, **options)[1][..., :x.shape[-1]]
