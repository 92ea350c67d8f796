"""One image: from the bytes of a file to uint8 [C, H, W], or a sentence about why not.

What decoders do in silence is decided here: alpha is laid on white, EXIF rotation is applied, 16-bit grey is divided by
257 and never clipped, of several frames the first is taken, floating-point pixels are refused.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from mintage.data.errors import DataError
from mintage.data.plan import Facts, Plan
from mintage.data.png_rows import rows_missing

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
LARGEST_PIXELS = 2**25
LARGEST_FILE = 2**28
ORIENTATION = 0x0112
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}
SHRINK = 3.0  # how much finer than the target a fast first reduction stays
GREY = ("1", "L", "LA", "La")


class Refused(DataError):
    """An image that cannot be used; the message is the reason."""


class Decoded(NamedTuple):
    """Pixels uint8 [C, H, W], and what is known of the image they came from."""

    pixels: np.ndarray
    facts: Facts


def read_header(data: bytes) -> Facts:
    """The facts of an image without decoding its pixels.

    Raises:
        Refused: it is not an image of a known format, or too large.
    """
    try:
        with _opened(data) as image:
            return _facts(image, _turn(image) if image.format != "PNG" else None)
    except Refused:
        raise
    except Exception as error:  # a decoder may raise anything for a file made to break it
        raise Refused(_reason(error, data)) from error


def decode(data: bytes, plan: Plan) -> Decoded:
    """The image in a file, brought to the plan.

    Raises:
        Refused: it is broken, not of a known format, or too large.
    """
    try:
        with _opened(data) as image:
            wide, high = image.size
            if image.format == "JPEG":
                side = int(SHRINK * max(plan.height, plan.width))
                image.draft(None, (side, side))
            image.load()
            turn = _turn(image)
            facts = _facts(image, turn, (wide, high))
            wrong = rows_missing(data) if image.format == "PNG" else None
            if wrong:
                raise Refused(f"the PNG is damaged: {wrong}")
            return Decoded(shaped(image if turn is None else image.transpose(turn), plan), facts)
    except Refused:
        raise
    except Exception as error:  # as above
        raise Refused(_reason(error, data)) from error


def shaped(image: Image.Image, plan: Plan) -> np.ndarray:
    """Any picture as uint8 [C, H, W] of the plan."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[plan.channels]
    image = _fitted(_plain(image, mode), plan)
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _opened(data: bytes) -> Image.Image:
    if not data:
        raise Refused("the file is empty (0 bytes)")
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > LARGEST_PIXELS:
        raise Refused(f"{image.width:,} x {image.height:,} pixels are more than the {LARGEST_PIXELS:,} allowed")
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
        raise Refused("it holds floating-point or 32-bit pixels, whose range is not known; save it with 8 or 16 bits")
    return image


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF is no reason to lose the picture
        return None


def _facts(image: Image.Image, turn: Image.Transpose | None, size: tuple[int, int] | None = None) -> Facts:
    width, height = size or image.size
    if turn in (TURNS[5], TURNS[6], TURNS[7], TURNS[8]):
        width, height = height, width
    remarks = {"turned"} if turn is not None else set()
    if image.format != "MPO" and getattr(image, "is_animated", False):
        remarks.add("frames")
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or image.has_transparency_data:
        remarks.add("alpha")
    if image.mode.startswith("I"):
        remarks.add("deep")
    if image.mode in ("P", "PA"):
        remarks.add("palette")
    if image.mode in ("CMYK", "YCCK"):
        remarks.add("cmyk")
    return Facts(width, height, _is_grey(image), frozenset(remarks))


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB") or [0, 1, 2]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in GREY or image.mode.startswith("I")


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """8 bits a channel, and without alpha unless RGBA is wanted."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.rint(deep.clip(0, 65535) / 257).astype(np.uint8))
    if image.mode in ("PA", "La", "LA", "RGBa", "RGBA") or image.has_transparency_data:
        clear = image.convert("LA" if image.mode in ("La",) else "RGBA")
        clear = clear if clear.mode == "RGBA" else clear.convert("RGBA")
        if mode == "RGBA":
            return clear
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image if image.mode in ("L", "RGB") and mode != "RGBA" else image.convert("L" if mode == "L" else "RGB")


def _fitted(image: Image.Image, plan: Plan) -> Image.Image:
    target, (w, h) = (plan.width, plan.height), image.size
    if (w, h) == target:
        return image
    lanczos = Image.Resampling.LANCZOS
    if plan.fit == "crop":
        share = min(w / plan.width, h / plan.height)
        cut_w, cut_h = (w - share * plan.width) / 2, (h - share * plan.height) / 2
        box = (max(0.0, cut_w), max(0.0, cut_h), min(float(w), w - cut_w), min(float(h), h - cut_h))
        return image.resize(target, lanczos, box=box, reducing_gap=SHRINK)
    if plan.fit == "stretch":
        return image.resize(target, lanczos, reducing_gap=SHRINK)
    share = min(plan.width / w, plan.height / h)
    inner = (max(1, min(plan.width, round(w * share))), max(1, min(plan.height, round(h * share))))
    white = (255, 255, 255, 0) if image.mode == "RGBA" else "white"
    page = Image.new(image.mode, target, white)
    page.paste(image.resize(inner, lanczos, reducing_gap=SHRINK),
               ((plan.width - inner[0]) // 2, (plan.height - inner[1]) // 2))
    return page


def _reason(error: Exception, data: bytes) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it says it has more pixels than the {LARGEST_PIXELS:,} allowed"
    if isinstance(error, Image.UnidentifiedImageError):
        return f"it is not an image that can be read, of the formats {', '.join(FORMATS)}"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "the file is cut short (truncated)"
    return f"the image is damaged ({text[:120] or type(error).__name__})"
