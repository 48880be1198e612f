# SPDX-License-Identifier: BSD-3-Clause
"""Processor fk: against the reference in double precision, waves of known velocity, and properties of the filter."""

import numpy as np
import pytest

from gathers import coherent
from kernel_tool import GEOMETRY, LOCAL_GATHER, OK, TOO_SHORT, Refused
from reference_fk import (decibels, inner, linear_noise, load_oracle, relative, snr, worst_trace)

DT, DX = 0.004, 12.5


def options_of(**changes):
    return {"vmax": 1500, **changes}


def for_oracle(options):
    """The same parameters as the reference names them."""
    out = {}
    for key, value in options.items():
        if key == "direction":
            out.update(azimuth=90.0 if value == "positive" else 270.0, azimuth_width=180.0, azimuth_taper=0.0)
        elif key == "agc":
            out[key] = value * 1e-3
        elif key == "f":
            out[key] = tuple(float(x) for x in value.strip("[]").split(","))
        else:
            out[key] = np.inf if value == "inf" else value
    return out


CASES = [options_of(), options_of(mode="pass"), options_of(vmin=500, vmax=2000), options_of(taper=0),
         options_of(taper=2), options_of(vmin=700, vmax="inf"), options_of(f="[5,10,30,40]"),
         options_of(f="[0,0,40,50]", mode="pass"), options_of(vmin=300, vmax=700, aliases=1),
         options_of(vmin=300, vmax=700, aliases=2), options_of(agc=200), options_of(agc=30, mode="pass"),
         options_of(pad=0), options_of(pad=1), options_of(edge="zero"), options_of(edge_traces=1),
         options_of(edge_traces=16), options_of(direction="positive"), options_of(direction="negative", vmin=400),
         options_of(direction="positive", mode="pass", f="[3,8,60,90]", agc=100)]


@pytest.mark.parametrize("options", CASES, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()))
def test_against_the_reference(kernels, options):
    oracle = load_oracle()
    for n_traces, n_samples in ((40, 300), (9, 101)):
        gather = np.random.default_rng(n_traces).standard_normal((n_traces, n_samples)).astype(np.float32)
        gather[2] *= 1000
        expected = oracle.fkk(gather.T.astype(float), DT, DX, **for_oracle(options)).T
        got = kernels.apply("fk", gather, headers=[np.arange(n_traces) * DX - 300], interval=DT, **options)
        assert got.reason == OK and got.locality == LOCAL_GATHER
        assert relative(got.out, expected) < 1e-5
        assert worst_trace(got.out, expected, gather) < 1e-4


def test_gaps(kernels):
    """Dead traces: taken as zero, or filled in; they stay dead."""
    oracle = load_oracle()
    signal = linear_noise(200, 60, DT, 15, 5000, 25, 0.4) + linear_noise(200, 60, DT, 15, 900, 12, 0.4)
    gather = signal.astype(np.float32)
    live = np.random.default_rng(3).random(60) > 0.15
    gather[~live] = 0
    results = {}
    for iterations in (0, 1, 10):
        cube = gather.T[:, :, None].astype(float)
        expected = oracle.fkk_gaps(cube, live[None, :, None], DT, 15.0, iterations=iterations, vmax=1500.0)[:, :, 0].T
        options = dict(gaps="fill", fill_iterations=iterations) if iterations else {}
        got = kernels.apply("fk", gather, headers=[np.arange(60) * 15.0], interval=DT, vmax=1500, **options)
        assert not got.out[~live].any()
        assert relative(got.out, expected) < 1e-5
        results[iterations] = snr(linear_noise(200, 60, DT, 15, 5000, 25, 0.4)[live], got.out[live])
    assert results[10] > results[0] + 3


@pytest.mark.parametrize("velocity, least, most", [(900, -99, -24), (1200, -99, -30), (6000, -0.1, 0.1)])
def test_waves_of_known_velocity(kernels, velocity, least, most):
    gather = linear_noise(250, 72, DT, 15, velocity, 12, 0.5).astype(np.float32)
    got = kernels.apply("fk", gather, headers=[np.arange(72) * 15.0], interval=DT, vmax=1800)
    assert least < decibels(inner(got.out), inner(gather)) < most


def test_direction_is_that_of_the_traces_order(kernels):
    """A wave that goes with the traces is taken by `positive`, also where offsets fall along them."""
    gather = linear_noise(250, 72, DT, 15, 1000, 12, 0.5).astype(np.float32)
    for offset in (np.arange(72) * 15.0, 2000 - np.arange(72) * 15.0):
        for direction, removed in (("positive", True), ("negative", False)):
            got = kernels.apply("fk", gather, headers=[offset], interval=DT, vmax=1800, direction=direction)
            change = decibels(inner(got.out), inner(gather))
            assert change < -25 if removed else change > -0.5


def test_pass_and_reject_add_up(kernels):
    gather = coherent(50, 301, seed=7)
    for options in (dict(), dict(f="[4,8,50,70]"), dict(agc=150), dict(direction="negative")):
        headers = [np.arange(50) * DX]
        options = dict(options, vmax=1500, edge="zero")
        kept = kernels.apply("fk", gather, headers=headers, interval=DT, mode="pass", **options)
        taken = kernels.apply("fk", gather, headers=headers, interval=DT, **options)
        # what is removed adds up to the band; outside it both leave the data as they are
        band = 2 * gather - kept.out - taken.out
        if "f" not in options:
            assert relative(band, gather) < 1e-6
        else:
            f = np.fft.rfftfreq(301, DT)
            spectrum = np.abs(np.fft.rfft(band[10:15], axis=1))
            assert spectrum[:, f > 80].max() < 0.05 * spectrum.max()


def test_self_adjoint(kernels):
    random = np.random.default_rng(5)
    u, w = random.standard_normal((2, 30, 200)).astype(np.float32)
    for options in (dict(), dict(direction="positive"), dict(f="[4,8,50,70]", aliases=1)):
        options = dict(options, vmax=1500, edge="zero", spacing=DX)
        filtered = [kernels.apply("fk", a, interval=DT, **options).out for a in (u, w)]
        one, other = np.vdot(w.astype(float), filtered[0]), np.vdot(filtered[1].astype(float), u)
        assert abs(one - other) < 1e-6 * np.linalg.norm(u) * np.linalg.norm(w)


def test_what_the_band_leaves_out_keeps_its_bits(kernels):
    """A band without energy to remove: the zone lies beyond every wave number that the spacing has."""
    gather = np.random.default_rng(8).standard_normal((20, 128)).astype(np.float32)
    got = kernels.apply("fk", gather, spacing=DX, interval=DT, vmin=0.01, vmax=0.02, f="[20,30,40,50]")
    assert np.array_equal(got.out, gather)


def test_bits_do_not_depend_on_threads(kernels):
    gather = coherent(40, 300, seed=2)
    runs = [kernels.apply("fk", gather, headers=[np.arange(40) * DX], interval=DT, vmax=1500, agc=100, threads=n).out
            for n in (1, 2, 4)]
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0], runs[2])


def test_parts_are_filtered_by_themselves(kernels):
    """`split`: three lines in a gather, one too short to be filtered."""
    gather = np.random.default_rng(4).standard_normal((65, 200)).astype(np.float32)
    offset = np.concatenate([np.arange(30) * 10.0, np.arange(5) * 10.0, np.arange(30) * 25.0])
    line = np.repeat([1.0, 2.0, 3.0], [30, 5, 30])
    got = kernels.apply("fk", gather, headers=[offset, line], interval=DT, vmax=1500, split="[line]")
    assert got.reason == OK
    for part in (slice(0, 30), slice(35, 65)):
        alone = kernels.apply("fk", gather[part], headers=[offset[part]], interval=DT, vmax=1500)
        assert np.array_equal(got.out[part], alone.out)
    assert np.array_equal(got.out[30:35], gather[30:35])


def test_spacing_from_headers(kernels):
    gather = np.random.default_rng(6).standard_normal((40, 200)).astype(np.float32)
    given = kernels.apply("fk", gather, interval=DT, vmax=1500, spacing=20)
    step = np.full(39, 20.0)
    step[[3, 17, 30]] = 60  # under a tenth of the gaps
    offset = np.concatenate([[100.0], 100 + np.cumsum(step)])
    assert np.array_equal(kernels.apply("fk", gather, headers=[offset], interval=DT, vmax=1500).out, given.out)
    angle = np.radians(33)
    gx, gy = 5e5 + offset * np.cos(angle), 6e6 + offset * np.sin(angle)
    for along in ("receivers", "sources"):
        got = kernels.apply("fk", gather, headers=[gx, gy], interval=DT, vmax=1500, along=along)
        assert relative(got.out, given.out.astype(float)) < 1e-6


def test_what_cannot_be_used(kernels):
    gather = np.random.default_rng(6).standard_normal((40, 200)).astype(np.float32)
    regular = np.arange(40) * 20.0
    irregular = regular + np.random.default_rng(1).uniform(-5, 5, 40)
    for offset in (irregular, np.zeros(40), np.where(np.arange(40) == 7, np.nan, regular)):
        assert kernels.apply("fk", gather, headers=[offset], interval=DT, vmax=1500).reason == GEOMETRY
    assert kernels.apply("fk", gather, headers=[irregular], interval=DT, vmax=1500, irregular="ignore").reason == OK
    assert kernels.apply("fk", gather[:7], headers=[regular[:7]], interval=DT, vmax=1500).reason == TOO_SHORT
    for options in (dict(vmax=1500, vmin=1500), dict(vmax=1500, vmin=1600), dict(vmax="inf"), dict(vmax=-1),
                    dict(vmax=1500, f="[1,2,3]"), dict(vmax=1500, f="[10,5,30,40]"), dict(vmax=1500, taper=3),
                    dict(vmax=1500, aliases=3), dict(vmax=1500, edge_traces=65), dict(vmax=1500, fill_iterations=51)):
        with pytest.raises(Refused):
            kernels.apply("fk", gather, headers=[regular], interval=DT, **options)


def test_ground_roll_of_a_land_shot(kernels, data_dir):
    """The strongest cone of a real shot falls by 30 dB; what is faster than 3500 m/s stays."""
    raw = np.fromfile(data_dir / "land_shot_su/subarna_fldr3360.su", np.uint8).reshape(280, 240 + 4 * 2501)
    offset = raw[:, 36:40].copy().view(">i4")[:, 0].astype(float)
    order = np.argsort(offset, kind="stable")
    gather = raw[order, 240:].copy().view(">f4").astype(np.float32)

    def energy(u, slow, fast):
        s = np.abs(np.fft.fft(np.fft.rfft(np.asarray(u, float), axis=1), axis=0)) ** 2
        f = np.fft.rfftfreq(2501, DT)[None, :]
        k = np.abs(np.fft.fftfreq(280, 34.0))[:, None]
        v = f / np.maximum(k, 1e-9)
        return s[(v >= slow) & (v <= fast) & (f >= 4) & (f <= 35)].sum()

    oracle = load_oracle()
    for agc, cone, fast in ((0, -32.3, 0.0), (500, -12.1, -0.36)):
        got = kernels.apply("fk", gather, interval=DT, spacing=34, vmin=200, vmax=2000, f="[0,0,40,50]", agc=agc)
        expected = oracle.fkk(gather.T.astype(float), DT, 34.0, vmin=200.0, vmax=2000.0, f=(0, 0, 40, 50),
                              agc=agc / 1000).T
        assert relative(got.out, expected) < 1e-5
        for band, figure in (((300, 1700), cone), ((3500, 1e12), fast)):
            found, theirs = (10 * np.log10(energy(u, *band) / energy(gather, *band)) for u in (got.out, expected))
            assert abs(found - theirs) < 0.01 and abs(found - figure) < 0.1, (agc, band, found, theirs)


def test_steep_edges_are_not_spared(kernels, data_dir):
    """A case where the filter is the wrong tool: edges of the clean section lie in the rejected zone."""
    oracle = load_oracle()
    clean = np.fromfile(data_dir / "bench_edge2d/syn_edge2d.bin", np.float32).reshape(50, 512).astype(float)
    noise = linear_noise(512, 50, DT, 10, 700, 15, 1.0)
    noisy = (clean + noise * np.linalg.norm(clean) / np.linalg.norm(noise)).astype(np.float32)
    got = kernels.apply("fk", noisy, interval=DT, spacing=10, vmax=1000).out
    expected = oracle.fkk(noisy.T.astype(float), DT, 10.0, vmax=1000.0).T
    assert abs(snr(clean, got) - snr(clean, expected)) < 0.1
    assert relative(got, expected) < 1e-5
    alone = kernels.apply("fk", clean.astype(np.float32), interval=DT, spacing=10, vmax=1000, edge="zero").out
    assert abs(snr(clean, alone) - 7.0) < 0.1
