"""Labels: the classes a system must have, and a few labelled examples of a stream whose other labels stay unseen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Round

SEARCHED = 200  # examples looked at for each that is wanted, before a rare class is left incomplete


class Few:
    """(x, y), labelled examples for a round: as many as its batch has, drawn from the first `each` of every class.

    The first are those of the stream of examples, whose order is shuffled by the run's seed: a function of the stream,
    found once and again after a stop, so nothing is to be saved. With each = 0 they are the batch itself.

    Args:
        each: labelled examples of a class.
        classes: K.
    """

    def __init__(self, each: int, classes: int) -> None:
        self.each, self.classes = each, classes
        self._source: Any = None

    def __call__(self, round: Round) -> tuple[Tensor, Tensor]:
        if not self.each:
            return round.batch.x, round.batch.y
        if self._source is not round.batches:
            self._x, self._y = self._first(round.batches)
            self._source = round.batches
        order = torch.rand((-(-round.size // len(self._y)), len(self._y)), generator=round.generator("labelled"),
                           device=round.device).argsort(1).flatten()[:round.size]
        return self._x[order], self._y[order]

    def _first(self, batches: Any) -> tuple[Tensor, Tensor]:
        """The first `each` examples of every class in the stream."""
        wanted, found_x, found_y = [self.each] * self.classes, [], []
        for position in range(0, SEARCHED * self.each * self.classes, batches.size):
            batch = batches(position)
            for k in range(self.classes):
                rows = (batch.y == k).nonzero()[:wanted[k], 0]
                wanted[k] -= len(rows)
                found_x.append(batch.x[rows])
                found_y.append(batch.y[rows])
            if not any(wanted):
                break
        return torch.cat(found_x), torch.cat(found_y)


def classes_of(spec: DataSpec, system: str) -> int:
    """The number of classes of the data, for a system that is told them.

    Raises:
        ValueError: no labels, or a single class.
    """
    if len(spec.labels) < 2:
        have = f"all are of one class, {spec.labels[0]!r}" if spec.labels else "these have no labels"
        raise ValueError(f"{system} learns from labels of two classes or more, and {have}: put the examples of each "
                         "class in a folder of its own, give --labels FILE.csv, or use --system r3gan")
    return len(spec.labels)
