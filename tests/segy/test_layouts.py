# SPDX-License-Identifier: BSD-3-Clause
"""Layouts that headers leave open: which reading is taken, what is said, what is refused. Right values are those of the
writer beside, which is NumPy alone."""

import h5py
import numpy as np
import pytest

import segy_writer as sw

RNG = np.random.default_rng(11)


def imported(seisproc, tmp_path, data, *arguments, check=0):
    (tmp_path / "in.sgy").write_bytes(data)
    result = seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "-q", *(arguments or ("--gather", "fldr")),
                      check=check)
    if check:
        return result, None, None
    with h5py.File(tmp_path / "x.h5") as f:
        columns = {k: v[:] for k, v in f["headers"].items()}
        return result, f["traces"][:], columns | {"us": f.attrs["sample_interval_us"]}


def comes_back(seisproc, tmp_path, data):
    seisproc("export", tmp_path / "x.h5", tmp_path / "again", "-q")
    assert (tmp_path / "again").read_bytes() == data


# 40 samples make traces of 400 bytes: eight are as long as a text, so a file fits with and without texts.
@pytest.mark.parametrize("junk", (1, 3, 2))
@pytest.mark.parametrize("revision", ((0, 0), (1, 0)))
def test_texts_that_are_not_there_and_fit(seisproc, tmp_path, revision, junk):
    n, ns = 100, 40
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, dt=2000, scalco=1)
    data = sw.segy(headers, samples, 5, revision=revision, texts=[], extra=[(3505, "i2", junk)])
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples)
    assert result.stderr.count("warning:") == 1 and "fits with and without" in result.stderr
    comes_back(seisproc, tmp_path, data)


@pytest.mark.parametrize("revision", ((0, 0), (1, 0)))
def test_texts_that_are_there(seisproc, tmp_path, revision):
    n, ns = 100, 40
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, dt=2000, scalco=1)
    data = sw.segy(headers, samples, 5, revision=revision, texts=[sw.text("C MORE"), sw.text("C AND MORE", False)])
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and "fits with" not in result.stderr
    comes_back(seisproc, tmp_path, data)


@pytest.mark.parametrize("declared", (1, 5, 9))
def test_more_texts_declared_than_stand_beside_a_stanza(seisproc, tmp_path, declared):
    """Samples a trace stand in the trace headers alone, which are where the texts end, not where they are said to."""
    n, ns = 30, 17
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, ns=ns, dt=2000)
    sw.put(headers, 181, "i4", "big", np.arange(n) // 5 + 1)
    stanza = ('((SEG:Layout:text/xml))<?xml version="1.0"?><segy-layout name="x">'
              '<entry name="ffid" byte="181" type="int4"/></segy-layout>')
    data = sw.segy(headers, samples, 5, revision=(2, 1), ns=0, texts=[sw.text(stanza)], extra=[(3505, "i2", declared)])
    _, traces, columns = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and np.array_equal(columns["fldr"], np.arange(n) // 5 + 1)
    comes_back(seisproc, tmp_path, data)


@pytest.mark.parametrize("revision", ((1, 0), (2, 0)))
@pytest.mark.parametrize("there, declared", ((1, 5), (2, 0), (3, 1), (0, 4)))
def test_another_number_of_plain_texts_than_is_declared(seisproc, tmp_path, there, declared, revision):
    n, ns = 30, 17
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, dt=2000, scalco=1)
    texts = [sw.text(f"C MORE {i}", i != 1) for i in range(there)]
    data = sw.segy(headers, samples, 5, revision=revision, texts=texts, extra=[(3505, "i2", declared)])
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples)
    assert ("headers say that the first trace is at byte" if there else "which end behind the file") in result.stderr
    comes_back(seisproc, tmp_path, data)


@pytest.mark.parametrize("wide, plain, trace, used, said", (
    (125.0, 250, 250, None, "is 125 us, the binary header's and the first trace's 250 us"),
    (125.0, 250, 125, 125, "says a sample interval of 250 us, its extended field 125"),
    (125.5, 125, 126, 125.5, ""), (40000.0, 40000, 32767, 40000, ""), (70000.0, 4464, 4464, 70000, ""),
    (4.0, 4000, 4000, None, "--interval-ms sets the right one")))
def test_two_intervals_of_a_binary_header(seisproc, tmp_path, wide, plain, trace, used, said):
    n, ns = 30, 17
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, scalco=1)
    sw.put(headers, 117, "u2", "big", trace)
    data = sw.segy(headers, samples, 5, revision=(2, 0), extra=[(3273, "f8", wide), (3217, "u2", plain)])
    result, _, columns = imported(seisproc, tmp_path, data, check=int(used is None))
    assert said in result.stderr and (used is None or columns["us"] == used), result
    if used is None:
        assert not (tmp_path / "x.h5").exists()
        result, _, columns = imported(seisproc, tmp_path, data, "--gather", "fldr", "--interval-ms", plain / 1000)
        assert columns["us"] == plain
    comes_back(seisproc, tmp_path, data)


@pytest.mark.parametrize("wide, plain, said", ((17, 17, False), (17, 0, False), (17, 34, True), (34, 17, True)))
def test_two_sample_counts_of_a_binary_header(seisproc, tmp_path, wide, plain, said):
    n, ns = 30, 17
    samples = RNG.normal(size=(n, ns)).astype("f4")
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, dt=2000, scalco=1)
    data = sw.segy(headers, samples, 5, revision=(2, 0), extra=[(3269, "i4", wide), (3221, "u2", plain)])
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples)
    assert (f"its extended field {wide}, the file shows 17" in result.stderr) == said, result


def test_samples_and_interval_of_extension_1_alone(seisproc, tmp_path):
    n, ns = 6, 70000
    headers = sw.trace_headers(n, extensions=1, fldr=2)
    headers[:, 472:480] = np.frombuffer(b"SEG00001", "u1")
    sw.put(headers, 240 + 137, "u4", "big", ns)
    sw.put(headers, 240 + 145, "f8", "big", 125.5)
    samples = RNG.normal(size=(n, ns)).astype("f4")
    data = sw.segy(headers, samples, 5, revision=(2, 0), ns=0, dt=0,
                   extra=[(3297, "u4", 0x01020304), (3507, "i4", 1)])
    _, traces, columns = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and columns["us"] == 125.5
    comes_back(seisproc, tmp_path, data)


def test_a_storage_unit_label(seisproc, tmp_path):
    n, ns = 20, 33
    label = b"   1SY1.0RECORDB2        0SURVEY 12".ljust(128)
    headers = sw.trace_headers(n, fldr=np.arange(n) // 4 + 1, ns=ns, dt=2000)
    samples = RNG.normal(size=(n, ns)).astype("f4")
    data = label + sw.segy(headers, samples, 5, texts=[sw.text("C MORE")])
    _, traces, columns = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and np.array_equal(columns["fldr"], np.arange(n) // 4 + 1)
    comes_back(seisproc, tmp_path, data)
    assert "A TEST" in seisproc("info", "--text", tmp_path / "in.sgy").stdout


# --- traces of several lengths --------------------------------------------------------------------------------------


def of_lengths(lengths, declared, flag, code=5):
    parts = [sw.traces(sw.trace_headers(1, fldr=1, tracf=i + 1, ns=n, dt=2000, scalco=1),
                       sw.encode(np.full((1, n), i + 1.0), code, "big")) for i, n in enumerate(lengths)]
    return sw.text() + sw.binary_header(code=code, ns=declared, extra=[(3503, "i2", flag)]).tobytes() + b"".join(parts)


@pytest.mark.parametrize("code", (1, 3, 5))
@pytest.mark.parametrize("lengths", ([100, 200] * 10, [150] * 7 + [100, 200] + [150] * 8,
                                     [200] + [100] * 2 + [200] * 4, [100] * 5 + [300]))
@pytest.mark.parametrize("flag", (0, 1))
def test_lengths_that_vary_and_fit(seisproc, tmp_path, lengths, flag, code):
    """Totals that are a whole number of traces of the declared, mean length as well as totals that are not."""
    result, *_ = imported(seisproc, tmp_path, of_lengths(lengths, 150, flag, code), "--gather", "none", check=1)
    assert "traces of varying length" in result.stderr and not (tmp_path / "x.h5").exists()


def test_counts_that_are_wrong_and_lengths_that_are_not(seisproc, tmp_path):
    n, ns = 40, 50
    samples = RNG.normal(size=(n, ns)).astype("f4")
    said = np.where(np.arange(n) == 17, 30, ns)
    data = sw.segy(sw.trace_headers(n, fldr=1, ns=said, dt=2000, scalco=1), samples, 5, extra=[(3503, "i2", 0)])
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and "1 of 40 trace headers (first in trace 18) say 30" in result.stderr


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary, trace, used", ((40000, 40000, 40000), (40000, 0, 40000), (65535, 65535, 65535),
                                                 (0, 50000, 50000), (40000, 4000, 4000), (40000, 50000, 4000)))
def test_intervals_above_32767_us(seisproc, tmp_path, binary, trace, used):
    headers = sw.trace_headers(3, fldr=1, ns=5)
    sw.put(headers, 117, "u2", "big", trace)
    data = sw.segy(headers, np.ones((3, 5)), 5, dt=0, extra=[(3217, "u2", binary)])
    _, _, columns = imported(seisproc, tmp_path, data)
    assert columns["us"] == used and set(columns["dt"]) == {used}
    comes_back(seisproc, tmp_path, data)
    su = sw.su(headers, np.ones((3, 5)), "big")
    if trace:
        _, _, columns = imported(seisproc, tmp_path, su)
        assert columns["us"] == trace


# --- SU ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", (35615, 14933, 21818, 0x685A42, 0xFFD8FF, 0xFD2FB528, 0x04034B50))
@pytest.mark.parametrize("order", ("big", "little"))
def test_su_whose_first_bytes_look_like_an_archive(seisproc, tmp_path, first, order):
    n, ns = 48, 100
    headers = sw.trace_headers(n, order, fldr=7, ns=ns, dt=4000)
    sw.put(headers, 1, "u4", order, first + np.arange(n))
    samples = RNG.normal(size=(n, ns)).astype("f4")
    _, traces, _ = imported(seisproc, tmp_path, sw.su(headers, samples, order))
    assert np.array_equal(traces, samples)


@pytest.mark.parametrize("order", ("big", "little"))
def test_a_truncated_su_file_whose_first_bytes_look_like_an_archive(seisproc, tmp_path, order):
    n, ns = 12, 30
    headers = sw.trace_headers(n, order, fldr=np.arange(n) // 4 + 1, ns=ns, dt=2000)
    headers[0, :2] = (0x1f, 0x8b)
    samples = RNG.normal(size=(n, ns)).astype("f4")
    data = sw.su(headers, samples, order)[:-50]
    result, *_ = imported(seisproc, tmp_path, data, check=1)
    assert "truncated: after 11 traces of 30 samples" in result.stderr
    _, traces, _ = imported(seisproc, tmp_path, data, "--gather", "fldr", "--allow-truncated")
    assert np.array_equal(traces, samples[:-1])


def test_su_of_zeros_with_a_format_code(seisproc, tmp_path):
    """Zeros pass as text, and a sample where SEG-Y has its format code says 5."""
    n, ns = 60, 2000
    headers = sw.trace_headers(n, "big", fldr=7, ns=ns, dt=4000)
    samples = np.zeros((n, ns), "f4")
    samples[-1] = 1
    raw = bytearray(sw.su(headers, samples, "big"))
    raw[3224:3226] = b"\0\5"
    _, traces, _ = imported(seisproc, tmp_path, bytes(raw))
    assert traces.shape == (n, ns) and traces[-1, 0] == 1


@pytest.mark.parametrize("kind, code", (("su", 5), ("segy", 5), ("segy", 1), ("segy", 6)))
@pytest.mark.parametrize("order", ("big", "little"))
def test_headers_and_samples_of_different_byte_order(seisproc, tmp_path, kind, code, order):
    n, ns = 20, 100
    other = {"big": "little", "little": "big"}[order]
    headers = sw.trace_headers(n, order, fldr=1, ns=ns, dt=4000)
    samples = sw.decode(sw.encode(1e4 * RNG.normal(size=(n, ns)), code, "big"), code, "big").astype("f4")
    raw = sw.encode(samples, code, other)
    data = sw.traces(headers, raw) if kind == "su" else sw.segy(headers, samples, code, order, raw=raw, dt=4000)
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert np.array_equal(traces, samples) and f"only as {other}-endian" in result.stderr
    comes_back(seisproc, tmp_path, data)
    result, traces, _ = imported(seisproc, tmp_path, data, "--gather", "fldr", "--sample-endian", other)
    assert np.array_equal(traces, samples) and "warning" not in result.stderr


def test_absurd_amplitudes_are_warned_of(seisproc, tmp_path):
    bits = RNG.integers(0, 2**32, (8, 200)).astype("u4")
    bits[:, ::2] = 0x7F000000 | bits[:, ::2] & 0xFFFF00  # 1e38 and so on; swapped: junk
    bits[:, 1::2] = 0x01000000 | bits[:, 1::2] & 0xFFFF
    headers = sw.trace_headers(8, fldr=1, ns=200, dt=4000)
    data = sw.segy(headers, np.zeros((8, 200)), 5, raw=bits.astype(">u4").view("u1").reshape(8, -1))
    result, traces, _ = imported(seisproc, tmp_path, data)
    assert "--sample-endian" in result.stderr and np.array_equal(traces.view("u4"), bits)


@pytest.mark.parametrize("kind", ("noise", "ricker", "whole", "ones"))
@pytest.mark.parametrize("is_code", (1, 5))
@pytest.mark.parametrize("said_code", (1, 5))
def test_ibm_floats_that_are_ieee_floats_and_the_other_way(seisproc, tmp_path, is_code, said_code, kind):
    n, ns = 40, 200
    headers = sw.trace_headers(n, fldr=np.arange(n) // 10 + 1, ns=ns, dt=2000, scalco=1)
    x = np.linspace(-6, 6, ns) ** 2
    samples = {"noise": RNG.normal(size=(n, ns)), "ricker": np.tile((1 - 2 * x) * np.exp(-x), (n, 1)) * 1e4,
               "whole": RNG.integers(-3, 4, (n, ns)), "ones": np.ones((n, ns))}[kind].astype("f4")
    data = bytearray(sw.segy(headers, samples, is_code))
    data[3224:3226] = said_code.to_bytes(2, "big")
    result, *_ = imported(seisproc, tmp_path, bytes(data))
    wrong = is_code != said_code and kind in ("noise", "ricker")  # the others have too few values to tell
    assert (f"(format {said_code}), and samples look like" in result.stderr) == wrong, result
    comes_back(seisproc, tmp_path, bytes(data))
    result, traces, _ = imported(seisproc, tmp_path, bytes(data), "--gather", "fldr", "--format", is_code)
    assert np.allclose(traces, samples, rtol=2e-6, atol=1e-30) and "look like" not in result.stderr
