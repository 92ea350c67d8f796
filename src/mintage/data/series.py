"""Series: windows x [n, T, d] of T steps in d channels, in their own units.

From .npy and .npz they are read as they are. From the CSV of one long series they are cut: window k is the rows
k * stride ... k * stride + T - 1, as Time-series Generative Adversarial Networks (Yoon et al., NeurIPS 2019) does with
T = 24 and stride 1. Windows that overlap share rows, so neighbours are not independent: to hold some out, cut the long
series in two before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from mintage.data.csv_rows import is_missing
from mintage.data.errors import DataError, near
from mintage.data.stores import digests_of
from mintage.data.tables import Column, Table, open_table

LENGTH = 24


@dataclass(frozen=True, eq=False)
class Series:
    """Windows float32 [n, T, d] and the names of the d channels."""

    name: str
    windows: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse another shape, and values that are not finite, saying where."""
        if self.windows.ndim != 3 or 0 in self.windows.shape or len(self.names) != self.windows.shape[2]:
            raise DataError(f"series are windows [n, steps, channels] with a name for each channel; {self.name} has "
                            f"shape {list(self.windows.shape)} and {len(self.names)} names")
        bad = ~np.isfinite(self.windows)
        if bad.any():
            window, step, channel = (int(k) for k in np.argwhere(bad)[0])
            raise DataError(f"{self.name} holds {int(bad.sum()):,} values that are not finite (NaN or infinite); the "
                            f"first is in window {window}, step {step}, channel {self.names[channel]!r}, counted from "
                            "0; fill them or leave those windows out")

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def x(self) -> torch.Tensor:
        """The windows as a tensor float32 [n, T, d]."""
        return torch.from_numpy(self.windows)

    @cached_property
    def digests(self) -> np.ndarray:
        """Content hashes of the windows, uint8 [n, 16]."""
        return digests_of(self.windows)

    def take(self, indices: np.ndarray | torch.Tensor, name: str | None = None) -> Series:
        """These windows only, in this order."""
        return Series(name or self.name, self.windows[np.asarray(indices)], self.names, self.notes)


def open_series(path: str | Path, like: Series | None = None, *, length: int | None = None, stride: int = 1) -> Series:
    """Windows of a .npy or .npz array [n, T, d], or of a CSV file whose rows are the steps of one series.

    `length` (24) and `stride` are for CSV files. With `like`, the length and the channels are those of that series.
    Columns of words, such as dates, are left out of a CSV file, and noted.

    Raises:
        DataError: the file cannot be read, is of another shape, holds a value that is missing, not finite or no number,
            has fewer rows than a window, or does not have the channels and the length of `like`.
    """
    path = Path(path)
    if path.suffix.lower() in (".npy", ".npz"):
        found = _from_array(path, like)
    else:
        found = _from_rows(path, like, length or (like.windows.shape[1] if like else LENGTH), stride)
    wanted = (like.windows.shape[1] if like else length, like.windows.shape[2] if like else None)
    for size, other, what in zip(wanted, found.windows.shape[1:], ("steps", "channels"), strict=True):
        if size is not None and size != other:
            raise DataError(f"the windows of {path} have {other} {what} and {size} are wanted"
                            f"{f', as in {like.name}' if like else ''}; cut or choose them alike")
    return found


def windows_of(rows: np.ndarray, length: int, stride: int = 1) -> np.ndarray:
    """Windows [n, length, d] of rows [N, d], n = (N - length) // stride + 1, in order.

    Raises:
        DataError: a length or stride below 1, or fewer rows than a window.
    """
    if length < 1 or stride < 1 or len(rows) < length:
        raise DataError(f"{len(rows):,} rows cannot be cut into windows of length {length} with stride {stride}; both "
                        "are 1 or more, and a window has at most all rows")
    cut = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0)[::stride]
    return np.ascontiguousarray(cut.transpose(0, 2, 1))


def _from_array(path: Path, like: Series | None) -> Series:
    try:
        with open(path, "rb") as file:
            found = np.load(file, allow_pickle=False)
            keys = list(found) if isinstance(found, np.lib.npyio.NpzFile) else []
            if len(keys) > 1 and "x" not in keys:
                raise DataError(f"{path} holds the arrays {', '.join(keys)}; name the windows x")
            array = found[("x" if "x" in keys else keys[0])] if keys else found
    except DataError:
        raise
    except Exception as error:  # a damaged file may raise anything, zlib.error included
        why = " ".join(str(error).split())[:160]
        raise DataError(f"{path} cannot be read as an array of numbers: {why}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 3 or array.dtype.kind not in "iuf":
        shape, kind = getattr(array, "shape", ()), getattr(array, "dtype", "nothing")
        raise DataError(f"{path} is an array of {kind} with shape {list(shape)}; series are numbers [n, steps, "
                        "channels], and one channel is [n, steps, 1]")
    channels = array.shape[2]
    names = like.names if like and len(like.names) == channels else tuple(f"x{k}" for k in range(channels))
    return Series(path.name, _narrow(array), names)


def _from_rows(path: Path, like: Series | None, length: int, stride: int) -> Series:
    table = open_table(path)
    notes = [note for note in table.notes if "left out" in note]
    names = like.names if like else tuple(column.name for column in table.columns if _is_channel(path, column, notes))
    for name in names:
        if name not in table.names:
            raise DataError(f"{path} has no column {name!r}, which {like.name if like else path} has"
                            f"{near(name, table.names)}")
    if not names:
        raise DataError(f"{path} has no column of numbers; a series has one channel or more")
    rows = np.stack([_whole(path, table, name) for name in names], axis=1)
    cut = windows_of(rows, length, stride)
    notes.append(f"{len(rows):,} rows are cut into {len(cut):,} windows of {length} steps, one each "
                 f"{f'{stride} rows' if stride > 1 else 'row'}")
    return Series(path.name, cut, names, tuple(notes))


def _is_channel(path: Path, column: Column, notes: list[str]) -> bool:
    """Numbers are; words throughout are noted and left out; numbers with a word among them are an error."""
    if column.categories is None:
        return True
    for code, word in enumerate(column.categories):
        if _plain(word) is None and any(_plain(other) is not None for other in column.categories):
            row = int(np.flatnonzero(column.values == code)[0]) + 2
            raise DataError(f"column {column.name!r} of {path} holds numbers, and the word {word!r} in row {row}; "
                            "correct the cell, or take the column out")
    notes.append(f"the column {column.name} holds words, and is left out")
    return False


def _plain(word: str) -> float | None:
    try:
        return None if is_missing(word) else float(word)
    except ValueError:
        return None


def _whole(path: Path, table: Table, name: str) -> np.ndarray:
    column = table.column(name)
    if not column.numeric:
        raise DataError(f"column {name!r} of {path} holds words; numbers are wanted, as in the reference")
    if column.missing.any():
        row = int(np.flatnonzero(column.missing)[0]) + 2
        raise DataError(f"column {name!r} of {path} has {int(column.missing.sum()):,} missing cells, the first in row "
                        f"{row}; fill them, or take the column or those rows out")
    return _narrow(column.values)


def _narrow(values: np.ndarray) -> np.ndarray:
    """float32; a number beyond its range becomes infinite, which `Series` refuses with its place."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)
