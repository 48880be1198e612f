"""What the kernels are measured against: the same algorithms in PyWavelets and NumPy, in double precision."""

import numpy as np
import pywt

WAVELETS = ([f"db{i}" for i in range(1, 21)] + [f"sym{i}" for i in range(2, 21)] + [f"coif{i}" for i in range(1, 6)]
            + pywt.wavelist("bior"))


def max_level(n_samples, wavelet):
    return pywt.dwt_max_level(n_samples, pywt.Wavelet(wavelet).dec_len)


def auto_level(n_samples, wavelet):
    return min(max_level(n_samples, wavelet), 6)


def shrink(c, limit, threshold):
    """pywt.threshold, with a limit that may be an array, and with 0 / 0 = 0."""
    size = np.abs(c)
    keep = (size >= limit) & (size > 0)
    if threshold == "hard":
        return np.where(keep, c, 0)
    safe = np.where(size > 0, size, 1)
    share = limit / safe if threshold == "soft" else (limit / safe) ** 2
    return np.where(keep, c * (1 - share), 0)


def dwt_gather(gather, wavelet, level, threshold, k, noise_level="finest"):
    """Each trace by itself, transform dwt."""
    x = np.asarray(gather, np.float64)
    coefficients = pywt.wavedec(x, wavelet, mode="symmetric", level=level, axis=-1)
    noise = coefficients[-1 if noise_level == "finest" else 1]
    limit = k * np.median(np.abs(noise), axis=-1, keepdims=True) / 0.6745
    details = [shrink(d, limit, threshold) for d in coefficients[1:]]
    return pywt.waverec(coefficients[:1] + details, wavelet, mode="symmetric", axis=-1)[..., :x.shape[-1]]
