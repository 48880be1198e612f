# SPDX-License-Identifier: BSD-3-Clause
"""What the processor tf is measured against: SciPy's stft and istft, the S-transform in NumPy, in double precision."""

import numpy as np
import scipy.signal

MODES = ("adaptive", "hard", "scaled", "soft", "garrote")


def gain_of(deviation, limit, mode):
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


def new_magnitude(near, centre, k, mode, low_amp_factor, smoothing_half=0):
    """Of one trace, the one at `centre` of near [trace][frequency][time]; low_amp_factor 0: no protection."""
    size = near[centre]
    m = np.median(near, axis=0)
    mad = np.median(np.abs(near - m), axis=0)
    limit = np.maximum(k * 1.4826 * np.maximum(np.maximum(mad, 0.01 * m), 1e-10), 1e-30)
    gain = gain_of(np.abs(size - m), limit, mode)
    if smoothing_half:
        gain = moving_average(gain, smoothing_half)
    new = m + gain * (size - m)
    return np.where(size < low_amp_factor * m, np.minimum(new, size), new)


def new_magnitudes(size, aperture, **rule):
    """size [trace][frequency][time]"""
    n_traces = len(size)
    half = min(aperture, n_traces - 1 + n_traces % 2) // 2
    return np.stack([new_magnitude(size[max(i - half, 0):i + half + 1], min(i, half), **rule)
                     for i in range(n_traces)])


def with_magnitude(coefficients, size, new):
    return np.where(size > 0, coefficients * (new / np.where(size > 0, size, 1)), 0)


def thresholded(coefficients, band, aperture, k, mode, low_amp_factor, smoothing_half):
    """coefficients [trace][frequency][time], of which the frequencies of `band` (a mask) may change."""
    size = np.abs(coefficients[:, band])
    new = new_magnitudes(size, aperture, k=k, mode=mode, low_amp_factor=low_amp_factor, smoothing_half=smoothing_half)
    out = coefficients.copy()
    out[:, band] = with_magnitude(coefficients[:, band], size, new)
    return out


def in_band(frequencies, fmin, fmax):
    high = np.inf if fmax == "auto" else fmax
    return (frequencies >= fmin * (1 - 1e-9)) & (frequencies <= high * (1 + 1e-9))


def stft_gather(gather, interval=0.002, aperture=7, fmin=0, fmax="auto", k=3.0, mode="adaptive", window=64, hop="auto",
                time_smoothing=0, low_amp_protection=True, low_amp_factor=0.3, precision=np.float64):
    x = np.asarray(gather, precision)
    hop = window // 2 if hop == "auto" else hop
    options = {"fs": 1 / interval, "nperseg": window, "noverlap": window - hop}
    frequencies, _, coefficients = scipy.signal.stft(x, **options)
    half = int(time_smoothing * 1e-3 / (hop * interval) / 2 + 1e-9)
    factor = low_amp_factor if low_amp_protection else 0
    coefficients = thresholded(coefficients, in_band(frequencies, fmin, fmax), aperture, k, mode, factor, half)
    return scipy.signal.istft(coefficients, **options)[1][..., :x.shape[-1]]


# --- stockwell -------------------------------------------------------------------------------------------------


def voice_windows(n_samples):
    """[n][k] of voices 0 ... N-1, of which those above N / 2 have negative frequencies, on all bins of the spectrum."""
    n = np.fft.fftfreq(n_samples, 1 / n_samples).round()
    m = (np.arange(n_samples)[None, :] - np.arange(n_samples)[:, None] + n_samples // 2) % n_samples - n_samples // 2
    width = np.where(n == 0, 1, np.abs(n))[:, None]
    windows = np.exp(-2 * np.pi**2 * m**2 / width**2)
    windows[0] = np.arange(n_samples) == 0
    return windows


def s_transform(x):
    """Voices 0 ... N-1 of each trace: [trace][voice][time]."""
    spectrum = np.fft.fft(x, axis=-1)
    windows = voice_windows(x.shape[-1])
    return np.stack([np.fft.ifft(s * windows, axis=-1) for s in spectrum])


def inverse_s_transform(voices):
    """The least-squares inverse: of all spectra the one whose voices are nearest to these."""
    windows = voice_windows(voices.shape[-1])
    spectrum = (windows * np.fft.fft(voices, axis=-1)).sum(axis=-2)
    return np.fft.ifft(spectrum / (windows**2).sum(axis=0), axis=-1)


def is_smooth(n):
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def padded_length(n):
    """Samples of the transform: n where that is 2^a 3^b 5^c, else the next such number that is a multiple of 4."""
    if is_smooth(n):
        return n
    return next(m for m in range(n, 2 * n + 8) if m % 4 == 0 and is_smooth(m))


def in_the_band(change, interval, fmin, fmax):
    """The frequencies of a change [trace][time] within the band."""
    n_samples = change.shape[-1]
    frequencies = np.abs(np.fft.fftfreq(n_samples, interval))
    return np.fft.ifft(np.fft.fft(change, axis=-1) * in_band(frequencies, fmin, fmax), axis=-1).real


def with_negative(half, n_samples):
    """Voices 0 ... N/2 of a real trace, completed by their conjugates."""
    return np.concatenate([half, half[..., (n_samples - 1) // 2:0:-1, :].conj()], axis=-2)


def stockwell_gather(gather, interval=0.002, aperture=7, fmin=0, fmax="auto", k=3.0, mode="adaptive", time_smoothing=0,
                     low_amp_protection=True, low_amp_factor=0.3):
    x = np.asarray(gather, np.float64)
    n_samples = padded_length(x.shape[-1])
    padded = np.pad(x, [(0, 0), (0, n_samples - x.shape[-1])])
    half = s_transform(padded)[:, :n_samples // 2 + 1]
    frequencies = np.arange(n_samples // 2 + 1) / (n_samples * interval)
    smoothing_half = int(time_smoothing * 1e-3 / interval / 2 + 1e-9)
    factor = low_amp_factor if low_amp_protection else 0
    coefficients = thresholded(half, in_band(frequencies, fmin, fmax), aperture, k, mode, factor, smoothing_half)
    change = inverse_s_transform(with_negative(coefficients, n_samples)).real - padded
    return x + in_the_band(change, interval, fmin, fmax)[:, :x.shape[-1]]


def reduced_times(n):
    least = 2 * max(-(-n // 16), 1) * 16
    return next(m for m in range(least, 2 * least) if m % 4 == 0 and is_smooth(m))


def reduced_gather(gather, interval=0.002, aperture=7, fmin=0, fmax="auto", k=3.0, mode="adaptive", time_smoothing=0,
                   low_amp_protection=True, low_amp_factor=0.3, full=False):
    """full: each voice at all times, which is stockwell_gather without the voices outside the band."""
    x = np.asarray(gather, np.float64)
    n_traces, n_samples = len(x), padded_length(x.shape[-1])
    padded = np.pad(x, [(0, 0), (0, n_samples - x.shape[-1])])
    spectrum, windows = np.fft.fft(padded, axis=-1) / n_samples, voice_windows(n_samples)
    factor = low_amp_factor if low_amp_protection else 0
    change = np.zeros((n_traces, n_samples), complex)  # its spectrum
    frequencies = np.arange(n_samples // 2 + 1) / (n_samples * interval)
    for n in np.flatnonzero(in_band(frequencies, fmin, fmax)):
        times = n_samples if full else reduced_times(n)
        bins = np.arange(min(max(2 * n, 1), times, n_samples))  # beyond, the window is zero
        folded = np.zeros((n_traces, times), complex)
        folded[:, bins] = (spectrum * windows[n])[:, bins]
        voice = times * np.fft.ifft(folded, axis=-1)
        half = int(time_smoothing * 1e-3 / (n_samples * interval / times) / 2 + 1e-9)
        new = thresholded(voice[:, None], np.array([True]), aperture, k, mode, factor, half)[:, 0]
        count = 1 if n == 0 or 2 * n == n_samples else 2
        change[:, bins] += count * windows[n][bins] * np.fft.fft(new - voice, axis=-1)[:, bins] / times
    change = np.fft.ifft(change / (windows**2).sum(axis=0), axis=-1).real * n_samples
    return x + in_the_band(change, interval, fmin, fmax)[:, :x.shape[-1]]
