"""Whether a PNG holds all of its rows. A decoder may fill the missing ones with black and say nothing.

The check unfolds the image data (IDAT) and counts: a row of w pixels of b bits takes 1 + ceil(w b / 8) bytes, and an
interlaced image is seven smaller ones. Portable Network Graphics (PNG) Specification (Third Edition), sections 7 to 9
(https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
PIECE = 1 << 16


def rows_missing(data: bytes) -> str | None:
    """What is wrong with the image data of a PNG file, or None. Assumes that its header has been read well."""
    header = data[16:29]
    if len(header) < 13 or header[9] not in SAMPLES:
        return "its header is damaged"
    expected = _expected(header)
    unfolder, found = zlib.decompressobj(), 0
    try:
        for piece in _image_data(data):
            while piece and not unfolder.eof:
                found += len(unfolder.decompress(piece, PIECE))
                piece = unfolder.unconsumed_tail
                if found > expected + PIECE:
                    return None
    except zlib.error:
        return "its image data are damaged"
    if found < expected:
        return f"only {found / expected:.0%} of its image data are there"
    return None


def _expected(header: bytes) -> int:
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * SAMPLES[header[9]]
    if not header[12]:
        return height * (1 + -(-width * bits // 8))
    total = 0
    for left, top, across, down in PASSES:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _image_data(data: bytes) -> Iterator[bytes]:
    view, at = memoryview(data), len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = int.from_bytes(view[at:at + 4], "big"), bytes(view[at + 4:at + 8])
        if kind == b"IDAT":
            yield bytes(view[at + 8:at + 8 + size])
        elif kind == b"IEND":
            return
        at += 12 + size
