# SPDX-License-Identifier: BSD-3-Clause
"""Gathers that tests of the processor tf are made on."""

from pathlib import Path

import numpy as np
import pytest

from kernel_tool import Kernels


def make_gather(n_traces, n_samples, seed=1, constant=True):
    """Dipping events in noise, bursts, weak traces, a dead one and a constant one."""
    random = np.random.default_rng(seed)
    t = np.arange(n_samples)
    gather = random.standard_normal((n_traces, n_samples))
    for i, trace in enumerate(gather):
        for start in (0.2, 0.5, 0.7):
            centre = start * n_samples + 1.5 * i
            trace += 8 * np.exp(-((t - centre) / 7) ** 2) * np.cos(0.4 * (t - centre))
    for i in random.permutation(n_traces)[: n_traces // 3]:
        start = random.integers(0, n_samples)
        gather[i, start:start + 60] *= 30
    gather[random.permutation(n_traces)[: n_traces // 5]] *= 0.1
    gather[n_traces // 2] = 0
    if constant:
        gather[n_traces // 3] = 12.5
    return gather.astype(np.float32)


def tied_gather(n_traces, n_samples):
    """Many traces alike, and samples of few values: equal magnitudes, MAD 0."""
    random = np.random.default_rng(1)
    few = random.integers(-1, 2, (5, n_samples))
    gather = few[random.integers(0, 5, n_traces)].astype(np.float32)
    gather[: n_traces // 4] = gather[0]
    gather[n_traces // 2: n_traces // 2 + 6] = 0
    gather[-4:] *= 2
    return gather


def isa_or_skip(isa):
    """Kernels in an instruction set that this processor has."""
    flags = Path("/proc/cpuinfo").read_text().split()
    needed = {"avx2": ["avx2", "fma", "bmi2"], "avx512": ["avx512f", "avx512bw", "avx512dq", "avx512vl"]}
    if not all(flag in flags for flag in needed.get(isa, [])):
        pytest.skip(f"this processor has no {isa}")
    return Kernels(isa)
