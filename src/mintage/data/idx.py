"""IDX: the file format of MNIST and its kin. Two zero bytes, a type, the number of sides, each side as a big-endian
32-bit number, then the values; often gzipped. Only unsigned bytes are read.

The MNIST Database of Handwritten Digits (LeCun, Cortes and Burges, 1998, http://yann.lecun.com/exdb/mnist/).
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mintage.data.errors import DataError
from mintage.data.examples import Examples

GZIP = b"\x1f\x8b"
LARGEST = 2**34  # bytes, of what one file may unfold to
PARTS = {"train": ("train",), "test": ("t10k", "test")}


def is_idx(path: Path) -> bool:
    """Whether a file begins as an IDX file does, gzipped or not."""
    try:
        with _opened(path) as file:
            head = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(head) == 4 and head[:2] == b"\0\0" and head[2] in (8, 9, 11, 12, 13, 14) and 1 <= head[3] <= 4


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file, uint8.

    Raises:
        DataError: the file is damaged, too large, or holds another type than bytes.
    """
    try:
        with _opened(path) as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0":
                raise DataError(f"{path} is not an IDX file: it does not begin with two zero bytes")
            if head[2] != 8:
                raise DataError(f"{path} holds values of IDX type 0x{head[2]:02x}; only bytes (0x08) are read")
            sides = [int(n) for n in np.frombuffer(file.read(4 * head[3]), dtype=">u4")]
            count = math.prod(sides)
            if len(sides) != head[3] or count > LARGEST:
                raise DataError(f"{path} says it has sides {sides}, which is more than can be read")
            data = file.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} could not be read: {error}") from error
    if len(data) != count:
        less = "fewer" if len(data) < count else "more"
        raise DataError(f"{path} holds {less} values than the {count:,} its header says; get the file again")
    return np.frombuffer(data, dtype=np.uint8).reshape(sides)


def open_idx(path: Path, name: str, classes: tuple[str, ...] = ()) -> Examples:
    """Images of one IDX file, with the labels of a file beside it of the usual name (images -> labels, idx3 -> idx1).

    Raises:
        DataError: the file is not of images, or the labels do not fit.
    """
    images = read_idx(path)
    if images.ndim != 3 or not images.size:
        what = "labels" if images.ndim == 1 else f"an array of shape {list(images.shape)}"
        raise DataError(f"{path} holds {what}; give the file of images, "
                        "of shape [N, height, width] with N of 1 or more")
    beside = _labels_beside(path)
    if beside is None:
        return Examples.of_images(images[:, None], name, notes=["no file of labels lies beside the images"])
    labels = read_idx(beside)
    if labels.shape != (len(images),):
        raise DataError(f"{path} holds {len(images):,} images, but {beside} labels of shape {list(labels.shape)}")
    names = classes or tuple(str(i) for i in range(int(labels.max()) + 1))
    return Examples.of_images(images[:, None], name, labels=labels, classes=names)


def find_idx(folder: Path, split: str) -> Path | None:
    """The file of images of a split, in a folder with the names of MNIST; None where there is none."""
    for part in PARTS.get(split, (split,)):
        for found in sorted(folder.glob(f"{part}-images?idx3-ubyte*")):
            if found.name.endswith(("ubyte", "ubyte.gz")):
                return found
    return None


def splits_of(folder: Path) -> list[str]:
    """The splits that a folder with the names of MNIST holds."""
    return [split for split in PARTS if find_idx(folder, split)]


def _labels_beside(path: Path) -> Path | None:
    named = path.name.replace("images", "labels").replace("idx3", "idx1")
    stem = named.removesuffix(".gz")
    for candidate in (named, stem, stem + ".gz"):
        if candidate != path.name and path.with_name(candidate).is_file():
            return path.with_name(candidate)
    return None


def _opened(path: Path) -> gzip.GzipFile | BinaryIO:
    with open(path, "rb") as file:
        zipped = file.read(2) == GZIP
    return gzip.GzipFile(path) if zipped else open(path, "rb")
