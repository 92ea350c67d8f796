"""Anybody's samples against real examples: two sources of one kind, opened and seen alike.

Kinds are images, points, tables (.csv), series (.npy of windows, or --kind series for a .csv) and sound (.wav files).
Nothing is resized unasked: a judge that changes what it judges cannot be compared with another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mintage.data import DataError, DataSpec, Examples, open_data
from mintage.data.csv_rows import is_number
from mintage.data.series import open_series
from mintage.data.tables import FEW_VALUES, Table, open_table
from mintage.data.waves import open_waves
from mintage.evaluation import FAMILIES, Assessor, Evaluation, Extractor, Side, psnr, ssim
from mintage.evaluation.assessor import bank_of, in_turn, order_of
from mintage.evaluation.features.series_features import series_features
from mintage.evaluation.features.sound_features import sound_features
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.sides import see
from mintage.evaluation.table_families import table_families
from mintage.runs.asked import Asked
from mintage.runs.errors import RunError
from mintage.runs.features import extractor_named
from mintage.runs.kinds import kind_for
from mintage.runs.sameness import content_of, notes_of

FEWEST = 16
SHOWN = 24
MOSTLY = 0.9  # of the cells are numbers: then the rest are mistakes rather than categories


@dataclass(frozen=True)
class Pair:
    """An assessor of the real side, the samples' side, the samples in words, and what they are, exactly.

    `shown` are a few of the samples, if they can be looked at, with their spec.
    """

    assessor: Assessor
    fake: Side
    samples: str
    content: str
    shown: tuple[Tensor, DataSpec] | None = None

    def evaluate(self, seed: int) -> Evaluation:
        """The evaluation of the samples.

        Raises:
            RunError: samples that a measure cannot be taken of.
        """
        try:
            return self.assessor.of_side(self.fake, self.samples, seed=seed)
        except ValueError as error:
            raise RunError(f"{self.samples} cannot be evaluated: {error}") from error


def open_pair(samples: str, real: str, train: str | None = None, asked: Asked | None = None) -> Pair:
    """Samples, real examples that the generator never saw and, if known, the training examples.

    Raises:
        DataError, RunError: a source that cannot be opened, two kinds or sizes, or too few.
    """
    asked = asked or Asked()
    kind = check_pair(samples, real, train, asked)
    try:
        return _OPENERS[kind](samples, real, train, asked)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise RunError(str(error)) from error


def check_pair(samples: str, real: str, train: str | None, asked: Asked) -> str:
    """The kind of the sources; what can be refused before they are read, is.

    Raises:
        RunError: a source that is not there, two kinds, too few asked for, or an option for another kind.
    """
    if asked.n < FEWEST:
        raise RunError(f"{asked.n} samples are too few to judge by; ask for at least {FEWEST}")
    kind = kind_for(samples, real, train, asked.kind)
    asked.refuse_for(kind, real)
    return kind


def _examples(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    def opened(source: str, split: str | None) -> Examples:
        try:
            return open_data(source, resolution=asked.resolution, fit=asked.fit, channels=asked.channels, split=split,
                             exact=True)
        except DataError as error:
            said = str(error)
            raise DataError(said if Path(source).name in said else f"{source}: {said}") from error

    ours, theirs = opened(samples, None), opened(real, asked.split)
    learnt = None if train is None else opened(train, None)
    for source, one in ((samples, ours), (train, learnt)):
        if one is not None:
            _refuse_unlike(str(source), one, real, theirs)
    if asked.kind in ("images", "points") and asked.kind[:5] != theirs.spec.kind[:5]:
        raise RunError(f"--kind is {asked.kind}, and {real} holds {_shape(theirs)}; leave it out")
    _enough((samples, ours), (real, theirs), (train, learnt))
    notes = notes_of(ours, theirs, learnt)
    content = content_of(ours)
    if ours.spec.kind == "points":
        ours, learnt = _in_units_of(ours, theirs), None if learnt is None else _in_units_of(learnt, theirs)
    extractor = extractor_named(asked.features, theirs.spec, asked.weights)
    assessor = Assessor.of(theirs, learnt, extractor, n=min(asked.n, len(ours)), seed=asked.seed, notes=notes)
    fake = see(in_turn(ours, asked.seed), assessor.n, extractor)
    shown = ours.gather(order_of(ours, asked.seed)[:SHOWN]).x.cpu()
    return Pair(assessor, fake, f"{ours.name} ({len(ours):,})", content, (shown, ours.spec))


def counterparts(samples: str, real: str, asked: Asked) -> dict[str, Any]:
    """PSNR and SSIM of images that belong together, in the order of their names or rows.

    Raises:
        RunError, DataError: no images, other counts or shapes.
    """
    sides = [open_data(source, resolution=asked.resolution, fit=asked.fit, channels=asked.channels, split=split,
                       exact=True) for source, split in ((samples, None), (real, asked.split))]
    ours, theirs = sides
    if ours.spec.kind != "image" or len(ours) != len(theirs):
        raise RunError(f"--pairs needs as many images on both sides; {samples} holds {len(ours):,} and {real} "
                       f"{len(theirs):,} {'images' if ours.spec.kind == 'image' else 'points'}")
    x, y = (one.gather(torch.arange(min(len(one), asked.n))).x for one in sides)
    found = {"psnr": psnr(x, y)} | ({"ssim": ssim(x, y)} if min(x.shape[-2:]) >= 11 else {})
    return {name: {"mean": value.mean, "error": value.error, "n": value.n} for name, value in found.items()}


def _refuse_unlike(source: str, one: Examples, real: str, theirs: Examples) -> None:
    """Refuse images or points of another shape than the real ones, with the options that bring both to one."""
    if one.spec.kind == theirs.spec.kind and one.spec.shape == theirs.spec.shape:
        return
    remedy = "give sources of one kind and shape"
    if one.spec.kind == theirs.spec.kind == "image":
        (channels, height, width), own = theirs.spec.shape, one.spec.shape
        options = [f"--resolution {width}x{height}"] * (own[1:] != (height, width))
        options += [f"--channels {channels}"] * (own[0] != channels)
        remedy = f"bring both to one with {' '.join(options)}, which changes the figures"
        if 2 in (own[0], channels):
            remedy = "images of 2 channels are used as they are: give both alike"
    raise RunError(f"{source} holds {_shape(one)} and {real} holds {_shape(theirs)}; {remedy}")


def _shape(examples: Examples) -> str:
    shape = examples.spec.shape
    if examples.spec.kind == "points":
        return f"points of {shape[0]} dimension{'s' * (shape[0] > 1)}"
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
    _refuse_mistakes(real, theirs, asked)
    ours = open_table(samples, like=theirs)
    learnt = None if train is None else open_table(train, like=theirs)
    encode, extractor = table_features(theirs)

    def side(table: Table) -> Side:
        return Side(encode(table), rows=table)

    families = (*FAMILIES, *table_families(asked.target))
    return _paired((samples, real, train), (ours, theirs, learnt), side, extractor, asked, families=families)


def _refuse_mistakes(real: str, table: Table, asked: Asked) -> None:
    """Refuse a target that is no class, and a column of numbers that one word has turned into words."""
    if asked.target and asked.target not in table.names:
        raise RunError(f"--target {asked.target}: that column of {real} holds too many different words to be predicted")
    for column in table.columns:
        words = column.categories or ()
        bad = [k for k, word in enumerate(words) if not is_number(word)]
        if column.name == asked.target and (len(words) < 2 or not bad and len(words) > FEW_VALUES):
            raise RunError(f"--target {column.name}: that column of {real} holds {len(words):,} different "
                           f"value{'s' * (len(words) != 1)}; a classifier needs classes: words, or 2 to {FEW_VALUES} "
                           "different numbers")
        if column.name in (*asked.categorical, asked.target) or not bad or len(words) <= FEW_VALUES:
            continue
        odd = np.flatnonzero(np.isin(column.values, bad))
        if 0 < len(odd) < (1 - MOSTLY) * len(table):
            raise RunError(f"column {column.name!r} of {real} holds numbers, and the word "
                           f"{words[column.values[odd[0]]]!r} in row {odd[0] + 2}; correct the cell, or say "
                           f"--categorical {column.name} if these are words")


def _series(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    theirs = open_series(real, length=asked.length)
    ours, learnt = open_series(samples, like=theirs), None if train is None else open_series(train, like=theirs)
    extractor = series_features(theirs.x)
    return _paired((samples, real, train), (ours, theirs, learnt), lambda one: Side(extractor(one.x)), extractor, asked)


def _sound(samples: str, real: str, train: str | None, asked: Asked) -> Pair:
    theirs = open_waves(real, rate=asked.rate, length=asked.length)
    ours = open_waves(samples, like=theirs, rate=asked.rate)
    learnt = None if train is None else open_waves(train, like=theirs, rate=asked.rate)
    extractor = sound_features(theirs.x, theirs.rate)
    return _paired((samples, real, train), (ours, theirs, learnt), lambda one: Side(extractor(one.x)), extractor, asked)


def _paired(sources: tuple[str, str, str | None], opened: tuple[Any, Any, Any | None], side: Callable[[Any], Side],
            extractor: Extractor, asked: Asked, *, families: Sequence[Any] = FAMILIES) -> Pair:
    """A pair of things that hold their rows: each shuffled, cut to n, and seen."""
    ours, theirs, learnt = opened
    _enough(*zip(sources, opened, strict=True))
    n = min(asked.n, len(ours), len(theirs), len(ours) if learnt is None else len(learnt))

    def mixed(one: Any, seed: int, start: int = 0, most: int = n) -> Side:
        return side(one.take(np.random.default_rng(seed).permutation(len(one))[start:start + most]))

    known = None if learnt is None else mixed(learnt, asked.seed + 2, most=bank_of(extractor))
    prints = (f"{content_of(theirs)} {asked.seed}", "" if learnt is None else content_of(learnt))
    others = mixed(theirs, asked.seed, n) if len(theirs) >= 2 * n else None
    assessor = Assessor(mixed(theirs, asked.seed), known, extractor, against=f"{theirs.name} ({len(theirs):,})",
                        fingerprints=prints, others=others, learnt=0 if learnt is None else len(learnt),
                        families=families, notes=notes_of(ours, theirs, learnt))
    return Pair(assessor, mixed(ours, asked.seed + 1), f"{ours.name} ({len(ours):,})", content_of(ours))


def _enough(*opened: tuple[str | None, Any | None]) -> None:
    for source, one in opened:
        if one is not None and len(one) < FEWEST:
            raise RunError(f"{source} holds {len(one)} example{'s' * (len(one) != 1)}; at least {FEWEST} are needed to "
                           "say anything of a distribution")


_OPENERS: dict[str, Callable[[str, str, str | None, Asked], Pair]] = {
    "images": _examples, "points": _examples, "table": _table, "series": _series, "sound": _sound}
