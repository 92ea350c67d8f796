"""Sameness: whether samples, real examples and training examples share examples, byte for byte, and notes about it.

A judge that is shown the same examples on both sides finds nothing to object to, so that must be said aloud. Tables of
a few words repeat rows by nature: there only what goes beyond the repeats of the real examples is remarkable.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np

CHANCE = 0.01  # of all, and twice the share of repeats, may be shared without a word


def content_of(one: Any) -> str:
    """What these examples are, exactly, in 16 letters: equal for equal content in equal order."""
    return sha256(np.ascontiguousarray(one.digests).data).hexdigest()[:16]


def notes_of(ours: Any, theirs: Any, learnt: Any | None) -> list[str]:
    """All there is to say of samples, real examples and training examples as they were opened, the weightiest first."""
    shared = _shared(ours, theirs)
    notes = []
    if shared:
        what = "all samples are" if shared == len(ours) else f"{shared:,} of {len(ours):,} samples are"
        notes.append(f"{what} among the real examples they are compared with, byte for byte: the figures say little of "
                     "a generator that has seen these examples, and nothing if the samples are real data")
    if learnt is not None and (seen := _shared(theirs, learnt)):
        what = "all real examples are" if seen == len(theirs) else f"{seen:,} of {len(theirs):,} real examples are"
        notes.append(f"{what} among the training examples; figures can be believed on examples that were never "
                     "trained on")
    for one in (ours, theirs, learnt):
        if one is not None:
            notes += [f"{one.name}: {note}" for note in (*one.notes, *_rejected(one))]
    return list(dict.fromkeys(notes))


def _shared(some: Any, others: Any) -> int:
    """How many of some are among the others; 0 where so many may be by chance."""
    known = set(map(bytes, others.digests))
    count = sum(bytes(row) in known for row in some.digests)
    repeats = 1 - len(known) / len(others)
    return count if count > max(1, (CHANCE + 2 * repeats) * len(some)) else 0


def _rejected(one: Any) -> list[str]:
    rejects = getattr(one, "rejects", ())
    if not rejects:
        return []
    first = rejects[0]
    return [f"{len(rejects):,} file{'s' * (len(rejects) != 1)} could not be used and "
            f"{'are' if len(rejects) != 1 else 'is'} left out ({first.file}: {first.reason})"]
