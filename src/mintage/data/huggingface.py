"""A dataset of Hugging Face, saved to a folder with `save_to_disk`. Its image column and its label column are found by
their types; the encoded images go through the same preflight as files.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mintage.data.classes import Classes
from mintage.data.errors import DataError, near
from mintage.data.examples import Examples
from mintage.data.folder import Found
from mintage.data.images import Refused
from mintage.data.plan import Wish
from mintage.data.preflight import open_found

MARKS = ("dataset_dict.json", "state.json")


def is_saved_dataset(folder: Path) -> bool:
    """Whether `save_to_disk` made this folder."""
    return any((folder / mark).is_file() for mark in MARKS)


class RowFiles:
    """The encoded images of a dataset's column, as files named by their row."""

    def __init__(self, dataset: Any, column: str, rows: np.ndarray) -> None:
        self.dataset, self.column, self.rows = dataset, column, rows

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> bytes:
        """`row 17`, counted from 0."""
        return f"row {self.rows[index]}".encode()

    def read(self, index: int) -> bytes:
        """The encoded image: its own bytes, or those of the file it points to."""
        cell = self.dataset[int(self.rows[index])][self.column]
        if not isinstance(cell, dict) or not (cell.get("bytes") or cell.get("path")):
            raise Refused("the row has no image")
        if cell.get("bytes"):
            return bytes(cell["bytes"])
        try:
            return Path(cell["path"]).read_bytes()
        except OSError as error:
            raise Refused(f"the image it points to cannot be read: {error.strerror}") from error

    def take(self, indices: np.ndarray) -> RowFiles:
        """These rows only."""
        return RowFiles(self.dataset, self.column, self.rows[indices])


def open_saved_dataset(folder: Path, name: str, wish: Wish, *, split: str = "train",
                       memory_limit: int | None = None) -> Examples:
    """The images of a saved dataset, with labels where it has a column of class labels.

    Raises:
        DataError: the package is not installed, or there is no such split, or not one column of images.
    """
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise DataError(f"{folder} is a dataset of Hugging Face; to read it, install its package: "
                        "pip install 'mintage[huggingface]'") from error
    try:
        dataset = datasets.load_from_disk(str(folder))
    except Exception as error:  # the package raises many kinds
        raise DataError(f"{folder} cannot be read as a dataset: {' '.join(str(error).split())[:200]}") from error
    if isinstance(dataset, dict):
        if split not in dataset:
            raise DataError(f"{folder} has no split {split!r}; it has {', '.join(dataset)}{near(split, dataset)}")
        dataset = dataset[split]
    column = _only(dataset, "Image")
    if column is None:
        kinds = ", ".join(f"{key} ({type(kind).__name__})" for key, kind in dataset.features.items())
        raise DataError(f"{folder} has no column of images, or more than one; its columns are {kinds}. "
                        "Keep one with select_columns, and save it again")
    label = _only(dataset, "ClassLabel")
    rows = RowFiles(dataset.cast_column(column, datasets.Image(decode=False)), column, np.arange(len(dataset)))

    def classes(good: np.ndarray) -> Classes:
        if label is None:
            return Classes((), None, [])
        labels = np.asarray(dataset[label], dtype=np.int64)[good]
        names = tuple(dataset.features[label].names)
        if len(labels) and labels.min() < 0:
            return Classes((), None, [f"no labels are used: {int((labels < 0).sum())} rows have none"])
        return Classes(names, labels, [f"{len(names)} classes, from the column {label}"])

    return open_found(Found(rows), name, wish, classes, memory_limit=memory_limit)


def _only(dataset: Any, kind: str) -> str | None:
    found = [key for key, feature in dataset.features.items() if type(feature).__name__ == kind]
    return found[0] if len(found) == 1 else None
