# SPDX-License-Identifier: BSD-3-Clause
"""pstm where source, receiver and image point are one: both legs have the vertical time, and all is finite."""

import h5py
import numpy as np
import pytest

import jobs
from images import VELOCITY, write_survey

N_SAMPLES, AT, DX = 200, 100, 25.0
JOB = """\
input: {input}
output: {output}
engine: cpu
threads: 1
chain:
  - pstm: {{velocity: 2000, origin: [0, 0], dx: 25, nx: 3, ny: 3, ntau: 150, aperture: 20, oversample: 1,
           antialias: false, weights: WEIGHTS}}
"""


def migrate(folder, survey, weights):
    job = jobs.Job(folder, survey, JOB.replace("WEIGHTS", weights), name=weights)
    job.run(ranks=3)
    with h5py.File(job.output) as f:
        assert np.allclose(f["headers/cdpx"], np.tile(np.arange(3) * DX, 3))
        return f["traces"][:], f["hits"][:]


def test_image_is_finite_and_the_trace_itself(tmp_path):
    """Each trace reaches the point it was shot at and no other: the aperture is shorter than the grid's step."""
    places = np.stack(np.meshgrid(np.arange(3), np.arange(3)), axis=-1).reshape(-1, 2) * DX
    data = np.zeros((9, N_SAMPLES))
    data[:, AT] = np.arange(1, 10)
    survey = write_survey(tmp_path / "in.h5", data, places, places)
    found = {weights: migrate(tmp_path, survey, weights) for weights in ("true", "none")}
    for image, hits in found.values():
        assert np.isfinite(image).all() and hits.any(axis=1).all()
        assert abs(np.abs(image[0]).argmax() - (AT - 1)) <= 1  # the first sample of the image is at tau0 = dt
        assert np.abs(image - np.outer(np.arange(1, 10), image[0])).max() < 1e-4 * np.abs(image).max()
    # W = (tau / v) (t_s + t_r) (1 / t_s^2 + 1 / t_r^2) is 8 / v where t_s = t_r = tau / 2
    plain = found["none"][0]
    sure = np.abs(plain) > 1e-3 * np.abs(plain).max()
    assert found["true"][0][sure] == pytest.approx(8 / VELOCITY * plain[sure], rel=1e-3)
