"""Decoded images kept on disk, so that a folder is decoded once and not whenever it is opened.

    $MINTAGE_CACHE, or $XDG_CACHE_HOME/mintage, or ~/.cache/mintage:
    decoded/KEY/index.json     the source, the plan, what was found of each file
    decoded/KEY/pixels.npy     uint8 [N, C, H, W], a row a file
    decoded/KEY/digests.npy    the content hashes, uint8 [N, 16]

KEY is a hash of what was wished, of this decoder and Pillow's version, and of the files: of a zip the members'
checksums, of a folder the names, sizes and times (of content and of entry, which no copy of another file can bear).
MINTAGE_CACHE=off keeps nothing; nor is anything kept of few small files, or where the disk would be left with less
than 1 GB.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL
import torch

from mintage.data.disk_rows import DiskRows, Part
from mintage.data.files import Files, FolderFiles, ZipFiles
from mintage.data.plan import Facts, Plan, Wish
from mintage.data.row_file import RowFile
from mintage.data.shards import check_rows
from mintage.data.stores import DIGEST

FORMAT = 1
PLACE, OFF = "MINTAGE_CACHE", "off"
LEAST_FILES, LEAST_BYTES = 2_000, 2**26  # of files, below both of which decoding takes about a second
SPARE = 2**30
STALE = 86_400.0  # seconds after which a half-written entry is nobody's
DECODER = ("images.py", "plan.py", "png_rows.py")

Say = Callable[[str], None]


class Kept(NamedTuple):
    """What a check of all files found: see `preflight.Checked`; the pixels lie in a file."""

    plan: Plan
    outcome: list[Facts | str]
    digests: np.ndarray
    pixels: Part


def cache_folder() -> Path | None:
    """Where decoded images are kept; None where the user wants none."""
    named = os.environ.get(PLACE, "")
    if named.lower() == OFF:
        return None
    return Path(named).absolute() if named else usual_folder()


def usual_folder() -> Path:
    """Where mintage keeps things of which the user said nothing: $XDG_CACHE_HOME/mintage, or ~/.cache/mintage."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "mintage"


class Entry:
    """The place of these files, decoded as wished. `say` is told what will be written, before it is."""

    def __init__(self, folder: Path, source: str, count: int, say: Say) -> None:
        self.folder, self.source, self.count, self.say = folder, source, count, say
        self.temporary = folder.with_name(f".tmp-{folder.name}-{os.getpid()}")

    def recall(self) -> Kept | None:
        """What was kept; None where nothing was, or it is damaged."""
        try:
            index = json.loads((self.folder / "index.json").read_bytes())
            plan = Plan(**index["plan"])
            table: list[Facts | str] = [one if isinstance(one, str) else
                                        Facts(one[0], one[1], one[2], frozenset(one[3])) for one in index["found"]]
            outcome = [table[k] for k in np.load(self.folder / "which.npy", allow_pickle=False).tolist()]
            digests = np.load(self.folder / "digests.npy", allow_pickle=False)
            store = DiskRows([Part(str(self.folder / "pixels.npy"), index["offset"], self.count)], _shape(plan))
            whole = digests.shape == (self.count, DIGEST) and len(outcome) == self.count
            if not whole or _hash(digests) != index["digests"]:
                return None
            good = np.array([isinstance(one, Facts) for one in outcome])
            check_rows(store.take(torch.from_numpy(np.flatnonzero(good))), digests[good], str(self.folder))
            self.say(f"decoded images are taken from {self.folder}")
            return Kept(plan, outcome, digests, store.parts[0])
        except (OSError, ValueError, KeyError, TypeError, IndexError):  # DataError is a ValueError
            return None

    def room(self, plan: Plan) -> RowFile | None:
        """A file for all pixels, its space set aside; None where the disk is short."""
        shape = _shape(plan)
        need = self.count * (int(np.prod(shape)) + DIGEST + 4)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._sweep()
            free = shutil.disk_usage(self.folder.parent).free
            if free < need + SPARE:
                self.say(f"decoded images are not kept: {need / 1e6:,.0f} MB are needed in {self.folder.parent}, and "
                         f"of {free / 1e6:,.0f} MB free, {SPARE / 1e6:,.0f} are left alone")
                return None
            self.discard()
            self.temporary.mkdir()
            made = RowFile(self.temporary / "pixels.npy", (self.count, *shape))
        except OSError as error:
            self.say(f"decoded images are not kept: {self.folder.parent} cannot be written ({error.strerror})")
            return None
        self.say(f"decoded images are kept for the next time: {need / 1e6:,.1f} MB in {self.folder} "
                 f"({PLACE}={OFF} keeps none)")
        return made

    def keep(self, plan: Plan, outcome: list[Facts | str], digests: np.ndarray, pixels: RowFile) -> Kept | None:
        """Put what was written into place; None where the disk does not take it."""
        table: dict[Facts | str, int] = {}
        which = np.array([table.setdefault(one, len(table)) for one in outcome], dtype=np.int32)
        found = [one if isinstance(one, str) else [one.width, one.height, one.grey, sorted(one.remarks)]
                 for one in table]
        index: dict[str, Any] = {"format": FORMAT, "source": self.source, "plan": asdict(plan), "found": found,
                                 "offset": pixels.offset, "digests": _hash(digests)}
        try:
            pixels.close()
            np.save(self.temporary / "which.npy", which, allow_pickle=False)
            np.save(self.temporary / "digests.npy", digests, allow_pickle=False)
            (self.temporary / "index.json").write_text(json.dumps(index), encoding="utf-8")
            shutil.rmtree(self.folder, ignore_errors=True)
            self.temporary.rename(self.folder)
            self._forget_older()
        except OSError as error:
            self.say(f"decoded images are not kept: {error.strerror}")
            self.discard()
            return None
        return Kept(plan, outcome, digests, Part(str(self.folder / "pixels.npy"), pixels.offset, self.count))

    def discard(self) -> None:
        """Remove what was written so far."""
        shutil.rmtree(self.temporary, ignore_errors=True)

    def _sweep(self) -> None:
        for half in self.folder.parent.glob(".tmp-*"):
            if time.time() - half.stat().st_mtime > STALE:
                shutil.rmtree(half, ignore_errors=True)

    def _forget_older(self) -> None:
        """Remove what was kept of the same source, under the same wish, before the source changed."""
        for index in self.folder.parent.glob("*/index.json"):
            try:
                same = json.loads(index.read_bytes())["source"] == self.source
            except (OSError, ValueError, KeyError, TypeError):
                same = False
            if same and index.parent != self.folder:
                shutil.rmtree(index.parent, ignore_errors=True)


def entry_of(files: Files, wish: Wish, say: Say) -> Entry | None:
    """The place of these files; None where nothing is kept of them."""
    folder = cache_folder()
    if folder is None or not isinstance(files, FolderFiles | ZipFiles) or not _worth(files):
        return None
    try:
        decoder = _hash(*[Path(__file__).with_name(name).read_bytes() for name in DECODER])
        source, content = _identity(files)
    except OSError:  # a file that went since it was listed
        return None
    wished = [FORMAT, decoder, PIL.__version__, wish.resolution, wish.fit, wish.channels, wish.exact]
    key = _hash(json.dumps([*wished, source]).encode(), content)
    return Entry(folder / "decoded" / key[:32], _hash(json.dumps([*wished[3:], source]).encode()), len(files), say)


def _worth(files: FolderFiles | ZipFiles) -> bool:
    total = (int(files.sizes.sum()) if isinstance(files, FolderFiles)
             else sum(member.file_size for member in files.members))
    return len(files) >= LEAST_FILES or total >= LEAST_BYTES


def _identity(files: FolderFiles | ZipFiles) -> tuple[str, bytes]:
    """The path, and a hash of what tells these files from others."""
    if isinstance(files, ZipFiles):
        members = [(member.filename, member.CRC, member.file_size) for member in files.members]
        return os.path.realpath(files.path), json.dumps([files.stamp, members]).encode()
    root = os.path.realpath(files.root)
    entered = np.array([os.stat(os.path.join(root, files.name(k)), follow_symlinks=False).st_ctime_ns
                        for k in range(len(files))], dtype=np.int64)
    return os.fsdecode(root), _hash(files.names, files.ends, files.sizes, files.times, entered).encode()


def _shape(plan: Plan) -> tuple[int, int, int]:
    return plan.channels, plan.height, plan.width


def _hash(*parts: Any) -> str:
    total = sha256()
    for part in parts:
        total.update(np.ascontiguousarray(part).data if isinstance(part, np.ndarray) else part)
        total.update(b"\x1f")
    return total.hexdigest()
