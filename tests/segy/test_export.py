# SPDX-License-Identifier: BSD-3-Clause
"""Export: the identical bytes of what was imported, every trace's own header, other formats and kinds, made headers."""

import shutil

import h5py
import numpy as np
import pytest

import segy_writer as sw

RNG = np.random.default_rng(7)

# Words of each format that a float does not hold, among many that it does.
HOSTILE = {
    1: [0x41080000, 0x40000000, 0x80000001, 0x7FFFFFFF, 0xFFFFFFFF, 0x00100000, 0x21100000, 0x61100000, 0x80000000,
        0x42640000],
    2: [2**31 - 1, 2**31, 2**24 + 1, 2**32 - 1, 123456789, 1, 0, 5, 2**30 + 64, 7],
    3: [0, 1, 32767, 32768, 65535, 4660, 9, 8, 7, 6],
    5: [0x7FC00001, 0x7F800001, 0xFF800000, 0x00000001, 0x80000000, 0x3F800000, 0x7F7FFFFF, 2, 3, 4],
    6: [0x7FF0000000000001, 0x3FB999999999999A, 0x0000000000000001, 0x7FEFFFFFFFFFFFFF, 0x8000000000000000,
        0x3FF0000000000000, 0xFFF0000000000000, 0x47EFFFFFF0000000, 0x3690000000000000, 12345],
    8: [0, 1, 127, 128, 255, 3, 4, 5, 6, 7],
    10: [2**32 - 1, 2**31, 2**24 + 1, 0, 1, 2, 3, 4, 5, 6],
    11: [0, 65535, 32768, 1, 2, 3, 4, 5, 6, 7],
    16: [0, 255, 128, 1, 2, 3, 4, 5, 6, 7],
}


def hostile_raw(code, order, n):
    """n traces of 10 samples; those of every third trace have no float of their own."""
    size = sw.SAMPLE_BYTES[code]
    tame = sw.encode(RNG.integers(0, 120, (n, 10)).astype("f8"), code, order)
    kind = sw.letter(order) + f"u{size}"
    words = np.array(HOSTILE[code], "u8").astype(kind).view("u1").reshape(1, -1)
    return np.where((np.arange(n) % 3 == 0)[:, None], words, tame)


def header_set(n, order="big", **words):
    words = {"fldr": np.arange(n) // 7 + 1, "tracf": np.arange(n) + 1, "ns": 10, "dt": 2000, **words}
    headers = sw.trace_headers(n, order, **words)
    headers[:, 232:] = RNG.integers(0, 256, (n, 8), "u1")  # bytes without a meaning are kept as well
    return headers


@pytest.mark.parametrize("code", sorted(HOSTILE))
@pytest.mark.parametrize("order", ("big", "little"))
def test_bytes_survive_in_every_format(seisproc, tmp_path, code, order):
    n = 50
    data = sw.segy(header_set(n, order), None, code, order, raw=hostile_raw(code, order, n), revision=(1, 0))
    (tmp_path / "in.sgy").write_bytes(data)
    ranks = 3 if (code, order) in ((1, "big"), (6, "little")) else None
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q", ranks=ranks)
    with h5py.File(tmp_path / "x.h5") as f:
        assert ("exact" in f["segy"]) == (code in (1, 2, 6, 10))
        if "exact" in f["segy"]:
            assert np.array_equal(f["segy/exact/traces"], np.arange(0, n, 3))
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q", ranks=ranks)
    assert (tmp_path / "out.sgy").read_bytes() == data and "warning" not in result.stderr


@pytest.mark.parametrize("ranks", (None, 2, 5))
def test_after_sorting_every_trace_has_its_own_header(seisproc, tmp_path, ranks):
    n = 77
    cdp = RNG.integers(1, 9, n)
    headers, raw = header_set(n, cdp=cdp), hostile_raw(1, "big", n)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, None, raw=raw))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "cdp", "-q", ranks=ranks)
    seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q", ranks=ranks)
    order = np.argsort(cdp, kind="stable")
    ensembles = [(3213, "i2", np.bincount(cdp).max()), (3229, "i2", 2)]  # largest gather; sorted as CDP ensembles
    assert (tmp_path / "out.sgy").read_bytes() == sw.segy(headers[order], None, raw=raw[order], extra=ensembles)


def process(path, change):
    """Changes samples as a job would; returns them."""
    with h5py.File(path, "r+") as f:
        samples = f["traces"][:]
        change(samples)
        f["traces"][:] = samples
    return samples


def test_processed_samples_are_written_and_untouched_ones_are_exact(seisproc, tmp_path):
    n = 21
    headers, raw = header_set(n), hostile_raw(1, "big", n)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, None, raw=raw))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")

    def change(samples):
        samples[3, 0] = 17.25
        samples[4, :] = -3
        samples[5, :] = 1e-3

    samples = process(tmp_path / "x.h5", change)
    seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q")
    body = np.frombuffer((tmp_path / "out.sgy").read_bytes()[3600:], "u1").reshape(n, -1)
    assert np.array_equal(body[:, :240], headers)
    wanted = raw.copy()
    wanted[3, :4] = sw.encode([[17.25]], 1, "big")
    wanted[4:6] = sw.encode(samples[4:6], 1, "big")
    assert np.array_equal(body[:, 240:], wanted)


def test_other_formats_and_what_they_lose(seisproc, tmp_path):
    n = 21
    values = RNG.normal(scale=1000, size=(n, 10)).astype("f4")
    values[0, :4] = [1e9, -1e9, 40000, 300]
    (tmp_path / "in.sgy").write_bytes(sw.segy(header_set(n), values, 5))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    limits = {2: (-2**31, 2**31 - 1), 3: (-2**15, 2**15 - 1), 8: (-128, 127), 10: (0, 2**32 - 1), 11: (0, 2**16 - 1),
              16: (0, 255)}
    for code in (1, 2, 3, 5, 6, 8, 10, 11, 16):
        result = seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q", "--format", code)
        data = np.frombuffer((tmp_path / "out.sgy").read_bytes(), "u1")
        assert sw.get(data[3200:3600], 25, "i2", "big") == code
        got = sw.decode(data[3600:].reshape(n, -1)[:, 240:], code, "big")
        if code in limits:
            low, high = limits[code]
            rounded = np.rint(values.astype("f8"))
            clipped = int(((rounded < low) | (rounded > high)).sum())
            assert np.array_equal(got, np.clip(rounded, low, high))
            assert (f"{clipped} samples are beyond the range" in result.stderr) == (clipped > 0), result
        else:
            assert np.allclose(got, values, rtol=2**-21 if code == 1 else 0, atol=0) and not result.stderr
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "no.sgy", "--format", "7", check=1)
    assert "7 (3-byte integer)" in result.stderr and not (tmp_path / "no.sgy").exists()

    process(tmp_path / "x.h5", lambda s: s.__setitem__((0, slice(3)), [np.nan, np.inf, -np.inf]))
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q", "--format", "3")
    assert "3 samples are NaN or infinite" in result.stderr


def test_noise(seisproc, tmp_path):
    n = 14
    (tmp_path / "in.su").write_bytes(sw.su(header_set(n, "little"), RNG.normal(size=(n, 10)), "little"))
    seisproc("import", tmp_path / "in.su", tmp_path / "x.h5", "--gather", "fldr", "-q")
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out", "--dataset", "noise", check=1)
    assert "has no /noise" in result.stderr and not (tmp_path / "out").exists()
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out", "--dataset", "trace", check=1)
    assert "allowed is traces or noise" in result.stderr
    noise = RNG.normal(size=(n, 10)).astype("f4")
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f["noise"] = noise
    seisproc("export", tmp_path / "x.h5", tmp_path / "out", "--dataset", "noise", "-q", ranks=3)
    body = np.frombuffer((tmp_path / "out").read_bytes(), "u1").reshape(n, -1)
    assert np.array_equal(sw.decode(body[:, 240:], 5, "little"), noise)


def test_the_other_kind(seisproc, tmp_path, segyio):
    n, samples = 14, RNG.normal(size=(14, 10)).astype("f4")
    headers = header_set(n, iline=5)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, samples, 6))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    seisproc("export", tmp_path / "x.h5", tmp_path / "out.su", "--as", "su", "-q")
    cut = headers.copy()
    cut[:, 180:] = 0
    assert (tmp_path / "out.su").read_bytes() == sw.su(cut, samples, "big")
    seisproc("import", tmp_path / "out.su", tmp_path / "y.h5", "--gather", "fldr", "-q")
    seisproc("export", tmp_path / "y.h5", tmp_path / "out.sgy", "--as", "segy", "-q")
    with segyio.open(tmp_path / "out.sgy", ignore_geometry=True) as f:
        assert np.array_equal(f.trace.raw[:], samples) and f.bin[3217] == 2000 and f.bin[3225] == 5
        assert [h[9] for h in f.header[:]] == list(np.arange(n) // 7 + 1)


def test_headers_made_from_columns(seisproc, tmp_path, segyio):
    """A survey that no SEG-Y file was behind; libsegyio reads what is written."""
    seisproc("synth", tmp_path / "s.h5", "--gathers", 4, "--traces", 12, "--samples", 60, "--interval-ms", 2, "--noise",
             1, "--seed", 3)
    outs = []
    for ranks in (None, 3):
        seisproc("export", tmp_path / "s.h5", tmp_path / f"{ranks}.sgy", "-q", ranks=ranks)
        outs.append((tmp_path / f"{ranks}.sgy").read_bytes())
    assert outs[0] == outs[1]
    with h5py.File(tmp_path / "s.h5") as s, segyio.open(tmp_path / "None.sgy", ignore_geometry=True) as f:
        assert np.array_equal(f.trace.raw[:], s["traces"]) and f.samples[1] == 2
        assert "END TEXTUAL HEADER" in f.text[0].decode("ascii")
        for word in ("fldr", "tracf", "offset", "sx", "gy", "iline", "cdpx", "scalco"):
            assert np.array_equal(f.attributes(sw.WORDS[word][0])[:], s["headers"][word]), word
    seisproc("import", tmp_path / "None.sgy", tmp_path / "again.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "s.h5") as s, h5py.File(tmp_path / "again.h5") as a:
        assert np.array_equal(s["traces"], a["traces"]) and np.array_equal(s["gathers/key"], a["gathers/key"])
        assert all(np.array_equal(s["headers"][k], a["headers"][k]) for k in s["headers"])
    for kind in ("su", "segy"):
        seisproc("export", tmp_path / "s.h5", tmp_path / "out", "--as", kind, "-q")
        result = seisproc("import", tmp_path / "out", tmp_path / "again.h5", "--gather", "fldr", "-q")
        assert "warning" not in result.stderr


@pytest.mark.parametrize("n_samples, interval_us", ((70000, 2000), (10, 62.5), (40000, 50000)))
def test_shapes_that_need_revision_2(seisproc, tmp_path, n_samples, interval_us):
    headers = header_set(3)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, RNG.normal(size=(3, 10)), 5))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        del f["segy"], f["traces"]
        f["traces"] = RNG.normal(size=(3, n_samples)).astype("f4")
        f["traces"].attrs["content"] = np.bytes_("input")
        f.attrs["n_samples"] = np.int64(n_samples)
        f.attrs["sample_interval_us"] = float(interval_us)
        f["headers/ns"][:], f["headers/dt"][:] = n_samples, 0  # which would say otherwise
    seisproc("export", tmp_path / "x.h5", tmp_path / "out.sgy", "-q")
    result = seisproc("import", tmp_path / "out.sgy", tmp_path / "y.h5", "--gather", "fldr", "-q")
    assert "warning" not in result.stderr, result
    with h5py.File(tmp_path / "x.h5") as f, h5py.File(tmp_path / "y.h5") as g:
        assert np.array_equal(f["traces"], g["traces"]) and g.attrs["sample_interval_us"] == interval_us


def test_what_cannot_be_exported(seisproc, tmp_path):
    (tmp_path / "in.sgy").write_bytes(sw.segy(header_set(7), np.ones((7, 10))))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    for source, target, say in (("in.sgy", "out", "not an HDF5 file"), ("absent", "out", "no such file"),
                                ("x.h5", "x.h5", "the output is the input"), ("x.h5", "no/out", "cannot be written"),
                                ("x.h5", ".", "is a directory")):
        result = seisproc("export", tmp_path / source, tmp_path / target, check=1)
        assert len(result.stderr.splitlines()) == 1 and say in result.stderr, result
    shutil.copy(tmp_path / "x.h5", tmp_path / "bad.h5")
    with h5py.File(tmp_path / "bad.h5", "r+") as f:
        del f["segy/binary_header"]
    result = seisproc("export", tmp_path / "bad.h5", tmp_path / "out", check=1)
    assert "3200 bytes of file headers" in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.h5", "in.sgy", "x.h5"]
