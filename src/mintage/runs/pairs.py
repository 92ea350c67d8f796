"""Anybody's samples against real examples: two sources of one kind, opened and seen alike.

Kinds are images, points, tables (.csv), series (.npy of windows, or --kind series for a .csv) and sound (.wav files).
Nothing is resized unasked: a judge that changes what it judges cannot be compared with another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from mintage.data import DataError, Examples, Fit, open_data
from mintage.data.series import open_series
from mintage.data.tables import Table, open_table
from mintage.data.waves import open_waves
from mintage.evaluation import FAMILIES, Assessor, Extractor, Side
from mintage.evaluation.assessor import MOST, bank_of, in_turn
from mintage.evaluation.features.series_features import series_features
from mintage.evaluation.features.sound_features import sound_features
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.sides import see
from mintage.evaluation.table_families import table_families
from mintage.runs.errors import RunError
from mintage.runs.features import extractor_named

Kind = Literal["auto", "images", "points", "table", "series", "sound"]
FEWEST = 16


@dataclass(frozen=True)
class Asked:
    """How two sources are to be opened."""

    kind: Kind = "auto"
    resolution: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    split: str | None = None
    features: str = "auto"
    weights: Path | None = None
    n: int = MOST
    target: str | None = None
    categorical: tuple[str, ...] = ()
    rate: int | None = None
    length: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Pair:
    """An assessor of the real side, the samples' side, and the samples in words."""

    assessor: Assessor
    fake: Side
    samples: str


def open_pair(samples: str, real: str, train: str | None = None, asked: Asked | None = None) -> Pair:
    """Samples, real examples that the generator never saw and, if known, the training examples.

    Raises:
        DataError, RunError: a source that cannot be opened, two kinds or sizes, or too few.
    """
    asked = asked or Asked()
    kind = kind_of(real, asked.kind)
    if asked.target and kind != "table":
        raise RunError(f"--target names a column of a table, and {real} holds {kind}; leave it out")
    other = kind_of(samples, asked.kind)
    if other != kind:
        raise RunError(f"{samples} holds {other} and {real} holds {kind}; give two sources of one kind, or say --kind")
    try:
        return _OPENERS[kind](samples, real, train, asked)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise RunError(str(error)) from error


def kind_of(source: str, asked: Kind = "auto") -> Kind:
    """The kind of a source by its name and what is in it."""
    if asked != "auto":
        if asked not in get_args(Kind):
            raise RunError(f"--kind is {asked!r} and may be {', '.join(get_args(Kind))}")
        return asked
    path = Path(source)
    if path.suffix.lower() in (".csv", ".tsv"):
        return "table"
    if path.suffix.lower() == ".wav" or path.is_dir() and _first(path).lower().endswith((".wav", ".wave")):
        return "sound"
    if path.suffix.lower() == ".zip" and path.is_file():
        return "sound" if _holds_sound(path) else "images"
    if path.suffix.lower() == ".npy" and path.is_file():
        return _of_array(path)
    return "images"


def _first(folder: Path) -> str:
    """The first file of a kind that can be judged, in the folder or below."""
    endings = (".wav", ".wave", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".gz")
    return next((str(p) for p in folder.rglob("*") if p.suffix.lower() in endings), "")


def _holds_sound(path: Path) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".wav") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _of_array(path: Path) -> Kind:
    """Floats [n, steps, channels] beyond [-1, 1] are series; what else has three axes or more are images."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return "images"  # whose reader says what is wrong with the file
    if array.ndim <= 2:
        return "points"
    if array.ndim == 3 and array.dtype.kind == "f" and array.size and float(np.abs(array).max()) > 1:
        return "series"
    return "images"


def _examples(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    def opened(source: str, split: str | None) -> Examples:
        return open_data(source, resolution=asked.resolution, fit=asked.fit, channels=asked.channels, split=split,
                         exact=True)

    ours, theirs = opened(samples, None), opened(real, asked.split)
    learnt = None if train is None else opened(train, None)
    if ours.spec.kind != theirs.spec.kind or ours.spec.shape != theirs.spec.shape:
        raise RunError(f"{samples} holds {_shape(ours)} and {real} holds {_shape(theirs)}; bring both to one with "
                       "--resolution WIDTHxHEIGHT and --channels")
    if ours.spec.kind == "points":
        ours, learnt = _in_units_of(ours, theirs), None if learnt is None else _in_units_of(learnt, theirs)
    _enough(samples, len(ours), asked.n)
    _enough(real, len(theirs), asked.n)
    extractor = extractor_named(asked.features, theirs.spec, asked.weights)
    notes = [f"{one.name}: {note}" for one in (ours, theirs, learnt) if one is not None for note in one.notes]
    assessor = Assessor.of(theirs, learnt, extractor, n=min(asked.n, len(ours)), seed=asked.seed, notes=notes)
    fake = see(in_turn(ours, asked.seed), assessor.n, extractor)
    return Pair(assessor, fake, f"{ours.name} ({len(ours):,})")


def _shape(examples: Examples) -> str:
    shape = examples.spec.shape
    if examples.spec.kind == "points":
        return f"points of {shape[0]} dimensions"
    return f"images of {shape[2]}x{shape[1]} with {shape[0]} channel{'s' * (shape[0] > 1)}"


def _in_units_of(points: Examples, reference: Examples) -> Examples:
    """Points standardised as the reference is."""
    own, wanted = points.spec, reference.spec
    x = points.gather(torch.arange(len(points))).x.double().numpy()
    raw = x * np.array(own.scale) + np.array(own.centre)
    labels = None if points.labels is None else points.labels.numpy()
    return Examples.of_points(raw, points.name, labels=labels, classes=own.labels, centre=wanted.centre,
                              scale=wanted.scale, notes=points.notes)


def _table(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    theirs = open_table(real, categorical=[*asked.categorical, *([asked.target] if asked.target else [])])
    ours = open_table(samples, like=theirs)
    learnt = None if train is None else open_table(train, like=theirs)
    encode, extractor = table_features(theirs)

    def side(table: Table) -> Side:
        return Side(encode(table), rows=table)

    families = (*FAMILIES, *table_families(asked.target))
    return _paired(samples, real, (ours, theirs, learnt), side, extractor, asked, families=families)


def _series(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    theirs = open_series(real, length=asked.length)
    ours, learnt = open_series(samples, like=theirs), None if train is None else open_series(train, like=theirs)
    extractor = series_features(theirs.x)
    return _paired(samples, real, (ours, theirs, learnt), lambda one: Side(extractor(one.x)), extractor, asked)


def _sound(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    theirs = open_waves(real, rate=asked.rate, length=asked.length)
    ours, learnt = open_waves(samples, like=theirs), None if train is None else open_waves(train, like=theirs)
    extractor = sound_features(theirs.x, theirs.rate)
    return _paired(samples, real, (ours, theirs, learnt), lambda one: Side(extractor(one.x)), extractor, asked)


def _paired(samples: str, real: str, opened: tuple[Any, Any, Any | None], side: Callable[[Any], Side],
            extractor: Extractor, asked: Asked, *, families: Sequence[Any] = FAMILIES) -> Pair:
    """A pair of things that hold their rows: each shuffled, cut to n, and seen."""
    ours, theirs, learnt = opened
    _enough(samples, len(ours), asked.n)
    _enough(real, len(theirs), asked.n)
    notes = [f"{one.name}: {note}" for one in opened if one is not None for note in one.notes]
    n = min(asked.n, len(ours), len(theirs), len(ours) if learnt is None else len(learnt))

    def mixed(one: Any, seed: int, start: int = 0, most: int = n) -> Side:
        return side(one.take(np.random.default_rng(seed).permutation(len(one))[start:start + most]))

    known = None if learnt is None else mixed(learnt, asked.seed + 2, most=bank_of(extractor))
    prints = (f"{_print(theirs)} {asked.seed}", "" if learnt is None else _print(learnt))
    others = mixed(theirs, asked.seed, n) if len(theirs) >= 2 * n else None
    assessor = Assessor(mixed(theirs, asked.seed), known, extractor, against=f"{theirs.name} ({len(theirs):,})",
                        fingerprints=prints, others=others, learnt=0 if learnt is None else len(learnt),
                        families=families, notes=notes)
    return Pair(assessor, mixed(ours, asked.seed + 1), f"{ours.name} ({len(ours):,})")


def _print(one: Any) -> str:
    from hashlib import sha256

    return sha256(np.ascontiguousarray(one.digests).data).hexdigest()[:16]


def _enough(source: str, count: int, n: int) -> None:
    if n < FEWEST:
        raise RunError(f"{n} samples are too few to judge by; ask for at least {FEWEST}")
    if count < FEWEST:
        raise RunError(f"{source} holds {count} example{'s' * (count != 1)}; at least {FEWEST} are needed to say "
                       "anything of a distribution")


_OPENERS: dict[str, Callable[[str, str, str | None, Asked], Pair]] = {
    "images": _examples, "points": _examples, "table": _table, "series": _series, "sound": _sound}
