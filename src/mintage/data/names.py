"""Names: the file names of examples, packed into one byte string, and the matching of one set of names with another.

Two files are partners where their paths agree without ending, each counted from the folder in which its set begins; and
where no such pair is found, where their last parts agree and only one file has that part.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from mintage.data.files import ENDINGS, shown

KNOWN = {ending.decode() for ending in ENDINGS} | {".txt"}


class Names:
    """File names as bytes, one an example; a million of them take what their letters take."""

    def __init__(self, packed: bytes, ends: np.ndarray) -> None:
        self.packed, self.ends = packed, ends

    @classmethod
    def of(cls, names: Iterable[bytes]) -> Names:
        """These names."""
        rows = list(names)
        return cls(b"".join(rows), np.cumsum([0] + [len(row) for row in rows], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> bytes:
        return self.packed[self.ends[index]:self.ends[index + 1]]

    def take(self, indices: np.ndarray) -> Names:
        """Those at these indices."""
        return Names.of(self[int(i)] for i in indices)

    def shown(self) -> list[str]:
        """Each as a line of plain text."""
        return [shown(self[i]) for i in range(len(self))]


def stem(name: str) -> str:
    """A path without the endings of an image or of a text, in one spelling of accents and slashes."""
    path = unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")
    while os.path.splitext(path)[1].lower() in KNOWN:
        path = os.path.splitext(path)[0]
    return path


def matched(own: Sequence[str], other: Sequence[str]) -> np.ndarray:
    """For each of `own` the index of its partner among `other`, or -1: int64 [len(own)]."""
    mine, theirs = list(map(stem, own)), list(map(stem, other))
    ways = (_below(mine), _below(theirs)), (_last(mine), _once(_last(theirs)))
    found = np.full(len(own), -1, dtype=np.int64)
    for keys, others in ways:
        place = {key: index for index, key in reversed(list(enumerate(others))) if key}
        found = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
        if (found >= 0).any():
            break
    return found


def _below(paths: list[str]) -> list[str]:
    """The paths without the folders that all of them share."""
    split = [path.split("/") for path in paths]
    shared = 0
    while split and all(len(parts) > shared + 1 for parts in split) and len({parts[shared] for parts in split}) == 1:
        shared += 1
    return ["/".join(parts[shared:]) for parts in split]


def _last(paths: list[str]) -> list[str]:
    return [path.rsplit("/", 1)[-1] for path in paths]


def _once(keys: list[str]) -> list[str]:
    """The keys, with those that come more than once blanked."""
    count = Counter(keys)
    return [key if count[key] == 1 else "" for key in keys]
