# SPDX-License-Identifier: BSD-3-Clause
"""A survey in other gathers has every trace once, with its headers; it is the same on any ranks and after any kill."""

import hashlib
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

import harness
from surveys import text, write_survey

sys.path.insert(0, str(harness.ROOT / "tests" / "segy"))
import segy_writer as writer

N, SAMPLES = 600, 40


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Shots of thirty traces, with CMPs that are scattered over them, noise and raw trace headers."""
    rng = np.random.default_rng(4)
    shot, channel = np.arange(N) // 30, np.arange(N) % 30
    headers = {"fldr": shot.astype("i4") + 100, "tracl": np.arange(N, dtype="i4") + 1,
               "cdp": (2 * shot + channel).astype("i4"), "offset": (-700 + 25.5 * channel + shot % 2).astype("f8"),
               "sx": (shot * 250).astype("i4"), "scalco": np.full(N, -10, "i4"), "cdpt": np.zeros(N, "i4")}
    extra = {"noise": rng.normal(size=(N, SAMPLES)).astype("f4"),
             "segy/trace_headers": rng.integers(0, 256, (N, 240)).astype("u1")}
    path = write_survey(tmp_path_factory.mktemp("survey") / "in.h5", rng.normal(size=(N, SAMPLES)),
                        range(0, N + 1, 30), headers=headers, extra=extra)
    with h5py.File(path, "r+") as f:
        f["gathers/key"].attrs["name"] = text("fldr")
        f["segy"].attrs["kind"] = text("segy")
        f["headers/offset"].attrs["units"] = text("m")
    return path


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def expected(tmp_path_factory, survey, seisproc):
    """The hash of the survey by cdp and offset, made by one process."""
    out = tmp_path_factory.mktemp("regrouped") / "out.h5"
    done = seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset")
    assert "600 traces in 68 gathers by cdp" in done.stderr
    return sha(out), out


def test_every_trace_is_where_it_belongs(survey, expected):
    with h5py.File(survey) as f, h5py.File(expected[1]) as g:
        order = np.lexsort((np.arange(N), f["headers/offset"][:], f["headers/cdp"][:]))
        for path in ("traces", "noise", "segy/trace_headers", *["headers/" + name for name in f["headers"]]):
            assert np.array_equal(g[path][:], f[path][:][order]), path
            assert g[path].dtype == f[path].dtype
        keys, first = np.unique(f["headers/cdp"][:][order], return_index=True)
        assert np.array_equal(g["gathers/key"][:], keys)
        assert np.array_equal(g["gathers/first_trace"][:], [*first, N])
        assert g["gathers/key"].attrs["name"] == b"cdp" and g["segy"].attrs["regrouped"] == 1
        assert g["headers/offset"].attrs["units"] == b"m"
        assert "gather: cdp, sort: offset" in g.attrs["history"].decode()
        assert g.attrs["input_uuid"] == f.attrs["uuid"] != g.attrs["uuid"]


def test_it_goes_back(tmp_path, survey, expected, seisproc):
    back = tmp_path / "back.h5"
    seisproc("regroup", expected[1], back, "--gather=FieldRecord", "--sort=tracl", "--quiet")
    assert seisproc("compare", survey, back, "--identical")
    with h5py.File(survey) as f, h5py.File(back) as g:
        assert np.array_equal(f["headers/tracl"][:], g["headers/tracl"][:])
        assert np.array_equal(f["gathers/first_trace"][:], g["gathers/first_trace"][:])
    # a scaled key counts steps of its scalar, and gathers that stand together stay in their order
    seisproc("regroup", survey, tmp_path / "sx.h5", "--gather=fldr", "--gather=tracl")
    with h5py.File(tmp_path / "sx.h5") as f:
        assert f["gathers/key"].attrs["name"] == b"fldr+tracl" and len(f["gathers/key"]) == N
    seisproc("header", survey, "-o", tmp_path / "one.h5", "--set=gelev = 1 + cdp")
    seisproc("regroup", tmp_path / "one.h5", tmp_path / "elev.h5", "--gather=gelev")


@pytest.mark.parametrize("ranks", [1, 2, 5])
def test_the_same_bytes_on_any_ranks(tmp_path, survey, expected, seisproc, ranks):
    out = tmp_path / "out.h5"
    seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset", ranks=ranks)
    assert sha(out) == expected[0]
    assert "complete already" in seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset").stderr


@pytest.mark.parametrize("ranks, point", [(None, "regroup_moved:3"), (None, "regroup_committed:1"),
                                          (None, "regroup_synced:2"), (2, "regroup_committed:1@0"),
                                          (2, "regroup_moved:2@1"), (None, "publish_synced:1"),
                                          (None, "publish_renamed:1"), (None, "journal_written:1")])
def test_it_goes_on_after_a_kill(tmp_path, survey, expected, seisproc, ranks, point):
    out = tmp_path / "out.h5"
    command = [harness.FAULTY, "regroup", survey, out, "--gather=cdp", "--sort=offset"]
    assert harness.run(command, ranks=ranks, env={"SEISPROC_FAULT": point}).returncode != 0
    again = seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset", ranks=3 if ranks is None else None)
    assert sha(out) == expected[0], again
    if point == "regroup_committed:1":
        assert "goes on, 4 of" in again.stderr
    assert not list(tmp_path.glob("out.h5.*"))


def test_other_keys_do_not_go_on(tmp_path, survey, expected, seisproc):
    out = tmp_path / "out.h5"
    harness.run([harness.FAULTY, "regroup", survey, out, "--gather=cdp"], env={"SEISPROC_FAULT": "regroup_moved:3"})
    refused = seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset", check=1)
    assert "--restart starts over" in refused.stderr
    seisproc("regroup", survey, out, "--gather=cdp", "--sort=offset", "--restart")
    assert sha(out) == expected[0]


def test_what_cannot_be_ordered_is_refused(tmp_path, survey, seisproc):
    out = tmp_path / "out.h5"
    for arguments, words in ((["--gather=cdpt"], "is 0 in all 600 traces"), (["--gather=nothing"], "no header column"),
                             (["--gather=offset"], "allowed are integers"), ([], "--gather KEY is needed"),
                             (["--gather=cdp", "--sort=cdp"], "asked for twice")):
        assert words in seisproc("regroup", survey, out, *arguments, check=1).stderr
    assert "write to another file" in seisproc("regroup", survey, survey, "--gather=cdp", check=1).stderr
    assert not list(tmp_path.iterdir())


def test_samples_that_floats_do_not_keep_come_along(tmp_path, seisproc):
    """SEG-Y of doubles: an export of the regrouped survey has each trace's own bytes, in the new order."""
    n = 24
    samples = np.random.default_rng(3).normal(size=(n, 20))
    headers = writer.trace_headers(n, fldr=np.repeat([1, 2, 3], 8), cdp=np.tile(np.arange(8) + 1, 3),
                                   tracl=np.arange(n) + 1, ns=20, dt=2000)
    sgy = tmp_path / "in.sgy"
    sgy.write_bytes(writer.segy(headers, samples, code=6, ns=20))
    seisproc("import", sgy, tmp_path / "in.h5", "--gather=fldr", "--quiet")
    seisproc("regroup", tmp_path / "in.h5", tmp_path / "out.h5", "--gather=cdp", "--quiet")
    seisproc("export", tmp_path / "out.h5", tmp_path / "out.sgy", "--quiet")
    raw, size = (tmp_path / "out.sgy").read_bytes()[3600:], 240 + 8 * 20
    order = np.argsort(np.tile(np.arange(8), 3), kind="stable")
    for place, trace in enumerate(order):
        block = raw[place * size:][:size]
        assert int.from_bytes(block[:4], "big") == trace + 1
        assert block[240:] == samples[trace].astype(">f8").tobytes()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_memory_does_not_grow_with_the_survey(tmp_path):
    """A gigabyte of traces that change places goes through the memory that half of it takes."""
    peak, samples = {}, 1000
    for n in (130_000, 260_000):
        path, out = tmp_path / f"{n}.h5", tmp_path / f"{n}-out.h5"
        number = np.arange(n)
        write_survey(path, np.zeros((n, samples), "f4"), range(0, n + 1, 100),
                     headers={"cdp": (number * 7919 % n // 50 + 1).astype("i4")})
        with h5py.File(path, "r+") as f:
            f["traces"][n // 3] = 1
        child = subprocess.Popen([harness.BINARY, "regroup", path, out, "--gather=cdp", "--quiet"])
        _, status, used = os.wait4(child.pid, 0)
        assert status == 0
        peak[n] = used.ru_maxrss / 1024
        with h5py.File(out) as f:
            order = np.argsort(number * 7919 % n // 50, kind="stable")
            assert f["traces"].shape == (n, samples) and f["traces"][np.argwhere(order == n // 3)[0, 0], 7] == 1
        path.unlink()
        out.unlink()
    # the order itself is a few numbers a trace; a rank holds 256 MB of rows
    assert peak[130_000] > 256 and peak[260_000] < 400 and peak[260_000] < peak[130_000] + 40, peak
