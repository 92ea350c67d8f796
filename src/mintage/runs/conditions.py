"""Conditions: what samples are asked for, where a system makes them of classes or from something given.

Labels come as often as in the examples trained on; origins c are those of examples held out, in an order of the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mintage.data import Examples
from mintage.data.origins import Origins
from mintage.game import generator


@dataclass(frozen=True)
class Conditions:
    """Labels [n] in an order, and origins with an order of theirs; both are taken in turn, round and round."""

    labels: Tensor | None = None
    origins: Origins | None = None
    order: Tensor | None = None

    def labels_at(self, first: int, count: int) -> Tensor | None:
        """The labels of samples `first` .. `first` + `count` - 1."""
        return None if self.labels is None else self.labels[torch.arange(first, first + count) % len(self.labels)]

    def given_at(self, first: int, count: int) -> Tensor | None:
        """What those samples are made from, float32 [count, ...]."""
        if self.origins is None or self.order is None:
            return None
        return self.origins.read(self.order[torch.arange(first, first + count) % len(self.order)])


def conditions_of(train: Examples, held_out: Examples, seed: int) -> Conditions:
    """Labels as `train` has them, origins of `held_out`."""
    labels = None
    if train.labels is not None:
        labels = train.labels.cpu()[torch.randperm(len(train), generator=generator(seed, "labels"))]
    origins = held_out.origins
    order = None if origins is None else torch.randperm(len(origins), generator=generator(seed, "origins"))
    return Conditions(labels, origins, order)
