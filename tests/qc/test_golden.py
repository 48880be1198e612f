# SPDX-License-Identifier: BSD-3-Clause
"""The numbers behind the report on real surveys stay what they were when someone looked at the pictures."""

import json
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
