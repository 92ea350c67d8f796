"""Classes from folders: where every image lies in one of several folders side by side, their names are the labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mintage.data.files import shown

PARTS = frozenset(b"train training test testing val valid validation dev eval".split())
FEW = 10


class Classes(NamedTuple):
    """Class names in order, the label of each image, and a sentence about what was found."""

    names: tuple[str, ...]
    labels: np.ndarray | None  # int64 [N]
    notes: list[str]


def classes_of(paths: list[bytes]) -> Classes:
    """The classes of images at these relative paths, one or more.

    Folders that all images share are no classes. Folders named as parts of a data set (train, test, ...) are not
    either. Where some images lie beside the class folders, there are no labels.
    """
    split = [path.split(b"/")[:-1] for path in paths]
    shared = 0
    while all(len(parts) > shared for parts in split) and len({parts[shared] for parts in split}) == 1:
        shared += 1
    heads = [parts[shared] if len(parts) > shared else b"" for parts in split]
    names = sorted(set(heads))
    if names == [b""]:
        return Classes((), None, [])
    listed = ", ".join(shown(name) for name in names[:FEW] if name) + (", ..." if len(names) > FEW else "")
    if b"" in names:
        beside = heads.count(b"")
        return Classes((), None, [f"no labels are used: {beside} image{'s lie' if beside != 1 else ' lies'} beside the "
                                  f"folders {listed}; for labels, put every image into the folder of its class"])
    if {name.lower() for name in names} <= PARTS:
        return Classes((), None, [f"the folders {listed} are taken as parts of one data set and used together, "
                                  "without labels; to train on one of them, give its path"])
    where = {name: label for label, name in enumerate(names)}
    notes = [f"{len(names)} classes, by folder: {listed}"]
    if any(len(parts) > shared + 1 for parts in split):
        notes.append("folders within a class folder belong to that class")
    return Classes(tuple(shown(name) for name in names), np.array([where[head] for head in heads], dtype=np.int64),
                   notes)
