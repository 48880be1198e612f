# SPDX-License-Identifier: BSD-3-Clause
"""seisproc synth: the same bytes however it is run, and files that say what they hold."""

import h5py
import numpy as np
import pytest

SMALL = ["--gathers", "9", "--traces", "60", "--samples", "500", "--interval-ms", "4", "--seed", "7"]


@pytest.fixture(scope="module")
def survey(seisproc, run_dir):
    """Paths of a survey, the same without noise, and its reflections."""
    paths = [run_dir / f"synth-{name}.h5" for name in ("noisy", "clean", "reflections")]
    seisproc("synth", paths[0], *SMALL, "--clean", paths[1], "--reflections", paths[2], "--threads", "1")
    return paths


@pytest.mark.parametrize("ranks, threads", [(None, 3), (1, 1), (2, 1), (3, 2), (5, 1)])
def test_same_bytes_on_any_number_of_ranks_and_threads(seisproc, survey, tmp_path, ranks, threads):
    out, clean = tmp_path / "a.h5", tmp_path / "b.h5"
    seisproc("synth", out, *SMALL, "--clean", clean, "--threads", str(threads), ranks=ranks)
    assert out.read_bytes() == survey[0].read_bytes()
    assert clean.read_bytes() == survey[1].read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_file_holds_a_survey(survey):
    for path in survey:
        with h5py.File(path) as f:
            n = f.attrs["n_traces"]
            assert f.attrs["format"] == b"seisproc" and f.attrs["n_samples"] == 500
            assert f.attrs["sample_interval_us"] == 4000
            traces, first, key = f["traces"], f["gathers/first_trace"][:], f["gathers/key"][:]
            assert traces.shape == (n, 500) and traces.dtype == "<f4" and traces.chunks is None
            assert traces.attrs["content"] == b"input"
            assert first[0] == 0 and first[-1] == n and (np.diff(first.astype(int)) >= 1).all()
            assert list(key) == list(range(1, 10)) and f["gathers/key"].attrs["name"] == b"fldr"
            assert np.isfinite(traces[:]).all()
    with h5py.File(survey[0]) as a, h5py.File(survey[1]) as b:
        assert a.attrs["uuid"] != b.attrs["uuid"]


def test_headers_describe_the_geometry(survey):
    with h5py.File(survey[0]) as f:
        h = {name: column[:].astype(float) for name, column in f["headers"].items()}
        first = f["gathers/first_trace"][:].astype(int)
        assert f["headers/offset"].attrs["units"] == b"m"
    n = first[-1]
    assert (h["tracl"] == np.arange(1, n + 1)).all() and (h["tracr"] == h["tracl"]).all()
    distance = np.hypot(h["sx"] - h["gx"], h["sy"] - h["gy"])
    assert (np.abs(h["offset"] - distance) <= 0.5).all() and (h["offset"] > 0).all()
    assert (np.abs(h["cdpx"] - (h["sx"] + h["gx"]) / 2) <= 0.5).all()
    assert (np.abs(h["cdpy"] - (h["sy"] + h["gy"]) / 2) <= 0.5).all()
    assert (h["ns"] == 500).all() and (h["dt"] == 4000).all() and (h["scalco"] == 1).all() and (h["trid"] == 1).all()
    bins = {}
    for il, xl, cdp in zip(h["iline"], h["xline"], h["cdp"]):
        assert il >= 1 and xl >= 1 and bins.setdefault(cdp, (il, xl)) == (il, xl)
    for g, (a, b) in enumerate(zip(first[:-1], first[1:])):
        assert (h["fldr"][a:b] == g + 1).all() and (h["ep"][a:b] == g + 1).all()
        assert len({*zip(h["sx"][a:b], h["sy"][a:b])}) == 1
        assert len({*zip(h["gx"][a:b], h["gy"][a:b])}) == b - a
        assert (h["tracf"][a:b] == np.arange(1, b - a + 1)).all()
        assert not (np.diff(h["offset"][a:b]) >= 0).all(), "traces are to be out of order by offset"


def test_noise_level_is_relative_to_the_reflections(seisproc, survey, tmp_path):
    quiet = tmp_path / "quiet.h5"
    seisproc("synth", quiet, *SMALL, "--noise", "0.25", "--ground-roll", "0")
    with h5py.File(quiet) as f, h5py.File(survey[2]) as r:
        reflections, noisy = r["traces"][:].astype(float), f["traces"][:].astype(float)
    assert np.std(noisy - reflections) == pytest.approx(0.25 * np.sqrt(np.mean(reflections**2)), rel=0.01)


def test_reflections_have_hyperbolic_moveout(seisproc, tmp_path):
    path = tmp_path / "r.h5"
    seisproc("synth", tmp_path / "n.h5", "--gathers", "1", "--traces", "600", "--spread", "0", "--reflections", path)
    with h5py.File(path) as f:
        order = np.argsort(f["headers/offset"][:], kind="stable")
        offset, traces = f["headers/offset"][:][order].astype(float), f["traces"][:][order]
    near = offset < 800
    offset, traces = offset[near], traces[near]
    event = int(np.argmax(np.abs(traces[0][400:]))) + 400
    sign, picks = np.sign(traces[0][event]), []
    for trace in traces:
        window = sign * trace[event - 8:event + 9]
        event += int(np.argmax(window)) - 8
        a, b, c = sign * trace[event - 1:event + 2]
        picks.append((event + 0.5 * (a - c) / (a - 2 * b + c)) * 0.002)
    t2 = np.array(picks)**2
    slope, intercept = np.polyfit(offset**2, t2, 1)
    assert 1600 < slope**-0.5 < 4500
    # the layers undulate by up to half a percent of the time
    assert np.abs(np.sqrt(intercept + slope * offset**2) - picks).max() < 0.006


def test_largest_gather(seisproc, tmp_path):
    seisproc("synth", tmp_path / "a.h5", "--gathers", "30", "--traces", "20", "--samples", "16", "--largest", "50")
    with h5py.File(tmp_path / "a.h5") as f:
        sizes = np.diff(f["gathers/first_trace"][:].astype(int))
    assert sizes.max() == 1000 and sorted(sizes)[-2] <= 32


@pytest.mark.parametrize("arguments, said", [
    (["--gathers", "0"], "--gathers: found '0', allowed is an integer from 1"),
    (["--gathers", "3x"], "found '3x'"),
    (["--gathers", "-3"], "found '-3'"),
    (["--interval-ms", "nan"], "found 'nan'"),
    (["--noise", "-1"], "--noise: found '-1'"),
    (["--nonsense"], "--nonsense"),
    (["b.h5"], "one file to write"),
    (["--clean", "a.h5"], "named twice"),
])
def test_mistakes_are_refused(seisproc, tmp_path, arguments, said):
    result = seisproc("synth", "a.h5", *arguments, cwd=tmp_path, check=1)
    assert said in result.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize("ranks", [None, 3])
def test_a_place_that_cannot_be_written_leaves_nothing(seisproc, tmp_path, ranks):
    for bad in (tmp_path, tmp_path / "none" / "a.h5"):
        result = seisproc("synth", tmp_path / "good.h5", *SMALL, "--clean", bad, ranks=ranks, check=1)
        assert result.stderr.count("seisproc: error:") == 1 and str(bad) in result.stderr
        assert not list(tmp_path.iterdir())
