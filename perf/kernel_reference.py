#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the reference of a kernel for build/bench/kernels and prints two times in seconds.

    kernel_reference.py FOLDER PROCESSOR N_TRACES N_SAMPLES INTERVAL_S [KEY=VALUE]...

FOLDER/in holds the float32 gather, FOLDER/offset the float64 offsets; the output goes to FOLDER/out, float32. It is
that of the tests' references in double precision. Timed in single precision are, first, the algorithm a trace at a
time, as programs that use these libraries are written, and, second, the tests' reference, which takes all traces of
the gather in each call where the library can.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pywt
import scipy.signal

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "kernels"), str(TESTS)]

import reference  # noqa: E402
import reference_fk_denoise  # noqa: E402
import reference_tf  # noqa: E402
import reference_tools  # noqa: E402


def dwt(gather, headers, interval, wavelet="db4", transform="swt", level="auto", threshold="garrote", k="auto",
        aperture="1", best_basis="false", noise_level="auto"):
    n_levels = reference.auto_level(gather.shape[1], wavelet) if level == "auto" else int(level)
    common = (gather, wavelet, n_levels, threshold, k if k == "auto" else float(k))
    if transform == "wpt":
        return reference.wpt_gather(*common, basis=best_basis == "true", aperture=int(aperture))
    function = reference.dwt_gather if transform == "dwt" else reference.swt_gather
    return function(*common, noise_level=noise_level, aperture=int(aperture))


def mute(gather, headers, interval, velocity="1500", t0="0", taper="20", where="top", shape="linear"):
    weights = reference.mute_weights(headers[0], gather.shape[1], interval, float(velocity), float(t0), float(taper),
                                     where, shape)
    return gather * weights.astype(gather.dtype)


def tf(gather, headers, interval, transform="stft", sampling="full", aperture="7", fmin="0", fmax="inf"):
    """The S-transform is in double precision always, which is the one that numpy.fft has."""
    common = {"aperture": int(aperture), "fmin": float(fmin), "fmax": float(fmax)}
    if transform == "stft":
        return reference_tf.stft_gather(gather, interval, precision=gather.dtype, **common)
    return reference_tf.reduced_gather(gather, interval, full=sampling == "full", **common)


def bandpass(gather, headers, interval, low="[]", high="[]"):
    return reference_tools.bandpass(gather, interval, json.loads(low), json.loads(high))


def agc(gather, headers, interval, window="500"):
    """All traces at once, from sums of squares up to each sample."""
    n = gather.shape[1]
    half = int(np.floor(float(window) * 1e-3 / interval / 2 + 0.5))
    sums = np.pad(np.cumsum(gather.astype(np.float64) ** 2, axis=1), ((0, 0), (1, 0)))
    first, end = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    level = (sums[:, end] - sums[:, first]) / (end - first) + 1e-4 * sums[:, -1:] / n
    return gather / np.sqrt(np.where(level > 0, level, 1)).astype(gather.dtype)


def fx_decon(gather, headers, interval, **params):
    return reference_tools.fx_decon(gather, interval, **{key: int(value) for key, value in params.items()})


def fk_denoise(gather, headers, interval, window="96", grid="", robust="0"):
    """On a grid, lines of 60 traces."""
    options = {"samples": float(window) * 1e-3 / interval, "robust": int(robust)}
    if not grid:
        return reference_fk_denoise.gather_2d(gather, **options)
    lines = gather.reshape(-1, 60, gather.shape[1])
    return reference_fk_denoise.denoise(np.moveaxis(lines, 2, 0), **options).reshape(gather.shape[1], -1).T


# --- a trace at a time -------------------------------------------------------------------------------------------


def shrunk(details, gather_details, trace, threshold, k, aperture, noise):
    """The details of one trace, a list of bands, from those of all traces."""
    if aperture == 1:
        limit = k * np.median(np.abs(noise)) / 0.6745
        return [pywt.threshold(d, limit, threshold) for d in details]
    first, end = reference.window_of(trace, len(gather_details), aperture)
    out = []
    for band, d in enumerate(details):
        near = np.stack([gather_details[t][band] for t in range(first, end)])
        out.append(reference.shrink(d, reference.robust_limit(near, k), threshold))
    return out


def dwt_by_trace(gather, headers, interval, wavelet="db4", transform="swt", level="auto", threshold="garrote", k="auto",
                 aperture="1", best_basis="false", noise_level="auto"):
    if transform == "wpt" or k == "auto" or noise_level in ("auto", "fk"):
        return None
    n_samples = gather.shape[1]
    n_levels = reference.auto_level(n_samples, wavelet) if level == "auto" else int(level)
    if transform == "swt":
        all_pairs = [pywt.swt(np.pad(x, (0, -n_samples % (1 << n_levels)), mode="reflect"), wavelet, level=n_levels)
                     for x in gather]
        all_details = [[d for _, d in pairs] for pairs in all_pairs]
    else:
        coefficients = [pywt.wavedec(x, wavelet, mode="symmetric", level=n_levels) for x in gather]
        all_details = [c[1:] for c in coefficients]
    out = np.empty_like(gather)
    for t, details in enumerate(all_details):
        noise = details[-1 if noise_level == "finest" else 0]
        new = shrunk(details, all_details, t, threshold, float(k), int(aperture), noise)
        if transform == "swt":
            out[t] = pywt.iswt([(a, d) for (a, _), d in zip(all_pairs[t], new)], wavelet)[:n_samples]
        else:
            out[t] = pywt.waverec(coefficients[t][:1] + new, wavelet, mode="symmetric")[:n_samples]
    return out


def thresholded_by_trace(all_coefficients, band, aperture):
    """The coefficients [frequency][time] of each trace in turn, of which the frequencies of `band` are thresholded."""
    for t, coefficients in enumerate(all_coefficients):
        first, end = reference.window_of(t, len(all_coefficients), aperture)
        near = np.abs(np.stack([all_coefficients[i][band] for i in range(first, end)]))
        magnitude = reference_tf.new_magnitude(near, t - first, k=3.0, mode="adaptive", low_amp_factor=0.3)
        new = coefficients.copy()
        new[band] = reference_tf.with_magnitude(coefficients[band], near[t - first], magnitude)
        yield new


def stft_by_trace(gather, interval, aperture, fmin, fmax):
    options = {"fs": 1 / interval, "nperseg": 64, "noverlap": 32}
    all_coefficients = [scipy.signal.stft(x, **options)[2] for x in gather]
    band = reference_tf.in_band(scipy.signal.stft(gather[0], **options)[0], fmin, fmax)
    return np.stack([scipy.signal.istft(new, **options)[1][:gather.shape[1]]
                     for new in thresholded_by_trace(all_coefficients, band, aperture)])


def stockwell_by_trace(gather, interval, aperture, fmin, fmax):
    """Only the voices of the band, for the rest cancels."""
    n_samples = gather.shape[1]
    windows = reference_tf.voice_windows(n_samples)
    total = windows.sum(axis=0)
    voices = np.flatnonzero(reference_tf.in_band(np.arange(n_samples // 2 + 1) / (n_samples * interval), fmin, fmax))
    counts = np.where((voices == 0) | (2 * voices == n_samples), 1, 2)
    all_coefficients = [np.fft.ifft(np.fft.fft(x) * windows[voices], axis=-1) for x in gather]
    out = np.empty_like(gather)
    for t, new in enumerate(thresholded_by_trace(all_coefficients, np.full(len(voices), True), aperture)):
        change = (counts @ (new - all_coefficients[t])).real
        out[t] = gather[t] + np.fft.ifft(np.fft.fft(change) / total).real
    return out


def tf_by_trace(gather, headers, interval, transform="stft", sampling="full", aperture="7", fmin="0", fmax="inf"):
    if sampling == "reduced":
        return None
    function = stft_by_trace if transform == "stft" else stockwell_by_trace
    return function(gather, interval, int(aperture), float(fmin), float(fmax))


# A processor that is not in here has the function `reference` of its test, tests/kernels/test_NAME.py.
PROCESSORS = {"agc": agc, "bandpass": bandpass, "dwt": dwt, "fk_denoise": fk_denoise,
              "fx_decon": fx_decon, "mute": mute, "tf": tf}
BY_TRACE = {"dwt": dwt_by_trace, "tf": tf_by_trace}


def seconds_of(function):
    """Median of as many runs as there are in three seconds, one at least."""
    seconds = []
    begin = time.perf_counter()
    while len(seconds) < 15 and (not seconds or time.perf_counter() - begin < 3):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def main():
    folder, name, n_traces, n_samples, interval = sys.argv[1:6]
    params = dict(word.split("=", 1) for word in sys.argv[6:])
    gather = np.fromfile(Path(folder) / "in", np.float32).reshape(int(n_traces), int(n_samples))
    headers = [np.fromfile(Path(folder) / "offset", np.float64)]

    if name not in PROCESSORS:
        PROCESSORS[name] = importlib.import_module(f"test_{name}").reference

    def run(functions, precision):
        return functions[name](gather.astype(precision), headers, float(interval), **params)

    expected = run(PROCESSORS, np.float64)
    expected.astype(np.float32).tofile(Path(folder) / "out")
    whole = seconds_of(lambda: run(PROCESSORS, np.float32))
    single = run(BY_TRACE, np.float64) if name in BY_TRACE else None
    if single is None:  # the reference takes a trace at a time itself, or there is nothing to gain
        print(whole, whole)
        return
    if np.linalg.norm(single - expected) > 1e-9 * np.linalg.norm(expected):
        sys.exit(f"{name}: the two references differ")
    print(seconds_of(lambda: run(BY_TRACE, np.float32)), whole)


if __name__ == "__main__":
    main()
