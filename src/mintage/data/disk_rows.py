"""Rows on disk: images uint8 of one shape, one behind the other in one or several files, read where they lie.

A batch is one positional read an example (or one for a run of neighbours), so memory stays flat however much is read.
A memory map would count every page that was ever touched as the process's own, and a file cut short under it would
kill the process; a read that comes up short is an error that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.stores import digests_of, landed, to_float

STRETCH = 4096  # rows read at once where all are gone through
_turn = Lock()


class Part(NamedTuple):
    """`rows` rows in a file, from byte `offset` on."""

    path: str
    offset: int
    rows: int


class DiskRows:
    """Images in `parts`, of `shape` (C, H, W); `last`: stored [H, W, C] instead. `rows` are those of them in use.

    Raises:
        DataError: a file has gone, or is shorter than it should be.
    """

    ahead = 2

    def __init__(self, parts: Sequence[Part], shape: tuple[int, int, int], *, last: bool = False,
                 rows: np.ndarray | None = None, device: torch.device | str = "cpu",
                 handles: list[_Handle] | None = None) -> None:
        self.parts, self.shape, self.last, self.rows = list(parts), shape, last, rows
        self.device, self.bytes = torch.device(device), int(np.prod(shape))
        self.ends = np.cumsum([part.rows for part in self.parts], dtype=np.int64)
        self.handles = handles or [_Handle(part, part.offset + part.rows * self.bytes) for part in self.parts]

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.rows is None else len(self.rows)

    def read(self, indices: Tensor) -> Tensor:
        """[n, C, H, W] in [-1, 1]."""
        return self.ready(self.fetch(indices))

    def fetch(self, indices: Tensor) -> Tensor:
        """The same as uint8 [n, C, H, W] on the CPU; from any thread."""
        wanted = indices.cpu().numpy()
        if len(wanted) and not (0 <= wanted.min() and wanted.max() < len(self)):
            raise IndexError(f"indices run from {wanted.min()} to {wanted.max()}; there are {len(self)} examples")
        data = self._bytes_of(wanted if self.rows is None else self.rows[wanted])
        found = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        channels, height, width = self.shape
        if self.last:
            return found.view(-1, height, width, channels).permute(0, 3, 1, 2).contiguous()
        return found.view(-1, channels, height, width)

    def ready(self, fetched: Tensor) -> Tensor:
        """What was fetched, as `read` gives it."""
        return to_float(landed(fetched, self.device))

    def _bytes_of(self, wanted: np.ndarray) -> bytearray:
        if not len(wanted):
            return bytearray()
        which = np.searchsorted(self.ends, wanted, "right")
        within = wanted - (self.ends - [part.rows for part in self.parts])[which]
        at = within * self.bytes + np.array([part.offset for part in self.parts])[which]
        if len(wanted) > 1 and which[0] == which[-1] and (np.diff(wanted) == 1).all():
            return bytearray(self.handles[which[0]].read(len(wanted) * self.bytes, int(at[0])))
        return bytearray(b"".join([self.handles[k].read(self.bytes, offset)
                                   for k, offset in zip(which.tolist(), at.tolist(), strict=True)]))

    def take(self, indices: Tensor) -> DiskRows:
        """These rows only."""
        chosen = indices.cpu().numpy()
        return DiskRows(self.parts, self.shape, last=self.last, device=self.device, handles=self.handles,
                        rows=chosen if self.rows is None else self.rows[chosen])

    def to(self, device: torch.device) -> DiskRows:
        """Batches go to another device; the rows stay on disk."""
        return DiskRows(self.parts, self.shape, last=self.last, rows=self.rows, device=device, handles=self.handles)

    def digests(self) -> np.ndarray:
        """Content hashes [N, 16], in flat memory."""
        spans = (torch.arange(start, min(start + STRETCH, len(self))) for start in range(0, len(self), STRETCH))
        return np.concatenate([digests_of(self.fetch(span).numpy()) for span in spans])


class _Handle:
    """An open file, closed when nobody reads it any more."""

    def __init__(self, part: Part, least: int) -> None:
        self.path = part.path
        try:
            self.number = os.open(part.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise DataError(f"{part.path} cannot be read: {error.strerror}") from error
        size = os.fstat(self.number).st_size
        if size < least:
            raise DataError(f"{part.path} is cut short: it has {size:,} bytes of {least:,}")

    def read(self, count: int, offset: int) -> bytes:
        """`count` bytes from `offset` on."""
        try:
            found = os.pread(self.number, count, offset) if hasattr(os, "pread") else self._seek(count, offset)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}") from error
        if len(found) < count:
            raise DataError(f"{self.path} has been cut short since it was opened; put it back, or open the data again")
        return found

    def _seek(self, count: int, offset: int) -> bytes:
        with _turn:  # Windows has no positional read
            os.lseek(self.number, offset, os.SEEK_SET)
            return os.read(self.number, count)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)
