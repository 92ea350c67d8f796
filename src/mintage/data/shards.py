"""Shards: images as a folder of .npy files with an index, for more of them than memory should hold.

    shards.json        the shape (C, H, W), the classes, and each shard's rows
    00000.npy, ...     uint8 [rows, C, H, W], as NumPy writes them
    labels.npy         int64 [N], where there are labels
    digests.npy        the content hashes, uint8 [N, 16], made while writing and not again

Written under another name and renamed when whole; read by `disk_rows`, so that memory stays flat.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mintage.data.disk_rows import STRETCH, DiskRows, Part
from mintage.data.errors import DataError
from mintage.data.examples import Examples
from mintage.data.order import generator
from mintage.data.spec import DataSpec
from mintage.data.stores import DIGEST, digests_of
from mintage.data.writing import to_uint8

FORMAT = 1
INDEX = "shards.json"
BYTES = 2**26  # of a shard
CHECKED = 256  # rows whose content is compared with its hash when shards are opened

Images = Iterable[np.ndarray] | Iterable[tuple[np.ndarray, np.ndarray]]


def write_shards(parts: Images, path: str | Path, *, classes: tuple[str, ...] = (), shard_bytes: int = BYTES) -> Path:
    """Write images that come in parts, each uint8 [n, C, H, W] or, with `classes`, (images, labels [n]).

    Memory holds one part and one shard's rest at most. The folder appears whole or not at all.

    Raises:
        DataError: there is something at `path`, no image comes, or a part is not like the first.
        OSError: the disk is full; nothing is left behind.
    """
    path = Path(path)
    if path.exists():
        raise DataError(f"there is a {path} already; give the shards another place")
    temporary = path.with_name(f".tmp-{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        writer = _Writer(temporary, classes, shard_bytes)
        for part in parts:
            writer.add(*(part if isinstance(part, tuple) else (part, None)))
        writer.finish()
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return path


def parts_of(examples: Examples) -> Iterator[Any]:
    """The images of any examples, as `write_shards` takes them."""
    for start in range(0, len(examples), STRETCH):
        x, y, _ = examples.gather(torch.arange(start, min(start + STRETCH, len(examples))))
        yield to_uint8(x).numpy() if y is None else (to_uint8(x).numpy(), y.cpu().numpy())


def is_shards(path: Path) -> bool:
    """Whether a folder holds shards."""
    return (path / INDEX).is_file()


def open_shards(path: Path, name: str) -> Examples:
    """The images of a folder of shards, left on disk.

    Raises:
        DataError: the index or a shard is damaged or missing.
    """
    try:
        index = json.loads((path / INDEX).read_bytes())
        if index["format"] > FORMAT:
            raise DataError(f"{path} was written by a newer mintage; pip install -U mintage")
        shape, classes = tuple(index["shape"]), tuple(index["classes"])
        parts = [_part(path / shard["file"], (int(shard["rows"]), *shape)) for shard in index["shards"]]
        digests = np.load(path / "digests.npy", allow_pickle=False)
        labels = torch.from_numpy(np.load(path / "labels.npy", allow_pickle=False)) if classes else None
    except DataError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the shards in {path} are damaged: {error!r}; write them again") from error
    store = DiskRows(parts, shape)
    if digests.shape != (len(store), DIGEST) or sha256(digests.tobytes()).hexdigest() != index["digests"]:
        raise DataError(f"the shards in {path} are damaged: digests.npy is not the file that was written with them")
    check_rows(store, digests, str(path))
    return Examples(DataSpec("image", shape, classes), name, store, digests, labels=labels,
                    notes=[f"{len(store):,} images are read from {len(parts)} shards as they are needed"])


def check_rows(store: DiskRows, digests: np.ndarray, what: str) -> None:
    """Compare the content of some rows, spread over all, with their hashes.

    Raises:
        DataError: they differ.
    """
    spread = torch.randperm(len(store), generator=generator("check", len(store)))[:CHECKED].sort().values
    if not np.array_equal(digests_of(store.fetch(spread).numpy()), digests[spread.numpy()]):
        raise DataError(f"{what} is damaged: images are not those that were written; write it again")


def _part(path: Path, shape: tuple[int, ...]) -> Part:
    with open(path, "rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        found, fortran, kind = read(file)
        if found != shape or fortran or kind != np.uint8:
            raise DataError(f"{path} holds {kind} {list(found)}, and not uint8 {list(shape)} as its index says")
        return Part(str(path), file.tell(), shape[0])


class _Writer:
    """Shards in the making: rows are kept until there are enough for a file."""

    def __init__(self, folder: Path, classes: tuple[str, ...], shard_bytes: int) -> None:
        self.folder, self.classes, self.shard_bytes = folder, classes, shard_bytes
        self.shape: tuple[int, ...] = ()
        self.kept: list[np.ndarray] = []
        self.rows = 0
        self.shards: list[dict[str, Any]] = []
        self.digests: list[np.ndarray] = []
        self.labels: list[np.ndarray] = []

    def add(self, images: np.ndarray, labels: np.ndarray | None) -> None:
        """One part."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (self.shape or images.shape[1:]):
            like = f"like the first, [n, {', '.join(map(str, self.shape))}]" if self.shape else "[n, C, H, W]"
            raise DataError(f"images must be uint8 {like}; received {images.dtype} {list(images.shape)}")
        if (labels is None) == bool(self.classes) or labels is not None and labels.shape != (len(images),):
            raise DataError("labels and the names of their classes go together, a label an image; give both or neither")
        if labels is not None and len(labels) and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise DataError(f"labels run from {labels.min()} to {labels.max()}, but there are names for 0 to "
                            f"{len(self.classes) - 1}")
        self.shape = images.shape[1:]
        most = max(1, self.shard_bytes // int(np.prod(self.shape)))
        self.digests.append(digests_of(images))
        self.labels += [] if labels is None else [labels.astype(np.int64)]
        for start in range(0, len(images), most):
            self.kept.append(images[start:start + most].copy())
            self.rows += len(self.kept[-1])
            while self.rows >= most:
                self._flush(most)

    def finish(self) -> None:
        """The last shard, hashes, labels and index."""
        if self.rows:
            self._flush(self.rows)
        if not self.shards:
            raise DataError("no image came to be written as shards")
        digests = np.concatenate(self.digests)
        self._save("digests.npy", digests)
        if self.classes:
            self._save("labels.npy", np.concatenate(self.labels))
        index = {"format": FORMAT, "shape": list(self.shape), "classes": list(self.classes), "shards": self.shards,
                 "digests": sha256(digests.tobytes()).hexdigest()}
        with open(self.folder / INDEX, "w", encoding="utf-8") as file:
            json.dump(index, file, indent=1)
            file.flush()
            os.fsync(file.fileno())

    def _flush(self, rows: int) -> None:
        whole = np.concatenate(self.kept)
        name = f"{len(self.shards):05d}.npy"
        self._save(name, whole[:rows])
        self.shards.append({"file": name, "rows": rows})
        self.rows = len(whole) - rows
        self.kept = [whole[rows:].copy()] if self.rows else []

    def _save(self, name: str, array: np.ndarray) -> None:
        with open(self.folder / name, "wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
