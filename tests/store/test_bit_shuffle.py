# SPDX-License-Identifier: BSD-3-Clause
"""Samples packed by lz4 are in the bitshuffle library's format with LZ4 (HDF5's filter 32008), as others write and read
it. What says so is written from the two formats' descriptions: a decoder of LZ4 blocks, and bits by NumPy."""

import struct

import h5py
import numpy as np
import pytest

from test_packed import write_survey

N_SAMPLES = 250


def lz4_block(packed):
    """The bytes of an LZ4 block."""
    out, at = bytearray(), 0

    def length(n):
        nonlocal at
        while n >= 15:
            n += packed[at]
            at += 1
            if packed[at - 1] < 255:
                break
        return n

    while True:
        token = packed[at]
        at += 1
        literals = length(token >> 4)
        out += packed[at:at + literals]
        at += literals
        if at == len(packed):
            return bytes(out)
        offset, at = struct.unpack_from("<H", packed, at)[0], at + 2
        for _ in range(length(token & 15) + 4):
            out.append(out[-offset])


def literals(plain):
    """An LZ4 block that holds bytes as they are."""
    n, more = len(plain), b""
    if n >= 15:
        more = b"\xff" * ((n - 15) // 255) + bytes([(n - 15) % 255])
    return bytes([min(n, 15) << 4]) + more + plain


def shuffled(elements):
    """[4 n] bytes of n float32: bit b of all of them together, 32 rows, the lowest first."""
    bits = np.unpackbits(elements.astype("<f4").view("u1").reshape(-1, 4), axis=1, bitorder="little")
    return np.packbits(bits.T, axis=1, bitorder="little").tobytes()


def unshuffled(block):
    rows = np.unpackbits(np.frombuffer(block, "u1").reshape(32, -1), axis=1, bitorder="little")
    return np.packbits(rows.T, axis=1, bitorder="little").reshape(-1).view("<f4")


def unpacked(chunk):
    """Samples of a stored chunk."""
    n_bytes, block = struct.unpack_from(">QI", chunk)
    out, at, left = [], 12, n_bytes // 4
    while left >= 8:
        count = min(block // 4, left - left % 8)
        size = struct.unpack_from(">I", chunk, at)[0]
        out.append(unshuffled(lz4_block(chunk[at + 4:at + 4 + size])))
        at, left = at + 4 + size, left - count
        assert len(out[-1]) == count
    out.append(np.frombuffer(chunk[at:], "<f4"))
    assert len(out[-1]) == left
    return np.concatenate(out)


def packed(samples, block):
    flat, out = samples.reshape(-1), struct.pack(">QI", 4 * samples.size, 4 * block)
    done = 0
    while flat.size - done >= 8:
        count = min(block, (flat.size - done) // 8 * 8)
        one = literals(shuffled(flat[done:done + count]))
        out, done = out + struct.pack(">I", len(one)) + one, done + count
    return out + flat[done:].tobytes()


def smooth(n, seed=3):
    """Samples of which some bits pack and others do not, dead traces and numbers of any bits among them."""
    rng = np.random.default_rng(seed)
    samples = (rng.normal(size=(n, N_SAMPLES)) * np.exp(-0.01 * np.arange(N_SAMPLES))).astype("f4")
    samples[n // 3:n // 3 + 5] = 0
    samples[n // 2] = rng.integers(0, 2**32, N_SAMPLES, dtype=np.uint32).view("f4")
    return samples


@pytest.mark.parametrize("level", [1, 9])
def test_what_is_written_is_that_format(tmp_path, seisproc, level):
    plain, out = write_survey(tmp_path / "in.h5", smooth(12000)), tmp_path / "out.h5"
    seisproc("pack", plain, out, "--codec=lz4", f"--level={level}", "--quiet")
    with h5py.File(plain) as f, h5py.File(out) as p:
        traces = p["traces"]
        number, _, values, _ = traces.id.get_create_plist().get_filter(0)
        assert traces.id.get_create_plist().get_nfilters() == 1 and number == 32008
        rows = traces.chunks[0]
        assert values[2] == 4 and values[3] % 8 == 0 and values[4] == 2
        for first in (0, rows * (12000 // rows // 2)):
            mask, chunk = traces.id.read_direct_chunk((first, 0))
            assert mask == 0 and len(chunk) < rows * N_SAMPLES * 4
            got = unpacked(chunk)
            assert got.tobytes() == f["traces"][first:first + rows].tobytes()


@pytest.mark.parametrize("rows,block", [(400, 2048), (100, 1000), (7, 2048), (1, 248), (400, 0)])
def test_what_others_write_is_read(tmp_path, seisproc, rows, block):
    """Blocks that end within traces, with up to seven elements left over; of one trace; of the library's choice."""
    samples = smooth(12000)
    plain = write_survey(tmp_path / "in.h5", samples)
    other = write_survey(tmp_path / "other.h5", samples)
    with h5py.File(other, "r+") as f:
        del f["traces"]
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((rows, N_SAMPLES))
        how.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, (0, 5, 4, block, 2))
        traces = h5py.h5d.create(f.id, b"traces", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(samples.shape), how)
        for first in range(0, 12000, rows):
            chunk = np.zeros((rows, N_SAMPLES), "f4")
            chunk[:len(samples[first:first + rows])] = samples[first:first + rows]
            traces.write_direct_chunk((first, 0), packed(chunk, block or 2048), 0)
    assert "identical" in seisproc("compare", plain, other, "--identical").stdout
    back = tmp_path / "back.h5"
    seisproc("unpack", other, back, "--quiet")
    with h5py.File(back) as f:
        assert f["traces"][:].tobytes() == samples.tobytes()


@pytest.mark.parametrize("values,words", [((0, 5, 8, 0, 2), "another size"), ((0, 5, 4), "without LZ4"),
                                          ((0, 5, 4, 0, 3), "without LZ4"), ((0, 5, 4, 12, 2), "another size")])
def test_other_parameters_are_refused(tmp_path, seisproc, values, words):
    other = write_survey(tmp_path / "other.h5")
    with h5py.File(other, "r+") as f:
        del f["traces"]
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((400, N_SAMPLES))
        how.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, values)
        h5py.h5d.create(f.id, b"traces", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((12000, N_SAMPLES)), how)
    assert words in seisproc("info", other, check=1).stderr
