"""The README's session on a small survey: what a user does first has to work, also with the sanitizers."""

import h5py
import numpy
import pytest

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
