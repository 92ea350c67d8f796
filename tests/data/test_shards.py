"""Shards: written whole or not at all, the same examples as in memory, in flat memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.data import Batches, DataError, Examples, open_data, parts_of, write_shards
from mintage.data.disk_rows import DiskRows
from tests.data import corpus

PIXELS = corpus.noise(0, (101, 3, 6, 5))
LABELS = np.arange(101) % 4


def in_parts(sizes: tuple[int, ...] = (40, 1, 60)) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    start = 0
    for size in sizes:
        yield PIXELS[start:start + size], LABELS[start:start + size]
        start += size


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Seven shards of 16 images, the last of 5."""
    return write_shards(in_parts(), tmp_path / "shards", classes=tuple("abcd"), shard_bytes=16 * 90 + 7)


def test_shards_are_the_same_examples(shards: Path) -> None:
    held = Examples.of_images(PIXELS, "all", labels=LABELS, classes=tuple("abcd"))
    left = open_data(shards)
    assert isinstance(left.store, DiskRows) and len(list(shards.glob("0*.npy"))) == 7
    assert left.fingerprint == held.fingerprint and any("7 shards" in note for note in left.notes)
    for position in (0, 16, 32, 48, 95, 1000):
        one, other = Batches(held, 16, 3, flip=True)(position), Batches(left, 16, 3, flip=True)(position)
        assert torch.equal(one.x, other.x) and torch.equal(one.y, other.y)  # type: ignore[arg-type]
    for whole, part in zip(held.split(0.3), left.split(0.3), strict=True):
        every = torch.arange(len(whole))
        assert torch.equal(whole.gather(every).x, part.gather(every).x) and whole.fingerprint == part.fingerprint
    twice = left.take(torch.tensor([5, 90, 17])).take(torch.tensor([2, 0]))
    assert torch.equal(twice.gather(torch.arange(2)).x, held.gather(torch.tensor([17, 5])).x)
    loaded = open_data(shards, memory_limit=PIXELS.nbytes)
    assert not isinstance(loaded.store, DiskRows) and loaded.fingerprint == held.fingerprint


def test_any_examples_can_be_written_and_the_parts_do_not_matter(shards: Path, tmp_path: Path) -> None:
    again = write_shards(parts_of(open_data(shards)), tmp_path / "again", classes=tuple("abcd"),
                         shard_bytes=16 * 90 + 7)
    for file in shards.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()
    points = tmp_path / "plain"
    write_shards([PIXELS[:7]], points)
    assert open_data(points).labels is None and len(open_data(points)) == 7


def test_a_writing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield PIXELS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(failing(), tmp_path / "s", shard_bytes=1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("parts", "classes", "words"), [
    ([], (), "no image"),
    ([PIXELS[:, 0]], (), r"\[n, C, H, W\]"),
    ([PIXELS.astype(float)], (), "uint8"),
    ([PIXELS, PIXELS[:, :1]], (), "like the first"),
    ([PIXELS], ("a",), "go together"),
    ([(PIXELS, LABELS)], (), "go together"),
    ([(PIXELS, LABELS)], ("a", "b"), "names for 0 to 1"),
])
def test_what_cannot_be_written_is_said(tmp_path: Path, parts, classes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        write_shards(parts, tmp_path / "s", classes=classes)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(shards: Path) -> None:
    with pytest.raises(DataError, match="another place"):
        write_shards([PIXELS], shards)
    with pytest.raises(DataError, match="used as they are"):
        open_data(shards, resolution=(8, 8))


def flip_a_byte(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(-3, os.SEEK_END)
        byte = file.read(1)
        file.seek(-3, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


# Two kinds of damage cannot be told from what may have been meant: class 1 for class 0, and a folder without an index.
DAMAGE = [(name, damage) for name in ("00002.npy", "digests.npy", "labels.npy", "shards.json")
          for damage in (flip_a_byte, halve, os.remove)
          if (name, damage) not in (("labels.npy", flip_a_byte), ("shards.json", os.remove))]


@pytest.mark.parametrize(("name", "damage"), DAMAGE)
def test_damage_is_found(shards: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(shards / name)
    with pytest.raises((DataError, ValueError), match=r"damage|cut short|holds"):
        open_data(shards)


def test_an_index_from_the_future_is_told(shards: Path) -> None:
    index = json.loads((shards / "shards.json").read_text())
    (shards / "shards.json").write_text(json.dumps({**index, "format": 99}))
    with pytest.raises(DataError, match="newer mintage"):
        open_data(shards)


def resident() -> int:
    """KB of memory that this process has now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory on Linux only")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """An epoch of 48 MB takes no more than a few of them; a memory map would take all."""
    part = np.zeros((5_000, 3, 20, 20), dtype=np.uint8)
    examples = open_data(write_shards((part for _ in range(8)), tmp_path / "s"))
    store, batches = examples.store, Batches(examples, 256, 0)
    assert isinstance(store, DiskRows)
    for k in range(4):
        store.fetch(batches.indices(256 * k))
    before = resident()
    for k in range(len(examples) // 256):
        store.fetch(batches.indices(256 * k))
    assert resident() - before < 12_000
