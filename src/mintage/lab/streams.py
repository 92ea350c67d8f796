"""Endless real examples for the experiments: fresh draws of a known distribution at every position of the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.game import generator


class Drawn(NamedTuple):
    """A batch as games see it: x [n, ...] and no labels."""

    x: Tensor
    y: None = None


class Stream:
    """`stream(position)` is `size` fresh draws, a pure function of (seed, position).

    Args:
        draw: (n, generator) -> x [n, ...].
    """

    def __init__(self, draw: Callable[[int, torch.Generator], Tensor], size: int, seed: int) -> None:
        self.draw, self.size, self.seed = draw, size, seed

    def __call__(self, position: int) -> Drawn:
        return Drawn(self.draw(self.size, generator("stream", self.seed, position)))
