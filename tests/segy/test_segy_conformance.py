# SPDX-License-Identifier: BSD-3-Clause
"""libsegyio's own test files: every one is imported with the right numbers and exported to the same bytes, or refused
by name. Nothing hangs, nothing is left behind."""

from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

import segy_writer

# What is refused, and what the line says.
REFUSED = {
    "broken.sgy": "truncated: after 3 traces of 4 samples, 68 bytes",
    "text.sgy": "no traces",
    **{f"Format{code}{order}.sgy": f"sample format {code} ({name}) is not read" for order in ("msb", "lsb")
       for code, name in ((4, "4-byte fixed point with gain"), (7, "3-byte integer"), (9, "8-byte integer"),
                          (12, "8-byte unsigned integer"), (15, "3-byte unsigned integer"))},
}

# Traces, samples a trace, header bytes, interval in us, where it is not 240 and 4000; by the file's documentation.
SHAPES = {
    "1x1.sgy": (4, 10), "1xN.sgy": (24, 10), "Mx1.sgy": (24, 10), "decrement-lsb.sgy": (5, 4, 240, 32762),
    "decrement.sgy": (5, 4, 240, 32762), "delay-scalar.sgy": (1, 251), "f3-lsb.sgy": (414, 75), "f3.sgy": (414, 75),
    "increment-lsb.sgy": (5, 4), "increment.sgy": (5, 4), "interval-neg-bin-neg-trace.sgy": (1, 1),
    "interval-neg-bin-pos-trace.sgy": (1, 1), "interval-pos-bin-neg-trace.sgy": (1, 1, 240, 2000),
    "long.sgy": (3, 60000, 240, 1000), "multi-text.sgy": (1, 1), "shot-gather.sgy": (61, 25, 240, 1000),
    "rotated-small-rev2.sgy": (25, 50, 480), "stanzas-known-count.sgy": (6, 4, 240, 1000),
    "stanzas-unknown-count.sgy": (6, 4, 240, 1000), "tiny.sgy": (6, 4, 240, 1000),
    "trace-header-extension1.sgy": (6, 4, 480, 1000), "trace-header-extensions.sgy": (2, 4, 720, 1000),
    "mapping-all-types-lsb.sgy": (2, 4, 480, 1000), "mapping-all-types.sgy": (2, 4, 480, 1000),
    "mapping-encoding-ext1.sgy": (2, 4, 480, 1000), "mapping-encoding-private.sgy": (2, 4, 720, 1000),
    "mapping-mixed-order.sgy": (2, 4, 960, 1000), "mapping-no-extension1.sgy": (2, 4, 480, 1000),
    "small-lsb.su": (25, 50), "small.su": (25, 50),
    **{f"mapping-{name}.sgy": (6, 4, 240, 1000) for name in (
        "default", "empty", "invalid-attribute", "invalid-root", "invalid-value", "minimal", "multiple-stanzas",
        "shifted", "unparsable", "unsupported-type")},
}


def shape_of(name):
    if name in SHAPES:
        return (SHAPES[name] + (240, 4000)[len(SHAPES[name]) - 2:])[:4]
    if name.startswith("Format"):
        return 414, 75, 240, 4000
    if name.startswith("small-ps"):
        return 24, 10, 240, 4000
    return 25, 50, 240, 4000  # small.sgy and its rotated copies


def files(data_dir):
    folder = data_dir / "conformance_segyio"
    return sorted([*folder.glob("*.s*"), *(folder / "multiformats").iterdir()])


def order_of(name):
    return "little" if "lsb" in name else "big"


def own_reading(path, header_bytes, n_samples):
    """Raw trace headers and float32 samples, by NumPy."""
    data, order = np.fromfile(path, "u1"), order_of(path.name)
    if path.suffix == ".su":
        code, body = 5, data
    else:
        code = int(segy_writer.get(data[3200:3600], 25, "i2", order))
        texts = int(segy_writer.get(data[3200:3600], 305, "i2", order))
        texts = {"stanzas-unknown-count.sgy": 3, "mapping-empty.sgy": 1}.get(path.name, texts)
        body = data[3600 + 3200 * texts:]
    rows = body.reshape(-1, header_bytes + n_samples * segy_writer.SAMPLE_BYTES[code])
    return rows[:, :header_bytes], segy_writer.decode(rows[:, header_bytes:], code, order).astype("f4")


def check_file(seisproc, path, folder):
    """Imports and exports one file in a folder of its own; whether it was refused."""
    folder.mkdir()
    survey, again = folder / "x.h5", folder / "again"
    result = seisproc("import", path, survey, "--gather", "none", "-q", check=None)
    if path.name in REFUSED:
        assert result.returncode == 1, result
        assert len(result.stderr.splitlines()) == 1 and REFUSED[path.name] in result.stderr, result
        assert not list(folder.iterdir()), path.name
        return True
    assert result.returncode == 0, result
    n_traces, n_samples, header_bytes, interval = shape_of(path.name)
    headers, samples = own_reading(path, header_bytes, n_samples)
    with h5py.File(survey) as f:
        assert f["traces"].shape == (n_traces, n_samples), path.name
        assert f.attrs["sample_interval_us"] == interval, path.name
        assert np.array_equal(f["traces"], samples), path.name
        assert np.array_equal(f["segy/trace_headers"], headers), path.name
    seisproc("export", survey, again, "-q")
    assert again.read_bytes() == path.read_bytes(), path.name
    return False


@pytest.mark.timeout(300)
def test_every_file_is_read_right_or_refused_by_name(seisproc, data_dir, tmp_path):
    paths = files(data_dir)
    assert len(paths) == 90
    with ThreadPoolExecutor(4) as pool:  # most of the time is waiting for the disk
        refused = list(pool.map(lambda i: check_file(seisproc, paths[i], tmp_path / str(i)), range(len(paths))))
    assert {p.name for p, no in zip(paths, refused) if no} == set(REFUSED)


def test_whole_traces_of_the_broken_file(seisproc, data_dir, tmp_path):
    result = seisproc("import", data_dir / "conformance_segyio/broken.sgy", tmp_path / "x.h5", "--gather", "none",
                      "--allow-truncated")
    assert "used its 3 whole traces" in result.stderr and "last 68 bytes" in result.stderr
    with h5py.File(tmp_path / "x.h5") as f:
        assert f["traces"].shape == (3, 4)


def test_all_formats_of_the_cube_agree(seisproc, data_dir, tmp_path):
    """The same numbers in every format and byte order; in a format that is too narrow for them, modulo its range."""
    folder = data_dir / "conformance_segyio"
    seisproc("import", folder / "f3.sgy", tmp_path / "f3.h5", "--gather", "iline", "-q")
    with h5py.File(tmp_path / "f3.h5") as f:
        cube, keys, first = f["traces"][:], f["gathers/key"][:], f["gathers/first_trace"][:]
    assert cube.min() == -10239 and cube.max() == 10827
    for code in (1, 2, 3, 5, 6, 8, 10, 11, 16):
        kind = "i8" if code == 1 else segy_writer.SAMPLE_TYPES[code].replace("f", "i")
        for order in ("msb", "lsb"):
            seisproc("import", folder / f"multiformats/Format{code}{order}.sgy", tmp_path / "x.h5", "--gather", "iline",
                     "-q")
            with h5py.File(tmp_path / "x.h5") as f:
                assert np.array_equal(f["traces"], cube.astype("i8").astype(kind).astype("f4")), (code, order)
                assert np.array_equal(f["gathers/key"], keys) and np.array_equal(f["gathers/first_trace"], first)


def test_header_columns_agree_with_segyio(seisproc, data_dir, tmp_path, segyio):
    """Each header word of these files, against libsegyio's reading of the same byte."""
    for name in ("small-ps.sgy", "f3.sgy", "f3-lsb.sgy", "shot-gather.sgy", "small-ps-dec-xl-off-inc-il.sgy"):
        path = data_dir / "conformance_segyio" / name
        seisproc("import", path, tmp_path / "x.h5", "--gather", "none", "-q")
        endian = "little" if "lsb" in name else "big"
        checked = 0
        with h5py.File(tmp_path / "x.h5") as f, segyio.open(path, ignore_geometry=True, endian=endian) as g:
            for word, (byte, _) in segy_writer.WORDS.items():
                if word in ("ns", "dt", "d1"):
                    continue
                # attributes() of libsegyio 1.8 does not swap 2-byte words
                theirs = [h[byte] for h in g.header[:]] if endian == "little" else g.attributes(byte)[:]
                assert np.array_equal(f["headers"][word], theirs), (name, word)
                checked += 1
        assert checked == len(segy_writer.WORDS) - 3


def test_layout_stanzas_move_header_words(seisproc, data_dir, tmp_path):
    folder = data_dir / "conformance_segyio"

    def columns(name, *warnings):
        result = seisproc("import", folder / name, tmp_path / "x.h5", "--gather", "none", "-q")
        stanza = [line for line in result.stderr.splitlines() if "layout stanza" in line]
        assert len(stanza) == len(warnings) and all(w in line for w, line in zip(warnings, stanza)), result
        with h5py.File(tmp_path / "x.h5") as f:
            return {k: f["headers"][k][:] for k in f["headers"]}

    for name in ("mapping-all-types.sgy", "mapping-all-types-lsb.sgy"):
        # the layout has iline, xline and offset at bytes 1, 5 and 9, so that tracl, tracr and fldr have no place
        got = columns(name)
        assert list(got["iline"]) == [1, 1] and list(got["xline"]) == [20, 21] and list(got["offset"]) == [1, 1]
        assert list(got["delrt"]) == [9, 9] and list(got["scalt"]) == [4, 4] and list(got["scalsp"]) == [5, 5]
        assert "tracl" not in got and "tracr" not in got and "fldr" not in got
    assert list(columns("mapping-minimal.sgy")["xline"]) == [20, 21, 20, 21, 20, 21]
    shifted = columns("mapping-shifted.sgy")
    headers, _ = own_reading(folder / "mapping-shifted.sgy", 240, 4)
    assert np.array_equal(shifted["offset"], segy_writer.get(headers, 38, "i4", "big"))
    assert np.array_equal(shifted["iline"], segy_writer.get(headers, 190, "i4", "big"))
    for name, why in (("invalid-attribute", "entry 'cdp_y'"), ("invalid-root", "not a <segy-layout>"),
                      ("invalid-value", "byte 666"), ("unparsable", "does not end")):
        got = columns(f"mapping-{name}.sgy", why)
        headers, _ = own_reading(folder / f"mapping-{name}.sgy", 240, 4)
        assert np.array_equal(got["iline"], segy_writer.get(headers, 189, "i4", "big"))


def test_extension_1_overrides(seisproc, data_dir, tmp_path):
    folder = data_dir / "conformance_segyio"
    seisproc("import", folder / "trace-header-extensions.sgy", tmp_path / "x.h5", "--gather", "none", "-q")
    headers, _ = own_reading(folder / "trace-header-extensions.sgy", 720, 4)
    with h5py.File(tmp_path / "x.h5") as f:
        wide = segy_writer.get(headers, 241, "u8", "big")
        narrow = segy_writer.get(headers, 1, "i4", "big")
        assert np.array_equal(f["headers/tracl"], np.where(wide, wide, narrow).astype("f8"))
        assert {"cable", "lasttr", "nanosec", "gdepth"} <= set(f["headers"])
        assert f["headers/sx"].dtype == "f8" and f["headers/iline"].dtype == "i4"
