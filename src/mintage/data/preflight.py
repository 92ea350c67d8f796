"""Preflight: every file is decoded once before training, by the code that will read it then.

What cannot be used is set aside with a reason, and the rest is as if it had never been there: the size, the channels
and the classes are decided by the usable images alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from mintage.data.classes import Classes
from mintage.data.decoded import Entry, Kept, Say, entry_of
from mintage.data.disk_rows import DiskRows, Part
from mintage.data.errors import DataError
from mintage.data.examples import Examples, Reject
from mintage.data.files import Files, shown
from mintage.data.folder import Found
from mintage.data.images import Decoded, decode, read_header
from mintage.data.names import Names
from mintage.data.plan import Facts, Plan, Wish, size_note
from mintage.data.room import available
from mintage.data.row_file import RowFile
from mintage.data.spec import DataSpec
from mintage.data.stores import DIGEST, Pixels, Store, digest
from mintage.data.streaming import Streamed, in_threads

MOST_BROKEN = 0.1
SHOWN = 3
EVERY = 10.0  # seconds between two words about the progress
T = TypeVar("T")
REMARKS = {
    "alpha": "with transparency, laid on white",
    "deep": "with 16 bits, reduced to 8 by dividing by 257",
    "palette": "with a palette, converted",
    "cmyk": "in CMYK, converted",
    "turned": "turned as their EXIF says",
    "frames": "with several frames, of which the first is used",
}


class Checked(NamedTuple):
    """The plan; per file its facts or the reason it is refused; content hashes; and the pixels.

    They are in memory, or where they are too many, in a file; None where they could not be kept anywhere.
    """

    plan: Plan
    outcome: list[Facts | str]
    digests: np.ndarray
    pixels: np.ndarray | Part | None


def open_found(found: Found, name: str, wish: Wish, label: Callable[[np.ndarray], Classes], *,
               memory_limit: int | None = None, say: Say | None = None) -> Examples:
    """Examples of the usable files among those found. `label` gives the classes of the usable ones, by index.

    `say` is told at once what is kept on disk (`decoded`), which is among the notes too, and how far decoding is.

    Raises:
        DataError: no usable file, or more than a tenth of them broken.
    """
    kept_notes: list[str] = []

    def tell(sentence: str) -> None:
        kept_notes.append(sentence)
        if say is not None:
            say(sentence)

    checked = check(found.files, wish, available() // 4 if memory_limit is None else memory_limit,
                    entry_of(found.files, wish, tell), say)
    good = np.array([i for i, one in enumerate(checked.outcome) if isinstance(one, Facts)], dtype=np.int64)
    rejects = found.rejects + [Reject(shown(found.files.name(i)), one) for i, one in enumerate(checked.outcome)
                               if isinstance(one, str)]
    rejects.sort()
    refuse_if_broken(name, len(good), rejects)
    facts = [one for one in checked.outcome if isinstance(one, Facts)]
    plan, classes = checked.plan, label(good)
    notes = [*classes.notes, *remarks(wish, plan, facts), *found.notes(), *kept_notes]
    store = _store(checked, found.files, good, notes)
    spec = DataSpec("image", (plan.channels, plan.height, plan.width), classes.names)
    labels = None if classes.labels is None else torch.from_numpy(classes.labels)
    examples = Examples(spec, name, store, checked.digests[good], labels=labels, notes=notes, rejects=rejects)
    examples.names = Names.of(found.files.name(int(i)) for i in good)
    return examples


def _store(checked: Checked, files: Files, good: np.ndarray, notes: list[str]) -> Store:
    """The good ones of the checked images, where they are."""
    plan, pixels = checked.plan, checked.pixels
    if pixels is None:
        notes.append("the images are more than memory should hold, and are read from their files as they are needed")
        return Streamed(files.take(good), plan)
    if isinstance(pixels, Part):
        notes.append("the images are more than memory should hold, and are read from the disk, decoded, as they are "
                     "needed")
        whole = DiskRows([pixels], (plan.channels, plan.height, plan.width))
        return whole if len(good) == len(whole) else whole.take(torch.from_numpy(good))
    return Pixels(torch.from_numpy(pixels if len(good) == len(pixels) else pixels[good]))


def check(files: Files, wish: Wish, limit: int, entry: Entry | None = None, say: Say | None = None) -> Checked:
    """Decode every file, unless `entry` remembers all of it, or keep it there. The plan is first made from headers, and
    again where broken files had a say in it. `say` hears of the progress."""
    kept = entry.recall() if entry is not None else None
    if kept is not None:
        return _remembered(kept, limit)
    try:
        return _check(files, wish, limit, entry, say)
    finally:
        if entry is not None:
            entry.discard()


def _remembered(kept: Kept, limit: int) -> Checked:
    plan, (path, offset, rows) = kept.plan, kept.pixels
    shape = (rows, plan.channels, plan.height, plan.width)
    if int(np.prod(shape)) > limit:
        return Checked(*kept)
    pixels = np.fromfile(path, dtype=np.uint8, count=int(np.prod(shape)), offset=offset).reshape(shape)
    return Checked(plan, kept.outcome, kept.digests, pixels)


def _check(files: Files, wish: Wish, limit: int, entry: Entry | None, say: Say | None) -> Checked:
    outcome: list[Facts | str] = list(in_threads(lambda i: _header(files, i), range(len(files))))
    known = [one for one in outcome if isinstance(one, Facts)]
    plan = wish.plan(known) if known else Plan(1, 1, wish.fit, 3)
    while True:
        room = None if entry is None else entry.room(plan)
        checked = _decode_all(files, plan, limit, outcome, room, say)
        known = [one for one in checked.outcome if isinstance(one, Facts)]
        better = wish.plan(known) if known else plan
        if better == plan:
            whole = checked._replace(outcome=[_large_enough(one, plan) for one in checked.outcome])
            kept = entry.keep(plan, whole.outcome, whole.digests, room) if entry is not None and room else None
            return whole if whole.pixels is not None or kept is None else Checked(*kept)
        plan, outcome = better, checked.outcome


def _large_enough(one: Facts | str, plan: Plan) -> Facts | str:
    if isinstance(one, str) or not plan.too_small(one):
        return one
    return (f"{one.width}x{one.height} pixels are too small for {plan.width}x{plan.height}: a side is under a quarter; "
            "ask for a smaller resolution to use it")


def _decode_all(files: Files, plan: Plan, limit: int, before: list[Facts | str], room: RowFile | None,
                say: Say | None) -> Checked:
    n, shape = len(files), (plan.channels, plan.height, plan.width)
    holds = n * int(np.prod(shape)) <= limit
    pixels = np.empty((n, *shape), dtype=np.uint8) if holds else None
    digests = np.zeros((n, DIGEST), dtype=np.uint8)
    outcome: list[Facts | str] = []

    def one(index: int) -> Facts | str:
        if isinstance(before[index], str):
            return before[index]
        found = _decoded(files, index, plan)
        if isinstance(found, str):
            return found
        digests[index] = np.frombuffer(digest(found.pixels.data), dtype=np.uint8)
        if pixels is not None:
            pixels[index] = found.pixels
        if room is not None:
            room[index] = found.pixels
        return found.facts

    outcome.extend(told(in_threads(one, range(n)), n, say))
    return Checked(plan, outcome, digests, pixels)


def told(results: Iterable[T], total: int, say: Say | None) -> Iterator[T]:
    """The same results; `say` hears now and then how many have come."""
    last = time.monotonic()
    for done, result in enumerate(results, start=1):
        yield result
        if say is not None and time.monotonic() - last >= EVERY:
            last = time.monotonic()
            say(f"decoded {done:,} of {total:,} images")


def _header(files: Files, index: int) -> Facts | str:
    try:
        return read_header(files.read(index))
    except DataError as error:
        return str(error)


def _decoded(files: Files, index: int, plan: Plan) -> Decoded | str:
    try:
        return decode(files.read(index), plan)
    except DataError as error:
        return str(error)


def refuse_if_broken(name: str, good: int, rejects: list[Reject]) -> None:
    """Stop where nothing is usable, or more than a tenth is not."""
    total = good + len(rejects)
    if good and len(rejects) <= MOST_BROKEN * total:
        return
    first = "; ".join(f"{reject.file}: {reject.reason}" for reject in rejects[:SHOWN])
    more = f"; and {len(rejects) - SHOWN} more" if len(rejects) > SHOWN else ""
    raise DataError(f"{len(rejects)} of {total} image files in {name} cannot be used, "
                    f"more than one in ten ({first}{more}). Repair or remove them and open the data again")


def remarks(wish: Wish, plan: Plan, facts: list[Facts]) -> list[str]:
    """Sentences about what was done to the images."""
    met = Counter(remark for one in facts for remark in one.remarks)
    notes = [f"{met[key]} image{'s' * (met[key] != 1)} {what}" for key, what in REMARKS.items()
             if met[key] and not (key == "alpha" and plan.channels == 4)]
    grown = sum(one.width < plan.width or one.height < plan.height for one in facts)
    if grown:
        notes.append(f"{grown} image{'s are' if grown != 1 else ' is'} smaller than {plan.height}x{plan.width} "
                     "and enlarged")
    size = size_note(wish, plan, facts)
    grey = sum(one.grey for one in facts)
    if wish.channels is None and 0 < grey < len(facts):
        notes.append(f"{grey} grey images and {len(facts) - grey} in colour are all held in colour")
    return ([size] if size else []) + notes
