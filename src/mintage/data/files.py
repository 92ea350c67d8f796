"""Files: named byte strings, one an image, in the order of their names' bytes. They lie in a folder or in a zip.

A million of them must fit in little memory, so the index of a folder is one string of all names, with offsets, sizes
and times of change as arrays.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterable
from typing import Protocol

import numpy as np

from mintage.data.errors import DataError
from mintage.data.images import LARGEST_FILE, Refused

ENDINGS = frozenset(b".jpg .jpeg .jpe .jfif .png .apng .webp .bmp .dib .gif .tif .tiff".split())


class Files(Protocol):
    """Named byte strings."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> bytes:
        """The path, relative to the folder or zip."""
        ...

    def read(self, index: int) -> bytes:
        """The content. Raises DataError, naming the file, where it has changed since it was listed."""
        ...

    def take(self, indices: np.ndarray) -> Files:
        """These files only."""
        ...


def shown(name: bytes) -> str:
    """A file name as one line of plain text, whatever bytes it is made of."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_image_name(name: bytes) -> bool:
    """Whether the ending is one of an image format that is read."""
    return os.path.splitext(name)[1].lower() in ENDINGS


class FolderFiles:
    """Regular files under a folder; links are never followed."""

    def __init__(self, root: bytes, names: bytes, ends: np.ndarray, sizes: np.ndarray, times: np.ndarray) -> None:
        self.root, self.names, self.ends, self.sizes, self.times = root, names, ends, sizes, times

    @classmethod
    def of(cls, root: bytes, found: Iterable[tuple[bytes, int, int]]) -> FolderFiles:
        """From (name, size, time of change in ns) of each file, in any order."""
        rows = sorted(found)
        ends = np.cumsum([0] + [len(row[0]) for row in rows], dtype=np.int64)
        return cls(root, b"".join(row[0] for row in rows), ends, np.array([row[1] for row in rows], dtype=np.int64),
                   np.array([row[2] for row in rows], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.sizes)

    def name(self, index: int) -> bytes:
        """The path relative to the folder."""
        return self.names[self.ends[index]:self.ends[index + 1]]

    def read(self, index: int) -> bytes:
        """The content of a file that is still the one that was listed."""
        name = self.name(index)
        if self.sizes[index] > LARGEST_FILE:
            raise Refused(f"the file has {self.sizes[index]:,} bytes, more than the {LARGEST_FILE:,} allowed")
        try:
            handle = os.open(os.path.join(self.root, name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
                             | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise DataError(f"the file {shown(name)} has gone since the data were opened; "
                            "put it back, or open the data again") from error
        except OSError as error:
            raise Refused(f"it cannot be read: {error.strerror}") from error
        with os.fdopen(handle, "rb") as file:
            now = os.fstat(handle)
            if (not stat.S_ISREG(now.st_mode) or now.st_size != self.sizes[index]
                    or now.st_mtime_ns != self.times[index]):
                raise DataError(f"the file {shown(name)} has changed since the data were opened; "
                                "put it back as it was, or open the data again")
            return file.read()

    def take(self, indices: np.ndarray) -> FolderFiles:
        """These files only, in this order."""
        names = [self.name(int(i)) for i in indices]
        ends = np.cumsum([0] + [len(name) for name in names], dtype=np.int64)
        return FolderFiles(self.root, b"".join(names), ends, self.sizes[indices], self.times[indices])


class ZipFiles:
    """Members of a zip, read one at a time into memory; nothing is unpacked to the disk, so names cannot lead out."""

    def __init__(self, path: str, members: list[zipfile.ZipInfo], stamp: tuple[int, int],
                 archive: zipfile.ZipFile | None = None) -> None:
        self.path, self.members, self.stamp = path, members, stamp
        self.archive = archive or zipfile.ZipFile(path)

    def __len__(self) -> int:
        return len(self.members)

    def name(self, index: int) -> bytes:
        """The path within the zip."""
        return self.members[index].filename.encode("utf-8", "surrogateescape")

    def read(self, index: int) -> bytes:
        """The content of a member, its checksum verified."""
        member = self.members[index]
        if stamp_of(self.path) != self.stamp:
            raise DataError(f"{self.path} has changed since the data were opened; open the data again")
        if member.file_size > LARGEST_FILE:
            raise Refused(f"it unfolds to {member.file_size:,} bytes, more than the {LARGEST_FILE:,} allowed")
        if member.flag_bits & 1:
            raise Refused("it is encrypted")
        try:
            with self.archive.open(member) as file:
                return file.read(LARGEST_FILE)
        except Exception as error:  # zipfile raises many kinds for a damaged member
            raise Refused(f"it cannot be read from the zip: {' '.join(str(error).split())[:120]}") from error

    def take(self, indices: np.ndarray) -> ZipFiles:
        """These members only, in this order."""
        return ZipFiles(self.path, [self.members[int(i)] for i in indices], self.stamp, self.archive)


def stamp_of(path: str) -> tuple[int, int]:
    """Size and time of change of a file; (-1, -1) where it has gone."""
    try:
        now = os.stat(path)
    except OSError:
        return -1, -1
    return now.st_size, now.st_mtime_ns
