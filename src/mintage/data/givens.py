"""Givens: examples are opened together with what they are made from, c: partner images, another set, or captions."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch

from mintage.data.captions import captions_of
from mintage.data.decoded import Say
from mintage.data.errors import DataError, near
from mintage.data.examples import Examples, Reject
from mintage.data.halves import open_halves
from mintage.data.names import matched, stem
from mintage.data.plan import Fit, Wish
from mintage.data.reductions import with_reduced
from mintage.data.sources import open_data
from mintage.data.spec import Given
from mintage.data.text_encoder import TextEncoder, Texts, digests_of_texts

Need = Literal["paired", "unpaired", "text", "reduced"]
SIDES = ("left", "right")
CLASS = "class:"
REMEDY = {
    "paired": "say where the images are from which others are made: --given FOLDER (or a zip, an array, FILE.npz:KEY), "
              "or --given left or right where each picture holds both side by side",
    "unpaired": "say where the images of the other side are: --given FOLDER (or a zip, an array, FILE.npz:KEY), or "
                "--given class:NAME for those of one class",
}


class _Asked(NamedTuple):
    """How images are to be brought."""

    data: str
    resolution: tuple[int, int] | None
    fit: Fit
    channels: int | None
    say: Say | None


def open_given(examples: Examples, data: str, given: str | None, need: Need, *,
               resolution: tuple[int, int] | None = None, fit: Fit = "crop", channels: int | None = None,
               say: Say | None = None) -> Examples:
    """The examples, opened from `data`, with what they are made from.

    `need` "paired": `given` is a source of images, matched to those of `data` by their path without ending, or of as
    many in the same order where one of them is an array; or "left" or "right": each picture of `data` holds two, this
    one is given and the other made. "unpaired": another source of images of any number, or "class:NAME": those of that
    class are the other side. "text": a table, folder or zip of captions, or None for those beside the images.
    "reduced": nothing; each is made from itself at a quarter of its sides.

    Images are brought to the size of the examples; their channels are their own unless `channels` are asked for.
    Examples without partner or caption are left out, and listed among the rejects.

    Raises:
        DataError: nothing is given, it cannot be read, or nothing of it belongs to the examples.
    """
    asked = _Asked(data, resolution, fit, channels, say)
    if need == "reduced":
        if given is not None:
            raise DataError(f"{data} is made from smaller images of itself, and {given} is given; leave it out")
        return with_reduced(examples)
    if need == "text":
        return _captioned(examples, data, given)
    if examples.spec.kind != "image":
        raise DataError(f"{data} holds points; images are needed, since examples are made from images here")
    if given is None:
        raise DataError(f"nothing is given that {data} is to be made from; {REMEDY[need]}")
    if given in SIDES:
        if need == "unpaired":
            raise DataError(f"{given} is for images in pairs side by side; {REMEDY[need]}")
        return _halves(examples, given, asked)
    if need == "unpaired" and given.startswith(CLASS):
        return _against_class(examples, given.removeprefix(CLASS), data)
    height, width = examples.spec.shape[1:]
    other = open_data(given, resolution=(height, width), fit=fit, channels=channels, say=say)
    if need == "paired":
        return _paired(examples, other, given, asked)
    return _made_from(examples, other, False, given)


def _made_from(examples: Examples, other: Examples, paired: bool, what: str) -> Examples:
    found = examples.with_given(Given("image", other.spec.shape, paired=paired), other.store, other.digests)
    found.names = examples.names
    found.rejects += [Reject(f"{what}: {one.file}", one.reason) for one in other.rejects if what not in SIDES]
    found.notes += [f"given: {note}" for note in other.notes if note not in examples.notes]
    return found


def _against_class(examples: Examples, name: str, data: str) -> Examples:
    """The examples of all other classes, with those of one class as the other side; neither keeps labels."""
    labels, names = examples.labels, examples.spec.labels
    if labels is None or name not in names:
        raise DataError(f"{data} has no class {name!r}: it has {', '.join(names) or 'no labels'}{near(name, names)}")
    other = (labels == names.index(name)).cpu()
    if not other.any() or other.all():
        raise DataError(f"all images of {data} are on one side where {name!r} is the other; both need some")
    own, made = (copy(examples.take(torch.from_numpy(np.flatnonzero(side)))) for side in (~other, other))
    for one in (own, made):
        one.spec, one.labels = replace(one.spec, labels=()), None
    made.notes, made.rejects = [], []
    own.notes.append(f"{len(made):,} images of class {name} are the other side of {len(own):,}")
    return _made_from(own, made, False, name)


def _halves(examples: Examples, side: str, asked: _Asked) -> Examples:
    left, right = open_halves(asked.data, Wish(asked.resolution, asked.fit, asked.channels), asked.say)
    other, own = (left, right) if side == "left" else (right, left)
    own = _labelled_as(own, examples)
    found = _paired(own, other, f"the {side} halves", asked)
    found.notes.append(f"each picture holds two: the {side} half is given, the other is made from it")
    return found


def _labelled_as(own: Examples, examples: Examples) -> Examples:
    """The halves of the same pictures as `examples` with the labels that those have; only of pictures among them."""
    if own.names is not None and examples.names is not None:
        place = {name: k for k, name in enumerate(examples.names.shown())}
        rows = np.array([place.get(name, -1) for name in own.names.shown()], dtype=np.int64)
        own, rows = _only(own, np.flatnonzero(rows >= 0)), rows[rows >= 0]
    else:
        rows = np.arange(len(own))
    own = copy(own)
    own.spec, own.labels = replace(own.spec, labels=examples.spec.labels), None
    if examples.labels is not None:
        own.labels = examples.labels[torch.from_numpy(rows)]
    own.rejects = list(examples.rejects)
    return own


def _only(examples: Examples, rows: np.ndarray) -> Examples:
    return examples if len(rows) == len(examples) else examples.take(torch.from_numpy(rows))


def _paired(examples: Examples, other: Examples, given: str, asked: _Asked) -> Examples:
    data = asked.data
    if examples.names is None or other.names is None:
        if len(examples) != len(other) or examples.rejects or other.rejects:
            raise DataError(f"{data} holds {len(examples):,} usable images ({len(examples.rejects)} not) and {given} "
                            f"{len(other):,} ({len(other.rejects)} not); where one is an array, pairs go by their "
                            "order, so both must have as many and all be usable")
        return _made_from(examples, other, True, given)
    own, others = examples.names.shown(), other.names.shown()
    partner = matched(own, others)
    if not (partner >= 0).any():
        raise DataError(f"no image of {given} belongs to one of {data}: pairs have the same path but for the ending, "
                        f"and here are {', '.join(own[:2])} and {', '.join(others[:2])}; rename one side")
    rows = np.flatnonzero(partner >= 0)
    in_order = np.array_equal(partner[rows], np.arange(len(other)))
    pairs = other if in_order else other.take(torch.from_numpy(partner[rows]))
    found = _made_from(_only(examples, rows), pairs, True, given)
    alone = _alone(own, others, partner, given, data, {stem(one.file): one.reason for one in other.rejects})
    found.rejects = [*found.rejects, *alone]
    if alone:
        found.notes.append(f"{len(rows):,} pairs; {len(alone)} image{'s' * (len(alone) != 1)} without a partner left "
                           "out")
    return found


def _alone(own: list[str], others: list[str], partner: np.ndarray, given: str, data: str,
           broken: dict[str, str]) -> list[Reject]:
    """Those that have no partner, on either side."""
    used = set(partner.tolist())
    found = [Reject(own[k], f"its partner in {given} cannot be used: {broken[stem(own[k])]}"
                    if stem(own[k]) in broken else f"it has no partner in {given}")
             for k in np.flatnonzero(partner < 0).tolist()]
    return found + [Reject(f"{given}: {name}", f"it has no partner in {data}")
                    for k, name in enumerate(others) if k not in used]


def _captioned(examples: Examples, data: str, given: str | None) -> Examples:
    if examples.names is None:
        raise DataError(f"{data} is not made of image files, and captions belong to files by name; give a folder or "
                        "zip of images")
    names = examples.names.shown()
    captions = captions_of(names, data, given)
    rows = np.flatnonzero([bool(one) for one in captions.texts])
    if not len(rows):
        raise DataError(f"{captions.place} gives no image of {data} a caption: its cells or lines are empty; fill "
                        "them in")
    texts = [captions.texts[k][0] for k in rows.tolist()]
    encoder = TextEncoder.fit(texts)
    spec = Given("text", (encoder.dimensions,), encoder=encoder.name)
    kept = _only(examples, rows)
    found = kept.with_given(spec, Texts(texts, encoder), digests_of_texts(texts))
    found.names = kept.names
    found.rejects += [Reject(name, f"it has no caption in {captions.place}")
                      for name, said in zip(names, captions.texts, strict=True) if not said]
    several = sum(len(one) > 1 for one in captions.texts)
    found.notes.append(f"{len(texts):,} captions, from {captions.place}")
    if several:
        found.notes.append(f"{several} image{'s have' if several != 1 else ' has'} several captions, of which the "
                           "first is used")
    if len(rows) < len(names):
        found.notes.append(f"{len(names) - len(rows)} of {len(names)} images have no caption and are left out")
    return found
