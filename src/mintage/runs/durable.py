"""Writing that survives a power cut: the one way anything reaches a run's folder.

A file or a folder is written under a temporary name, synced, renamed, and the folder around it synced. So a reader
finds the old one or the new one whole, never a part. Temporary names begin with `.tmp-`; `sweep` removes what a crash
left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mintage.runs.faults import act, fault, torn

TEMPORARY = ".tmp-"
CHUNK = 1 << 22


def write_file(path: Path, data: bytes, *, point: str = "file") -> None:
    """Put `data` at `path`, replacing what was there, or change nothing at all.

    Raises:
        OSError: the disk is full or the folder cannot be written; the temporary file is gone again.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        _write(temporary, data, point)
        fault(f"{point}.before_rename")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    fault(f"{point}.after_rename")


def write_json(path: Path, value: Any, *, point: str = "file") -> None:
    """`write_file` of indented JSON. Not-a-number is refused: JSON has none."""
    write_file(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode(), point=point)


@contextlib.contextmanager
def new_folder(path: Path, *, point: str = "folder") -> Iterator[Path]:
    """A temporary folder to write into with `write_into`; on leaving it becomes `path`, whole.

    A folder that was at `path` before is replaced.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        sync_folder(temporary)
        fault(f"{point}.before_rename")
        if path.exists():
            old = path.with_name(f"{TEMPORARY}old-{path.name}")
            shutil.rmtree(old, ignore_errors=True)
            path.rename(old)
        temporary.rename(path)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)
    shutil.rmtree(path.with_name(f"{TEMPORARY}old-{path.name}"), ignore_errors=True)
    fault(f"{point}.after_rename")


def write_into(folder: Path, name: str, data: bytes, *, point: str = "folder") -> None:
    """Write and sync one file of a `new_folder`."""
    _write(folder / name, data, point)


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Add one line of JSON in one write. Where the disk is full, the file stays as it was and OSError is raised."""
    line = (json.dumps(value, allow_nan=False) + "\n").encode()
    cut = torn("append", len(line))
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        before = os.fstat(handle).st_size
        try:
            written = os.write(handle, line if cut is None else line[: cut[0]])
            if cut is not None:
                act(cut[1])
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSON-lines file, in order; an unfinished last line is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


def sweep(folder: Path) -> None:
    """Remove what a crash left under temporary names. An old folder whose replacement never came is put back."""
    for path in folder.glob(f"{TEMPORARY}*"):
        name = path.name.removeprefix(TEMPORARY)
        home = folder / name.removeprefix("old-")
        if name.startswith("old-") and not home.exists():
            path.rename(home)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Systems that cannot open a folder (Windows) are left to themselves."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write(path: Path, data: bytes, point: str) -> None:
    view = memoryview(data)
    cut = torn(f"{point}.bytes", len(view))
    with path.open("wb") as file:
        for start in range(0, len(view), CHUNK):
            end = start + CHUNK if cut is None else min(start + CHUNK, cut[0])
            file.write(view[start:end])
            if cut is not None and end == cut[0]:
                break
        file.flush()
        if cut is not None:
            act(cut[1])
        os.fsync(file.fileno())
    fault(f"{point}.after_file")
