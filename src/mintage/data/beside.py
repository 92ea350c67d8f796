"""Beside: the small files that lie with images in a folder or zip: tables and texts. Links are not followed.

Nothing of a zip is written to the disk, and no file is read beyond a limit.
"""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

from mintage.data.errors import DataError

LARGEST_TABLE = 2**28
LARGEST_TEXT = 2**16
KINDS = (".csv", ".tsv", ".jsonl", ".txt")


class Beside:
    """The tables and texts in a folder or zip, by their relative paths, sorted.

    Raises:
        DataError: a zip that cannot be read.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.archive = _archive(place) if place.is_file() and place.suffix.lower() == ".zip" else None
        self.members = {} if self.archive is None else {m.filename: m for m in self.archive.infolist() if _plain(m)}
        self.names = sorted(self.members) if self.archive is not None else sorted(_walk(place))

    def ending(self, *endings: str) -> list[str]:
        """The names that end so."""
        return [name for name in self.names if name.lower().endswith(endings)]

    def read(self, name: str, most: int) -> bytes:
        """The content of one.

        Raises:
            DataError: it is larger than `most` bytes, encrypted, damaged, or gone.
        """
        where = f"{name} in {self.place}"
        if self.archive is None:
            return read_plain(self.place / name, most)
        member = self.members[name]
        if member.file_size > most:
            raise DataError(f"{where} has {member.file_size:,} bytes, more than the {most:,} allowed")
        if member.flag_bits & 1:
            raise DataError(f"{where} is encrypted; give the archive without a password")
        try:
            with self.archive.open(member) as file:
                return file.read(most)
        except Exception as error:  # zipfile raises many kinds for a damaged member
            raise DataError(f"{where} cannot be read: {' '.join(str(error).split())[:120]}") from error


def read_plain(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes; its last part may be no link.

    Raises:
        DataError: it is none.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
                         | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            now = os.fstat(handle)
            if not stat.S_ISREG(now.st_mode):
                raise DataError(f"{path} is not a regular file")
            if now.st_size > most:
                raise DataError(f"{path} has {now.st_size:,} bytes, more than the {most:,} allowed")
            return file.read(most)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _archive(place: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(place)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{place} cannot be read as a zip: {error}") from error


def _plain(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a regular file of a kind that is read, and neither hidden nor macOS's own."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in member.filename.split("/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    return not member.is_dir() and not hidden and kind in (0, stat.S_IFREG) and _read(member.filename)


def _read(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in KINDS


def _walk(place: Path) -> list[str]:
    found = []
    for folder, below, names in os.walk(place, followlinks=False):
        below[:] = [name for name in below if not name.startswith(".") and name != "__MACOSX"]
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith(".") and _read(name) and stat.S_ISREG(os.lstat(path).st_mode):
                found.append(Path(os.path.relpath(path, place)).as_posix())
    return found
