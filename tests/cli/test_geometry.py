# SPDX-License-Identifier: BSD-3-Clause
"""Times, units and geometry of field data: right, or refused before anything is made."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "segy"))
import segy_writer as sw  # noqa: E402

N, NS = 24, 400


def survey(seisproc, tmp_path, kind="segy", measurement=1, arguments=("--gather", "fldr"), order="big", **words):
    words = dict(fldr=np.arange(N) // 8 + 1, offset=100 * np.arange(N) + 100, ns=NS, dt=4000, scalco=1) | words
    headers = sw.trace_headers(N, order, **{k: v for k, v in words.items() if k in sw.WORDS})
    for at, kind_of, values in words.get("more", ()):
        sw.put(headers, at, kind_of, order, values)
    if kind == "su":
        data = sw.su(headers, np.ones((N, NS)), order)
    else:
        data = sw.segy(headers, np.ones((N, NS)), 5, order, dt=4000, extra=[(3255, "i2", measurement)])
    (tmp_path / "in").write_bytes(data)
    return seisproc("import", tmp_path / "in", tmp_path / "in.h5", "-q", *arguments)


def run(seisproc, tmp_path, *chain, check=0, command="run", sort=()):
    lines = ["input: in.h5", "output: out.h5", f"sort: [{', '.join(sort)}]", "chain:", *(f"  - {c}" for c in chain)]
    (tmp_path / "job.yaml").write_text("\n".join(lines) + "\n")
    (tmp_path / "out.h5").unlink(missing_ok=True)
    return seisproc(command, "job.yaml", *(["--quiet"] if command == "run" else []), cwd=tmp_path, check=check)


def first_live(tmp_path):
    with h5py.File(tmp_path / "out.h5") as f:
        live = f["traces"][:] != 0
    return np.where(live.any(1), live.argmax(1), NS)


# --- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ("segy", "su"))
@pytest.mark.parametrize("delay, scalar, ms", ((800, 0, 800), (8000, -10, 800), (80, 10, 800), (-200, 1, -200),
                                               ("mixed", 1, "mixed")))
def test_a_mute_counts_from_the_delay_recording_time(seisproc, tmp_path, kind, delay, scalar, ms):
    if delay == "mixed":
        delay = ms = np.where(np.arange(N) % 2, 400, 1200)
    survey(seisproc, tmp_path, kind, delrt=delay, more=[(215, "i2", scalar)])
    run(seisproc, tmp_path, "mute: {velocity: 1497, taper: 0}")
    t = (100 * np.arange(N) + 100) / 1497 - np.asarray(ms) * 1e-3
    assert np.array_equal(first_live(tmp_path), np.clip(np.ceil(t / 0.004 - 1e-9), 0, NS))


def test_scalars_of_times_mixed_within_a_gather(seisproc, tmp_path):
    scalar = np.where(np.arange(N) % 2, -10, 1)
    survey(seisproc, tmp_path, delrt=np.where(scalar == 1, 600, 6000), more=[(215, "i2", scalar)])
    run(seisproc, tmp_path, "mute: {velocity: 1497, taper: 0}")
    t = (100 * np.arange(N) + 100) / 1497 - 0.6
    assert np.array_equal(first_live(tmp_path), np.clip(np.ceil(t / 0.004 - 1e-9), 0, NS))


# --- units ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measurement, arguments, unit", (
    (1, (), "m"), (2, (), "ft"), (0, (), "m or ft"), (0, ("--length-unit", "ft"), "ft"),
    (2, ("--length-unit", "m"), "m")))
def test_lengths_have_the_survey_s_unit(seisproc, tmp_path, measurement, arguments, unit):
    survey(seisproc, tmp_path, measurement=measurement, arguments=("--gather", "fldr", *arguments))
    with h5py.File(tmp_path / "in.h5") as f:
        for name in ("offset", "sx", "gelev"):
            assert f[f"headers/{name}"].attrs["units"] == unit.encode()
    for command in ("plan", "run"):
        said = run(seisproc, tmp_path, "mute: {velocity: 1500}", command=command).stderr
        assert said.count("velocity 1500") == (unit != "m"), said
        assert ("1500 ft/s" in said) == (unit == "ft") and ("metres or feet" in said) == (unit == "m or ft")


@pytest.mark.parametrize("counit, unit", ((1, b"m"), (0, b"m"), (2, b"arc s"), (3, b"degree"), (4, b"DMS")))
def test_degrees_are_no_distance(seisproc, tmp_path, counit, unit):
    more = [(89, "i2", counit)]
    words = dict(sx=1000, gx=1100 + np.arange(N), more=more)
    survey(seisproc, tmp_path, **words)
    with h5py.File(tmp_path / "in.h5") as f:
        assert f["headers/sx"].attrs["units"] == unit and f["headers/offset"].attrs["units"] == b"m"
    (tmp_path / "in.h5").unlink()
    result = seisproc("import", tmp_path / "in", tmp_path / "in.h5", "-q", "--gather", "fldr", "--derive", "offset",
                      check=int(counit > 1))
    assert ("are angles" in result.stderr) == (counit > 1) and (tmp_path / "in.h5").exists() == (counit < 2)


@pytest.mark.parametrize("scalar, factor", ((-10, 10.0), (10, 0.1), ("mixed", None)))
def test_fk_takes_its_spacing_from_scaled_coordinates(seisproc, tmp_path, scalar, factor):
    if scalar == "mixed":
        scalar = np.where(np.arange(N) % 2, -10, 1)
        factor = np.where(scalar == 1, 1.0, 10.0)
    outputs = []
    for words in (dict(scalco=scalar, gx=np.rint((1000 + 20 * np.arange(N)) * factor)),
                  dict(scalco=1, gx=1000 + 20 * np.arange(N))):
        data = np.random.default_rng(3).standard_normal((N, NS))
        survey(seisproc, tmp_path, **words)
        with h5py.File(tmp_path / "in.h5", "r+") as f:
            f["traces"][:] = data
        run(seisproc, tmp_path, "fk: {vmax: 1500, along: receivers}")
        with h5py.File(tmp_path / "out.h5") as f:
            outputs.append(f["traces"][:])
        (tmp_path / "in.h5").unlink()
    assert outputs[0].any() and np.array_equal(*outputs)


@pytest.mark.parametrize("chain", ("fk: {vmax: 1500, along: receivers}",
                                   "fkk: {vmax: 1500, cells: bins, x: [gx], y: [gy], dx: 20, dy: 20}",
                                   "pstm: {velocity: 2000, origin: [0, 0], dx: 10, nx: 4}"))
def test_coordinates_of_filters_and_migration_have_units(seisproc, tmp_path, chain):
    name, columns = chain.split(":")[0], dict(sx=1000, gx=1000 + 20 * np.arange(N), gy=np.arange(N) % 2)
    for measurement, counit, words in ((1, 1, None), (2, 1, "is in feet"), (0, 1, "metres or feet")):
        survey(seisproc, tmp_path, measurement=measurement, more=[(89, "i2", counit)], **columns)
        said = run(seisproc, tmp_path, chain, command="plan").stderr
        assert said.count(f"{name}: ") == (words is not None) and (words or "") in said, said
        (tmp_path / "in.h5").unlink()
    survey(seisproc, tmp_path, more=[(89, "i2", 3)], **columns)
    for command in ("plan", "run"):
        said = run(seisproc, tmp_path, chain, command=command, check=1).stderr
        assert "is in 'degree', which is no unit of length" in said and not (tmp_path / "out.h5").exists()


def test_coordinates_of_several_units(seisproc, tmp_path):
    words = dict(sx=1000, gx=1100 + 20 * np.arange(N), gy=np.arange(N) % 2)
    result = survey(seisproc, tmp_path, more=[(89, "i2", np.where(np.arange(N) == 5, 3, 1))], **words)
    assert "(first in trace 6) have coordinate units (counit) 3, the first has 1" in result.stderr
    with h5py.File(tmp_path / "in.h5") as f:
        units = {name: f[f"headers/{name}"].attrs["units"] for name in ("sx", "gy", "cdpx", "offset", "gelev")}
    assert units == {"sx": b"mixed", "gy": b"mixed", "cdpx": b"mixed", "offset": b"m", "gelev": b"m"}
    for chain in ("fk: {vmax: 1500, along: receivers}", "pstm: {velocity: 2000, origin: [0, 0], dx: 10, nx: 4}",
                  "fkk: {vmax: 1500, cells: bins, x: [gx], y: [gy], dx: 20, dy: 20}"):
        for command in ("plan", "run"):
            said = run(seisproc, tmp_path, chain, command=command, check=1).stderr
            assert "is in 'mixed', which is no unit of length" in said or "the same on every trace" in said, said
    result = seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "fldr", "--derive", "offset",
                      check=1, ranks=2)
    assert "of several units" in result.stderr and not (tmp_path / "x.h5").exists()


def test_a_coordinate_unit_that_is_none_is_told(seisproc, tmp_path):
    result = survey(seisproc, tmp_path, sx=1000, gx=1100, more=[(89, "i2", 7)])
    assert "have coordinate units (counit) 7, which is none of the standard's" in result.stderr


@pytest.mark.parametrize("units, refused", (({"sx": "ft"}, True), ({"sx": "ft", "gx": None}, True), ({}, False)))
def test_a_unit_beside_none_is_no_unit(seisproc, tmp_path, units, refused):
    """Feet would be converted, and what says nothing would not."""
    survey(seisproc, tmp_path, sx=1000, gx=1000 + 20 * np.arange(N), gy=np.arange(N) % 2)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        for name in ("sx", "sy", "gx", "gy"):
            unit = units.get(name, "ft")
            del f[f"headers/{name}"].attrs["units"]
            if unit and name in units:
                f[f"headers/{name}"].attrs["units"] = unit
    said = run(seisproc, tmp_path, "pstm: {velocity: 2000, origin: [0, 0], dx: 10, nx: 4}", command="plan",
               check=int(refused)).stderr
    assert ("allowed is one unit for all" in said) == refused, said


# --- absent columns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ("plan", "run"))
def test_an_offset_of_zeros_is_absent(seisproc, tmp_path, command):
    survey(seisproc, tmp_path, offset=0, sx=1000, gx=1000 + 100 * np.arange(N))
    result = run(seisproc, tmp_path, "dwt", "mute: {velocity: 1500}", command=command, check=1)
    assert "'offset', which mute needs, is 0 in all traces" in result.stderr and "--derive offset" in result.stderr
    assert not list(tmp_path.glob("out.h5*"))
    survey(seisproc, tmp_path, offset=0, sx=1000, gx=1000 + 100 * np.arange(N),
           arguments=("--gather", "fldr", "--derive", "offset"))
    run(seisproc, tmp_path, "dwt", "mute: {velocity: 1500}", command=command)


@pytest.mark.parametrize("command", ("plan", "run"))
def test_an_offset_without_a_number_is_absent(seisproc, tmp_path, command):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        del f["headers/offset"]
        f["headers/offset"] = np.full(N, np.nan)
    said = run(seisproc, tmp_path, "mute: {velocity: 1500}", command=command, check=1).stderr
    assert "has no trace header 'offset' that is a number, which mute needs" in said
    assert not (tmp_path / "out.h5.part").exists()


def test_a_delay_that_is_no_time_is_not_used(seisproc, tmp_path):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        del f["headers/delrt"]
        f["headers/delrt"] = np.where(np.arange(N) == 9, np.inf, 0)
    run(seisproc, tmp_path, "mute: {velocity: 1500}", check=2)
    with h5py.File(tmp_path / "out.h5") as f:
        assert list(f["integrity/status"][:]) == [0, 5, 0]


@pytest.mark.parametrize("command", ("plan", "run"))
def test_a_delay_without_a_number_is_refused(seisproc, tmp_path, command):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        del f["headers/delrt"]
        f["headers/delrt"] = np.where(np.arange(N) == 9, np.nan, 600)
    said = run(seisproc, tmp_path, "mute: {velocity: 1500}", command=command, check=1).stderr
    assert "in.h5: trace 9 has delrt nan, allowed are numbers, or a survey without delrt" in said
    assert not (tmp_path / "out.h5.part").exists()
    said = seisproc("window", "in.h5", "cut.h5", "--time", "700-900", cwd=tmp_path, check=1).stderr
    assert "in.h5: trace 9 has delrt nan" in said and not (tmp_path / "cut.h5").exists()


def test_a_delay_that_is_said_to_be_in_seconds_is_refused(seisproc, tmp_path):
    survey(seisproc, tmp_path, delrt=1)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        f["headers/delrt"].attrs["units"] = "s"
    for words in (("window", "in.h5", "cut.h5", "--time", "1100-1200"), ("view", "in.h5", "-o", "v.svg")):
        assert "/headers/delrt is in 's', allowed is ms" in seisproc(*words, cwd=tmp_path, check=1).stderr
    for command in ("plan", "run"):
        said = run(seisproc, tmp_path, "mute: {velocity: 1500}", command=command, check=1).stderr
        assert "/headers/delrt is in 's', allowed is ms" in said
    run(seisproc, tmp_path, "dwt", command="plan")  # which takes no times


def test_a_scalar_of_times_that_is_none_is_told(seisproc, tmp_path):
    result = survey(seisproc, tmp_path, delrt=800, more=[(215, "i2", 7)])
    assert "all 24 trace headers have scalar of times (scalt) 7, which is none of the standard's" in result.stderr
    assert "scalt" not in survey(seisproc, tmp_path, "su", more=[(215, "i2", 7)]).stderr


def test_a_taper_that_is_much_of_the_record(seisproc, tmp_path):
    survey(seisproc, tmp_path)
    assert "taper" not in run(seisproc, tmp_path, "mute: {taper: 300}").stderr
    said = run(seisproc, tmp_path, "mute: {taper: 800}").stderr
    assert "the taper of 800 ms is 50 % of the record of 1600 ms" in said


# --- scalars ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", (None, 3))
def test_keys_with_mixed_scalars_compare_in_metres(seisproc, tmp_path, ranks):
    scalar = np.where(np.arange(N) % 2, -100, np.where(np.arange(N) % 4, -10, 10))
    factor = np.where(scalar > 0, 1 / np.abs(scalar), np.abs(scalar))
    shot = 1000.0 + 50 * (np.arange(N) // 8)
    gx = 5000.0 - 10 * np.arange(N)
    words = dict(scalco=scalar, sx=np.rint(shot * factor), gx=np.rint(gx * factor))
    survey(seisproc, tmp_path, **words)
    seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "sx", "--sort", "gx", ranks=ranks)
    with h5py.File(tmp_path / "x.h5") as f:
        assert list(f["gathers/key"]) == [100000, 105000, 110000] and f["gathers/key"].attrs["scalar"] == -100
        raw, s = f["headers/gx"][:].astype(float), f["headers/scalco"][:]
        metres = np.where(s > 0, raw * s, raw / -s).reshape(3, 8)
        assert (np.diff(metres, axis=1) > 0).all() and np.array_equal(np.sort(metres.ravel()), np.sort(gx))
    run(seisproc, tmp_path, "dwt", sort=["gx"])  # the same order by a job
    with h5py.File(tmp_path / "out.h5") as f:
        raw, s = f["headers/gx"][:].astype(float), f["headers/scalco"][:]
        assert (np.diff(np.where(s > 0, raw * s, raw / -s).reshape(3, 8), axis=1) > 0).all()


def test_a_recorded_offset_that_is_far_from_the_derived_one(seisproc, tmp_path):
    words = dict(scalco=-100, sx=0, gx=100 * (100 + np.arange(N)), offset=np.where(np.arange(N) < 3, 10000, 101))
    survey(seisproc, tmp_path, **words)
    result = seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "fldr", "--derive", "offset")
    assert "3 of 24 trace headers (first in trace 1) have an offset (10000 there)" in result.stderr
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["headers/offset"], 100.0 + np.arange(N))


# --- spacing -------------------------------------------------------------------------------------------------------


def said_of_spacing(seisproc, tmp_path, chain, **more):
    stderr = run(seisproc, tmp_path, chain, command="plan", **more).stderr
    words = ("spacing", " apart", " removes ")
    return [line.split("warning: ")[1] for line in stderr.splitlines() if any(word in line for word in words)]


@pytest.mark.parametrize("chain, words", (
    ("fk: {vmax: 1500}", None), ("fk: {vmax: 1500, spacing: 100}", None), ("fk: {vmax: 1500, spacing: 103}", None),
    ("fk: {vmax: 1500, spacing: 25}", "fk: spacing: 25 is given, headers (offset) say 100 from trace to trace: "
     "velocities are taken 0.25 times as large as by these (gather 0, fldr 1)"),
    ("fk: {vmax: 1500, spacing: 25, along: receivers}", "fk: spacing: 25 is given, headers (gx and gy) say 50 from "
     "trace to trace: velocities are taken 0.5 times as large as by these (gather 0, fldr 1)"),
    ("fk: {vmax: 1500, spacing: 25, split: [ep]}", "fk: spacing: 25 is given, headers (offset) say 100 from trace to "
     "trace: velocities are taken 0.25 times as large as by these (gather 0, fldr 1)"),
    ("fk: {vmax: 1500, spacing: 0.05}", "fk: spacing: traces are 0.05 apart: is that right? (gather 0, fldr 1)"),
    ("fk: {vmax: 3, f: [5, 10, 60, 80]}", "fk: removes 0 % of the bins: next to nothing (gather 0, fldr 1)"),
    ("fk: {vmax: inf, f: [10, 10, 60, 60]}", "fk: removes 100 % of the bins: next to everything (gather 0, fldr 1)"),
    ("fk: {vmax: 1500, spacing: 20000}", "fk: spacing: traces are 20000 apart: is that right? (gather 0, fldr 1)")))
def test_fk_says_what_headers_contradict(seisproc, tmp_path, chain, words):
    survey(seisproc, tmp_path, gx=50 * np.arange(N), gy=np.zeros(N, int), ep=np.ones(N, int))
    assert said_of_spacing(seisproc, tmp_path, chain) == ([words] if words else [])


def test_fk_says_nothing_where_headers_tell_of_no_spacing(seisproc, tmp_path):
    survey(seisproc, tmp_path, offset=np.random.default_rng(1).permutation(N) ** 2 + 1)
    assert said_of_spacing(seisproc, tmp_path, "fk: {vmax: 1500, spacing: 25}") == []
    survey(seisproc, tmp_path)
    assert said_of_spacing(seisproc, tmp_path, "fk: {vmax: 1500, spacing: 25}", sort=["offset"]) == []


def test_fk_says_that_a_scalar_looks_wrong(seisproc, tmp_path):
    survey(seisproc, tmp_path, gx=10 * np.arange(N), gy=np.zeros(N, int), scalco=-1000)
    said, = said_of_spacing(seisproc, tmp_path, "fk: {vmax: 1500, along: receivers}")
    assert said == ("fk: traces are 0.01 apart by gx and gy: is its unit, and the scalar of coordinates, right? "
                    "(gather 0, fldr 1)")


@pytest.mark.parametrize("chain, words", (
    ("fk: {vmax: 1500}", "has no trace header 'offset', which fk needs"),
    ("fk: {vmax: 1500, split: [fldr], along: sources}", "has no trace header 'sx', which fk needs")))
def test_fk_names_a_column_that_is_missing(seisproc, tmp_path, chain, words):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "in.h5", "r+") as f:
        for name in ("offset", "sx"):
            del f["headers"][name]
    stderr = run(seisproc, tmp_path, chain, command="plan", check=1).stderr
    assert words in stderr and stderr.count("error:") == 1, stderr


def test_fk_names_a_column_that_is_the_same_everywhere(seisproc, tmp_path):
    survey(seisproc, tmp_path, offset=np.full(N, 100))
    stderr = run(seisproc, tmp_path, "fk: {vmax: 1500}", command="plan", check=1).stderr
    assert "spacing: auto needs offset, which is the same on every trace: give spacing, or another along" in stderr
