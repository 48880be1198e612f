# SPDX-License-Identifier: BSD-3-Clause
"""Migration on the CPU: against a reference in double precision, against answers that are known, and bit for bit."""

import importlib.util

import numpy as np
import pytest

import harness
import pstm_tool
import reference_pstm as ref
from pstm_tool import grid_points, grid_times, line_grid

DT = 0.004
ORACLE = harness.ROOT.parent / "shared" / "oracle" / "pstm.py"


@pytest.fixture(scope="module")
def kernel():
    tool = pstm_tool.Migration()
    yield tool
    tool.close()


def distance(got, expected):
    """Largest relative L2 difference of an image trace."""
    return float(np.max(np.linalg.norm(got - expected, axis=1) / np.linalg.norm(expected, axis=1)))


def random_survey(n=70, samples=180, seed=3, line=False):
    rng = np.random.default_rng(seed)
    middle, half = rng.uniform(-400, 400, (n, 2)), rng.uniform(-300, 300, (n, 2))
    if line:
        middle[:, 1] = half[:, 1] = 0
    data = rng.standard_normal((n, samples)).astype(np.float32)
    return data, middle - half, middle + half, rng.uniform(300, 700, n)


GRID = line_grid(3, 140.0, 0.1, 0.004, 110, ox=-120, oy=-60, ny=2, dy=130.0)
CASES = {
    "plain": dict(antialias=False),
    "antialias": dict(),
    "antialias_unequal": dict(spacing=(20.0, 60.0)),
    "aperture": dict(aperture=350.0, aperture_taper=0.3),
    "dip": dict(max_dip=50.0, dip_taper=12.0),
    "dip_wide": dict(max_dip=80.0, dip_taper=80.0),
    "dip_hard": dict(max_dip=40.0, dip_taper=0.0, antialias=False),
    "stretch": dict(stretch=1.6),
    "all": dict(aperture=450.0, max_dip=60.0, dip_taper=10.0, stretch=2.0),
    "gained": dict(weights="gained"),
    "none": dict(weights="none"),
    "coarse": dict(oversample=1, antialias=False),
    "fine": dict(oversample=8),
}


def kernel_options(options):
    options = dict(options)
    if "spacing" in options:
        options["spacing_x"], options["spacing_y"] = options.pop("spacing")
    return options


@pytest.mark.parametrize("name", CASES)
def test_matches_the_reference(kernel, name):
    data, s, r, area = random_survey()
    v = np.linspace(1900, 2600, GRID["ntau"])
    got = kernel.run(data, DT, s, r, area, GRID, v, **kernel_options(CASES[name]))
    image, hits = ref.migrate(data, DT, s, r, area, grid_points(GRID), grid_times(GRID), v, **CASES[name])
    assert distance(got.image, image) < 1e-4
    assert (got.hits != hits).sum() <= 2 and got.overflows == 0
    assert hits.sum() > 1000


@pytest.mark.parametrize("line", (False, True))
def test_lateral_velocity_and_eta(kernel, line):
    data, s, r, area = random_survey(line=line)
    grid = line_grid(5, 90.0, 0.1, 0.004, 100, ox=-150) if line else GRID
    n = grid["nx"] * grid["ny"]
    v = np.linspace(1900, 2600, grid["ntau"]) + 60 * np.arange(n)[:, None]
    eta = np.linspace(0.02, 0.1, grid["ntau"]) + 0.01 * np.arange(n)[:, None]
    far = 1 + 2 * eta
    got = kernel.run(data, DT, s, r, area, grid, v, eta, far, line=line, max_dip=65.0, dip_taper=10.0)
    image, hits = ref.migrate(data, DT, s, r, area, grid_points(grid), grid_times(grid), v, eta, far, line=line,
                              max_dip=65.0, dip_taper=10.0)
    assert distance(got.image, image) < 1e-4
    assert (got.hits != hits).sum() <= 2


def test_matches_the_oracle(kernel):
    """Another reference, of whole sets of options at once."""
    if not ORACLE.exists():
        pytest.skip("no ../shared/oracle/pstm.py")
    spec = importlib.util.spec_from_file_location("oracle_pstm", ORACLE)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    data, s, r, area = random_survey(n=300)
    points, tau = grid_points(GRID), grid_times(GRID)
    for options in (dict(), dict(aperture=350.0, max_dip=50.0, dip_taper=12.0, stretch=2.0), dict(weights="gained"),
                    dict(weights="none", antialias=False)):
        expected, hits = oracle.pstm(data.astype(float), DT, s, r, area, points, tau, 2100.0, **options)
        got = kernel.run(data, DT, s, r, area, GRID, 2100.0, **options)
        assert distance(got.image, expected) < 1e-4
        assert np.abs(got.hits - hits).sum() <= 2
    s[:, 1] = r[:, 1] = 0
    grid = line_grid(6, 60.0, 0.1, 0.004, 100, ox=-150)
    eta = np.linspace(0.02, 0.1, 100)
    expected, _ = oracle.pstm(data.astype(float), DT, s, r, area, grid_points(grid), grid_times(grid), 2100.0, eta,
                              1 + 2 * eta, spacing=(25.0, 1e-9), dim=2)
    got = kernel.run(data, DT, s, r, area, grid, 2100.0, eta, 1 + 2 * eta, line=True)
    assert distance(got.image, expected) < 1e-4


# --- known answers -----------------------------------------------------------------------------------------------


def test_weight_is_beylkins_determinant(kernel):
    """One trace of ones over one point gives the weight; the determinant is taken by finite differences."""
    rng = np.random.default_rng(5)
    c = 2000.0
    for _ in range(40):
        h, x = rng.uniform(-1500, 1500, 2), rng.uniform(-2000, 2000, 2)
        y = np.array([0, 0, rng.uniform(200, 3000)])

        def slowness(at):
            a, b = y - np.append(at - h, 0), y - np.append(at + h, 0)
            return (a / np.linalg.norm(a) + b / np.linalg.norm(b)) / c

        g, e = slowness(x), 1e-2
        columns = [(slowness(x + d) - slowness(x - d)) / (2 * e) for d in (np.array([e, 0]), np.array([0, e]))]
        rs, rr = np.linalg.norm(y - np.append(x - h, 0)), np.linalg.norm(y - np.append(x + h, 0))
        expected = 4 * rs * rr * abs(np.linalg.det([g, *columns])) / (g @ g)
        grid = line_grid(1, 25.0, 2 * y[2] / c, DT, 1)
        got = kernel.run(np.ones((1, 2000)), DT, [x - h], [x + h], [1.0], grid, c, derivative=0, oversample=1,
                         antialias=False)
        assert got.image[0, 0] == pytest.approx(expected, rel=2e-6)


def test_facets_come_out_equal_from_all_depths(kernel):
    """At their times, with the aperture integral f''(0) sin^2(dip_max) / (pi c^2)."""
    f, c = 25.0, 2000.0
    for z in (400.0, 600.0, 800.0):
        s, r, area = ref.common_offset(z * np.tan(np.radians(36)) + 50, 10.0, 0.0)
        grid = line_grid(1, 10.0, 2 * z / c - 5 * DT, DT, 11)
        data = ref.facet(s, r, 350, DT, c, f, (0, 0, z))
        got = kernel.run(data, DT, s, r, area, grid, c, max_dip=35.0, antialias=False)
        at, value = ref.peak(grid_times(grid), got.image[0].astype(float))
        assert abs(at - 2 * z / c) < 0.1 * DT
        assert value == pytest.approx(6 * (np.pi * f) ** 2 * np.sin(np.radians(35)) ** 2 / (np.pi * c * c), rel=0.02)


def test_facet_is_brightest_at_its_place(kernel):
    c, z = 2000.0, 600.0
    s, r, area = ref.common_offset(900.0, 15.0, 600.0, azimuth=60.0)
    grid = line_grid(5, 25.0, 2 * z / c - 8 * DT, DT, 17, ox=50, oy=-100, ny=5)
    got = kernel.run(ref.facet(s, r, 350, DT, c, 25.0, (100, -50, z)), DT, s, r, area, grid, c, max_dip=45.0,
                     antialias=False)
    assert np.abs(got.image).max(axis=1).argmax() == 12


PLANES = ((0, 0, 0, 0, 0), (0, 0, 800, 90, 0), (0, 0, 800, 20, 0), (15, 90, 0, 0, 0), (15, 90, 600, 90, 0),
          (15, 90, 600, 0, 0), (25, 40, 400, 75, 0), (0, 0, 800, 20, 1), (15, 90, 600, 90, 1))


@pytest.mark.parametrize("dip, azimuth, offset, direction, antialias", PLANES)
def test_planes_keep_time_reflectivity_and_dip(kernel, dip, azimuth, offset, direction, antialias):
    c, z = 2000.0, 700.0
    s, r, area = ref.common_offset(1008.0, 16.0, offset, direction)
    q = np.radians(azimuth)
    grid = line_grid(3, 50.0, 2 * z / c - 24 * DT, DT, 49, ox=-50 * np.sin(q), oy=-50 * np.cos(q), azimuth=azimuth)
    data = ref.plane(s, r, 500, DT, c, 20.0, z, dip, azimuth, 0.2)
    got = kernel.run(data, DT, s, r, area, grid, c, aperture=1000.0, aperture_taper=0.4, antialias=antialias,
                     spacing_x=16.0, spacing_y=16.0)
    before, here, after = [ref.peak(grid_times(grid), x.astype(float)) for x in got.image]
    assert abs(here[0] - 2 * z / c) < 0.25 * DT
    assert abs(here[1] / 0.2 - 1) < (0.12 if antialias else 0.03)
    assert abs(np.degrees(np.arctan((after[0] - before[0]) / 100 * c / 2)) - dip) < 0.5


@pytest.mark.parametrize("antialias", (False, True))
@pytest.mark.parametrize("dip, offset", ((0, 0), (0, 1000), (20, 0), (20, 600)))
def test_planes_on_a_line(kernel, dip, offset, antialias):
    c, z = 2000.0, 700.0
    s, r, area = ref.common_offset(1500.0, 10.0, offset, line=True)
    grid = line_grid(3, 50.0, 2 * z / c - 24 * DT, DT, 49, ox=-50)
    data = ref.plane(s, r, 800, DT, c, 25.0, z, dip, 90.0, 0.2)
    got = kernel.run(data, DT, s, r, area, grid, c, line=True, aperture=1400.0, aperture_taper=0.5,
                     antialias=antialias, spacing_x=10.0)
    before, here, after = [ref.peak(grid_times(grid), x.astype(float)) for x in got.image]
    assert abs(here[0] - 2 * z / c) < 0.3 * DT
    assert abs(here[1] / 0.2 - 1) < (0.15 if antialias and dip else 0.06)
    assert abs(np.degrees(np.arctan((after[0] - before[0]) / 100 * c / 2)) - dip) < 0.6


def test_antialias_takes_away_operator_noise(kernel):
    """A flat event on a line with 50 m between traces, where nothing is: 0.3 to 1 s."""
    s, r, area = ref.common_offset(1500.0, 50.0, 0.0, line=True)
    data = ref.plane(s, r, 500, DT, 2000.0, 30.0, 1200.0, 0, 0, 1.0)
    grid = line_grid(1, 50.0, 0.3, DT, 175, ox=20)
    noise = [np.sqrt(np.mean(kernel.run(data, DT, s, r, area, grid, 2000.0, line=True, aperture=1400.0,
                                        aperture_taper=0.3, antialias=a, spacing_x=50.0).image ** 2)) for a in (0, 1)]
    assert noise[1] < 0.05 * noise[0]


# --- what must not matter ----------------------------------------------------------------------------------------


def test_source_and_receiver_may_be_swapped(kernel):
    data, s, r, area = random_survey()
    a, b = (kernel.run(data, DT, *pair, area, GRID, 2000.0) for pair in ((s, r), (r, s)))
    assert distance(a.image, b.image) < 1e-6


def test_turned_and_moved_to_utm(kernel):
    data, s, r, area = random_survey()
    a = kernel.run(data, DT, s, r, area, GRID, 2000.0)
    q, shift = np.radians(33.0), np.array([500000.0, 6000000.0])
    turn = np.array([[np.cos(q), np.sin(q)], [-np.sin(q), np.cos(q)]])  # clockwise
    origin = turn @ [GRID["ox"], GRID["oy"]] + shift
    grid = dict(GRID, ox=origin[0], oy=origin[1], azimuth=GRID["azimuth"] + 33.0)
    b = kernel.run(data, DT, s @ turn.T + shift, r @ turn.T + shift, area, grid, 2000.0)
    assert distance(b.image, a.image) < 1e-5


def test_delay_recording_time(kernel):
    data, s, r, area = random_survey()
    options = dict(derivative=0, antialias=False, oversample=1)
    a = kernel.run(np.pad(data, ((0, 0), (25, 0))), DT, s, r, area, GRID, 2000.0, **options)
    b = kernel.run(data, DT, s, r, area, GRID, 2000.0, start=25 * DT, **options)
    assert distance(b.image, a.image) < 1e-4
    starts = np.where(np.arange(len(data)) % 2, 25 * DT, 0.0)
    image, _ = ref.migrate(data, DT, s, r, area, grid_points(GRID), grid_times(GRID), 2000.0, start=starts)
    got = kernel.run(data, DT, s, r, area, GRID, 2000.0, start=starts)
    assert distance(got.image, image) < 1e-4


def test_crooked_line_is_projected(kernel):
    """Midpoints off the line and offsets across it give what a straight line of the same offsets does."""
    data, s, r, area = random_survey(line=True)
    grid = line_grid(5, 90.0, 0.1, 0.004, 100, ox=-150)
    straight = kernel.run(data, DT, s, r, area, grid, 2000.0, line=True)
    rng = np.random.default_rng(4)
    m, half = (s + r) / 2, np.linalg.norm(r - s, axis=1)[:, None] / 2
    angle = rng.uniform(-0.5, 0.5, (len(m), 1))
    h = half * np.column_stack([np.cos(angle), np.sin(angle)])
    off = np.column_stack([np.zeros(len(m)), rng.uniform(-80, 80, len(m))])
    sign = np.sign((r - s)[:, :1])
    crooked = kernel.run(data, DT, m + off - sign * h, m + off + sign * h, area, grid, 2000.0, line=True)
    assert distance(crooked.image, straight.image) < 1e-5


# --- bits --------------------------------------------------------------------------------------------------------


def same_bits(a, b):
    return np.array_equal(a.sums, b.sums) and np.array_equal(a.hits, b.hits) and a.shift == b.shift


def test_bits_do_not_depend_on_order_threads_or_tiles(kernel):
    data, s, r, area = random_survey(n=300)
    options = dict(aperture=450.0, max_dip=60.0, dip_taper=10.0)
    whole = kernel.run(data, DT, s, r, area, GRID, 2000.0, **options)
    assert whole.hits.sum() > 0
    for order in (np.arange(5)[::-1], [3, 1, 4, 0, 2]):
        assert same_bits(whole, kernel.run(data, DT, s, r, area, GRID, 2000.0, order=order, **options))
    for threads in (2, 3, 7):
        assert same_bits(whole, kernel.run(data, DT, s, r, area, GRID, 2000.0, threads=threads, **options))
    tile = kernel.run(data, DT, s, r, area, GRID, 2000.0, tile_x=1, tile_y=1, tile_nx=2, tile_ny=1, **options)
    assert np.array_equal(tile.sums, whole.sums[4:6])


@pytest.mark.parametrize("isa", ("portable", "avx2", "avx512"))
def test_instruction_sets_agree(kernel, isa):
    other = pstm_tool.Migration(isa)
    try:
        data, s, r, area = random_survey()
        for options in (dict(max_dip=60.0, dip_taper=10.0, aperture=450.0), dict(antialias=False)):
            a, b = (k.run(data, DT, s, r, area, GRID, 2000.0, **options) for k in (kernel, other))
            if b.isa != isa:
                pytest.skip(f"no {isa} on this machine")
            assert distance(b.image, a.image) < 3e-5 and np.abs(a.hits.astype(int) - b.hits).sum() <= 2
    finally:
        other.close()


def test_sums_beyond_the_limit_are_counted(kernel):
    data, s, r, area = random_survey()
    assert kernel.run(data, DT, s, r, area, GRID, 2000.0).overflows == 0
    assert kernel.run(data, DT, s, r, area, GRID, 2000.0, shift_more=16).overflows > 0


def test_traces_that_cannot_be_used_are_absent(kernel):
    data, s, r, area = random_survey()
    hurt = data.copy()
    hurt[7, 20], hurt[9] = np.nan, 0.0
    got = kernel.run(hurt, DT, s, r, area, GRID, 2000.0)
    kept = area.copy()
    kept[[7, 9]] = 0
    without = kernel.run(data, DT, s, r, kept, GRID, 2000.0)
    assert got.absent == 1 and np.array_equal(got.hits, without.hits)
    assert distance(got.image, without.image) < 1e-6
    assert np.isfinite(got.image).all()


def test_by_hits(kernel):
    data, s, r, area = random_survey()
    a, b = (kernel.run(data, DT, s, r, area, GRID, 2000.0, by_hits=k) for k in (0, 1))
    assert np.allclose(b.image * np.maximum(b.hits, 1), a.image, rtol=1e-5)


@pytest.mark.parametrize("wrong", (dict(oversample=3), dict(aperture=0.0), dict(max_dip=60.0, dip_taper=70.0),
                                   dict(aperture_taper=1.5), dict(tile_nx=9), dict(line=1)))
def test_refused(wrong):
    tool = pstm_tool.Migration()
    try:
        data, s, r, area = random_survey(n=2)
        with pytest.raises(pstm_tool.Refused):
            tool.run(data, DT, s, r, area, GRID, 2000.0, **wrong)
    finally:
        tool.close()
