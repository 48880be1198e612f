# SPDX-License-Identifier: BSD-3-Clause
"""Processor mute against its formula in NumPy."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "cli")]

import harness  # noqa: E402
from kernel_tool import GEOMETRY, OK, Refused  # noqa: E402
from reference import mute_weights  # noqa: E402
from surveys import write_survey  # noqa: E402


OFFSETS = np.array([0.0, 37.3, -37.3, 812.7, -2999.9, 1e5, 3.3, 150.05])


@pytest.mark.parametrize("where", ["top", "bottom"])
@pytest.mark.parametrize("shape", ["linear", "hyperbolic"])
def test_weights(kernels, where, shape):
    gather = np.random.default_rng(1).standard_normal((8, 1001)).astype(np.float32)
    for velocity, t0, taper in ((1500, 0.1, 20), (333.3, 200.7, 55.5), (4000, 50.3, 0), (800, -100.1, 5000)):
        options = dict(velocity=velocity, t0=t0, taper=taper, where=where, shape=shape)
        got = kernels.apply("mute", gather, headers=[OFFSETS], interval=0.004, **options)
        expected = gather * mute_weights(OFFSETS, 1001, 0.004, **options)
        assert got.reason == OK
        assert np.abs(got.out - expected).max() < 1e-6
        untouched = expected == gather
        assert np.array_equal(got.out[untouched], gather[untouched])


def test_times_start_at_the_delay(kernels):
    """A trace whose recording begins at d is the one that begins at 0, without its first d / dt samples."""
    delays = np.array([0.0, 800, 40, -200, 12, 3996, 400, 2.5])
    for shape in ("linear", "hyperbolic"):
        options = dict(velocity=1500, t0=120.3, taper=33, shape=shape, where="top")
        gather = np.ones((8, 600), np.float32)
        got = kernels.apply("mute", gather, headers=[OFFSETS, delays], interval=0.004, **options).out
        fine = mute_weights(OFFSETS, 16001, 0.0005, **options)
        for i, delay in enumerate(delays):
            at = np.rint((delay + 4.0 * np.arange(600)) / 0.5).astype(int)
            expected = np.where(at < 0, 0, fine[i, np.clip(at, 0, 16000)])
            assert np.abs(got[i] - expected)[at <= 16000].max() < 1e-6


def test_a_mute_at_a_sample(kernels):
    """1500 m/s, 3 m, 2 ms: the mute time is sample 1. Zero before it, and a taper that starts from zero at it."""
    gather = np.ones((1, 12), np.float32)
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=0).out[0]
    assert got.tolist() == [0] + [1] * 11
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=4).out[0]
    assert np.allclose(got, [0, 0, 0.5] + [1] * 9, atol=1e-6)
    got = kernels.apply("mute", gather, headers=[[3.0]], velocity=1500, taper=0, where="bottom").out[0]
    assert got.tolist() == [1, 1] + [0] * 10


def test_top_and_bottom_meet(kernels):
    """With no taper, what one keeps the other removes, but for a sample exactly at the mute time."""
    gather = np.random.default_rng(2).standard_normal((8, 500)).astype(np.float32)
    options = dict(velocity=1234.5, t0=10.1, taper=0)
    top = kernels.apply("mute", gather, headers=[OFFSETS], where="top", **options).out
    bottom = kernels.apply("mute", gather, headers=[OFFSETS], where="bottom", **options).out
    assert np.array_equal(top + bottom, gather)


def test_bits_do_not_depend_on_the_cut(kernels):
    gather = np.random.default_rng(3).standard_normal((50, 301)).astype(np.float32)
    offset = np.linspace(-500, 500, 50)
    whole = kernels.apply("mute", gather, headers=[offset], block=50).out
    for threads, block, in_place in ((1, 0, True), (2, 3, False), (3, 1, True)):
        got = kernels.apply("mute", gather, headers=[offset], threads=threads, block=block, in_place=in_place)
        assert np.array_equal(got.out, whole)


def test_an_offset_that_is_no_number(kernels):
    gather = np.ones((3, 50), np.float32)
    assert kernels.apply("mute", gather, headers=[[1.0, np.nan, 2.0]]).reason == GEOMETRY


def test_refused(kernels):
    gather = np.ones((3, 50), np.float32)
    for options in ({"velocity": 0}, {"velocity": -1500}, {"taper": -1}, {"where": "left"}):
        with pytest.raises(Refused):
            kernels.apply("mute", gather, headers=[[1.0, 2.0, 3.0]], **options)


# --- inner, picks, header words ----------------------------------------------------------------------------------


def spans_to_weights(spans, n_samples, interval, taper):
    """spans: a list of (from, to) in ms a trace. The weight by the distance to the nearest of them."""
    times = np.arange(n_samples) * interval * 1e3
    weights = np.ones((len(spans), n_samples))
    for row, trace in zip(weights, spans):
        if not trace:
            continue
        distance = np.min([np.maximum(a - times, times - b) for a, b in trace], axis=0)
        ramp = 0.5 * (1 - np.cos(np.pi * np.clip(distance / taper, 0, 1))) if taper else 1.0
        row[:] = np.where(distance < 0, 0, ramp)
    return weights


def check_spans(kernels, spans, headers, taper=20, n_samples=600, interval=0.004, **options):
    gather = np.random.default_rng(4).standard_normal((len(spans), n_samples)).astype(np.float32)
    for in_place in (False, True):
        got = kernels.apply("mute", gather, headers=headers, interval=interval, taper=taper, in_place=in_place,
                            **options)
        expected = gather * spans_to_weights(spans, n_samples, interval, taper)
        assert got.reason == OK
        assert np.abs(got.out - expected).max() < 1e-6
        assert np.array_equal(got.out[expected == gather], gather[expected == gather])


def curve(shape, offset, velocity, t0):
    x = 1e3 * np.abs(offset) / velocity
    return t0 + x if shape == "linear" else np.hypot(t0, x)


@pytest.mark.parametrize("shape", ["linear", "hyperbolic"])
def test_inner_mutes_between_two_curves(kernels, shape):
    offset = np.array([0.0, 37.0, -300.0, 812.7, -2999.9])
    for taper in (0, 20, 333.3):
        first, last = curve(shape, offset, 2100, 50.5), curve(shape, offset, 480, 170.5)
        check_spans(kernels, [[pair] for pair in zip(first, last)], [offset], taper=taper, where="inner", shape=shape,
                    velocity=2100, t0=50.5, until_velocity=480, until_t0=170.5)
    # where the second curve is above the first nothing is muted
    check_spans(kernels, [[]] * 5, [offset], where="inner", shape=shape, velocity=500, t0=100, until_t0=90)


def picks_file(tmp_path, text):
    path = tmp_path / "picks.txt"
    path.write_text(text)
    return path


def test_picks(kernels, tmp_path):
    path = picks_file(tmp_path, "# offset  ms\n-1000 900\n\n0, 100 # the source\n500; 200.5\n2000 1400\n")
    offset = np.array([-5000.0, -1000, -250, 0, 1.5, 499.9, 500, 1999, 2000, 2e6])
    times = np.interp(offset, [-1000, 0, 500, 2000], [900, 100, 200.5, 1400])
    for where in ("top", "bottom"):
        spans = [[(-np.inf, t) if where == "top" else (t, np.inf)] for t in times]
        check_spans(kernels, spans, [offset], where=where, shape="picks", picks=path)
    delays = np.arange(10) * 8.0
    spans = [[(-np.inf, t - d)] for t, d in zip(times, delays)]
    check_spans(kernels, spans, [offset, delays], shape="picks", picks=path)
    check_spans(kernels, [[(-np.inf, 77)]] * 3, [[1, 2, 3]], shape="picks", key="tracf",
                picks=picks_file(tmp_path, "5 77\n"))


def inside(corners, value):
    """Where a polygon crosses a trace, by pairs."""
    found = []
    for (v0, t0), (v1, t1) in zip(corners, corners[1:] + corners[:1]):
        if min(v0, v1) <= value < max(v0, v1):
            found.append(t0 + (value - v0) / (v1 - v0) * (t1 - t0))
    found.sort()
    return [(a, b) for a, b in zip(found[::2], found[1::2]) if b - a > 1e-6]


@pytest.mark.parametrize("corners", [
    [(100, 200.3), (900, 500.3), (900, 900.3), (100, 400.3)],
    [(100, 200.3), (900, 210.1), (900, 1900.3), (100, 1800.1), (700, 1000.3)],  # a C: two spans a trace
    [(0, 300.3), (500, 100.7), (1000, 300.7), (500, 1500.3)]])
def test_inner_of_a_polygon(kernels, tmp_path, corners):
    offset = np.array([-50.0, 0, 100, 101, 333.3, 500, 650, 899, 900, 1000])
    for order in (corners, corners[::-1], corners[2:] + corners[:2]):
        path = picks_file(tmp_path, "".join(f"{v} {t}\n" for v, t in order))
        for taper in (0, 20, 300):
            check_spans(kernels, [inside(corners, x) for x in offset], [offset], taper=taper, where="inner",
                        shape="picks", picks=path)


def test_header_words(kernels):
    muts, mute = np.array([0.0, 100, 250.5, 400, 900]), np.array([0.0, 1800, 2001, 0, 700])
    check_spans(kernels, [[(-np.inf, t)] if t else [] for t in muts], [muts], shape="header")
    check_spans(kernels, [[(t, np.inf)] if t else [] for t in mute], [mute], shape="header", where="bottom")
    spans = [[], [(100, 1800)], [(250.5, 2001)], [], []]
    check_spans(kernels, spans, [muts, mute], shape="header", where="inner")
    delay = np.full(5, 40.0)
    check_spans(kernels, [[(a - 40, b - 40) for a, b in s] for s in spans], [muts, mute, delay], shape="header",
                where="inner")


def test_bits_of_polygons_do_not_depend_on_the_cut(kernels, tmp_path):
    gather = np.random.default_rng(3).standard_normal((50, 301)).astype(np.float32)
    offset = np.linspace(-500, 500, 50)
    options = dict(headers=[offset], where="inner", shape="picks",
                   picks=picks_file(tmp_path, "-400 100\n400 50\n100 500\n"))
    whole = kernels.apply("mute", gather, block=50, **options).out
    assert not np.array_equal(whole, gather)
    for threads, block, in_place in ((1, 0, True), (2, 3, False), (3, 1, True)):
        assert np.array_equal(kernels.apply("mute", gather, threads=threads, block=block, in_place=in_place,
                                            **options).out, whole)


@pytest.mark.parametrize("where, text, complaint", [
    ("top", "", "found 0 picks, allowed are 1 or more"),
    ("inner", "1 100\n2 200\n", "found 2 picks, allowed are 3 or more"),
    ("top", "1 100\n1 200\n", "picks.txt:2: found the value 1 after 1, allowed are ascending ones"),
    ("top", "1 100\n2\n", "picks.txt:2: found one number"),
    ("top", "1 100 3\n", "picks.txt:1: found '3', allowed are a header value and a time in ms"),
    ("top", "offset 100\n", "picks.txt:1: found 'offset 100'"),
    ("top", "1 nan\n", "picks.txt:1: found 'nan'"),
    ("top", "1 0.1\n2 1.4\n", "the latest time is 1.4: seconds? allowed are ms"),
    ("inner", "".join(f"{k % 2} {100 + k}\n" for k in range(34)),
     "the polygon crosses a trace 34 times, allowed are 32"),
])
def test_picks_that_cannot_be(tmp_path, where, text, complaint):
    """Refused by `plan`, before there is any output."""
    write_survey(tmp_path / "in.h5", np.ones((4, 100), np.float32), headers={"tracf": np.arange(4)})
    picks_file(tmp_path, text)
    (tmp_path / "job.yaml").write_text("input: in.h5\noutput: out.h5\nchain:\n"
                                       f"  - mute: {{shape: picks, where: {where}, picks: picks.txt, key: tracf}}\n")
    result = harness.run([harness.BINARY, "plan", "job.yaml"], cwd=tmp_path, tmp=tmp_path)
    assert result.returncode == 1 and complaint in result.stderr, str(result)
    assert not (tmp_path / "out.h5").exists()


def test_choices_that_contradict_each_other(kernels, tmp_path):
    path = picks_file(tmp_path, "1 100\n")
    for options in ({"where": "inner"}, {"until_t0": 3}, {"shape": "picks"}, {"picks": path}, {"key": "tracf"},
                    {"shape": "header", "where": "inner", "until_t0": 3}):
        with pytest.raises(Refused):
            kernels.apply("mute", np.ones((3, 50), np.float32), headers=[[1.0, 2.0, 3.0]], **options)
