"""Finding images: in a folder and the folders under it, or in a zip. What is not followed or not read is listed.

Only regular files count: links are not followed, pipes and devices are not opened. Hidden files, and files whose
ending is not one of an image, are passed over and counted.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mintage.data.errors import DataError
from mintage.data.examples import Reject
from mintage.data.files import Files, FolderFiles, ZipFiles, is_image_name, shown, stamp_of

MOST_MEMBERS = 2_000_000
MOST_ENDINGS = 5
RESOURCES = b"__MACOSX"
OTHER_IMAGES = frozenset(b".heic .heif .avif .jp2 .jxl .raw .cr2 .nef .dng .psd .svg .exr .hdr .tga .ppm .pgm".split())


@dataclass
class Found:
    """Files that look like images, those that cannot be used, and counts of what was passed over, by ending."""

    files: Files
    rejects: list[Reject] = field(default_factory=list)
    passed: Counter[bytes] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        """A sentence about what was passed over, if anything was."""
        if not self.passed:
            return []
        kinds = ", ".join(f"{n} {shown(kind)}" for kind, n in self.passed.most_common(MOST_ENDINGS))
        more = ", ..." if len(self.passed) > MOST_ENDINGS else ""
        convert = ("; to use the pictures among them, convert them to PNG or JPEG"
                   if OTHER_IMAGES & set(self.passed) else "")
        total = sum(self.passed.values())
        return [f"{total} other file{'s' * (total != 1)} passed over ({kinds}{more}){convert}"]


def find_in_folder(root: Path) -> Found:
    """All images under a folder.

    Raises:
        DataError: the folder cannot be read.
    """
    rejects: list[Reject] = []
    passed: Counter[bytes] = Counter()
    top = os.fsencode(root)
    files = FolderFiles.of(top, _walk(top, rejects, passed))
    return Found(files, sorted(rejects), passed)


def _walk(top: bytes, rejects: list[Reject], passed: Counter[bytes]) -> Iterator[tuple[bytes, int, int]]:
    pending = [b""]
    while pending:
        below = pending.pop()
        try:
            entries = list(os.scandir(os.path.join(top, below) if below else top))
        except OSError as error:
            if not below:
                raise DataError(f"the folder {shown(top)} cannot be read: {error.strerror}") from error
            rejects.append(Reject(shown(below), f"the folder cannot be read: {error.strerror}"))
            continue
        for entry in entries:
            name = os.path.join(below, entry.name)
            if entry.name.startswith(b".") or entry.name == RESOURCES:
                passed[b"hidden"] += 1
            elif entry.is_dir(follow_symlinks=False) and not is_image_name(entry.name):
                pending.append(name)
            elif not is_image_name(entry.name):
                passed[b"links" if entry.is_symlink() else ending(entry.name)] += 1
            else:
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    yield name, state.st_size, state.st_mtime_ns
                else:
                    rejects.append(Reject(shown(name), _kind(state.st_mode)))


def find_in_zip(path: Path) -> Found:
    """All images in a zip.

    Raises:
        DataError: it is damaged, or has too many members.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read as a zip: {error}") from error
    if len(members) > MOST_MEMBERS:
        raise DataError(f"{path} has {len(members):,} members, more than the {MOST_MEMBERS:,} allowed; unpack it first")
    found = Found(ZipFiles(str(path), [], stamp_of(str(path)), archive))
    good: list[zipfile.ZipInfo] = []
    for member in members:
        name = member.filename.encode("utf-8", "surrogateescape")
        mode = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir():
            continue
        if any(part.startswith(b".") and part not in (b".", b"..") or part == RESOURCES for part in name.split(b"/")):
            found.passed[b"hidden"] += 1
        elif not is_image_name(name):
            found.passed[ending(name)] += 1
        elif mode not in (0, stat.S_IFREG):
            found.rejects.append(Reject(shown(name), _kind(mode)))
        else:
            good.append(member)
    good.sort(key=lambda member: member.filename.encode("utf-8", "surrogateescape"))
    found.files = ZipFiles(str(path), good, stamp_of(str(path)), archive)
    found.rejects.sort()
    return found


def ending(name: bytes) -> bytes:
    """The ending of a file name, in lower case."""
    return os.path.splitext(name)[1].lower() or b"without ending"


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "it is a link, and links are not followed; copy the file itself here"
    if stat.S_ISDIR(mode):
        return "it is a folder with the name of an image"
    return "it is not a regular file but a pipe, socket or device"
