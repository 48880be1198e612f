# SPDX-License-Identifier: BSD-3-Clause
"""The numbers behind the report on real surveys stay what they were when someone looked at the pictures."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

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
