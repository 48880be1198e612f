# SPDX-License-Identifier: BSD-3-Clause
"""The same results, to 1e-6, from every instruction set that this processor has."""

import itertools

import pytest

from gathers import coherent
from kernel_tool import Kernels, worst_distance


def available():
    flags = set()
    try:
        with open("/proc/cpuinfo") as f:
            flags = set(next((line for line in f if line.startswith("flags")), "").split())
    except OSError:
        pass
    found = ["portable"]
    if {"avx2", "fma", "bmi2"} <= flags:
        found.append("avx2")
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        found.append("avx512")
    return found


@pytest.fixture(scope="module")
def every():
    running = {isa: Kernels(isa) for isa in available()}
    yield running
    for one in running.values():
        one.close()


CASES = ([dict(transform=t, aperture=a, wavelet=w, threshold=h)
          for t, a, (w, h) in itertools.product(("dwt", "swt", "wpt"), (1, 7, 15),
                                                (("db4", "soft"), ("db1", "garrote"), ("sym10", "soft"),
                                                 ("db20", "soft"), ("bior4.4", "garrote"), ("db4", "hard")))]
         + [dict(transform="wpt", best_basis=True)])


@pytest.mark.parametrize("options", CASES, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_instruction_sets_agree(every, options):
    for n_samples in (1600, 1601, 333):
        gather = coherent(21, n_samples, seed=4, decades=0)
        results = {isa: one.apply("dwt", gather, k=3, noise_level="finest", **options).out
                   for isa, one in every.items()}
        for isa in results:
            assert worst_distance(results[isa], results["portable"]) < 1e-6


TF_CASES = [dict(transform=t, aperture=a, mode=m)
            for t, (a, m) in itertools.product(("stft", "stockwell"), ((7, "adaptive"), (5, "hard"), (15, "soft")))]
TF_CASES += [dict(case, sampling="reduced") for case in TF_CASES if case["transform"] == "stockwell"]


@pytest.mark.parametrize("options", TF_CASES, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_instruction_sets_agree_on_frequencies(every, options):
    for n_samples in (800, 333):
        gather = coherent(21, n_samples, seed=4, decades=0)
        results = {isa: one.apply("tf", gather, **options).out for isa, one in every.items()}
        for isa in results:
            assert worst_distance(results[isa], results["portable"]) < 1e-6


def test_the_one_asked_for_is_used(every):
    for isa, one in every.items():
        assert one.apply("dwt", coherent(3, 100)).isa == isa
    if len(every) == 1:
        pytest.skip("this processor has no other instruction set than the portable one")
