# SPDX-License-Identifier: BSD-3-Clause
"""Computed header columns: values in units, what is refused, an export of them, and nothing lost by a kill."""

import hashlib
import struct

import h5py
import numpy as np
import pytest

import harness
from surveys import text, write_survey

OFFSET = "--set=offset = sqrt((sx-gx)^2 + (sy-gy)^2)"
N = 40


def coordinates(seed=1):
    rng = np.random.default_rng(seed)
    return {name: rng.integers(1, 90000, N).astype("i4") for name in ("sx", "sy", "gx", "gy")}


@pytest.fixture
def survey(tmp_path):
    """Forty traces in four gathers by fldr; coordinates are scaled by another scalar in every other trace."""
    headers = {**coordinates(), "scalco": np.where(np.arange(N) % 2, -10, 10).astype("i4"),
               "fldr": np.repeat(np.arange(4), 10).astype("i4"), "cdp": np.arange(N, dtype="i4") + 1,
               "offset": np.zeros(N, "i4"), "ns": np.full(N, 30, "i4")}
    path = write_survey(tmp_path / "in.h5", np.random.default_rng(2).normal(size=(N, 30)), range(0, N + 1, 10),
                        headers=headers)
    with h5py.File(path, "r+") as f:
        f["gathers/key"].attrs["name"] = text("fldr")
        for name in ("sx", "sy", "gx", "gy"):
            f["headers"][name].attrs["units"] = text("m")
    return path


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def true_offset(f):
    h = {name: f["headers"][name][:] for name in ("sx", "sy", "gx", "gy", "scalco")}
    factor = np.where(h["scalco"] > 0, h["scalco"], -1.0 / h["scalco"])
    return np.hypot((h["sx"] - h["gx"]) * factor, (h["sy"] - h["gy"]) * factor)


def test_an_offset_from_scaled_coordinates(survey, seisproc):
    with h5py.File(survey) as f:
        expected, traces, uuid = true_offset(f), f["traces"][:], f.attrs["uuid"]
    done = seisproc("header", survey, OFFSET, "--set=half = offset / 2")
    assert "offset: float64, m" in done.stderr and "it was int32" in done.stderr
    assert "half: new, float64, no unit" in done.stderr
    with h5py.File(survey) as f:
        assert f["headers/offset"].dtype == np.float64 and f["headers/offset"].attrs["units"].decode() == "m"
        assert np.allclose(f["headers/offset"][:], expected, rtol=1e-14)
        assert np.array_equal(f["headers/half"][:], f["headers/offset"][:] / 2)
        assert np.array_equal(f["traces"][:], traces)
        assert "offset = sqrt" in f.attrs["history"].decode() and f.attrs["uuid"] != uuid
    assert "half" in seisproc("info", survey, "-H").stdout
    assert not list(survey.parent.glob("in.h5.*"))


def test_whole_numbers_stay_whole_numbers(survey, seisproc):
    seisproc("header", survey, "--set=cdp = cdp * 2 + 1", "--set=nhs = cdp - 1")
    with h5py.File(survey) as f:
        assert f["headers/cdp"].dtype == np.int32 and f["headers/nhs"].dtype == np.int32
        assert np.array_equal(f["headers/cdp"][:], 2 * np.arange(1, N + 1) + 1)
        assert np.array_equal(f["headers/nhs"][:], f["headers/cdp"][:] - 1)
    # a scaled column holds the value itself from then on
    with h5py.File(survey) as f:
        expected = f["headers/sx"][:] * np.where(np.arange(N) % 2, 0.1, 10) + 5
    assert "no longer has" in seisproc("header", survey, "--set=sx = sx + 5").stderr
    with h5py.File(survey) as f:
        assert f["headers/sx"].dtype == np.float64 and "scalar" not in f["headers/sx"].attrs
        assert np.allclose(f["headers/sx"][:], expected)


def test_an_export_writes_what_was_computed(tmp_path, survey, seisproc):
    seisproc("header", survey, "--set=offset = floor(hypot(sx-gx, sy-gy))", "--set=sx = sx + 5")
    with h5py.File(survey) as f:
        offset, sx, scalco = f["headers/offset"][:], f["headers/sx"][:], f["headers/scalco"][:]
    first = tmp_path / "first.sgy"
    seisproc("export", survey, first, "--quiet")
    raw = first.read_bytes()
    for t in range(N):
        header = raw[3600 + t * (240 + 4 * 30):][:240]
        assert struct.unpack(">i", header[36:40])[0] == offset[t]
        factor = scalco[t] if scalco[t] > 0 else -1 / scalco[t]
        assert abs(struct.unpack(">i", header[72:76])[0] * factor - sx[t]) <= factor / 2 + 1e-9
    # and so does one of a survey that came from SEG-Y, in the places where the columns stood
    seisproc("import", first, tmp_path / "again.h5", "--gather=fldr", "--quiet")
    seisproc("header", tmp_path / "again.h5", "--set=offset = offset + 7")
    seisproc("export", tmp_path / "again.h5", tmp_path / "second.sgy", "--quiet")
    again = (tmp_path / "second.sgy").read_bytes()
    for t in range(N):
        assert struct.unpack(">i", again[3600 + t * (240 + 4 * 30):][36:40])[0] == offset[t] + 7


def test_a_copy_leaves_the_survey_alone(tmp_path, survey, seisproc):
    before, out = sha(survey), tmp_path / "out.h5"
    seisproc("header", survey, OFFSET, "-o", out)
    assert sha(survey) == before
    with h5py.File(survey) as a, h5py.File(out) as b:
        assert np.allclose(b["headers/offset"][:], true_offset(a))
        assert np.array_equal(a["traces"][:], b["traces"][:]) and np.array_equal(a["headers/cdp"], b["headers/cdp"])
    assert "changed in place" in seisproc("header", survey, OFFSET, "-o", survey, check=1).stderr


def test_a_copy_to_a_full_disk_says_so(tmp_path, survey):
    """On another file system, whose last block takes a part of what is written."""
    small = tmp_path / "small"
    small.mkdir()
    prefix = harness.mounted(small, "size=16k")
    result = harness.run([*prefix, harness.BINARY, "header", survey, OFFSET, "-o", small / "out.h5"])
    assert result.returncode == 75 and result.stderr.count("\n") == 1, str(result)
    assert "No space left on device" in result.stderr, str(result)


@pytest.mark.parametrize("sets, words", [
    (["ns = 12"], "says the shape"), (["fldr = fldr + 1"], "regroup"), (["scalco = 1"], "scales gx, gy, sx, sy"),
    (["offset = sx - xg"], "no header column xg"), (["offset = sx -"], "where a number"),
    (["offset"], "NAME=EXPRESSION"),
    (["offset = 1 / (cdp - 3)"], "trace 2 has no finite value"), (["offset = cdp", "offset = 2"], "twice"),
    (["ofset = cdp"], "did you mean offset"), (["selev = 2 * offset"], "all columns"),
])
def test_what_is_not_certain_is_refused(survey, seisproc, sets, words):
    before = sha(survey)
    assert words in seisproc("header", survey, *[f"--set={s}" for s in sets], check=1).stderr
    assert sha(survey) == before and not list(survey.parent.glob("in.h5.*"))


def test_units(survey, seisproc):
    def units(**columns):
        with h5py.File(survey, "r+") as f:
            for name, unit in columns.items():
                f["headers"][name].attrs["units"] = text(unit)

    units(gx="ft")
    assert "allowed is one unit of length" in seisproc("header", survey, OFFSET, check=1).stderr
    units(gx="arc s")
    assert "of which no length is computed" in seisproc("header", survey, OFFSET, check=1).stderr
    units(gx="m", offset="ft")
    assert "is in ft, and is to be computed from m" in seisproc("header", survey, OFFSET, check=1).stderr
    units(offset="m or ft")
    assert "--unit says ft" in seisproc("header", survey, OFFSET, "--unit=offset=ft", check=1).stderr
    assert "no column of that name" in seisproc("header", survey, OFFSET, "--unit=half=m", check=1).stderr
    seisproc("header", survey, OFFSET, "--set=slow = 1 / offset", "--unit=slow=1/m")
    with h5py.File(survey) as f:
        assert f["headers/offset"].attrs["units"].decode() == "m"
        assert f["headers/slow"].attrs["units"].decode() == "1/m"


@pytest.mark.parametrize("point", ["undo_kept", "headers_changed"])
def test_a_change_that_is_killed_is_taken_back(tmp_path, survey, seisproc, point):
    before, modified = sha(survey), survey.stat().st_mtime_ns
    command = [harness.FAULTY, "header", survey, OFFSET, "--set=new = cdp"]
    killed = harness.run(command, env={"SEISPROC_FAULT": f"{point}:1"})
    assert killed.returncode == -9, killed
    assert "seisproc header" in seisproc("info", survey, check=1).stderr
    # taking it back may be cut off, too
    assert harness.run([harness.FAULTY, "header", survey], env={"SEISPROC_FAULT": "undo_restored:1"}).returncode == -9
    assert "what it was before" in seisproc("header", survey).stderr
    assert sha(survey) == before and survey.stat().st_mtime_ns == modified
    assert not (tmp_path / "in.h5.undo").exists()
    seisproc("header", survey, OFFSET)
    with h5py.File(survey) as f:
        assert np.allclose(f["headers/offset"][:], true_offset(f))


def test_an_undo_file_of_another_survey_is_not_used(tmp_path, survey, seisproc):
    copy = tmp_path / "copy.h5"
    copy.write_bytes(survey.read_bytes())
    harness.run([harness.FAULTY, "header", survey, OFFSET], env={"SEISPROC_FAULT": "headers_changed:1"})
    undo = tmp_path / "in.h5.undo"
    (tmp_path / "copy.h5.undo").write_bytes(undo.read_bytes())
    assert "of another file" in seisproc("header", copy, check=1).stderr
    data = bytearray(undo.read_bytes())
    data[len(data) // 2] ^= 1
    undo.write_bytes(data)
    assert "damaged" in seisproc("header", survey, check=1).stderr


@pytest.mark.parametrize("codec", ["zstd", "zfp"])
def test_a_packed_survey(tmp_path, survey, seisproc, codec):
    """A copy with the new column has the samples that are read from the packed survey; in place is refused or right."""
    with h5py.File(survey, "r+") as f:
        samples = np.random.default_rng(3).normal(size=(N, 2000)).astype("f4")
        del f["traces"]
        f["traces"] = samples
        f.attrs["n_samples"] = 2000
        expected = true_offset(f)
    seisproc("pack", survey, tmp_path / "packed.h5", "--codec", codec, "--quiet")
    seisproc("unpack", tmp_path / "packed.h5", tmp_path / "plain.h5", "--quiet")
    seisproc("header", tmp_path / "packed.h5", OFFSET, f"--output={tmp_path / 'out.h5'}")
    seisproc("header", tmp_path / "packed.h5", OFFSET)
    with h5py.File(tmp_path / "plain.h5") as f:
        plain = f["traces"][:]
    for name in ("out.h5", "packed.h5"):
        with h5py.File(tmp_path / name) as f:
            assert np.allclose(f["headers/offset"][:], expected, rtol=1e-14)
            if not f["traces"].chunks:
                assert np.array_equal(f["traces"][:], plain)
                continue
        back = tmp_path / "back.h5"
        seisproc("unpack", tmp_path / name, back, "--quiet")
        with h5py.File(back) as f:
            assert np.array_equal(f["traces"][:], plain)
            assert np.allclose(f["headers/offset"][:], expected, rtol=1e-14)
