# SPDX-License-Identifier: BSD-3-Clause
"""The README's session on a small survey: what a user does first has to work, also with the sanitizers."""

import h5py
import numpy
import pytest

import harness

JOB = """
input: survey.h5
output: denoised.h5
mode: both
chain:
  - mute: {velocity: 1500, taper: 20}
  - dwt: {wavelet: db4, threshold: soft, k: 3.0}
"""


@pytest.mark.smoke
def test_a_survey_is_made_and_denoised(seisproc, tmp_path):
    size = ["--gathers", "5", "--traces", "20", "--samples", "300", "--interval-ms", "4", "--seed", "7"]
    seisproc("synth", "survey.h5", *size, cwd=tmp_path)
    (tmp_path / "denoise.yaml").write_text(JOB)
    seisproc("run", "denoise.yaml", "--quiet", ranks=4, cwd=tmp_path)
    with h5py.File(tmp_path / "survey.h5") as survey, h5py.File(tmp_path / "denoised.h5") as denoised:
        before = survey["traces"][:]
        after, noise = denoised["traces"][:], denoised["noise"][:]
    assert after.shape == before.shape
    assert numpy.abs(after + noise - before).max() <= 2e-6 * numpy.abs(before).max()
    assert 0.05 < numpy.linalg.norm(noise) / numpy.linalg.norm(before) < 0.999
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("*.journal"))


def test_the_format_page_names_all_that_a_file_holds(seisproc, tmp_path):
    page = (harness.ROOT / "docs/format.md").read_text()
    seisproc("synth", "a.h5", "--gathers", "3", "--traces", "8", "--samples", "100", "-q", cwd=tmp_path)
    seisproc("export", "a.h5", "b.sgy", "-q", cwd=tmp_path)
    seisproc("import", "b.sgy", "c.h5", "--gather", "fldr", "-q", cwd=tmp_path)
    job = {"input": "c.h5", "output": "d.h5", "mode": "both", "sort": "[offset]", "chain": "[mute]"}
    (tmp_path / "job.yaml").write_text("".join(f"{key}: {value}\n" for key, value in job.items()))
    seisproc("run", "job.yaml", "-q", ranks=3, cwd=tmp_path)
    missing = set()
    for name in "ad":
        with h5py.File(tmp_path / f"{name}.h5") as f:
            missing |= {a for a in f.attrs if f"`{a}`" not in page}
            f.visititems(lambda path, thing: missing.update(unnamed(path, thing, page)))
    assert not missing


def unnamed(path, thing, page):
    """What format.md does not name of this object: its path, and its attributes."""
    if isinstance(thing, h5py.Dataset) and not path.startswith("headers/") and f"/{path} " not in page:
        yield f"/{path}"
    yield from (f"/{path}: {a}" for a in thing.attrs if a not in page)
