"""The corpus of bad and odd images: each is made by a few lines, with what must become of it. No binaries are kept."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32


def noise(seed: int, shape: tuple[int, ...] = (SIDE, SIDE, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def picture(seed: int = 0, mode: str = "RGB") -> Image.Image:
    return Image.fromarray(noise(seed)).convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def jpeg() -> bytes:
    return encoded(picture(1), "JPEG", quality=90)


def flipped() -> bytes:
    data = bytearray(jpeg())
    data[-40] ^= 0x10
    return bytes(data)


def deep() -> Image.Image:
    return Image.fromarray((np.arange(SIDE * SIDE, dtype=np.uint16) * 60).reshape(SIDE, SIDE))


def alpha() -> Image.Image:
    pixels = noise(5, (SIDE, SIDE, 4))
    pixels[:16, :, 3] = 0
    return Image.fromarray(pixels)


def palette_alpha() -> bytes:
    return encoded(picture(6, "P"), "PNG", transparency=0)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(noise(7, (SIDE, 2 * SIDE, 3))), "JPEG", exif=exif)


def animated(kind: str) -> bytes:
    frames = [picture(seed, "P" if kind == "GIF" else "RGB") for seed in (1, 2, 3)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def text_bomb() -> bytes:
    packed = zlib.compress(b"\0" * 200_000_000, 9)
    rows = b"".join(b"\0" + noise(9)[y].tobytes() for y in range(SIDE))
    return png(SIDE, SIDE, rows, extra=chunk(b"zTXt", b"k\0\0" + packed))


def float_tiff() -> bytes:
    return encoded(Image.fromarray(np.linspace(0, 40, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)), "TIFF")


def missing_rows() -> bytes:
    return png(SIDE, 950, b"".join(b"\0" + bytes(SIDE * 3) for _ in range(10)))


def wide_row_claim(width: int, height: int) -> bytes:
    return png(width, height, b"\0" * 64, depth=1, colour=0)


Make = Callable[[], bytes]
Row = tuple[str, Make, str | None]

FILES: list[Row] = [
    ("empty.jpg", lambda: b"", "empty"),
    ("page.jpg", lambda: b"<!doctype html><html><body>404</body></html>", "not an image"),
    ("half.jpg", lambda: jpeg()[:len(jpeg()) // 2], "truncated"),
    ("minus40.jpg", lambda: jpeg()[:-40], "truncated"),
    ("minus1.jpg", lambda: jpeg()[:-1], "truncated"),
    ("flipped.jpg", flipped, None),
    ("rows.png", missing_rows, "only 1% of its image data"),
    ("cut.png", lambda: encoded(picture(2))[:900], ""),
    ("textbomb.png", text_bomb, ""),
    ("claim20000.png", lambda: wide_row_claim(20000, 20000), "pixels"),
    ("claim2e31.png", lambda: wide_row_claim(2**31 - 1, 2**31 - 1), ""),
    ("claim9500.png", lambda: wide_row_claim(9500, 9500), "pixels"),
    ("valid9400.png", lambda: png(9400, 9400, (b"\0" + bytes(1175)) * 9400, depth=1, colour=0), "pixels"),
    ("limit.png", lambda: wide_row_claim(2**13, 2**12 + 1), "pixels"),
    ("deep.png", lambda: encoded(deep()), None),
    ("deep.tif", lambda: encoded(deep(), "TIFF"), None),
    ("hdr.tif", float_tiff, "floating-point"),
    ("cmyk.jpg", lambda: encoded(picture(3, "CMYK"), "JPEG"), None),
    ("grey.png", lambda: encoded(picture(4, "L")), None),
    ("greyalpha.png", lambda: encoded(picture(4, "LA")), None),
    ("bit.png", lambda: encoded(picture(4, "1")), None),
    ("alpha.png", lambda: encoded(alpha()), None),
    ("palette.png", palette_alpha, None),
    ("turned.jpg", turned, None),
    ("moving.gif", lambda: animated("GIF"), None),
    ("moving.webp", lambda: animated("WEBP"), None),
    ("moving.png", lambda: animated("PNG"), None),
    ("really_png.jpg", lambda: encoded(picture(8)), None),
    ("bmp.bmp", lambda: encoded(picture(8), "BMP"), None),
    ("café ☕ \U0001f600.png", lambda: encoded(picture(10)), None),
    ("two\nlines.png", lambda: encoded(picture(11)), None),
    ("n" * 251 + ".png", lambda: encoded(picture(12)), None),
    (os.fsdecode(b"latin\xe9\xff.png"), lambda: encoded(picture(13)), None),
    ("one.png", lambda: encoded(Image.new("RGB", (1, 1))), "too small"),
    ("thin.png", lambda: encoded(Image.new("RGB", (3, 5000))), "too small"),
    ("tall.png", lambda: encoded(Image.fromarray(noise(14, (900, 40, 3)))), None),
    ("black.png", lambda: encoded(Image.new("RGB", (SIDE, SIDE))), None),
    ("header_only.png", lambda: encoded(picture(2))[:33], ""),
    ("signature.png", lambda: b"\x89PNG\r\n\x1a\n", ""),
    ("interlaced.gif", lambda: encoded(picture(15, "P"), "GIF", interlace=1), None),
]
"""Name, maker, and a fragment of the reason; None: the file must be used; "": refused for any stated reason."""


def write_good(folder: Path, n: int, *, first: int = 100) -> None:
    """n sound images of 32 x 32."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(n):
        (folder / f"good{k:04d}.png").write_bytes(encoded(picture(first + k)))


def write_bad(folder: Path) -> list[str]:
    """Every file of the corpus that must be refused; their names."""
    names = [name for name, make, reason in FILES if reason is not None]
    for name, make, reason in FILES:
        if reason is not None:
            (folder / name).write_bytes(make())
    return names
