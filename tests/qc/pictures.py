# SPDX-License-Identifier: BSD-3-Clause
"""What a picture shows, read without the program: SVG by its elements, PNG by zlib and the definition of its chunks."""

import base64
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"


def decode_png(data):
    """[height][width] palette indices and the palette, or [height][width][3] for RGB. Filter 0 alone is understood."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, idat, palette = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        assert kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"), kind
        if kind == b"IHDR":
            width, height, depth, colour, _, _, _ = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 3)
        if kind == b"PLTE":
            palette = np.frombuffer(body, "u1").reshape(-1, 3)
        idat += body if kind == b"IDAT" else b""
        at += 12 + length
    size = 3 if colour == 2 else 1
    rows = np.frombuffer(zlib.decompress(idat), "u1").reshape(height, 1 + width * size)
    assert not rows[:, 0].any()
    pixels = rows[:, 1:].reshape(height, width, size)
    return (pixels, None) if size == 3 else (pixels[:, :, 0], palette)


class Picture:
    """Rasters with their places, and texts, of an SVG."""

    def __init__(self, text):
        self.root = ElementTree.fromstring(text)
        self.title = self.root.find(SVG + "title").text
        self.texts = [t.text for t in self.root.iter(SVG + "text")]
        self.rasters = []
        for image in self.root.iter(SVG + "image"):
            data = re.fullmatch(r"data:image/png;base64,(.*)", image.get("href"))[1]
            pixels, palette = decode_png(base64.b64decode(data, validate=True))
            x, y, width, height = (float(image.get(k)) for k in ("x", "y", "width", "height"))
            assert pixels.shape == (height, width)
            self.rasters.append((x, y, pixels, palette))

    def panels(self):
        """Pixels of the panels, without the bar of colours."""
        return [pixels for _, _, pixels, _ in self.rasters if pixels.shape[1] > 10]
