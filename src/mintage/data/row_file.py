"""A .npy file of uint8 rows, written in any order and in flat memory; its space on the disk is set aside first."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

import numpy as np


class RowFile:
    """`file[k] = row` puts row k of an array uint8 [N, ...] where it belongs, from any thread.

    Raises:
        OSError: the disk has no room for all of it; nothing was written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape, self.bytes = path, shape, int(np.prod(shape[1:]))
        self._lock = Lock()
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            self.offset = file.tell()
        self._number = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            self._reserve(self.offset + shape[0] * self.bytes)
        except OSError:
            self.abandon()
            raise

    def __setitem__(self, index: int, row: np.ndarray) -> None:
        self.write(index, row)

    def write(self, first: int, rows: np.ndarray) -> None:
        """Rows `first` and on."""
        data, at = np.ascontiguousarray(rows).tobytes(), self.offset + first * self.bytes
        if hasattr(os, "pwrite"):
            os.pwrite(self._number, data, at)
            return
        with self._lock:
            os.lseek(self._number, at, os.SEEK_SET)
            os.write(self._number, data)

    def close(self) -> None:
        """Make it durable."""
        os.fsync(self._number)
        self.abandon()

    def abandon(self) -> None:
        """Close it, whatever was written."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    def __del__(self) -> None:
        if hasattr(self, "_number"):
            self.abandon()

    def _reserve(self, size: int) -> None:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._number, 0, size)
        else:
            os.ftruncate(self._number, size)
