# SPDX-License-Identifier: BSD-3-Clause
"""Surveys that were not made by the program: the plain ones open, the spoiled ones are refused in one line."""

import re
import subprocess
import sys

import h5py
import numpy as np
import pytest

import harness

N, NS, FIRST = 12, 30, [0, 5, 5, 12]


def write(path, *, attributes=(), skip=(), traces="<f4", first="<i8", key="<i8", column="<i4", storage=None):
    values = {"format": "seisproc", "format_version": 1, "n_traces": N, "n_samples": NS, "sample_interval_us": 4000,
              **dict(attributes)}
    with h5py.File(path, "w") as f:
        for name, value in values.items():
            if name not in skip:
                f.attrs[name] = value
        data = np.arange(N * NS).reshape(N, NS) % 99 - 40
        f.create_dataset("traces", data=data.astype(traces), **(storage or {}))
        f["gathers/first_trace"] = np.array(FIRST).astype(first)
        f["gathers/key"] = np.array([7, -8, 9]).astype(key)
        f["headers/offset"] = (np.arange(N) * 10).astype(column)
    return path


TAKEN = {
    "h5py's defaults": {},
    "fixed-length text": {"attributes": {"format": np.bytes_("seisproc"), "created_by": np.bytes_("me")}},
    "nothing but what is needed": {"skip": ("n_traces", "n_samples")},
    "reals that are integers": {"attributes": {"format_version": 1.0, "n_traces": 12.0}},
    "small integers": {"attributes": {"n_traces": np.uint8(12), "n_samples": np.int16(30)}},
    "first_trace uint64": {"first": "<u8"}, "first_trace float64": {"first": "<f8"},
    "first_trace big-endian": {"first": ">i4"},
    "key int16": {"key": "<i2"}, "column int8": {"column": "<i1"}, "column uint64": {"column": "<u8"},
    "column float32": {"column": "<f4"}, "traces big-endian": {"traces": ">f4"}, "traces int16": {"traces": "<i2"},
    "traces float16": {"traces": "<f2"},
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_holds_the_values_is_taken(seisproc, tmp_path, name):
    write(tmp_path / "plain.h5")
    write(tmp_path / "a.h5", **TAKEN[name])
    assert f"traces {N} of {NS} samples" in re.sub(r"\s+", " ", seisproc("info", "a.h5", cwd=tmp_path).stdout)
    assert "identical" in seisproc("compare", "plain.h5", "a.h5", cwd=tmp_path).stdout
    seisproc("export", "plain.h5", "plain.sgy", "-q", cwd=tmp_path)
    seisproc("export", "a.h5", "a.sgy", "-q", cwd=tmp_path)
    assert (tmp_path / "a.sgy").read_bytes()[3600:] == (tmp_path / "plain.sgy").read_bytes()[3600:]


def test_the_writer_of_the_format_page(seisproc, tmp_path):
    page = (harness.ROOT / "docs/format.md").read_text()
    code = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if '"w"' in block)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    (tmp_path / "job.yaml").write_text("input: mine.h5\noutput: out.h5\nchain: [{mute: {velocity: 1500}}, dwt]\n")
    seisproc("run", "job.yaml", "--quiet", ranks=3, cwd=tmp_path)
    seisproc("verify", "out.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "out.h5") as f:
        assert f["traces"].shape == (63, 500) and f["gathers/key"].attrs["name"] == b"fldr"


def attribute(name, value, **options):
    def spoil(f):
        if name in f.attrs:
            del f.attrs[name]
        f.attrs.create(name, value, **options)
    return spoil


def dataset(path, **options):
    def spoil(f):
        if path in f:
            del f[path]
        f.create_dataset(path, **options)
    return spoil


def link(path, to):
    def spoil(f):
        if path in f:
            del f[path]
        f[path] = to
    return spoil


def view(f):
    del f["headers/offset"]
    layout = h5py.VirtualLayout((N,), "i4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (N,))
    f.create_virtual_dataset("headers/offset", layout)


SPOILED = {
    "two elements": (attribute("n_traces", np.full(2, N)), "'n_traces' of / has 2 elements, allowed is one"),
    "no element": (attribute("n_traces", h5py.Empty("i8")), "'n_traces' of / has 0 elements, allowed is one"),
    "text for a number": (attribute("sample_interval_us", "4"),
                          "'sample_interval_us' of / is text, allowed is a number"),
    "a number for text": (attribute("format", 1), "'format' of / is 64-bit integer, allowed is text"),
    "half a trace": (attribute("n_traces", 11.5), "'n_traces' of / is no integer"),
    "another shape": (attribute("n_traces", 13), "/traces is 12 x 30, the attribute 'n_traces' says 13"),
    "no interval": (lambda f: f.attrs.__delitem__("sample_interval_us"), "'sample_interval_us' of / is missing"),
    "an infinite interval": (attribute("sample_interval_us", np.inf), "samples every inf us cannot be"),
    "doubles": (dataset("traces", data=np.zeros((N, NS))),
                "/traces is of type 64-bit float, allowed is 32-bit float"),
    "chunks": (dataset("traces", data=np.zeros((N, NS), "f4"), chunks=(1, NS // 2)),
               "/traces is stored in chunks of parts of rows"),
    "nothing written": (dataset("traces", shape=(N, NS), dtype="f4"), "/traces has no storage"),
    "a soft link": (link("traces", h5py.SoftLink("/headers/offset")), "has no dataset /traces"),
    "a column of rows": (dataset("headers/offset", data=np.zeros((N, 3), "i4")), "/headers/offset has 2 dimensions"),
    "a long column": (dataset("headers/offset", data=np.zeros(N + 1, "i4")),
                      "/headers/offset is 13, the survey has 12"),
    "a column of text": (dataset("headers/offset", data=np.array([b"a"] * N)), "is of type text, allowed is a number"),
    "a view": (view, "/headers/offset is a view of other files"),
    "another file": (dataset("headers/offset", shape=(N,), dtype="i4", external=[("secret", 0, 4 * N)]),
                     "/headers/offset lies in another file"),
    "a negative gather": (dataset("gathers/first_trace", data=np.array([0, -5, 5, 12])),
                          "/gathers/first_trace, rows 0 to 3"),
    "half a gather": (dataset("gathers/first_trace", data=np.array([0, 4.5, 5, 12])),
                      "/gathers/first_trace, rows 0 to 3"),
    "a key too few": (dataset("gathers/key", data=np.array([1, 2])), "/gathers/key is 2, the survey has 3"),
    "a name": (dataset("headers/a\x1b[2J", data=np.zeros(N, "i4")), "a name that is too long or not printable"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_spoiled_is_refused_by_name(seisproc, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"x" * 200)
    spoil, words = SPOILED[name]
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as f:
        spoil(f)
    result = seisproc("info", "-H", "a.h5", cwd=tmp_path, check=1)
    assert words in result.stderr and result.stderr.count("\n") == 1 and "\x1b" not in result.stderr, str(result)


def test_many_columns_take_linear_time(seisproc, tmp_path):
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as f:
        for i in range(3000):
            f[f"other/x{i}"] = np.zeros(1)
            f[f"gathers/x{i}"] = np.zeros(1)
    result = seisproc("info", "a.h5", cwd=tmp_path)
    assert result.seconds < 15 * harness.TIME_SCALE


def test_pipes_and_devices_are_no_surveys(seisproc, tmp_path):
    subprocess.run(["mkfifo", tmp_path / "fifo"], check=True)
    result = seisproc("verify", "fifo", cwd=tmp_path, check=1, timeout=10)
    assert "fifo: a device, FIFO or socket; allowed is a survey file" in result.stderr
