# SPDX-License-Identifier: BSD-3-Clause
"""Gathers to test kernels with."""

import numpy as np


def wild(n_traces, n_samples, seed=1):
    """Wavelets in noise, of amplitudes that differ by powers of ten, one dead trace, one constant trace."""
    random = np.random.default_rng(seed)
    t = np.arange(n_samples)
    gather = random.standard_normal((n_traces, n_samples))
    for trace in gather:
        centre = random.uniform(0, n_samples)
        trace += 20 * np.exp(-((t - centre) / 6) ** 2) * np.cos(0.5 * (t - centre))
    gather *= 10.0 ** random.integers(-6, 9, (n_traces, 1))
    gather[n_traces // 2] = 0
    gather[n_traces // 3] = 12.5
    return gather.astype(np.float32)


def coherent(n_traces, n_samples, seed=1, decades=1.0):
    """An event with moveout in noise, amplitudes that vary by decades, dead and constant traces, one at each edge."""
    random = np.random.default_rng(seed)
    t = np.arange(n_samples)
    gather = random.standard_normal((n_traces, n_samples))
    for i, trace in enumerate(gather):
        centre = n_samples / 2 + 0.3 * i
        trace += 15 * np.exp(-((t - centre) / 6) ** 2) * np.cos(0.5 * (t - centre))
    gather *= 10.0 ** (decades * random.uniform(-0.5, 0.5, (n_traces, 1)))
    gather[[0, n_traces // 2]] = 0
    gather[[n_traces // 3, n_traces - 1]] = 12.5
    return gather.astype(np.float32)


def tied(n_traces, n_samples, seed=1):
    """Few values, equal traces, silent spans: many coefficients and magnitudes are equal, medians lie between them."""
    random = np.random.default_rng(seed)
    gather = random.integers(-1, 2, (n_traces, n_samples)).astype(np.float32)
    gather[n_traces // 6:n_traces // 2, ::2] = 0
    gather[n_traces // 3:2 * n_traces // 3, n_samples // 20:n_samples - n_samples // 20] = 0
    gather[-5:] = gather[-5]
    return gather
