# SPDX-License-Identifier: BSD-3-Clause
"""SEG-Y and SU files for the tests, written and read with NumPy alone: no code under test in it, nor libsegyio."""

import numpy as np

SAMPLE_TYPES = {2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 10: "u4", 11: "u2", 16: "u1"}
SAMPLE_BYTES = {1: 4, **{code: np.dtype(t).itemsize for code, t in SAMPLE_TYPES.items()}}

# Trace header words that the tests set: first byte from 1, type.
WORDS = {
    "tracl": (1, "i4"), "tracr": (5, "i4"), "fldr": (9, "i4"), "tracf": (13, "i4"), "ep": (17, "i4"), "cdp": (21, "i4"),
    "cdpt": (25, "i4"), "trid": (29, "i2"), "offset": (37, "i4"), "scalel": (69, "i2"), "scalco": (71, "i2"),
    "sx": (73, "i4"), "sy": (77, "i4"), "gx": (81, "i4"), "gy": (85, "i4"), "delrt": (109, "i2"), "ns": (115, "u2"),
    "dt": (117, "i2"), "cdpx": (181, "i4"), "cdpy": (185, "i4"), "iline": (189, "i4"), "xline": (193, "i4"),
    "d1": (181, "f4"),
}


def letter(order):
    return {"big": ">", "little": "<"}[order]


def to_ibm(values):
    """Words of IBM floats nearest to float64 values, halves to even; by arithmetic, not by bits."""
    values = np.asarray(values, "f8")
    size = np.abs(values)
    _, exponent = np.frexp(np.where(size > 0, size, 1))
    power = np.ceil(exponent / 4).astype("i8")
    fraction = np.rint(size * 2.0 ** (24 - 4.0 * power)).astype("i8")
    carry = fraction == 1 << 24
    fraction, power = np.where(carry, 1 << 20, fraction), power + carry
    words = np.where(size > 0, (power + 64) << 24 | fraction, 0)
    return (words | (np.signbit(values).astype("i8") << 31)).astype("u4")


def from_ibm(words):
    words = np.asarray(words).astype("i8")
    size = (words & 0xFFFFFF) * 16.0 ** ((words >> 24 & 0x7F) - 70.0)
    return np.where(words >> 31, -size, size)


def encode(samples, code, order):
    if code == 1:
        return to_ibm(samples).astype(letter(order) + "u4").view("u1").reshape(len(samples), -1)
    data = np.asarray(samples).astype(letter(order) + SAMPLE_TYPES[code])
    return np.ascontiguousarray(data).view("u1").reshape(len(samples), -1)


def decode(raw, code, order):
    """Float64 values of raw bytes [traces][bytes]."""
    raw = np.ascontiguousarray(raw)
    if code == 1:
        return from_ibm(raw.view(letter(order) + "u4"))
    return raw.view(letter(order) + SAMPLE_TYPES[code]).astype("f8")


def put(block, byte, kind, order, value):
    """Writes a number, or one a row, at `byte` (from 1) of a block of bytes [..., bytes]."""
    kind = np.dtype(letter(order) + kind)
    value = np.broadcast_to(np.asarray(value).astype(kind), block.shape[:-1])
    block[..., byte - 1:byte - 1 + kind.itemsize] = np.ascontiguousarray(value).view("u1").reshape(
        *block.shape[:-1], kind.itemsize)


def get(block, byte, kind, order):
    kind = np.dtype(letter(order) + kind)
    part = np.ascontiguousarray(block[..., byte - 1:byte - 1 + kind.itemsize])
    return part.view(kind)[..., 0]


def trace_headers(n, order="big", extensions=0, **words):
    headers = np.zeros((n, 240 * (1 + extensions)), "u1")
    for name, values in words.items():
        put(headers, *WORDS[name], order, values)
    return headers


def binary_header(order="big", code=1, ns=0, dt=2000, revision=(1, 0), texts=0, extra=()):
    """`extra` holds (byte from 3201 on, type, value)."""
    header = np.zeros(400, "u1")
    put(header, 17, "i2", order, dt)
    put(header, 21, "u2", order, ns)
    put(header, 25, "i2", order, code)
    put(header, 55, "i2", order, 1)
    header[300:302] = revision
    put(header, 303, "i2", order, 1)
    put(header, 305, "i2", order, texts)
    for byte, kind, value in extra:
        put(header, byte - 3200, kind, order, value)
    return header


def text(line="C 1 A TEST", ebcdic=True):
    return line.ljust(3200).encode("cp037" if ebcdic else "ascii")


def traces(headers, raw):
    return np.hstack([headers, raw]).tobytes()


def segy(headers, samples, code=1, order="big", raw=None, texts=(), gap=b"", trailer=b"", **binary):
    """The bytes of a SEG-Y file. `raw` replaces the encoded samples, `texts` are whole extended headers."""
    raw = encode(samples, code, order) if raw is None else raw
    binary.setdefault("ns", raw.shape[1] // SAMPLE_BYTES[code])
    binary.setdefault("texts", len(texts))
    return (text() + binary_header(order, code, **binary).tobytes() + b"".join(texts) + gap + traces(headers, raw) +
            trailer)


def su(headers, samples, order="little"):
    return traces(headers, encode(samples, 5, order))
