# SPDX-License-Identifier: BSD-3-Clause
"""The README's pictures are those that its commands make."""

import shutil
import sys

import numpy as np
import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tests"))
from qc.pictures import decode_png  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory, data_dir):
    folder = tmp_path_factory.mktemp("readme")
    line = data_dir / "viking_segy/viking_small.segy"
    tool = harness.ROOT / "tools/readme_pictures.py"
    result = harness.run([sys.executable, tool, line, folder, harness.BINARY], timeout=120)
    assert result.returncode == 0, str(result)
    return folder


def pixels(path):
    found, palette = decode_png(path.read_bytes())
    return (found if palette is None else palette[found]).astype(int)


def test_the_triptych_is_what_the_command_draws(made):
    """But for letters, which are the machine's fonts."""
    drawn, shown = pixels(made / "triptych.png"), pixels(harness.ROOT / "docs/triptych.png")
    assert drawn.shape == shown.shape
    panels = (slice(60, 400), slice(70, 900))
    assert np.mean(np.abs(drawn - shown)[panels] > 8) < 0.01


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium (Debian: chromium)")
def test_the_report_is_what_a_browser_shows(made):
    head = (made / "report.png").read_bytes()[:24], (harness.ROOT / "docs/report.png").read_bytes()[:24]
    assert head[0] == head[1] and (made / "report.png").stat().st_size > 100000
