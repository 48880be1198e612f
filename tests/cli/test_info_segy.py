# SPDX-License-Identifier: BSD-3-Clause
"""seisproc info on SEG-Y and SU files: real ones, and segyio's conformance files."""

import json
import struct

import numpy as np
import pytest


def test_segy(seisproc, data_dir):
    path = data_dir / "viking_segy" / "viking_small.segy"
    said = json.loads(seisproc("info", path, "--json", "--headers").stdout)
    assert (said["format"], said["revision"], said["byte_order"]) == ("segy", "0.0", "big")
    assert said["sample_format"] == 1 and "IBM" in said["sample_format_name"] and said["text_encoding"] == "ebcdic"
    assert (said["n_traces"], said["n_samples"], said["sample_interval_us"]) == (480, 600, 4000)
    assert said["first_trace_byte"] == 3600 and said["header_bytes"] == 240 and said["dropped_bytes"] == 0
    assert said["file_bytes"] == path.stat().st_size == 3600 + 480 * (240 + 600 * 4)
    ranges = {h["name"]: (h["min"], h["max"]) for h in said["headers"]}
    raw = np.frombuffer(path.read_bytes()[3600:], "u1").reshape(480, -1)[:, :240]
    for name, byte in (("fldr", 9), ("tracf", 13), ("cdp", 21), ("offset", 37), ("sx", 73), ("gx", 81)):
        values = raw[:, byte - 1:byte + 3].copy().view(">i4")
        assert ranges[name] == (values.min(), values.max()), name


def test_textual_header(seisproc, data_dir, segyio):
    path = data_dir / "viking_segy" / "viking_small.segy"
    out = seisproc("info", path, "--text").stdout
    with segyio.open(path, ignore_geometry=True) as f:
        text = f.text[0].decode()
    for i in range(0, 3200, 80):
        assert text[i:i + 80].rstrip() in out


def test_su(seisproc, data_dir):
    said = json.loads(seisproc("info", data_dir / "oz16_su" / "ozdata16.su", "--json").stdout)
    assert (said["format"], said["byte_order"], said["revision"]) == ("su", "big", None)
    assert (said["n_traces"], said["n_samples"], said["sample_interval_us"]) == (48, 1325, 4000)


def test_truncated_su_is_told_about(seisproc, tmp_path):
    header = bytearray(240)
    struct.pack_into("<H", header, 114, 50)
    struct.pack_into("<H", header, 116, 2000)
    trace = bytes(header) + np.linspace(-1, 1, 50).astype("<f4").tobytes()
    path = tmp_path / "cut.su"
    path.write_bytes(trace * 7 + trace[:300])
    said = json.loads(seisproc("info", path, "--json").stdout)
    assert (said["n_traces"], said["dropped_bytes"], said["byte_order"]) == (7, 300, "little")
    assert "300 bytes of a last, partial trace" in seisproc("info", path).stdout


def test_conformance_files_are_told_about_or_refused(seisproc, data_dir):
    files = sorted(p for p in (data_dir / "conformance_segyio").rglob("*") if p.suffix in (".sgy", ".su"))
    assert len(files) > 40
    for path in files:
        result = seisproc("info", path, "--json", "--headers", check=None)
        if result.returncode == 0:
            assert json.loads(result.stdout)["n_traces"] >= 1, path
        else:
            assert result.returncode == 1 and result.stdout == "" and result.stderr.count("error:") == 1, result


@pytest.mark.parametrize("content, said", [(b"", "empty"), (b"just a text, and a short one", "SEG-Y"),
                                           (bytes(5000), "SEG-Y")])
def test_what_is_neither_is_refused_in_one_line(seisproc, tmp_path, content, said):
    (tmp_path / "x").write_bytes(content)
    result = seisproc("info", tmp_path / "x", check=1)
    assert said in result.stderr and result.stderr.count("error:") == 1 and result.stdout == ""
