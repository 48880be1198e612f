# SPDX-License-Identifier: BSD-3-Clause
"""The numbers behind the report on real surveys stay what they were when someone looked at the pictures."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli.surveys import write_survey

GOLDEN = Path(__file__).with_name("golden.json")
SURVEYS = {
    "marine_cdp_su/cdp601to610.su": "cdp",
    "land_shot_su/subarna_fldr3360.su": "fldr",
    "viking_segy/viking_small.segy": "fldr",
    "near_surface_segy/real_gather.sgy": "fldr",
    "oz16_su/ozdata16.su": "fldr",
}
JOB = "input: in.h5\noutput: out.h5\nmode: both\nengine: cpu\n" \
      "chain: [dwt: {transform: dwt, threshold: soft, k: 3.0, noise_level: finest}]\n"


# Gathers as they come from the field: whole, empty, dead, with a trace of zeros and one with NaN, of one trace.
SIZES = [6, 0, 4, 8, 5, 1]


def write_odd_survey(path):
    first, time = np.cumsum([0] + SIZES), np.arange(200)
    x = np.arange(first[-1])[:, None]
    traces = np.sin(time / 7 + x / 3) * np.exp(-time / 150) + 0.1 * np.sin(time * time * 0.7 + 13 * x)
    traces[first[2]:first[3]] = 0
    traces[first[3] + 1] = 0
    traces[first[4] + 2, 50] = np.nan
    return write_survey(path, traces, first, headers={"offset": 25.0 * np.arange(first[-1])})


def test_numbers_of_odd_gathers(seisproc, tmp_path):
    write_odd_survey(tmp_path / "in.h5")
    (tmp_path / "job.yaml").write_text(JOB + "qc: trace\n")
    pages = []
    for ranks in (3, 7):
        (tmp_path / "out.h5").unlink(missing_ok=True)
        seisproc("run", "job.yaml", "-q", ranks=ranks, cwd=tmp_path, check=None)
        (tmp_path / "out.h5.runs").unlink()
        seisproc("qc", "out.h5", "--json", "out.json", "-q", cwd=tmp_path)
        pages.append(((tmp_path / "out.json").read_bytes(), (tmp_path / "out.qc.html").read_bytes()))
    assert pages[0] == pages[1]
    numbers = json.loads(pages[0][0])
    with h5py.File(tmp_path / "out.h5") as f, h5py.File(tmp_path / "in.h5") as s:
        before, noise, first = s["traces"][:].astype("f8"), f["noise"][:].astype("f8"), f["gathers/first_trace"][:]
        status = f["integrity/status"][:].tolist()
    for g, (a, b) in enumerate(zip(first, first[1:])):
        good = np.isfinite(before[a:b]).all(1)
        energy = (before[a:b][good] ** 2).sum()
        share = numbers["removed_fraction"][g]
        assert share == pytest.approx((noise[a:b][good] ** 2).sum() / energy, rel=1e-4) if energy else share is None
    found = {name: numbers[name] for name in ("removed_fraction", "xcorr", "rms_in", "peak_in")}
    found.update(status=status, outliers=[o["gather"] for o in numbers["outliers"] if o["why"] == "status"],
                 drawn=sorted(g["gather"] for g in numbers["gathers"]),
                 clips=[g["clip"] for g in sorted(numbers["gathers"], key=lambda g: g["gather"])])
    golden = json.loads(GOLDEN.read_text())["odd gathers"]
    assert found.keys() == golden.keys()
    for key, values in golden.items():
        mine, true = (np.array(v, float) for v in (found[key], values))
        assert np.allclose(mine, true, rtol=2e-3, atol=1e-6, equal_nan=True), (key, found[key])


# Traces, first trace of each gather, offsets. In each a gather ends where no statistic does any more.
LEAST = {
    "no gathers": (np.zeros((0, 50)), [0], []),
    "no traces": (np.zeros((0, 50)), [0, 0, 0], []),
    "one sample": ([[1.0], [2.0], [-3.0]], [0, 1, 3], [0, 10, 20]),
    "one trace": ([np.sin(np.arange(100) / 5) + 0.5], [0, 1], [10]),
}
MUTE = "input: in.h5\noutput: out.h5\nmode: both\nengine: cpu\nchain: [mute: {velocity: 1000, taper: 0}]\n"


def numbers_that_must_be(traces, first, offsets):
    """What the mute removes: samples, 2 ms apart, before offset / (1000 m/s)."""
    before = np.array(traces, "f8")
    noise = np.where(2e-3 * np.arange(before.shape[1]) < np.array(offsets, "f8").reshape(-1, 1) / 1000, before, 0)
    rows = [slice(a, b) for a, b in zip(first, first[1:])]
    energy, removed = ([(x[r] ** 2).sum() for r in rows] for x in (before, noise))
    return {"n_gathers": len(rows), "removed_total": sum(removed) / sum(energy) if sum(energy) else None,
            "removed_fraction": [n / e if e else None for n, e in zip(removed, energy)],
            "rms_in": [np.sqrt((before[r] ** 2).mean()) if before[r].size else None for r in rows],
            "rms_noise": [np.sqrt((noise[r] ** 2).mean()) if noise[r].size else None for r in rows],
            "peak_in": [abs(before[r]).max() if before[r].size else None for r in rows],
            "measured": sum(before[r].size > 0 for r in rows)}


@pytest.mark.parametrize("name", LEAST)
def test_numbers_of_the_least_surveys(seisproc, tmp_path, name):
    """Every command takes them, and the numbers are those of the definition and of the file of golden ones."""
    traces, first, offsets = LEAST[name]
    write_survey(tmp_path / "in.h5", traces, first, headers={"offset": np.array(offsets, "f4")})
    (tmp_path / "job.yaml").write_text(MUTE)
    seisproc("run", "job.yaml", "-q", ranks=3, cwd=tmp_path, check=None)
    seisproc("qc", "out.h5", "--json", "out.json", "-q", cwd=tmp_path)
    numbers = json.loads((tmp_path / "out.json").read_text())
    numbers["measured"] = numbers["survey_spectra"]["measured"]
    numbers["drawn"] = sorted(g["gather"] for g in numbers["gathers"])
    for true in (numbers_that_must_be(traces, first, offsets), json.loads(GOLDEN.read_text())[name]):
        for key, value in true.items():
            assert np.allclose(np.array(numbers[key], float), np.array(value, float), rtol=1e-5, equal_nan=True), key
    assert numbers["measured_every"] == 0, "a job that had nothing to measure has taken its figures all the same"
    page = (tmp_path / "out.qc.html").read_text()
    assert ("No gather was measured" in page) == (len(traces) == 0) and "took no figures" not in page
    said = json.loads(seisproc("info", "out.h5", "--json", cwd=tmp_path).stdout)
    assert (said["n_gathers"], said["n_traces"]) == (len(first) - 1, len(traces))
    seisproc("verify", "out.h5", cwd=tmp_path)
    found = json.loads(seisproc("compare", "in.h5", "out.h5", "--json", cwd=tmp_path, check=None).stdout)
    assert found["n_traces"] == len(traces) and found["removed"]["energy"] == pytest.approx(numbers["removed_total"])
    for what in ("triptych", "fk", "spectrum", "headers", "section"):
        result = seisproc("view", "out.h5", f"--what={what}", "-o", "a.svg", cwd=tmp_path, check=int(not len(traces)))
        assert re.fullmatch("" if len(traces) else r"seisproc: error: .*has no (gathers|traces)\n", result.stderr), what


def figures(numbers):
    shown = numbers["gathers"][0]
    spectrum = np.array(numbers["spectra"]["before"])
    return {"removed": numbers["removed_total"], "xcorr": shown["xcorr"], "clip": shown["clip"],
            "gain": shown["gain"], "spectrum": spectrum.reshape(16, 16).mean(1).tolist(),
            "drawn": sorted(g["gather"] for g in numbers["gathers"]), "nyquist": numbers["spectra"]["nyquist"]}


@pytest.mark.parametrize("name", SURVEYS)
def test_numbers_of_a_real_survey(seisproc, data_dir, tmp_path, name):
    seisproc("import", data_dir / name, "in.h5", "--gather", SURVEYS[name], "-q", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    seisproc("run", "job.yaml", "-q", ranks=3, cwd=tmp_path)
    seisproc("qc", "out.h5", "--json", "out.json", "-q", cwd=tmp_path)
    numbers = json.loads((tmp_path / "out.json").read_text())
    with h5py.File(tmp_path / "out.h5") as f, h5py.File(tmp_path / "in.h5") as s:
        share = (f["noise"][:].astype("f8") ** 2).sum() / (s["traces"][:].astype("f8") ** 2).sum()
    assert abs(numbers["removed_total"] / share - 1) < 1e-4
    found, golden = figures(numbers), json.loads(GOLDEN.read_text())[name]
    for key in ("drawn", "gain", "nyquist"):
        assert found[key] == golden[key], key
    for key in ("removed", "xcorr", "clip", "spectrum"):
        assert np.allclose(found[key], golden[key], rtol=2e-3), key
