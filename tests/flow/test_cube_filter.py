# SPDX-License-Identifier: BSD-3-Clause
"""The filter of a cube: against the reference in double precision, and the same bits however it is shared out."""

import sys

import numpy as np
import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tests" / "kernels"))

from cubes import filter_cube  # noqa: E402
from reference_fk import (decibels, inner, load_oracle, plane_wave, relative, snr, worst_trace)  # noqa: E402

DT = 0.004
LIVE, DEAD, NOT_FINITE = 0, 1, 2


def traces_of(cube):
    """[t][x][y] to [cell][t]."""
    return cube.reshape(cube.shape[0], -1).T


def cube_of(traces, shape):
    return np.asarray(traces).T.reshape(-1, *shape)


def white(n_samples, nx, ny, seed=1):
    return np.random.default_rng(seed).standard_normal((n_samples, nx, ny)).astype(np.float32)


CASES = [
    (dict(vmax=2500), {}),
    (dict(vmax=2500, mode="pass", pad=0), dict(pad=0.0, mode="pass")),
    (dict(vmin=800, vmax=2500, azimuth=40, azimuth_width=80), dict(azimuth=40.0, azimuth_width=80.0)),
    (dict(vmin=800, vmax="inf", azimuth=250, azimuth_taper=0), dict(azimuth=250.0, azimuth_taper=0.0)),
    (dict(vmin=800, vmax=2500, azimuth=40, two_sided=True, agc=40), dict(azimuth=40.0, two_sided=True, agc=0.04)),
    (dict(vmin=800, vmax=2500, f="[10,20,60,80]", aliases=1, edge="zero"),
     dict(f=(10, 20, 60, 80), aliases=1, edge="zero")),
]


@pytest.mark.parametrize("options, named", CASES, ids=lambda o: "-".join(map(str, o.values())) or "defaults")
def test_against_the_reference(tmp_path, options, named):
    oracle = load_oracle()
    velocities = {k: np.inf if options[k] == "inf" else float(options[k]) for k in ("vmin", "vmax") if k in options}
    for shape in ((21, 14), (12, 1), (1, 30)):
        cube = white(60, *shape)
        turned = dict(grid_azimuth=37.0, handed=1)
        expected = traces_of(oracle.fkk(cube.astype(float), DT, 25.0, 20.0, **velocities, **named, **turned))
        got = filter_cube(tmp_path, traces_of(cube), np.arange(cube[0].size), shape, DT, 25, 20, ranks=2,
                          azimuths=(37, 127), **options)
        assert relative(got.out, expected) < 1e-5
        assert worst_trace(got.out, expected, traces_of(cube)) < 1e-4


def test_bits_do_not_depend_on_ranks_threads_or_slabs(tmp_path):
    cube, cell = white(90, 13, 11), np.random.default_rng(2).permutation(143)[:120]
    for options in (dict(azimuth=70), dict(gaps="fill", fill_iterations=3), dict(agc=60, f="[5,10,60,70]"),
                    dict(duplicates="mean")):
        found = [filter_cube(tmp_path, traces_of(cube)[cell], cell, (13, 11), DT, 25, 20, ranks=ranks, threads=threads,
                             slab=slab, vmax=2500, **options)
                 for ranks, threads, slab in ((1, 1, 200), (1, 4, 3), (3, 2, 1), (8, 1, 50))]
        for other in found[1:]:
            assert np.array_equal(found[0].out, other.out) and np.array_equal(found[0].state, other.state)


def test_spectra_in_a_folder(tmp_path):
    """`scratch` changes where they are; nothing is left there."""
    cube, scratch = white(60, 9, 8), tmp_path / "scratch"
    scratch.mkdir()
    cell = np.arange(72)
    plain = filter_cube(tmp_path, traces_of(cube), cell, (9, 8), DT, 25, 20, ranks=2, vmax=2500)
    spilled = filter_cube(tmp_path, traces_of(cube), cell, (9, 8), DT, 25, 20, ranks=2, vmax=2500, scratch=scratch)
    assert np.array_equal(plain.out, spilled.out) and not list(scratch.iterdir())


def test_holes_dead_traces_and_nan(tmp_path):
    """A cell without a trace, a dead trace and one with a NaN are all the same zero to the others."""
    oracle = load_oracle()
    cube = white(60, 10, 9)
    live = np.random.default_rng(3).random((10, 9)) > 0.3
    expected = traces_of(oracle.fkk_gaps(cube.astype(float), live[None], DT, 25.0, 20.0, vmax=2500.0))
    absent = np.flatnonzero(~live)
    traces = traces_of(cube).copy()
    traces[absent[0::3]] = 0
    traces[absent[1::3], 17] = np.nan
    traces[absent[2::6], 3] = -np.inf
    there = np.setdiff1d(np.arange(90), absent[5::6])
    order = np.random.default_rng(4).permutation(there)
    got = filter_cube(tmp_path, traces[order], order, (10, 9), DT, 25, 20, ranks=3, vmax=2500)
    state = np.zeros(90, int)
    state[absent[0::3]], state[absent[1::3]], state[absent[2::6]] = DEAD, NOT_FINITE, NOT_FINITE
    assert np.array_equal(got.state, state[order])
    fine = live.ravel()[order]
    assert relative(got.out[fine], expected[order][fine]) < 1e-5
    assert np.array_equal(got.out[~fine], traces[order][~fine], equal_nan=True)


def test_gaps_are_filled(tmp_path):
    oracle = load_oracle()
    n, d = (100, 30, 24), (DT, 15.0, 15.0)
    signal, noise = plane_wave(n, d, 5000, 30, 25, 0.2), plane_wave(n, d, 900, 75, 12, 0.2)
    cube = (signal + noise).astype(np.float32)
    live = np.random.default_rng(3).random(n[1:]) > 0.15
    cell = np.flatnonzero(live)
    found = {}
    for iterations in (0, 10):
        expected = traces_of(oracle.fkk_gaps(cube.astype(float), live[None], DT, 15.0, 15.0, iterations=iterations,
                                             vmax=1500.0))[cell]
        options = dict(gaps="fill", fill_iterations=iterations) if iterations else {}
        got = filter_cube(tmp_path, traces_of(cube)[cell], cell, n[1:], DT, 15, 15, ranks=2, vmax=1500, **options)
        assert relative(got.out, expected) < 1e-5
        found[iterations] = snr(traces_of(signal)[cell], got.out)
    assert found[10] > found[0] + 2


def test_traces_that_share_a_cell(tmp_path):
    """Each gets what is removed of their mean; a dead one counts for nothing."""
    cube = white(60, 10, 9)
    traces, cell = traces_of(cube), np.arange(90)
    extra = white(60, 3, 1, seed=9)[:, :, 0].T.copy()
    extra[2] = 0
    whole = np.concatenate([traces, extra])
    at = np.concatenate([cell, [40, 40, 7]])
    got = filter_cube(tmp_path, whole, at, (10, 9), DT, 25, 20, ranks=2, vmax=2500, duplicates="mean")
    mean = traces.copy()
    mean[40] = (traces[40] + extra[0] + extra[1]) / 3
    alone = filter_cube(tmp_path, mean, cell, (10, 9), DT, 25, 20, vmax=2500)
    removed = mean - alone.out
    assert relative(whole[:92] - got.out[:92], removed[at[:92]]) < 1e-5
    assert not got.out[92].any()


def test_plane_waves(tmp_path):
    """What waves of known velocity and direction keep, in dB."""
    n, d = (200, 48, 48), (DT, 15.0, 15.0)
    cases = [(900, 60, dict(vmax=1800), -99, -24), (2600, 60, dict(vmax=1800), -0.8, 0.1)]
    sector = dict(vmin=800, vmax="inf", azimuth=90, azimuth_width=100, azimuth_taper=20)
    cases += [(1500, azimuth, sector, *((-99, -12) if azimuth in (45, 90, 135) else (-0.8, 0.1)))
              for azimuth in (45, 90, 180, 315)]
    for velocity, azimuth, options, least, most in cases:
        cube = plane_wave(n, d, velocity, azimuth, 12, 0.4)
        got = filter_cube(tmp_path, traces_of(cube), np.arange(48 * 48), n[1:], DT, 15, 15, threads=2, **options)
        kept = decibels(inner(cube_of(got.out, n[1:])), inner(cube))
        assert least < kept < most, (velocity, azimuth, kept)


def test_self_adjoint(tmp_path):
    u, w = white(60, 12, 10, 5), white(60, 12, 10, 6)
    filtered = [filter_cube(tmp_path, traces_of(a), np.arange(120), (12, 10), DT, 25, 20, vmax=2500, edge="zero",
                            azimuth=30).out for a in (u, w)]
    one = np.vdot(traces_of(w).astype(float), filtered[0])
    other = np.vdot(filtered[1].astype(float), traces_of(u))
    assert abs(one - other) < 1e-6 * np.linalg.norm(u) * np.linalg.norm(w)


def test_linear_noise_on_a_real_cube(tmp_path, data_dir):
    """Noise along and across the lines of a field cube, as strong as the data: the reference's figures."""
    oracle = load_oracle()
    data = np.fromfile(next((data_dir / "real3d_post").glob("*.bin")), np.float32)
    cube = data.reshape(10, 100, 300).transpose(2, 1, 0).astype(float)
    n, d = cube.shape, (DT, 25.0, 25.0)
    for velocity, azimuth, alone in ((800, 90, 23.3), (800, 60, 23.3), (1200, 20, 20.5)):
        noise = sum(plane_wave(n, d, velocity, azimuth, 12, t0) for t0 in (0.3, 0.6, 0.9))
        noise *= np.linalg.norm(cube) / np.linalg.norm(noise)
        noisy = (cube + noise).astype(np.float32)
        options = dict(vmax=1.5 * velocity, f=(0, 0, 22, 28), edge="zero")
        expected = oracle.fkk(noisy.astype(float), DT, 25.0, 25.0, **options)
        got = filter_cube(tmp_path, traces_of(noisy), np.arange(1000), n[1:], DT, 25, 25, ranks=2,
                          **dict(options, f="[0,0,22,28]"))
        assert relative(got.out, traces_of(expected)) < 1e-5
        found = snr(traces_of(cube), got.out)
        assert abs(found - snr(cube, expected)) < 0.1 and found > 10
        got = filter_cube(tmp_path, traces_of(cube.astype(np.float32)), np.arange(1000), n[1:], DT, 25, 25, ranks=2,
                          **dict(options, f="[0,0,22,28]"))
        assert abs(snr(traces_of(cube), got.out) - alone) < 0.1
