# SPDX-License-Identifier: BSD-3-Clause
"""Processor fk_denoise: against the reference in double precision, and what its definition promises."""

import numpy as np
import pytest

import reference_fk_denoise as reference
from kernel_tool import GEOMETRY, LOCAL_GATHER, OK, TOO_SHORT, Kernels, Refused, worst_distance
from test_instruction_sets import available

INTERVAL = 0.004
LIMIT = 1e-5


def events(n_traces, n_samples, seed=1, noise=0.4):
    """Three hyperbolas, clean and in noise; [traces][samples]."""
    t, x = np.arange(n_samples) * INTERVAL, np.arange(n_traces) * 10.0
    clean = np.zeros((n_traces, n_samples))
    for t0, v, a in ((0.25, 1500, 1), (0.5, 1900, 0.8), (0.75, 2300, 0.7)):
        phase = np.pi * 25 * (t - np.sqrt(t0**2 + (x[:, None] / v) ** 2))
        clean += a * (1 - 2 * phase**2) * np.exp(-phase**2)
    noisy = clean + noise * np.random.default_rng(seed).standard_normal(clean.shape)
    return clean, noisy.astype(np.float32)


def snr(clean, other):
    return 20 * np.log10(np.linalg.norm(clean) / np.linalg.norm(clean - other))


def distance(got, expected, gather):
    """The largest distance of a trace, relative to what it was: next to nothing may be left of noise."""
    change = np.linalg.norm(got.astype(float) - expected, axis=1)
    return np.max(change / np.linalg.norm(gather.astype(float), axis=1))


def unknown(n_traces):
    """Positions that the survey does not have."""
    return [np.full(n_traces, np.nan)] * 4


def run(kernels, gather, headers=None, **options):
    options.setdefault("robust", 0)
    return kernels.apply("fk_denoise", gather, unknown(len(gather)) if headers is None else headers,
                         interval=INTERVAL, **options)


def nodes(n_i, n_j):
    return [np.repeat(np.arange(n_i), n_j), np.tile(np.arange(n_j), n_i)]


def run_cube(kernels, cube, **options):
    """cube: [t][i][j]"""
    n_t, n_i, n_j = cube.shape
    got = run(kernels, cube.reshape(n_t, -1).T, nodes(n_i, n_j), grid="[iline,xline]", **options)
    assert got.reason == OK
    return got.out.T.reshape(cube.shape)


def tool_options(options):
    """Options of the reference as the job would say them."""
    names = {"samples": "window", "traces": "traces", "overlap": "overlap", "high": "high", "low": "low",
             "robust": "robust"}
    return {names[k]: v * INTERVAL * 1e3 if k == "samples" else v for k, v in options.items()}


# --- against the reference ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_traces", [4, 5, 8, 9, 11, 12, 13, 30, 64])
def test_numbers_of_traces(kernels, n_traces):
    gather = events(n_traces, 200)[1]
    assert worst_distance(run(kernels, gather).out, reference.gather_2d(gather)) < LIMIT


@pytest.mark.parametrize("n_samples", [12, 13, 23, 77, 100, 257])
def test_numbers_of_samples(kernels, n_samples):
    gather = events(31, n_samples)[1]
    assert distance(run(kernels, gather).out, reference.gather_2d(gather), gather) < LIMIT


@pytest.mark.parametrize("options", [
    {"overlap": 2}, {"overlap": 3}, {"overlap": 3, "traces": 9}, {"traces": 16}, {"traces": 20, "samples": 36},
    {"traces": 4}, {"traces": 64, "samples": 48}, {"samples": 12}, {"samples": 40}, {"samples": 54, "traces": 30},
    {"samples": 128}, {"high": 4, "low": 4}, {"high": 2, "low": 1}, {"overlap": 2, "traces": 7}, {"robust": 1},
    {"robust": 3}], ids=str)
def test_options(kernels, options):
    for n_traces in (47, 48):
        gather = events(n_traces, 180)[1]
        got = run(kernels, gather, **tool_options(options)).out
        assert worst_distance(got, reference.gather_2d(gather, **options)) < LIMIT


@pytest.mark.parametrize("shape, robust", [((48, 12, 14), 0), ((40, 5, 21), 0), ((40, 3, 30), 0), ((30, 13, 13), 0),
                                           ((50, 2, 17), 0), ((36, 12, 14), 1), ((40, 5, 21), 2)])
def test_cubes(kernels, shape, robust):
    random = np.random.default_rng(2)
    t, i, j = np.ogrid[:shape[0], :shape[1], :shape[2]]
    cube = (np.sin(0.4 * t + 0.5 * i - 0.2 * j) + 0.7 * random.standard_normal(shape)).astype(np.float32)
    cube[shape[0] // 2, 1, 3] += 60
    expected = reference.denoise(cube, robust=robust)
    got = run_cube(kernels, cube, robust=robust)
    assert worst_distance(got.reshape(shape[0], -1).T, expected.reshape(shape[0], -1).T) < LIMIT


def test_a_grid_may_have_its_longer_axis_first(kernels):
    cube = np.random.default_rng(3).standard_normal((40, 17, 6)).astype(np.float32)
    expected = reference.denoise(cube.transpose(0, 2, 1)).transpose(0, 2, 1)
    assert worst_distance(run_cube(kernels, cube).reshape(40, -1).T, expected.reshape(40, -1).T) < LIMIT


def test_dead_traces_are_filled_and_stay_dead(kernels):
    clean, gather = events(48, 200)
    dead = [0, 7, 8, 30, 47]
    gather[dead] = 0
    for bad in (0.0, np.nan, np.inf):
        gather[30, 17] = bad
        expected = reference.gather_2d(gather)
        got = run(kernels, gather)
        assert got.reason == OK
        assert worst_distance(got.out, expected) < LIMIT
        assert not got.out[dead].any()
    live = np.setdiff1d(np.arange(48), dead)
    assert snr(clean[live], run(kernels, gather).out[live]) > 7


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512"])
def test_instruction_sets_have_the_same_bits(kernels, isa):
    if isa not in available():
        pytest.skip(f"this processor has no {isa}")
    running = Kernels(isa)
    cube = np.random.default_rng(5).standard_normal((60, 13, 18)).astype(np.float32)
    for options in ({}, {"overlap": 3, "traces": 9}, {"traces": 20, "window": 200}, {"robust": "auto"}):
        gather = events(53, 210)[1]
        gather[17] *= 30
        expected = run(kernels, gather, **options).out
        assert np.array_equal(run(running, gather, **options).out, expected), options
        assert np.array_equal(run_cube(running, cube, **options), run_cube(kernels, cube, **options)), options
    running.close()


# --- what the definition promises -------------------------------------------------------------------------------------


def test_sign_and_scale(kernels):
    gather = events(40, 160)[1]
    gather[3] = 0
    gather[9, 20] = 100
    for robust in (0, 2, "auto"):
        plain = run(kernels, gather, robust=robust).out
        assert np.array_equal(run(kernels, -gather, robust=robust).out, -plain)
        for scale in (np.float32(2) ** 100, np.float32(2) ** -90):
            assert np.array_equal(run(kernels, gather * scale, robust=robust).out, plain * scale)
        big = run(kernels, (gather * 1e20).astype(np.float32), robust=robust).out
        assert worst_distance(big.astype(np.float64) / 1e20, plain) < LIMIT


@pytest.mark.parametrize("n_traces", [8, 9, 11, 48, 49, 50])
def test_reversed_traces(kernels, n_traces):
    gather = events(n_traces, 160)[1]
    for options in ({}, {"traces": 16}, {"overlap": 3}, {"overlap": 2, "robust": "auto"}):
        there, back = run(kernels, gather, **options).out, run(kernels, gather[::-1], **options).out[::-1]
        assert worst_distance(back, there) < LIMIT, options


def test_reversed_cubes(kernels):
    cube = np.random.default_rng(6).standard_normal((48, 13, 15)).astype(np.float32)
    expected = run_cube(kernels, cube).reshape(48, -1).T
    for got in (run_cube(kernels, cube[:, ::-1])[:, ::-1], run_cube(kernels, cube[:, :, ::-1])[:, :, ::-1]):
        assert worst_distance(got.reshape(48, -1).T, expected) < LIMIT


def test_noise_goes(kernels):
    noise = np.random.default_rng(7).standard_normal((126, 32, 32)).astype(np.float32)
    left = np.sum(run_cube(kernels, noise, robust="auto").astype(float) ** 2)
    assert left < 0.005 * np.sum(noise.astype(float) ** 2)


def test_clean_data_stay(kernels):
    clean = events(64, 256)[0].astype(np.float32)
    assert snr(clean, run(kernels, clean, robust="auto").out) > 30


def test_three_plane_waves(kernels):
    """A published cube that rank reduction is best at; given the rank, ODRR reaches 10.96 dB there."""
    wavelet = [(1 - 2 * a) * np.exp(-a) for a in (np.pi * 30 * (np.arange(56) - 27.5) * 0.002) ** 2]
    clean = np.zeros((300, 20, 20))
    for i in range(1, 21):
        for j in range(1, 21):
            for start in (139 - 2 * j, 179 - 6 * i, 9 + 6 * i + 3 * j):
                clean[start:start + 56, i - 1, j - 1] += wavelet
    clean /= np.abs(clean).max()
    found = []
    for seed in range(5):
        noisy = (clean + 0.2 * np.random.default_rng(seed).standard_normal(clean.shape)).astype(np.float32)
        got = kernels.apply("fk_denoise", noisy.reshape(300, -1).T, nodes(20, 20), interval=0.002, grid="[iline,xline]")
        found.append(snr(clean, got.out.T.reshape(clean.shape)))
    assert np.mean(found) > 10.8


# --- lines, gaps, grids -----------------------------------------------------------------------------------------------


def positions(x, y=None):
    zeros = np.zeros(len(x))
    return [zeros, zeros, np.array(x, float), zeros if y is None else np.array(y, float)]


def apart(kernels, parts, **options):
    return np.concatenate([run(kernels, part, **options).out for part in parts])


def test_windows_do_not_straddle_lines(kernels):
    gather = events(70, 150)[1]
    line = np.repeat([3.0, 1.0, 2.0], [20, 35, 15])
    got = run(kernels, gather, unknown(70) + [line], line="ep")
    assert got.reason == OK
    assert np.array_equal(got.out, apart(kernels, np.split(gather, [20, 55])))
    line[40] = np.nan
    assert run(kernels, gather, unknown(70) + [line], line="ep").reason == GEOMETRY


def test_a_gap_begins_a_segment(kernels):
    gather = events(60, 150)[1]
    x = np.arange(60) * 25.0
    x[31:] += 60  # 85 from 30 to 31
    assert np.array_equal(run(kernels, gather, positions(x)).out, apart(kernels, np.split(gather, [31])))
    x[31:] -= 20  # 65: less than three times 25
    assert np.array_equal(run(kernels, gather, positions(x)).out, run(kernels, gather).out)
    back_and_forth = np.concatenate([np.arange(30), np.arange(30)]) * 25.0
    got = run(kernels, gather, positions(back_and_forth, np.repeat([0, 100], 30)))
    assert np.array_equal(got.out, apart(kernels, np.split(gather, [30])))


def test_short_segments_are_left_alone(kernels):
    gather = events(40, 150)[1]
    gather[1] = 0
    line = np.repeat([1.0, 2.0], [4, 36])
    got = run(kernels, gather, unknown(40) + [line], line="ep")
    assert got.reason == OK
    assert np.array_equal(got.out[:4], gather[:4])
    assert np.array_equal(got.out[4:], run(kernels, gather[4:]).out)


def test_grids_with_holes_in_any_order(kernels):
    cube = np.random.default_rng(8).standard_normal((40, 12, 14)).astype(np.float32)
    i, j = nodes(12, 14)
    there = np.random.default_rng(9).permutation(168)[:150]
    full = cube.copy().reshape(40, -1)
    full[:, np.setdiff1d(np.arange(168), there)] = 0
    expected = run_cube(kernels, full.reshape(cube.shape)).reshape(40, -1).T[there]
    got = run(kernels, cube.reshape(40, -1).T[there], [7 + 2.5 * i[there], 100 - 3.0 * j[there]], grid="[sx,gx]")
    assert got.reason == OK
    assert worst_distance(got.out, expected) < LIMIT  # the second axis is reversed


def test_gaps_of_grids(kernels):
    cube = np.random.default_rng(10).standard_normal((30, 10, 24)).astype(np.float32)
    i, j = nodes(10, 24)
    got = run(kernels, cube.reshape(30, -1).T, [i, np.where(j < 13, j, j + 3)], grid="[iline,xline]").out.T
    expected = np.concatenate([run_cube(kernels, cube[:, :, :13]), run_cube(kernels, cube[:, :, 13:])], axis=2)
    assert np.array_equal(got.reshape(cube.shape), expected)


def test_grids_that_cannot_be(kernels):
    gather = events(60, 50)[1]
    i, j = nodes(6, 10)
    assert run(kernels, gather, [i, np.where(j == 3, 4, j)], grid="[iline,xline]").reason == GEOMETRY
    assert run(kernels, gather, [i, np.where(j == 3, np.nan, j)], grid="[iline,xline]").reason == GEOMETRY
    each = np.arange(60)
    assert run(kernels, gather, [each, each], grid="[iline,xline]").reason == GEOMETRY
    for options in ({"grid": "[iline]"}, {"grid": "[iline,xline]", "line": "ep"}, {"low": 5}, {"fmin": 50, "fmax": 20}):
        with pytest.raises(Refused):
            run(kernels, gather, **options)


def test_too_short(kernels):
    for shape in ((3, 200), (40, 11)):
        gather = np.ones(shape, np.float32)
        got = run(kernels, gather)
        assert got.reason == TOO_SHORT
        assert got.locality == LOCAL_GATHER
        assert np.array_equal(got.out, gather)
    gather = events(10, 100)[1]
    gather[3:] = 0
    assert run(kernels, gather).reason == TOO_SHORT


def test_bands(kernels):
    gather = events(40, 400)[1]
    spectrum = np.abs(np.fft.rfft(run(kernels, gather, fmin=20, fmax=45, high=1, low=1).out, axis=1)) ** 2
    whole = np.abs(np.fft.rfft(run(kernels, gather, high=1, low=1).out, axis=1)) ** 2
    f = np.fft.rfftfreq(400, INTERVAL)
    # kept are 20.8, 31.25 and 41.7 Hz, each as wide as the window's taper makes it
    assert spectrum[:, f > 80].sum() < 0.05 * whole[:, f > 80].sum()
    assert spectrum[:, (f > 25) & (f < 40)].sum() > 0.9 * whole[:, (f > 25) & (f < 40)].sum()


# --- bad samples -----------------------------------------------------------------------------------------------------


def bad_traces(seed):
    clean, noisy = events(64, 256, seed)
    random = np.random.default_rng(seed + 100)
    bad = random.choice(64, 4, replace=False)
    noisy[bad] = clean[bad] + 8 * random.standard_normal((4, 256))
    return clean, noisy


def spikes(seed):
    clean, noisy = events(64, 256, seed)
    random = np.random.default_rng(seed + 200)
    at = random.random(clean.shape) < 0.01
    noisy[at] += random.uniform(5, 20, at.sum()) * random.choice([-1, 1], at.sum())
    return clean, noisy


@pytest.mark.parametrize("make", [bad_traces, spikes])
def test_bad_samples_are_found(kernels, make):
    for seed in (1, 2, 3):
        clean, noisy = make(seed)
        found = {robust: snr(clean, run(kernels, noisy, robust=robust).out) for robust in (0, 1, "auto")}
        assert found["auto"] > found[1] - 0.5
        assert found["auto"] > found[0] + 15


def test_finding_them_costs_nothing_where_there_are_none(kernels):
    gather = events(64, 256)[1]
    assert np.array_equal(run(kernels, gather, robust="auto").out, run(kernels, gather, robust=0).out)


def test_strong_coherent_waves_are_not_bad(kernels):
    """Ground roll near the source: ten times as strong as what is around it, on a few traces."""
    clean, noisy = events(64, 300, noise=0.1)
    t = np.arange(300) * INTERVAL
    for trace in range(64):
        distance = 12.5 + 25 * abs(trace - 30)
        u = t - distance / 500
        noisy[trace] += 60 / distance * 12.5 * np.exp(-((u - 0.15) / 0.1) ** 2) * np.cos(2 * np.pi * 11 * u)
    assert np.array_equal(run(kernels, noisy, robust="auto").out, run(kernels, noisy, robust=0).out)


def shot(seed, spacing, nearest, n_traces=40, decay=1.5, velocities=(300, 900)):
    """Offsets and traces of one side of an uneven shot: dispersive ground roll, with a phase of its own on each trace,
    which falls off quickly with offset. Quiet up to the first arrival."""
    random = np.random.default_rng(seed)
    offset = nearest + spacing * np.arange(n_traces)
    f = np.fft.rfftfreq(600, INTERVAL)
    velocity = velocities[1] - (velocities[1] - velocities[0]) * np.clip(f / 30, 0, 1)
    source = np.exp(-((f - 15) / 8) ** 2) * (1 + 0.5 * random.standard_normal(len(f)))
    phase = 2 * np.pi * f * (offset[:, None] / velocity + 0.1) + random.uniform(-1.2, 1.2, (n_traces, 1))
    traces = np.fft.irfft(source * np.exp(-1j * phase), 600, axis=1) * (offset[:, None] / nearest) ** -decay
    traces[np.arange(600) * INTERVAL < offset[:, None] / velocities[1]] = 0
    traces += 5e-5 * np.abs(traces).max() * random.standard_normal(traces.shape)
    return offset, traces.astype(np.float32)


def lost_to_robust(kernels, gather, headers=None):
    """The share of a gather's energy by which robust: auto and 0 differ."""
    out = {robust: run(kernels, gather, headers, robust=robust).out.astype(float) for robust in (0, "auto")}
    return float(np.sum((out["auto"] - out[0]) ** 2) / np.sum(gather.astype(float) ** 2))


def test_strong_traces_beside_a_gap_are_not_bad(kernels):
    """The nearest trace on either side of the source is several times as strong as the next one, and unlike it."""
    for seed in range(4):
        left, one = shot(seed, 25.0, 40.0)
        right, other = shot(seed + 10, 25.0, 90.0, decay=2)
        gather, x = np.concatenate([one[::-1], other]), np.concatenate([-left[::-1], right])
        for part, at in ((gather, x), (gather[::-1], x[::-1]), (gather[40:], x[40:]), (gather[:40], x[:40])):
            assert lost_to_robust(kernels, part, positions(at)) < 1e-4, seed


def test_first_arrivals_far_apart_are_not_bad(kernels):
    """Wide spacing: each trace begins after the one before it has long been there."""
    for seed in range(4):
        gather = shot(seed, 200.0, 200.0, n_traces=8, velocities=(1200, 1500))[1]
        assert lost_to_robust(kernels, gather) < 1e-4, seed


@pytest.mark.parametrize("bad", [[0], [63], [0, 1], [1, 62]], ids=str)
def test_bad_traces_at_the_ends_are_found(kernels, bad):
    clean, noisy = events(64, 256, 6)
    noisy[bad] = clean[bad] + 8 * np.random.default_rng(9).standard_normal((len(bad), 256))
    assert snr(clean, run(kernels, noisy, robust="auto").out) > 8
