# SPDX-License-Identifier: BSD-3-Clause
"""What the kernels are measured against: the same algorithms in PyWavelets and NumPy.

They compute in the precision of the gather that they are given: double for tests, single to be timed.
"""

import numpy as np
import pywt

WAVELETS = ([f"db{i}" for i in range(1, 21)] + [f"sym{i}" for i in range(2, 21)] + [f"coif{i}" for i in range(1, 6)]
            + pywt.wavelist("bior"))


def max_level(n_samples, wavelet):
    return pywt.dwt_max_level(n_samples, pywt.Wavelet(wavelet).dec_len)


def auto_level(n_samples, wavelet):
    return min(max_level(n_samples, wavelet), 6)


# --- thresholds --------------------------------------------------------------------------------------------------


def shrink(c, limit, threshold):
    """pywt.threshold, with a limit that may be an array, and with 0 / 0 = 0."""
    size = np.abs(c)
    keep = (size >= limit) & (size > 0)
    if threshold == "hard":
        return np.where(keep, c, 0)
    safe = np.where(size > 0, size, 1)
    share = limit / safe if threshold == "soft" else (limit / safe) ** 2
    return np.where(keep, c * (1 - share), 0)


def near_miss(c, limit):
    """For each trace, whether single precision cannot tell if hard thresholding keeps a coefficient that matters."""
    largest = np.maximum(np.max(np.abs(c), axis=-1, keepdims=True), 1e-30)
    distance = np.abs(np.abs(c) - limit) / largest
    return np.any((distance > 0) & (distance < 1e-6) & (limit > 1e-6 * largest), axis=-1)


def window_of(trace, n_traces, aperture):
    """First trace and end of the window around a trace. A small gather has the largest odd aperture that fits."""
    half = min(aperture, n_traces - (n_traces + 1) % 2) // 2
    return max(trace - half, 0), min(trace + half + 1, n_traces)


def robust_limit(window, k):
    """Threshold at each coefficient from its window [traces][...]: the floor is one of the threshold itself."""
    median = np.median(window, axis=0)
    mad = np.median(np.abs(window - median), axis=0)
    return np.maximum(k * 1.4826 * mad, np.maximum(0.01 * np.abs(median), 1e-10))


def sigma(c):
    """Of each trace, from coefficients [...][n]."""
    return np.median(np.abs(c), axis=-1, keepdims=True) / 0.6745


def limits(details, noise, k, aperture):
    """A list of thresholds for a list of bands [traces][n]; `noise` is the array whose median gives sigma."""
    n_traces = details[0].shape[0]
    if min(aperture, n_traces) < 2 or n_traces < 3:
        return [k * sigma(noise)] * len(details)
    windows = [slice(*window_of(t, n_traces, aperture)) for t in range(n_traces)]
    return [np.stack([robust_limit(d[w], k) for w in windows]) for d in details]


# --- the noise floor and the automatic threshold -----------------------------------------------------------------


def floor_windows(n_traces, n_samples):
    """First trace and sample of the windows that are looked at: at most 256, spread over all places."""
    traces = min(n_traces, 12)
    along, across = (n_samples - 24) // 12 + 1, (n_traces - traces) // (traces // 2) + 1
    places = along * across
    count = min(places, 256)
    for i in range(count):
        first, end = i * places // count, (i + 1) * places // count
        place = first + ((i * 40503 & 0xffff) * (end - first) >> 16)
        yield place // along * (traces // 2), place % along * 12


def noise_floor(gather):
    """Power of the noise of a sample at frequencies j / 24, j = 0 ... 12; zeros where nothing can be said."""
    x = np.asarray(gather, np.float64)
    traces = min(len(x), 12)
    if traces < 4:
        return np.zeros(13)
    taper = np.sin(np.pi * (np.arange(traces) + 0.5) / traces)[:, None] * np.sin(np.pi * (np.arange(24) + 0.5) / 24)
    power = [np.abs(np.fft.fft(np.fft.rfft(part * taper, axis=1), axis=0)) ** 2
             for part in (x[i:i + traces, t:t + 24] for i, t in floor_windows(*x.shape))
             if np.mean(part != 0) > 0.5]
    if not power:
        return np.zeros(13)
    level = np.quantile(np.concatenate(power), 0.3, axis=0) / -np.log(0.7)
    return np.array([level[max(j - 2, 0):j + 3].mean() for j in range(13)]) / np.sum(taper**2)


def floor_sigma(power, wavelet, level):
    """Of the noise in detail `level`: its response by the transform of an impulse, on a fine grid."""
    n = 1 << 15
    w = pywt.Wavelet(wavelet)
    low, high, at = np.fft.fft(w.dec_lo, n), np.fft.fft(w.dec_hi, n), np.arange(n)
    response = high[at * 2**(level - 1) % n]
    for j in range(level - 1):
        response = response * low[at * 2**j % n]
    frequencies = np.abs(np.fft.fftfreq(n))
    return np.sqrt(np.mean(np.interp(frequencies, np.arange(13) / 24, power) * np.abs(response) ** 2))


def sure_k(z, threshold, by_level):
    """The largest k = 0.25 ... 4.125 whose risk is within a quarter of a standard error of the least, by_level the
    least itself; |z| is known to 64 bins an octave from 2^-4 to 2^8."""
    z = np.abs(z.ravel())
    edges = np.concatenate([[0.0], (2.0 ** np.arange(-4, 8)[:, None] * (1 + np.arange(64) / 64)).ravel(), [256.0]])
    counts = np.histogram(z, np.concatenate([edges, [np.inf]]))[0].astype(np.float64)
    a, b = edges, np.concatenate([edges[1:], [np.inf]])
    with np.errstate(divide="ignore", invalid="ignore"):
        square, inverse = (a * a + a * b + b * b) / 3, 1 / (a * b)
    candidates = (0.25 + np.arange(32) * 0.125)[::2 if by_level else 1]
    risks = []
    for k in candidates:
        above = a >= k
        kept = counts[above] * (k * k if threshold == "soft" else (k**4 + 2 * k * k) * inverse[above])
        risks.append(np.sum(kept) + np.sum(counts[~above] * (square[~above] - 2)))
    limit = np.min(risks) + (0 if by_level else 0.25 * np.sqrt(2 * np.sum(counts)))
    return candidates[np.flatnonzero(risks <= limit)[-1]] if np.any(counts) else candidates[0]


def gather_limits(gather, details, wavelet, threshold, k, noise_level, undecimated):
    """Thresholds [traces][1] of each detail, finest first, of which some are chosen by all of the gather."""
    n_traces = len(details[0])
    finest = sigma(details[0])
    levels = [finest] * len(details)
    looked_at = slice(0, None, 1 + (n_traces - 1) // 512)
    if noise_level in ("auto", "fk") and n_traces >= 4 and gather.shape[-1] >= 24:
        power = noise_floor(gather)
        if noise_level == "fk":
            levels = [np.full((n_traces, 1), floor_sigma(power, wavelet, j + 1)) for j in range(len(details))]
        else:
            shown = finest[looked_at]
            typical = np.median(shown[shown > 0]) if np.any(shown > 0) else 0
            floor = 1.1 * floor_sigma(power, wavelet, 1)
            levels = [finest * (floor / typical if floor < typical else 1)] * len(details)
    if k != "auto":
        return [k * level for level in levels]
    limits = []
    for j, (detail, level) in enumerate(zip(details, levels)):
        part, of_part = detail[looked_at], level[looked_at]
        step = 2**j if undecimated and part.size > 1 << 16 else 1
        if undecimated:  # PyWavelets centres the filters
            part = np.roll(part, pywt.Wavelet(wavelet).dec_len // 2 * (2**(j + 1) - 1), axis=-1)
        live = of_part[:, 0] > 0
        limits.append(level * sure_k(part[live, ::step] / of_part[live], threshold,
                                        noise_level == "fk" and n_traces >= 4 and gather.shape[-1] >= 24))
    return limits


# --- transforms --------------------------------------------------------------------------------------------------


def dwt_gather(gather, wavelet, level, threshold, k, noise_level="finest", aperture=1, undecided=None):
    """`undecided`, a list, is given near_miss of every band."""
    coefficients = pywt.wavedec(gather, wavelet, mode="symmetric", level=level, axis=-1)
    details = coefficients[1:]
    if k == "auto" or noise_level in ("auto", "fk"):
        bounds = gather_limits(gather, details[::-1], wavelet, threshold, k, noise_level, False)[::-1]
    else:
        bounds = limits(details, details[-1] if noise_level == "finest" else details[0], k, aperture)
    if undecided is not None:
        undecided += [near_miss(d, t) for d, t in zip(details, bounds)]
    shrunk = [shrink(d, t, threshold) for d, t in zip(details, bounds)]
    out = pywt.waverec(coefficients[:1] + shrunk, wavelet, mode="symmetric", axis=-1)
    return out[..., :gather.shape[-1]]


def swt_pad(gather, level):
    """Padded at the end by reflection to a multiple of 2^level samples."""
    n = gather.shape[-1]
    padding = -n % (1 << level)
    return np.pad(gather, [(0, 0), (0, padding)], mode="reflect")


def swt_gather(gather, wavelet, level, threshold, k, noise_level="finest", aperture=1, undecided=None):
    coefficients = pywt.swt(swt_pad(gather, level), wavelet, level=level, axis=-1)  # coarsest first
    details = [d for _, d in coefficients]
    if k == "auto" or noise_level in ("auto", "fk"):
        bounds = gather_limits(gather, details[::-1], wavelet, threshold, k, noise_level, True)[::-1]
    else:
        bounds = limits(details, details[-1] if noise_level == "finest" else details[0], k, aperture)
    if undecided is not None:
        undecided += [near_miss(d, t) for d, t in zip(details, bounds)]
    shrunk = [shrink(d, t, threshold) for d, t in zip(details, bounds)]
    pairs = [(a, d) for (a, _), d in zip(coefficients, shrunk)]
    return np.stack([pywt.iswt([(a[t], d[t]) for a, d in pairs], wavelet)
                     for t in range(len(gather))])[:, :gather.shape[-1]]


def entropy(c, energy):
    p = np.square(c) / energy
    return -np.sum(p * np.log(np.where(p > 0, p, 1)))


def best_basis(packet, level, energy):
    """Paths of the nodes with the least Shannon entropy. The low-pass path is always divided."""

    def search(node):
        own = entropy(node.data, energy)
        if node.level == level:
            return own, [node.path]
        (low, low_paths), (high, high_paths) = search(node["a"]), search(node["d"])
        if low + high < own or not node.path.strip("a"):
            return low + high, low_paths + high_paths
        return own, [node.path]

    return search(packet)[1]


def wpt_gather(gather, wavelet, level, threshold, k, basis=False, aperture=1):
    """The approximation, the node at the end of the low-pass path, is kept."""
    packets = [pywt.WaveletPacket(t, wavelet, mode="symmetric", maxlevel=level) for t in gather]
    out = np.empty_like(gather)
    for t, packet in enumerate(packets):
        if basis:
            paths = best_basis(packet, level, np.sum(gather[t] ** 2) or 1.0)
        else:
            paths = [node.path for node in packet.get_level(level, order="natural")]
        first, end = window_of(t, len(packets), aperture)
        if end - first == 1:
            limit = k * sigma(np.concatenate([packet[p].data for p in paths]))
        new = pywt.WaveletPacket(gather[t], wavelet, mode="symmetric", maxlevel=level)
        for path in paths:
            if end - first > 1:  # every trace in the centre's basis
                limit = robust_limit(np.stack([other[path].data for other in packets[first:end]]), k)
            new[path].data = packet[path].data if not path.strip("a") else shrink(packet[path].data, limit, threshold)
        out[t] = new.reconstruct(update=False)[:gather.shape[1]]
    return out


# --- mute --------------------------------------------------------------------------------------------------------


def mute_weights(offset, n_samples, interval, velocity, t0, taper, where, shape):
    """[n_traces][n_samples]; t0 and taper in ms."""
    s = np.arange(n_samples) * interval
    x = np.abs(np.asarray(offset, np.float64))[:, None]
    if shape == "linear":
        t = t0 * 1e-3 + x / velocity
    else:
        t = np.hypot(t0 * 1e-3, x / velocity)
    inside = s - t if where == "top" else t - s
    length = taper * 1e-3
    ramp = 0.5 * (1 - np.cos(np.pi * np.clip(inside / length, 0, 1))) if length > 0 else 1.0
    return np.where(inside < 0, 0.0, ramp)
