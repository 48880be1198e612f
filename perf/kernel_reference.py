#!/usr/bin/python3
"""Runs the reference of a kernel for build/bench/kernels and prints the seconds that it takes.

    kernel_reference.py FOLDER PROCESSOR N_TRACES N_SAMPLES INTERVAL_S [KEY=VALUE]...

FOLDER/in holds the float32 gather, FOLDER/offset the float64 offsets; the output goes to FOLDER/out, float32. The
references are those of the tests; they compute in double precision for the output and are timed in single where
their libraries have it.
"""

import sys
import time
from pathlib import Path

import numpy as np

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


PROCESSORS = {"dwt": dwt, "mute": mute}


def main():
    folder, name, n_traces, n_samples, interval = sys.argv[1:6]
    params = dict(word.split("=", 1) for word in sys.argv[6:])
    gather = np.fromfile(Path(folder) / "in", np.float32).reshape(int(n_traces), int(n_samples))
    headers = [np.fromfile(Path(folder) / "offset", np.float64)]

    def run(precision):
        return PROCESSORS[name](gather.astype(precision), headers, float(interval), **params)

    run(np.float64).astype(np.float32).tofile(Path(folder) / "out")
    seconds = []
    begin = time.perf_counter()
    while len(seconds) < 15 and (not seconds or time.perf_counter() - begin < 3):
        start = time.perf_counter()
        run(np.float32)
        seconds.append(time.perf_counter() - start)
    print(float(np.median(seconds)))


if __name__ == "__main__":
    main()
