# SPDX-License-Identifier: BSD-3-Clause
"""A window of a survey holds the samples and headers of what was asked for, and says when its traces start."""

import h5py
import numpy as np
import pytest

import jobs


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=12, traces=15, samples=200)
    with h5py.File(path, "r+") as f:
        f["headers"].create_dataset("delrt", data=np.full(f["traces"].shape[0], 40, np.int32))
    return path


def test_gathers_traces_and_times(tmp_path, survey, seisproc):
    out = tmp_path / "out.h5"
    seisproc("window", survey, out, "--gathers=every:5", "--traces=every:3", "--time=60-200")
    with h5py.File(survey) as f, h5py.File(out) as w:
        first = f["gathers/first_trace"][:].astype(int)
        rows = [np.arange(first[g], first[g + 1], 3) for g in (0, 5, 10)]
        assert np.array_equal(w["gathers/first_trace"][:], np.cumsum([0] + [len(r) for r in rows]))
        assert np.array_equal(w["gathers/key"][:], f["gathers/key"][:][[0, 5, 10]])
        rows = np.concatenate(rows)
        assert np.array_equal(w["traces"][:], f["traces"][:][rows, 10:81])  # of 2 ms, from 40 ms on
        for name in f["headers"]:
            if name not in ("delrt", "ns"):
                assert np.array_equal(w["headers"][name][:], f["headers"][name][:][rows]), name
        assert set(w["headers/delrt"][:]) == {60} and set(w["headers/ns"][:]) == {71}
        assert w.attrs["n_samples"] == 71
    seisproc("export", out, tmp_path / "out.sgy", "--quiet")
    raw = (tmp_path / "out.sgy").read_bytes()
    assert len(raw) == 3600 + len(rows) * (240 + 4 * 71)
    assert int.from_bytes(raw[3600 + 108:3600 + 110], "big") == 60
    assert int.from_bytes(raw[3600 + 114:3600 + 116], "big") == 71


def test_a_whole_window_is_the_survey(tmp_path, survey, seisproc):
    seisproc("window", survey, tmp_path / "out.h5")
    assert seisproc("compare", survey, tmp_path / "out.h5", "--identical")


def test_what_cannot_be_taken_is_refused(tmp_path, survey, seisproc):
    out = tmp_path / "out.h5"
    assert "its times are 40 to 438 ms" in seisproc("window", survey, out, "--time=500-600", check=1).stderr
    assert "none of" in seisproc("window", survey, out, "--gathers=50:60", check=1).stderr
    assert "every:N" in seisproc("window", survey, out, "--traces=3", check=1).stderr
    assert "write to another file" in seisproc("window", survey, survey, check=1).stderr
    mixed = jobs.make_survey(tmp_path / "mixed.h5", gathers=3, traces=5, samples=50)
    assert "no header column delrt" in seisproc("window", mixed, out, "--time=20-40", check=1).stderr
    with h5py.File(mixed, "r+") as f:
        f["headers"].create_dataset("delrt", data=np.arange(f["traces"].shape[0], dtype=np.int32))
    assert "start at 0 to" in seisproc("window", mixed, out, "--time=20-40", check=1).stderr
    assert not out.exists()
