# SPDX-License-Identifier: BSD-3-Clause
"""What an export writes into headers: edited and derived columns, what was done, and what does not fit."""

import os
import subprocess

import h5py
import numpy as np
import pytest

import harness
import segy_writer as sw

RNG = np.random.default_rng(5)
N, NS = 24, 20


def survey(seisproc, tmp_path, *arguments, kind="segy", code=5, samples=None, revision=(1, 0), **words):
    words = dict(fldr=np.arange(N) // 8 + 1, ns=NS, dt=4000, scalco=-10) | words
    headers = sw.trace_headers(N, "big", **words)
    samples = RNG.normal(size=(N, NS)).astype("f4") if samples is None else samples
    data = sw.segy(headers, samples, code, dt=4000, revision=revision)
    data = sw.su(headers, samples, "big") if kind == "su" else data
    (tmp_path / "in").write_bytes(data)
    seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", *(arguments or ("--gather", "fldr")))
    return samples


def exported(seisproc, tmp_path, *arguments, check=0, ranks=None, head=3600, code=5):
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out", "-q", *arguments, check=check, ranks=ranks)
    if check:
        assert not (tmp_path / "out").exists() and not list(tmp_path.glob("out.*")), list(tmp_path.iterdir())
        return result, None, None
    data = (tmp_path / "out").read_bytes()
    rows = np.frombuffer(data[head:], "u1").reshape(-1, 240 + NS * sw.SAMPLE_BYTES[code])
    return result, data[:head], rows


def word(rows, name, order="big"):
    return sw.get(rows, *sw.WORDS[name], order)


@pytest.mark.parametrize("ranks", (None, 3))
def test_edited_columns_are_written(seisproc, tmp_path, ranks):
    survey(seisproc, tmp_path, cdp=5, sx=1234, offset=7)
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f["headers/cdp"][:] = np.arange(N) + 70
        f["headers/offset"][3] = -250
    _, _, rows = exported(seisproc, tmp_path, ranks=ranks)
    before = np.frombuffer((tmp_path / "in").read_bytes()[3600:], "u1").reshape(N, -1).copy()
    sw.put(before, *sw.WORDS["cdp"], "big", np.arange(N) + 70)
    sw.put(before[3], *sw.WORDS["offset"], "big", -250)
    assert np.array_equal(rows, before)


def test_values_keep_their_meaning_under_another_scalar(seisproc, tmp_path):
    survey(seisproc, tmp_path, gx=2000)  # 200 m
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        del f["headers/gx"]
        f["headers/gx"] = np.where(np.arange(N) == 3, 205.25, 200.0)
        f["headers/scalco"][:] = -100
    _, _, rows = exported(seisproc, tmp_path)
    assert (word(rows, "scalco") == -100).all()
    assert np.array_equal(word(rows, "gx"), np.where(np.arange(N) == 3, 20525, 20000))


def test_a_little_endian_su_file_becomes_segy_that_says_so(seisproc, tmp_path):
    headers = sw.trace_headers(N, "little", fldr=np.arange(N) // 8 + 1, ns=NS, dt=4000)
    (tmp_path / "in").write_bytes(sw.su(headers, RNG.normal(size=(N, NS)).astype("f4"), "little"))
    seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "fldr")
    _, head, _ = exported(seisproc, tmp_path, "--as=segy")
    assert head[3296:3300] == b"\x04\x03\x02\x01" and head[3500] == 2  # revision 2, which knows the order
    seisproc("import", tmp_path / "out", tmp_path / "y.h5", "-q", "--gather", "fldr")
    with h5py.File(tmp_path / "x.h5") as f, h5py.File(tmp_path / "y.h5") as g:
        assert np.array_equal(f["traces"][:], g["traces"][:])
        assert np.array_equal(f["headers/fldr"][:], g["headers/fldr"][:])


def test_derived_offsets_are_written_and_what_is_rounded_is_told(seisproc, tmp_path):
    survey(seisproc, tmp_path, "--gather", "fldr", "--derive", "offset", sx=0, gx=10000 + 5 * np.arange(N))
    result, _, rows = exported(seisproc, tmp_path)
    assert np.array_equal(word(rows, "offset"), np.rint(1000 + 0.5 * np.arange(N)))
    assert "12 values of header word offset were rounded to what its field holds, by up to 0.5\n" in result.stderr


@pytest.mark.parametrize("ranks", (None, 3))
def test_decimals_of_large_coordinates_are_not_lost_in_silence(seisproc, tmp_path, ranks):
    """A third of a metre is little of a northing, and much of a bin."""
    survey(seisproc, tmp_path, scalco=1, sx=500012, sy=6000000, gx=500000 + np.arange(N))
    seisproc("header", tmp_path / "x.h5", "--set", "sx = sx + 0.37", "--set", "gx = gx + (gx > 500020) / 8",
             "--set", "sy = sy + 1e-9")
    result, _, rows = exported(seisproc, tmp_path, ranks=ranks)
    assert set(word(rows, "sx")) == {500012}
    told = [line.split("header word ")[1] for line in result.stderr.splitlines()]
    assert sorted(told) == ["gx were rounded to what its field holds, by up to 0.125",
                            "sx were rounded to what its field holds, by up to 0.37"]
    assert f"{N} values of header word sx" in result.stderr and "3 values of header word gx" in result.stderr


def test_made_headers_hold_hundredths_of_coordinates(seisproc, tmp_path):
    seisproc("synth", tmp_path / "x.h5", "--gathers", 2, "--traces", 4, "--samples", NS, "-q")
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        del f["headers/scalco"], f["headers/sx"]
        f["headers/sx"] = np.linspace(500000.25, 500000.254, len(f["headers/gx"]))
        n = len(f["headers/gx"])
    result = seisproc("export", tmp_path / "x.h5", tmp_path / "out", "-q")
    assert f"{n - 1} values of header word sx were rounded to what its field holds, by up to 0.004\n" in result.stderr


def test_a_word_that_a_column_fills_is_not_free_for_another(seisproc, tmp_path):
    """Whether headers were kept or are made: the column of that word would be lost."""
    seisproc("synth", tmp_path / "x.h5", "--gathers", 2, "--traces", 4, "--samples", NS, "-q")
    result, *_ = exported(seisproc, tmp_path, "--map", "offset=fldr", check=1)
    assert "the word fldr is not free: trace 1 has 1 in the column fldr" in result.stderr
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f["headers/ep"][5] = 3
    result, *_ = exported(seisproc, tmp_path, "--map", "tracl=ep", check=1)
    assert "the word ep is not free: trace 6 has 3 in the column ep" in result.stderr


def test_columns_at_places_of_their_own_go_back_there(seisproc, tmp_path):
    survey(seisproc, tmp_path, "--gather", "fldr", "--field", "iline=25", "--field", "depth=197:f4", cdpt=9)
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f["headers/iline"][:] = 1000
        f["headers/depth"][:] = 2.5
    _, _, rows = exported(seisproc, tmp_path)
    assert set(sw.get(rows, 25, "i4", "big")) == {1000} and set(sw.get(rows, 197, "f4", "big")) == {2.5}
    assert set(word(rows, "iline")) == {0}


def test_a_value_that_its_field_cannot_hold_is_refused(seisproc, tmp_path):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f["headers/trid"][11] = 40000
    result, *_ = exported(seisproc, tmp_path, check=1)
    assert "header word trid is 40000 in trace 12, which its field (byte 29, i2) cannot hold" in result.stderr


# --- SU --------------------------------------------------------------------------------------------------------------


def test_su_names_what_it_cannot_carry_and_maps_it(seisproc, tmp_path):
    survey(seisproc, tmp_path, cdpx=5, cdpy=6, iline=np.arange(N), xline=8)
    result, _, rows = exported(seisproc, tmp_path, "--as", "su", head=0)
    assert "SU headers have no word for cdpx, cdpy, iline, xline, left out" in result.stderr
    assert not rows[:, 180:240].any()
    result, _, rows = exported(seisproc, tmp_path, "--as", "su", "--map", "iline=cdpt", "--map", "xline=ep", head=0)
    assert np.array_equal(word(rows, "cdpt"), np.arange(N)) and set(word(rows, "ep")) == {8}
    assert "no word for cdpx, cdpy, left out" in result.stderr
    (tmp_path / "out").unlink()
    result, *_ = exported(seisproc, tmp_path, "--as", "su", "--map", "iline=fldr", check=1)
    assert "is not free: trace" in result.stderr
    for text in ("iline", "iline=nothing", "nothing=cdpt"):
        assert "--map" in exported(seisproc, tmp_path, "--as", "su", "--map", text, check=1)[0].stderr


@pytest.mark.parametrize("delay, scalar, said, left", ((8000, -10, 800, 0), (80, 10, 800, 0), (8005, -10, 8005, -10)))
def test_su_has_no_scalar_of_times(seisproc, tmp_path, delay, scalar, said, left):
    """Times are written whole; where that is not possible they keep the scalar that this program reads."""
    samples = RNG.normal(size=(N, NS))
    headers = sw.trace_headers(N, fldr=1, ns=NS, dt=4000, delrt=delay)
    sw.put(headers, 215, "i2", "big", scalar)
    (tmp_path / "in").write_bytes(sw.segy(headers, samples, 5, dt=4000))
    seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "fldr")
    _, _, rows = exported(seisproc, tmp_path, "--as", "su", head=0)
    assert set(word(rows, "delrt")) == {said} and set(sw.get(rows, 215, "i2", "big")) == {left}


# --- amplitudes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", (1e-4, 1, 1e9))
def test_integers_that_lose_amplitudes(seisproc, tmp_path, size):
    samples = survey(seisproc, tmp_path, samples=(size * RNG.normal(size=(N, NS))).astype("f4"))
    result, _, rows = exported(seisproc, tmp_path, "--format", "3", code=3)
    zeroed = int((np.rint(samples) == 0).sum())
    clipped = int((np.abs(np.rint(samples)) > 32767).sum())
    assert (f"{zeroed} of {samples.size} samples became 0" in result.stderr) == (zeroed > 0)
    assert ("are beyond the range of format 3" in result.stderr) == (clipped > 0)
    result, text, rows = exported(seisproc, tmp_path, "--format", "3", "--scale", "auto", code=3, ranks=2)
    scale = 2.0 ** np.floor(np.log2(32767 / np.abs(samples).max().astype("f8")))
    assert np.array_equal(sw.decode(rows[:, 240:], 3, "big"), np.rint(samples.astype("f8") * scale))
    assert f"MULTIPLIED BY {scale:.9G}".encode("cp037") in text and "beyond" not in result.stderr


# --- file headers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key, revision, code", (("cdp", (1, 0), 2), ("ep", (1, 0), 5), ("offset", (1, 0), 7),
                                                 ("gx", (1, 0), 6), ("tracf", (1, 0), -1), ("ep", (0, 0), 0)))
def test_the_binary_header_of_a_regrouped_survey(seisproc, tmp_path, key, revision, code):
    values = {key: np.array([1, 2, 3, 2] * 6)}
    survey(seisproc, tmp_path, "--gather", key, revision=revision, **values)
    _, head, _ = exported(seisproc, tmp_path)
    binary = np.frombuffer(head[3200:], "u1")
    assert sw.get(binary, 29, "i2", "big") == code and sw.get(binary, 13, "i2", "big") == 12


@pytest.mark.parametrize("how, traces, ensemble", (
    (None, N, 8), ("--gathers=first:2", 16, 8), ("window --traces=every:3", 9, 3), ("window --gathers=fldr=2", 8, 8)))
def test_counts_of_a_subset(seisproc, tmp_path, how, traces, ensemble):
    """Traces of the file (revision 2) and traces an ensemble; a whole survey keeps what it came with."""
    headers = sw.trace_headers(N, "big", fldr=np.arange(N) // 8 + 1, ns=NS, dt=4000)
    data = sw.segy(headers, RNG.normal(size=(N, NS)).astype("f4"), 5, dt=4000, revision=(2, 0),
                   extra=[(3513, "u8", N), (3213, "i2", 8)])
    (tmp_path / "in").write_bytes(data)
    seisproc("import", tmp_path / "in", tmp_path / "x.h5", "-q", "--gather", "fldr")
    arguments = [how] if how and how.startswith("--") else []
    if how and not arguments:
        command, option = how.split(" ")
        seisproc(command, tmp_path / "x.h5", tmp_path / "y.h5", option)
        (tmp_path / "y.h5").rename(tmp_path / "x.h5")
    _, head, rows = exported(seisproc, tmp_path, *arguments)
    binary = np.frombuffer(head[3200:], "u1")
    assert len(rows) == traces and sw.get(binary, 313, "u8", "big") == traces
    assert sw.get(binary, 13, "i2", "big") == ensemble
    assert "headers say" not in seisproc("import", tmp_path / "out", tmp_path / "z.h5", "-q", "--gather=none").stderr


@pytest.mark.parametrize("name, value, good", (("ns", 10, False), ("dt", 2000, False), ("ns", NS, True),
                                               ("dt", 4000, True), ("dt", 0, True)))
def test_an_edited_count_or_interval_is_not_dropped(seisproc, tmp_path, name, value, good):
    survey(seisproc, tmp_path)
    with h5py.File(tmp_path / "x.h5", "r+") as f:
        f[f"headers/{name}"][7] = value
    result, *_ = exported(seisproc, tmp_path, check=int(not good))
    assert (f"header word {name} is {value} in trace 8" in result.stderr) != good
    with h5py.File(tmp_path / "x.h5", "r+") as f:  # headers that are made
        del f["segy"]
    result, *_ = exported(seisproc, tmp_path, check=int(not good))
    assert (f"header word {name} is {value} in trace 8" in result.stderr) != good


def test_a_window_of_times_has_its_own_number_of_samples(seisproc, tmp_path):
    survey(seisproc, tmp_path)
    seisproc("window", tmp_path / "x.h5", tmp_path / "y.h5", "--time=0-36")
    with h5py.File(tmp_path / "y.h5") as f:
        assert f["traces"].shape == (N, 10) and set(f["headers/ns"][:]) == {10}
    seisproc("export", tmp_path / "y.h5", tmp_path / "out", "-q")
    assert set(word(np.frombuffer((tmp_path / "out").read_bytes()[3600:], "u1").reshape(N, -1), "ns")) == {10}


@pytest.mark.parametrize("ebcdic", (True, False))
def test_the_text_says_what_was_done(seisproc, tmp_path, ebcdic):
    samples = RNG.normal(size=(N, 200)).astype("f4")
    headers = sw.trace_headers(N, fldr=1, ns=200, dt=4000)
    cards = "".join(f"C{i:2d} {'CLIENT TEXT' if i < 30 else ''}".ljust(80) for i in range(1, 41))
    data = sw.segy(headers, samples, 1, dt=4000)
    (tmp_path / "in").write_bytes(cards.encode("cp037" if ebcdic else "ascii") + data[3200:])
    seisproc("import", "in", "in.h5", "-q", "--gather", "fldr", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text("input: in.h5\noutput: x.h5\nmode: both\nchain: [dwt, balance]\n")
    seisproc("run", "job.yaml", "--quiet", cwd=tmp_path)
    with h5py.File(tmp_path / "x.h5") as f:
        uuid = f.attrs["uuid"].decode()
    for dataset in ("traces", "noise"):
        said = seisproc("export", "x.h5", "out", "--dataset", dataset, cwd=tmp_path).stderr
        assert "IBM floats keep 21 to 24 of the 24 bits" in said
        text = (tmp_path / "out").read_bytes()[:3200].decode("cp037" if ebcdic else "ascii")
        lines = [text[80 * i:80 * i + 80].rstrip() for i in range(40)]
        assert lines[:29] == [f"C{i:2d} CLIENT TEXT" for i in range(1, 30)]
        assert any(line.endswith("JOB: DWT, BALANCE") for line in lines) and f"C38 SURVEY {uuid.upper()}" in lines
        assert ("REMOVED NOISE" in text) == (dataset == "noise")
        seisproc("export", "x.h5", "kept", "-q", "--dataset", dataset, "--keep-text", cwd=tmp_path)
        assert (tmp_path / "kept").read_bytes()[:3200] == (tmp_path / "in").read_bytes()[:3200]


# --- pipes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ("segy", "su"))
def test_pipes(seisproc, tmp_path, kind):
    survey(seisproc, tmp_path, kind=kind)
    data = (tmp_path / "in").read_bytes()
    shell = f"""set -e; S={harness.BINARY}; cat in | $S import - a.h5 --gather fldr -q; $S export a.h5 - -q | cmp - in
        $S import /dev/stdin b.h5 --gather fldr -q < in; $S export b.h5 /dev/stdout -q > out; cmp out in
        mkfifo f g; cat in > f & $S import f c.h5 --gather fldr -q; cat g > got & $S export c.h5 g -q; wait; cmp got in
        cat in | $S import - d.h5 --gather fldr -q --spool-limit 1e-6 2> said && exit 1; grep -q 'spool-limit' said
        ln -s /proc/self/fd/1 link; $S export a.h5 link -q | cmp - in; test -L link; test -p g; test ! -e d.h5"""
    result = harness.run(["bash", "-c", shell], cwd=tmp_path, timeout=100)
    assert result.returncode == 0, result
    assert not list(tmp_path.glob("*.spool")) and not list(tmp_path.glob("*.part"))
    assert (tmp_path / "in").read_bytes() == data
    result = seisproc("export", "a.h5", "-", ranks=2, cwd=tmp_path)  # rank 0 writes all, and messages go elsewhere
    assert "traces of" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_written_to_and_not_replaced(seisproc, tmp_path):
    survey(seisproc, tmp_path)
    if subprocess.run(["mknod", tmp_path / "null", "c", "1", "3"], capture_output=True).returncode:
        pytest.skip("no devices here")
    seisproc("export", tmp_path / "x.h5", tmp_path / "null", "-q")
    assert (tmp_path / "null").is_char_device()
