"""Arrays: .npy and .npz files as examples.

Images are [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 to 4 channels; points are [N, d] or [N]. Values are uint8,
bool, uint16 (divided by 257), whole numbers in 0..255, or floats in [0, 1] or [-1, 1]. Pickled objects are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mintage.data.array_files import mapped, read_array, reading
from mintage.data.disk_rows import STRETCH, DiskRows, Part
from mintage.data.errors import DataError
from mintage.data.examples import Examples
from mintage.data.images import shaped
from mintage.data.plan import Facts, Wish, size_note
from mintage.data.room import available
from mintage.data.spec import DataSpec
from mintage.data.stores import Pixels
from mintage.data.streaming import in_threads

MOST_CLASSES = 1000
MOST_CHANNELS = 4
LEFT = "the images are more than memory should hold, and are read from their file as they are needed"


def open_array(path: Path, name: str, wish: Wish, limit: int | None = None, key: str | None = None) -> Examples:
    """The array of a .npy file; of a .npz file the one named `key`, or x, images or photo, or the only one, with its
    labels y.

    A .npy is read through a memory map, so that no more than its images as uint8 are held; and images that are uint8
    already stay on disk where they are more than `limit` bytes, by default a quarter of the free memory.

    Raises:
        DataError: it cannot be read, holds objects, it is not clear which array is meant, or it is no array of images
            or points.
    """
    with reading(path):
        left = on_disk(path, available() // 4 if limit is None else limit)
    if left is not None:
        return fitting(Examples(DataSpec("image", left.shape), name, left, left.digests(), notes=[LEFT]), wish, 0)
    array, labels = read_array(path, key)
    return from_array(array, name, wish, labels)


def from_array(array: np.ndarray, name: str, wish: Wish, labels: np.ndarray | None = None) -> Examples:
    """An array as examples, brought to the wished size and channels.

    Raises:
        DataError: no shape of images or points, values of an unknown range, or labels that do not fit.
    """
    if array.ndim == 0 or not array.size or array.dtype.kind not in "buif":
        raise DataError(f"{name} is an array of {array.dtype} with shape {list(array.shape)}; wanted are numbers, as "
                        "images [N, H, W], [N, H, W, C] or [N, C, H, W], or as points [N, d]")
    whole, classes = _labels(labels, len(array), name)
    if array.ndim <= 2:
        points = array.reshape(len(array), -1)
        if wish.resolution or wish.channels:
            raise DataError(f"{name} holds points of {points.shape[1]} dimensions; a resolution and channels are "
                            "for images, leave them out")
        return Examples.of_points(points, name, labels=whole, classes=classes)
    notes: list[str] = []
    pixels = to_bytes(channels_first(array, name, notes), name, notes)
    return Examples.of_images(brought(pixels, wish, notes), name, labels=whole, classes=classes, notes=notes)


def on_disk(path: Path, limit: int) -> DiskRows | None:
    """The images of a .npy file as rows on disk; None where they are to be held, or are not plain uint8 images."""
    array = mapped(path)
    if not isinstance(array, np.memmap) or array.dtype != np.uint8 or array.ndim not in (3, 4) or array.nbytes <= limit:
        return None
    first = channels_first(array[:1], path.name, [])
    if not array.flags.c_contiguous:
        return None
    last = array.ndim == 4 and array.shape[1:] != first.shape[1:]
    part = Part(str(path), int(array.offset), len(array))
    return DiskRows([part], (int(first.shape[1]), int(first.shape[2]), int(first.shape[3])), last=last)


def fitting(examples: Examples, wish: Wish, limit: int) -> Examples:
    """Images on disk: loaded where they take `limit` bytes at most; refused where another size is wished.

    Raises:
        DataError: a size or channels that are not theirs.
    """
    channels, height, width = examples.spec.shape
    if wish.resolution not in (None, (height, width)) or wish.channels not in (None, channels):
        raise DataError(f"{examples.name} holds images of {height}x{width} with {channels} channels, which are used as "
                        "they are; leave resolution and channels out, or write them at that size")
    if not isinstance(examples.store, DiskRows) or len(examples) * examples.store.bytes > limit:
        return examples
    held = Pixels(examples.store.fetch(torch.arange(len(examples))))
    return Examples(examples.spec, examples.name, held, examples.digests, labels=examples.labels)


def channels_first(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as [N, C, H, W]."""
    if array.ndim == 3:
        return array[:, None]
    last = array.ndim == 4 and array.shape[3] <= MOST_CHANNELS
    first = array.ndim == 4 and array.shape[1] <= MOST_CHANNELS
    if not last and not first:
        raise DataError(f"{name} is an array of shape {list(array.shape)}; images are [N, H, W], [N, H, W, C] or "
                        f"[N, C, H, W] with 1 to {MOST_CHANNELS} channels")
    if last and first:
        notes.append(f"an array of shape {list(array.shape)} is read as [N, height, width, channels]")
    return array.transpose(0, 3, 1, 2) if last else array


def to_bytes(array: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Values of any allowed range as uint8 0..255, rounded and never clipped."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        notes.append("16-bit values are reduced to 8 by dividing by 257")
        return _by_stretches(array, lambda part: (part.astype(np.uint32) + 128) // 257)
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise DataError(f"{name} holds values that are not finite (NaN or infinite); replace them")
    if array.dtype.kind in "ui" and 0 <= low and high <= 255:
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and -1 <= low and high <= 1:
        notes.append(f"values from {low:.3g} to {high:.3g} are read as {'[0, 1]' if low >= 0 else '[-1, 1]'}")
        return _by_stretches(array, lambda part: np.rint(part * 255.0 if low >= 0 else (part + 1.0) * 127.5))
    hint = "; divide by 255, or save as uint8" if 0 <= low and high <= 255 else ""
    raise DataError(f"{name} holds {array.dtype} values from {low:.4g} to {high:.4g}; allowed are uint8, uint16, whole "
                    f"numbers from 0 to 255, or floats in [0, 1] or [-1, 1]{hint}")


def _by_stretches(array: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The change of every value as uint8, with a stretch of rows in memory at a time and not all of them."""
    found = np.empty(array.shape, dtype=np.uint8)
    for start in range(0, len(array), STRETCH):
        found[start:start + STRETCH] = change(array[start:start + STRETCH]).astype(np.uint8)
    return found


def brought(pixels: np.ndarray, wish: Wish, notes: list[str]) -> np.ndarray:
    """Images uint8 [N, C, H, W] brought to the wished size and channels."""
    n, own, height, width = pixels.shape
    seen = [Facts(width, height, own == 1)]
    if own == 2:
        if wish.channels not in (None, 2) or wish.resolution not in (None, (height, width)):
            raise DataError("images of 2 channels are used as they are; leave resolution and channels out, "
                            "or save them with 1, 3 or 4 channels")
        return pixels
    plan = Wish(wish.resolution, wish.fit, wish.channels or own, wish.exact).plan(seen)
    if plan.too_small(seen[0]):
        raise DataError(f"images of {height}x{width} pixels are too small for {plan.height}x{plan.width}: "
                        "a side is under a quarter; ask for a smaller resolution")
    if (plan.height, plan.width, plan.channels) == (height, width, own):
        return pixels
    size = size_note(wish, plan, seen)
    notes.extend([size] if size else [])
    rows = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))

    def one(index: int) -> np.ndarray:
        return shaped(Image.fromarray(rows[index, ..., 0] if own == 1 else rows[index]), plan)

    return np.stack(list(in_threads(one, range(n))))


def resized(examples: Examples, wish: Wish) -> Examples:
    """Images in memory brought to the wished size and channels; themselves where nothing is to be done."""
    if not wish.resolution and not wish.channels:
        return examples
    if examples.spec.kind != "image":
        raise DataError(f"{examples.name} holds points; a resolution and channels are for images, leave them out")
    x = examples.gather(torch.arange(len(examples))).x
    pixels = x.add_(1).mul_(127.5).round_().to(torch.uint8).numpy()
    notes = list(examples.notes)
    labels = None if examples.labels is None else examples.labels.numpy()
    return Examples.of_images(brought(pixels, wish, notes), examples.name, labels=labels, classes=examples.spec.labels,
                              notes=notes)


def _labels(labels: np.ndarray | None, n: int, name: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if labels is None:
        return None, ()
    flat = labels.reshape(-1) if labels.shape in ((n,), (n, 1)) else None
    if flat is None or flat.dtype.kind not in "buiUS":
        raise DataError(f"the labels of {name} are {labels.dtype} of shape {list(labels.shape)}; wanted are {n} whole "
                        "numbers or words")
    found, index = np.unique(flat, return_inverse=True)
    if len(found) > MOST_CLASSES:
        raise DataError(f"{name} has {len(found):,} different labels; at most {MOST_CLASSES:,} classes are allowed. "
                        "Leave the labels out of the file if they are not classes")
    words = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in found.tolist())
    return index.reshape(-1), tuple(words)
