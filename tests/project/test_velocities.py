# SPDX-License-Identifier: BSD-3-Clause
"""docs/velocities.md: its table and its pictures are what `make pictures` makes now."""

import json
import re
import sys

import numpy as np

import harness

sys.path.append(str(harness.ROOT / "tests"))
from qc.pictures import decode_png  # noqa: E402

PAGE = (harness.ROOT / "docs/velocities.md").read_text()


def colours(png):
    image, palette = decode_png(png)
    return np.asarray(image if palette is None else palette[image], float)


def test_table_and_pictures_of_the_page(tmp_path):
    made = harness.run([sys.executable, harness.ROOT / "tools/velocity_pictures.py", tmp_path], timeout=100,
                       env={"SEISPROC_BUILD": harness.BUILD}, tmp=tmp_path)
    assert made.returncode == 0, str(made)
    figures = json.loads((tmp_path / "velocities.json").read_text())
    for part, verb in (("reflections", "keep"), ("ground roll", "keeps"), ("air wave", "keeps")):
        row = re.search(rf"\| {part} {verb}, dB \|(.*)\|", PAGE)[1].split("|")
        found = [figures[name][part] for name in ("600", "1500", "4000", "band", "aliases")]
        assert np.allclose([float(cell) for cell in row], found, atol=0.02), (part, found)
    pictures = re.findall(r"\]\((fk-\d+\.png)\)", PAGE)
    assert len(pictures) == 3
    for name in pictures:
        old, new = (colours((folder / name).read_bytes()) for folder in (harness.ROOT / "docs", tmp_path))
        assert old.shape == new.shape and np.abs(old - new).mean() < 2, name
