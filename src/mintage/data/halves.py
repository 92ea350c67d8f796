"""Halves: pictures that hold two images side by side, opened as two sets of images, left and right.

Where the width is odd, the column in the middle belongs to neither.
"""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image

from mintage.data.array_files import keyed, read_array
from mintage.data.arrays import channels_first, from_array
from mintage.data.classes import Classes, classes_of
from mintage.data.decoded import Say
from mintage.data.errors import DataError
from mintage.data.examples import Examples
from mintage.data.files import Files
from mintage.data.folder import find_in_folder, find_in_zip
from mintage.data.images import Refused, decode, read_header
from mintage.data.plan import Plan, Wish
from mintage.data.preflight import open_found

Side = Literal["left", "right"]


def open_halves(data: str, wish: Wish, say: Say | None = None) -> tuple[Examples, Examples]:
    """The left and the right images of a folder or zip of pictures, or of an array of them.

    Raises:
        DataError: `data` is something else, or cannot be used.
    """
    path, key = keyed(data)
    if path.suffix.lower() in (".npy", ".npz") and path.is_file():
        array, labels = read_array(path, key)
        if array.ndim < 3:
            raise DataError(f"{data} holds points; only images can be side by side")
        pictures = channels_first(array, data, []).transpose(0, 2, 3, 1)
        middle = pictures.shape[2] // 2
        if not middle:
            raise DataError(f"the images of {data} are one pixel wide, and have no left and right half")
        return (from_array(pictures[:, :, :middle], path.name, wish, labels),
                from_array(pictures[:, :, -middle:], path.name, wish, labels))
    if not path.is_dir() and path.suffix.lower() != ".zip":
        raise DataError(f"{data} is no folder, zip or array of pictures, so no left and right half can be taken of it")
    found = find_in_folder(path) if path.is_dir() else find_in_zip(path)
    whole = found.files

    def label(good: np.ndarray) -> Classes:
        return classes_of([whole.name(int(i)) for i in good])

    def half(side: Side) -> Examples:
        found.files = HalfFiles(whole, side)
        return open_found(found, path.resolve().name, wish, label, say=say)

    return half("left"), half("right")


class HalfFiles:
    """The left or right half of every picture in `files`, each as a file of its own."""

    def __init__(self, files: Files, side: Side) -> None:
        self.files, self.side = files, side

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> bytes:
        """The path of the picture."""
        return self.files.name(index)

    def read(self, index: int) -> bytes:
        """The half, at its full size, as a PNG."""
        raw = self.files.read(index)
        facts = read_header(raw)
        if facts.width < 2:
            raise Refused("it is one pixel wide, and has no left and right half")
        channels = 1 if facts.grey and "alpha" not in facts.remarks else 4 if "alpha" in facts.remarks else 3
        pixels = decode(raw, Plan(facts.height, facts.width, "crop", channels)).pixels
        middle = pixels.shape[2] // 2
        cut = pixels[:, :, :middle] if self.side == "left" else pixels[:, :, -middle:]
        rows = np.ascontiguousarray(cut[0] if channels == 1 else cut.transpose(1, 2, 0))
        buffer = io.BytesIO()
        Image.fromarray(rows).save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue()

    def take(self, indices: np.ndarray) -> HalfFiles:
        """Of these pictures only."""
        return HalfFiles(self.files.take(indices), self.side)
