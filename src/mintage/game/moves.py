"""A move: a player lowers an objective.

An *objective* is a plain function `(nets, round) -> {name: term}` of named scalars. The move adds the terms up with
their weights and only then the player steps, once: a term never steps on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from mintage.game.clock import Clock, Number, at
from mintage.game.round import Round

Terms = dict[str, Tensor]
Objective = Callable[[Any, Round], Terms]


@dataclass(frozen=True)
class Move:
    """`player` lowers `objective`, in every `every`-th round, `repeat` times in a row on fresh examples.

    `weights` scale terms by name, by a number or a schedule; a term without a weight counts once. A lazy move
    (`every` > 1) counts `every` times, so that its strength a round stays the same.
    """

    player: str
    objective: Objective
    every: int = 1
    repeat: int = 1
    weights: Mapping[str, Number] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every < 1 or self.repeat < 1:
            raise ValueError(f"a move of player {self.player!r} has every={self.every} and repeat={self.repeat}; "
                             "both must be at least 1")

    def due(self, index: int) -> bool:
        """Whether the move is made in round `index`."""
        return index % self.every == 0

    def loss(self, terms: Terms, clock: Clock) -> Tensor:
        """The weighted sum of the terms, in float32 or wider. A weight that names no term is an error, and so is a
        term that is not one number, because its sum would depend on the batch size."""
        for name, term in terms.items():
            if term.dim():
                raise ValueError(f"the term {name!r} of player {self.player!r} has the shape {tuple(term.shape)}; "
                                 "a term is one number, shape (): return its mean")
        for name in self.weights:
            if name not in terms:
                near = get_close_matches(name, terms, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"a weight of player {self.player!r} names the term {name!r}, but its objective "
                                 f"returned {sorted(terms)}{hint}")
        parts = [at(self.weights.get(name, 1.0), clock) * _wide(term) for name, term in terms.items()]
        return self.every * torch.stack(parts).sum()


def _wide(term: Tensor) -> Tensor:
    return term if term.dtype == torch.float64 else term.float()
