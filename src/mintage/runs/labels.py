"""Labels as they are asked for in words: what every one of n samples is to be of.

    cat               all of one class, by its name, or by its number where no class is called so
    cat:0.7,dog:0.3   mixed: every sample is made with these weights of the classes, divided by their sum
    cat..dog          interpolation: from the first class to the second along the samples, all from one latent
    data              drawn with the shares that the classes have in the training data: samples (x, y) of p(x, y)
    nothing           every class in turn
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor

from mintage.game import generator
from mintage.runs.errors import RunError

DATA = "data"


@dataclass(frozen=True)
class Labels:
    """The labels of samples: called with where they begin, how many, of how many in all, and the seed.

    Args:
        classes: K.
        one: the class of all.
        start, end: weights [K] at the first and at the last sample.
        shares: of the classes, to be drawn from.
    """

    classes: int
    one: int | None = None
    start: tuple[float, ...] = ()
    end: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def one_latent(self) -> bool:
        """Whether all samples are made from the same latent."""
        return bool(self.start) and self.start != self.end

    def __call__(self, first: int, count: int, n: int, seed: int = 0) -> Tensor:
        """The labels of samples first to first + count - 1 of n: int64 [count], or weights [count, K]."""
        if self.start:
            t = (torch.arange(first, first + count) / max(1, n - 1)).clamp(max=1)[:, None]
            return torch.lerp(torch.tensor(self.start), torch.tensor(self.end), t)  # exact at both ends
        if self.shares:
            drawn = generator(seed, "labels", first)
            return torch.multinomial(torch.tensor(self.shares), count, replacement=True, generator=drawn)
        if self.one is not None:
            return torch.full((count,), self.one)
        return torch.arange(first, first + count) % self.classes


def read(label: str | int | None, names: Sequence[str], classes: int, shares: Sequence[float] = ()) -> Labels:
    """What a label asks for, of a generator of `classes` classes with these names.

    Raises:
        RunError: a generator without labels, a class there is not, or weights that are none.
    """
    if label is None:
        return Labels(classes)
    if not classes:
        raise RunError(f"label {label!r} was asked for, but this generator was trained without labels")
    text = str(label)
    if text in names or text.isdigit():  # a name may hold any sign, so it comes first
        return Labels(classes, one=_class(text, names, classes))
    if text == DATA:
        if not shares:
            raise RunError("the shares of the classes in the data were not kept with this generator; ask for weights, "
                           "as --label NAME:2,NAME:1")
        return Labels(classes, shares=tuple(shares))
    if ".." in text:
        start, end = (_weights(part, names, classes) for part in text.split("..", 1))
        return Labels(classes, start=start, end=end)
    if ":" in text:
        weights = _weights(text, names, classes)
        return Labels(classes, start=weights, end=weights)
    return Labels(classes, one=_class(text, names, classes))


def shares_of(labels: Tensor | None, classes: int) -> list[float]:
    """The share of each class among labels [N]; [] where examples have none."""
    if labels is None or not len(labels):
        return []
    return (torch.bincount(labels.cpu(), minlength=classes) / len(labels)).tolist()


def _weights(text: str, names: Sequence[str], classes: int) -> tuple[float, ...]:
    """`cat:0.7,dog:0.3` as weights [K] whose sum is 1; a name alone counts once."""
    weights = [0.0] * classes
    for part in text.split(","):
        name, colon, number = (part, "", "") if part.strip() in names else part.rpartition(":")
        if not colon:
            name, number = part, "1"
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise RunError(f"the weight of a class is {number!r} in {part!r}; give a number of 0 or more, as "
                           "--label cat:0.7,dog:0.3")
        weights[_class(name.strip(), names, classes)] += value
    total = sum(weights)
    if not total:
        raise RunError(f"the weights of {text!r} are all 0; give at least one class a weight above it")
    return tuple(value / total for value in weights)


def _class(text: str, names: Sequence[str], classes: int) -> int:
    if text in names:
        return names.index(text)
    if text.isdigit() and int(text) < classes:
        return int(text)
    near = get_close_matches(text, names, n=1)
    hint = f"did you mean {near[0]!r}? There are" if near else "there are"
    raise RunError(f"there is no label {text!r}; {hint}: {', '.join(names)}")
