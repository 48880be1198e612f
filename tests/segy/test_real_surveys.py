# SPDX-License-Identifier: BSD-3-Clause
"""The whole path on real surveys: SEG-Y or SU in, denoised, SEG-Y or SU out with every trace under its own header."""

import h5py
import numpy as np
import pytest

import segy_writer as sw

# File: gather key, bytes before the traces, samples, format, whether offsets allow a mute.
SURVEYS = {
    "marine_cdp_su/cdp601to610.su": ("cdp", 0, 750, 5, True),
    "land_shot_su/subarna_fldr3360.su": ("fldr", 0, 2501, 5, True),
    "viking_segy/viking_small.segy": ("fldr", 3600, 600, 1, True),
    "near_surface_segy/real_gather.sgy": ("fldr", 3600, 1000, 5, False),
    "oz16_su/ozdata16.su": ("fldr", 0, 1325, 5, False),
}

JOB = """
input: in.h5
output: out.h5
mode: both
chain: [{mute}dwt: {{wavelet: db4, transform: dwt, threshold: soft, k: 3.0, noise_level: finest}}]
"""


@pytest.mark.parametrize("name", SURVEYS)
def test_import_run_export(seisproc, data_dir, tmp_path, name):
    key, head, n_samples, code, has_offsets = SURVEYS[name]
    source = (data_dir / name).read_bytes()
    seisproc("import", data_dir / name, "in.h5", "--gather", key, "-q", ranks=2, cwd=tmp_path)
    mute = "mute: {velocity: 2500, taper: 20}, " if has_offsets else ""
    (tmp_path / "job.yaml").write_text(JOB.format(mute=mute))
    seisproc("run", "job.yaml", "-q", ranks=4, timeout=120, cwd=tmp_path)
    for dataset in ("traces", "noise"):
        seisproc("export", "out.h5", dataset, "--dataset", dataset, "-q", "--keep-text", ranks=2, cwd=tmp_path)

    def rows(data):
        assert data[:head] == source[:head]
        return np.frombuffer(data[head:], "u1").reshape(-1, 240 + 4 * n_samples)

    before, after, noise = (rows(data) for data in (
        source, (tmp_path / "traces").read_bytes(), (tmp_path / "noise").read_bytes()))
    assert np.array_equal(after[:, :240], before[:, :240]) and np.array_equal(noise[:, :240], before[:, :240])
    signal, kept, taken = (sw.decode(part[:, 240:], code, "big") for part in (before, after, noise))
    # three roundings: of the two parts, and of each to the format
    assert np.abs(kept + taken - signal).max() <= 2**-20 * np.abs(signal).max()
    assert 0.01 < np.linalg.norm(taken) / np.linalg.norm(signal) < 0.9
    with h5py.File(tmp_path / "out.h5") as f:
        assert np.array_equal(f["traces"][:].astype("f8"), kept) or code == 1
        assert set(f["integrity/status"][:]) <= {0, 1}
