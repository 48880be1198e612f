#!/usr/bin/python3
"""Runs the reference of a kernel for build/bench/kernels and prints two times in seconds.

    kernel_reference.py FOLDER PROCESSOR N_TRACES N_SAMPLES INTERVAL_S [KEY=VALUE]...

FOLDER/in holds the float32 gather, FOLDER/offset the float64 offsets; the output goes to FOLDER/out, float32. It is
that of the tests' references in double precision. Timed in single precision are, first, the algorithm a trace at a
time, as programs that use these libraries are written, and, second, the tests' reference, which takes all traces of
the gather in each call where the library can.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pywt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "kernels"))

import reference  # noqa: E402


def dwt(gather, headers, interval, wavelet="db4", transform="dwt", level="auto", threshold="soft", k="3.0",
        aperture="1", best_basis="false", noise_level="finest"):
    n_levels = reference.auto_level(gather.shape[1], wavelet) if level == "auto" else int(level)
    common = (gather, wavelet, n_levels, threshold, float(k))
    if transform == "wpt":
        return reference.wpt_gather(*common, basis=best_basis == "true", aperture=int(aperture))
    function = reference.dwt_gather if transform == "dwt" else reference.swt_gather
    return function(*common, noise_level=noise_level, aperture=int(aperture))


def mute(gather, headers, interval, velocity="1500", t0="0", taper="20", where="top", shape="linear"):
    weights = reference.mute_weights(headers[0], gather.shape[1], interval, float(velocity), float(t0), float(taper),
                                     where, shape)
    return gather * weights.astype(gather.dtype)


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


def dwt_by_trace(gather, headers, interval, wavelet="db4", transform="dwt", level="auto", threshold="soft", k="3.0",
                 aperture="1", best_basis="false", noise_level="finest"):
    if transform == "wpt":
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


PROCESSORS = {"dwt": dwt, "mute": mute}
BY_TRACE = {"dwt": dwt_by_trace}


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
