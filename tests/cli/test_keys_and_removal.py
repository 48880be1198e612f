# SPDX-License-Identifier: BSD-3-Clause
"""Two keys are two numbers wherever they are printed, ranges are in units, and `compare` says what a job removed."""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "segy"))
import segy_writer as sw  # noqa: E402

RNG = np.random.default_rng(3)
N, NS = 12, 64


def imported(seisproc, tmp_path, *keys, samples=None, name="a.h5", **words):
    words = dict(fldr=1, iline=1000 + np.arange(N) // 4, xline=np.arange(N) % 4 - 2, ns=NS, dt=4000, scalco=-10,
                 sx=12345, offset=100) | words
    samples = RNG.normal(size=(N, NS)).astype("f4") if samples is None else samples
    (tmp_path / "in.sgy").write_bytes(sw.segy(sw.trace_headers(N, **words), samples, 5, dt=4000))
    seisproc("import", "in.sgy", name, "-q", *(f"--gather={k}" for k in keys), cwd=tmp_path)
    return samples


def test_two_keys_are_two_numbers(seisproc, tmp_path):
    samples = RNG.normal(size=(N, NS)).astype("f4")
    samples[5, 3] = np.nan
    imported(seisproc, tmp_path, "iline", "xline", samples=samples)
    (tmp_path / "job.yaml").write_text("input: a.h5\noutput: o.h5\nchain: [dwt]\n")
    info = seisproc("info", "a.h5", cwd=tmp_path).stdout
    assert "by iline (1000 to 1002) and xline (-2 to 1)" in info
    report = json.loads(seisproc("info", "--json", "a.h5", cwd=tmp_path).stdout)
    assert report["gathers"]["least_key"] == [1000, -2] and report["gathers"]["largest_key"] == [1002, 1]
    said = seisproc("run", "job.yaml", "--quiet", cwd=tmp_path, check=2).stderr
    assert "(iline 1001, xline -1)" in said
    with h5py.File(tmp_path / "o.h5", "r+") as f:
        f["traces"][6] += 1
    assert "gather 6 (iline 1001, xline 0)" in seisproc("verify", "o.h5", cwd=tmp_path, check=1).stderr
    text = seisproc("compare", "a.h5", "o.h5", cwd=tmp_path).stdout
    assert "trace 0 of gather 0 (iline 1000, xline -2)" in text
    found = json.loads(seisproc("compare", "--json", "a.h5", "o.h5", cwd=tmp_path).stdout)
    assert found["first_different"]["key"] == [1000, -2]
    packed = str(1000 << 32)[:6]
    assert packed not in info + said + text


def test_ranges_are_in_units(seisproc, tmp_path):
    imported(seisproc, tmp_path, "fldr", scalco=np.where(np.arange(N) % 2, -10, -100),
             sx=np.where(np.arange(N) % 2, 12345, 123450))
    for path in ("a.h5", "in.sgy"):
        report = json.loads(seisproc("info", "-H", "--json", path, cwd=tmp_path).stdout)
        sx = next(h for h in report["headers"] if h["name"] == "sx")
        assert (sx["min"], sx["max"], sx["units"]) == (1234.5, 1234.5, "m")


@pytest.mark.parametrize("ranks", (None, 3))
def test_what_was_removed(seisproc, tmp_path, ranks):
    samples = imported(seisproc, tmp_path, "iline")
    (tmp_path / "job.yaml").write_text("input: a.h5\noutput: o.h5\nchain: [dwt]\n")
    seisproc("run", "job.yaml", "--quiet", cwd=tmp_path)
    with h5py.File(tmp_path / "o.h5") as f:
        kept = f["traces"][:].astype("f8")
    removed = samples - kept
    shares = (removed**2).reshape(3, -1).sum(1) / (samples.astype("f8")**2).reshape(3, -1).sum(1)
    found = json.loads(seisproc("compare", "--json", "a.h5", "o.h5", cwd=tmp_path, ranks=ranks).stdout)["removed"]
    expected = [(removed**2).sum() / (samples.astype("f8")**2).sum(), shares.min(), shares.mean(), shares.max()]
    assert np.allclose([found[k] for k in ("energy", "least", "mean", "most")], expected, rtol=1e-12)
    assert (found["least_gather"], found["most_gather"]) == (shares.argmin(), shares.argmax())
    correlation = (removed * kept).sum() / np.linalg.norm(removed) / np.linalg.norm(kept)
    assert np.isclose(found["correlation_with_kept"], correlation, rtol=1e-9)
    text = seisproc("compare", "a.h5", "o.h5", cwd=tmp_path).stdout
    assert f"at most (gather {shares.argmax()} (iline {1000 + shares.argmax()}))" in text and "correlation" in text


def test_what_else_differs(seisproc, tmp_path):
    samples = imported(seisproc, tmp_path, "iline")
    imported(seisproc, tmp_path, "iline", samples=samples, name="same.h5")
    imported(seisproc, tmp_path, "iline", samples=samples, name="late.h5", delrt=8)
    imported(seisproc, tmp_path, "fldr", samples=samples, name="one.h5")
    imported(seisproc, tmp_path, "iline", samples=samples, name="fast.h5")
    with h5py.File(tmp_path / "fast.h5", "r+") as f:
        f.attrs["sample_interval_us"] = 2000.0
    for name, key, said in (("same", None, ""), ("late", "delays_differ", "delay recording times"),
                            ("one", "gathers_differ", "gathers: by iline and fldr"),
                            ("fast", "intervals_differ", "sample intervals: 4 ms and 2 ms")):
        found = json.loads(seisproc("compare", "--json", "a.h5", f"{name}.h5", cwd=tmp_path).stdout)
        assert found["identical"] and {k for k, v in found.items() if k.endswith("_differ") and v} == {key} - {None}
        text = seisproc("compare", "a.h5", f"{name}.h5", cwd=tmp_path).stdout
        assert ("DIFFERENT" in text) == (key is not None) and said in text and "energy" not in text


def test_a_gather_that_is_dead_in_the_output_is_dead_in_the_input(seisproc, tmp_path):
    samples = RNG.normal(size=(N, NS)).astype("f4")
    samples[4:8] = 0
    imported(seisproc, tmp_path, "iline", samples=samples)
    (tmp_path / "job.yaml").write_text("input: a.h5\noutput: o.h5\nmode: both\nchain: [dwt]\n")
    seisproc("run", "job.yaml", "--quiet", cwd=tmp_path, check=None)
    seisproc("verify", "o.h5", "--against", "a.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "a.h5", "r+") as f:
        f["traces"][5, 7] = 1.5
    result = seisproc("verify", "o.h5", "--against", "a.h5", cwd=tmp_path, check=1)
    assert "gather 1 (iline 1001)" in result.stderr and "NOT EQUAL" in result.stdout
