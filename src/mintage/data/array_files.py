"""Array files: the array that is meant in a .npy or .npz file, and its labels. Objects are never unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mintage.data.errors import DataError, near

IMAGE_KEYS = ("x", "images", "image", "photo", "x_train", "train_images", "data")
LABEL_KEYS = ("y", "labels", "label", "target", "y_train", "train_labels")


def keyed(text: str) -> tuple[Path, str | None]:
    """FILE.npz:KEY as its two parts; else the path and None."""
    path, colon, key = text.rpartition(":")
    if colon and path.lower().endswith(".npz") and not Path(text).exists():
        return Path(path), key
    return Path(text), None


def read_array(path: Path, key: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The array of a file and its labels, as `arrays.open_array` describes them.

    Raises:
        DataError: it cannot be read, holds objects, or it is not clear which array is meant.
    """
    with reading(path):
        array = mapped(path)
        if array is not None:
            return array, None
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            return _chosen(found, path, key) if isinstance(found, np.lib.npyio.NpzFile) else (found, None)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong within is said of the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # a damaged file may raise anything, MemoryError and zlib.error included
        raise DataError(_unreadable(path, error)) from error


def _chosen(found: Mapping[str, np.ndarray], path: Path, wanted: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    keys = list(found)
    if wanted is not None and wanted not in keys:
        raise DataError(f"{path} holds no array {wanted!r}; it holds {', '.join(keys) or '(none)'}{near(wanted, keys)}")
    key = wanted or next((k for k in IMAGE_KEYS if k in keys), keys[0] if len(keys) == 1 else None)
    if key is None:
        raise DataError(f"{path} holds the arrays {', '.join(keys) or '(none)'}; say which to learn from, as in "
                        f"{path}:{next(iter(keys), 'KEY')}, or name it {' or '.join(IMAGE_KEYS[:4])}, and its labels "
                        f"{' or '.join(LABEL_KEYS[:2])}")
    array, label = found[key], next((k for k in LABEL_KEYS if k in keys and k != key), None)
    labels = None if label is None else found[label]
    fits = labels is not None and (wanted is None or len(labels) == len(array))
    return array, labels if fits else None


def mapped(path: Path) -> np.ndarray | None:
    """The array of a .npy file as a memory map; None where it cannot be one, and reading will tell why."""
    if path.suffix.lower() != ".npy":
        return None
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception:  # as in open_array
        return None


def _unreadable(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if text.startswith("Object arrays"):
        return (f"{path} holds Python objects, which can run any code when read, and so are never read; "
                "save plain numbers")
    why = "it is not in NumPy's format" if "pickle" in text.lower() else text[:160] or type(error).__name__
    return f"{path} cannot be read as an array: {why}"
