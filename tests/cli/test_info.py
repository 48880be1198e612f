# SPDX-License-Identifier: BSD-3-Clause
"""seisproc info: what it says is what h5py finds in the file."""

import json

import h5py
import numpy as np
import pytest

from surveys import write_survey

FIRST = [0, 3, 3, 40, 41, 120]


@pytest.fixture
def output(tmp_path):
    """A survey as a job leaves it."""
    rng = np.random.default_rng(1)
    return write_survey(
        tmp_path / "out.h5", rng.normal(size=(120, 50)), FIRST, key=[5, -3, 900, 7, 8], content="processed",
        headers={"offset": rng.integers(-500, 500, 120).astype("<i4"), "cdpx": rng.normal(size=120) * 1e6,
                 "selev": np.full(120, np.nan)},
        history="first step\n\nsecond \"step\"\nmode: both",
        attributes={"job": np.bytes_("mode: both"), "input_uuid": np.bytes_("-")},
        extra={"noise": np.zeros((120, 50), "<f4"), "sort_map": np.arange(120, dtype="<u8"),
               "integrity/status": np.array([0, 1, 0, 2, 0], "u1"), "integrity/crc32c": np.zeros((5, 2), "<u4")})


def test_json_says_what_the_file_holds(seisproc, output):
    said = json.loads(seisproc("info", output, "--json").stdout)
    assert said["n_traces"] == 120 and said["n_samples"] == 50 and said["n_gathers"] == 5
    assert said["sample_interval_us"] == 2000 and said["content"] == "processed"
    assert said["noise"] and said["sort_map"] and said["complete"]
    assert said["trace_bytes"] == 2 * 120 * 50 * 4
    assert said["gathers"] == {"key": "cdp", "least_key": -3, "largest_key": 900, "least_traces": 0,
                               "largest_traces": 79, "mean_traces": 24, "empty": 1}
    assert [h["name"] for h in said["headers"]] == ["cdpx", "offset", "selev"]
    assert [h["type"] for h in said["headers"]] == ["float64", "int32", "float64"]
    assert said["integrity"]["ok"] == 3 and said["integrity"]["dead traces"] == 1
    assert said["integrity"]["not finite"] == 1 and sum(said["integrity"].values()) == 5
    assert said["job"] == "mode: both" and said["history"].startswith("first step\n")


def test_headers_are_measured_on_request(seisproc, output):
    with h5py.File(output) as f:
        expected = {name: (column[:].min(), column[:].max()) for name, column in f["headers"].items()}
    for h in json.loads(seisproc("info", output, "--json", "--headers").stdout)["headers"]:
        if h["name"] == "selev":
            assert h["min"] is None and h["max"] is None
        else:
            assert (h["min"], h["max"]) == expected[h["name"]]
    text = seisproc("info", output, "--headers").stdout
    assert str(expected["offset"][0]) in text


def test_text_is_made_for_a_human(seisproc, output):
    text = seisproc("info", output).stdout
    assert "120 of 50 samples at 2 ms (0.1 s), processed and noise, sorted" in text
    assert "5 by cdp (-3 to 900), 0 to 79 traces, 24.0 on the mean, 1 empty" in text
    assert "3 gathers ok, 1 dead traces, 1 not finite" in text
    assert max(map(len, text.splitlines())) < 160 and "\t" not in text


def test_once_on_many_ranks(seisproc, output):
    assert seisproc("info", output, ranks=3).stdout == seisproc("info", output).stdout


def test_output_in_the_making(seisproc, output, tmp_path):
    part = output.rename(tmp_path / "out.h5.part")
    assert "in the making" in seisproc("info", part).stdout
    said = json.loads(seisproc("info", part, "--json").stdout)
    assert not said["complete"] and said["integrity"] is None


def test_synthetic_survey(seisproc, tmp_path):
    path = tmp_path / "s.h5"
    seisproc("synth", path, "--gathers", "7", "--traces", "9", "--samples", "33", "--interval-ms", "0.25")
    said = json.loads(seisproc("info", path, "--json", "--headers").stdout)
    assert said["n_gathers"] == 7 and said["sample_interval_us"] == 250 and said["gathers"]["key"] == "fldr"
    assert said["integrity"] is None and said["job"] is None and "synth" in said["history"]
    assert {h["name"]: h["max"] for h in said["headers"]}["fldr"] == 7


def test_empty_survey(seisproc, tmp_path):
    path = write_survey(tmp_path / "none.h5", np.zeros((0, 4)), [0], key=np.zeros(0))
    assert json.loads(seisproc("info", path, "--json").stdout)["n_traces"] == 0
    assert "0" in seisproc("info", path).stdout


@pytest.mark.parametrize("make, said", [
    (lambda p: p.mkdir(), "directory"),
    (lambda p: p.write_text("no survey"), "a text file"),
    (lambda p: h5py.File(p, "w").create_dataset("foreign", data=1), "foreign"),
    (lambda p: None, "no such file"),
])
def test_what_is_no_survey_is_refused_in_one_line(seisproc, tmp_path, make, said):
    make(tmp_path / "x.h5")
    result = seisproc("info", tmp_path / "x.h5", check=1)
    assert said in result.stderr and result.stderr.count("\n") == 1 and result.stdout == ""
