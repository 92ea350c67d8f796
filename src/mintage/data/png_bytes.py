"""PNG: pictures as the bytes of files, many at once.

Every row but the first is stored as its difference from the row above (filter 2, "up"), which suits smooth pictures
and is one subtraction for all pictures together; small ones are compressed at level 1, which is as small as level 6
here and takes less time. Portable Network Graphics (Second edition), https://www.w3.org/TR/2003/REC-PNG-20031110/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> colour type: grey, RGB, RGB and alpha
UP = 2
SMALL = 2**16  # bytes


def encode(pixels: np.ndarray) -> Iterator[bytes]:
    """A file's bytes for each picture of uint8 [N, H, W, C], with 1, 3 or 4 channels, in order."""
    n, height, width, channels = pixels.shape
    lines = pixels.reshape(n, height, width * channels)
    raw = np.full((n, height, 1 + width * channels), UP, dtype=np.uint8)
    raw[:, 0, 1:] = lines[:, 0]
    np.subtract(lines[:, 1:], lines[:, :-1], out=raw[:, 1:, 1:])
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOURS[channels], 0, 0, 0))
    level = 1 if lines[0].nbytes <= SMALL else 6
    for picture in raw:
        yield SIGNATURE + header + _chunk(b"IDAT", zlib.compress(picture, level)) + END


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


END = _chunk(b"IEND", b"")
