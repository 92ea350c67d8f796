"""A move: a player lowers an objective.

An *objective* is a plain function `(nets, round) -> {name: term}` of named scalars. The move adds the terms up with
their weights and only then the player steps, once: a term never steps on its own.

An objective whose terms are weighted says their names beforehand (`returns`), so that a weight that names no term is
refused before anything is trained. It may also say which networks it cannot serve.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from mintage.game.clock import Clock, Number, at
from mintage.game.round import Round

Terms = dict[str, Tensor]
Objective = Callable[[Any, Round], Terms]
Fits = Callable[[Any], None]


def returns(*names: str, fits: Fits | None = None) -> Callable[[Objective], Objective]:
    """Declare the names of the terms an objective returns, and a check of the networks it is to serve.

    Args:
        names: of all its terms.
        fits: called with the networks when a game is built; raises ValueError with the remedy where they do not suit.
    """

    def declare(objective: Objective) -> Objective:
        setattr(objective, "terms", names)  # noqa: B010 (mypy knows no attributes of functions)
        setattr(objective, "fits", fits or (lambda nets: None))  # noqa: B010
        return objective

    return declare


@dataclass(frozen=True)
class Move:
    """`player` lowers `objective`, in every `every`-th round, `repeat` times in a row on fresh examples.

    `weights` scale terms by name, by a number or a schedule; a term without a weight counts once. A lazy move
    (`every` > 1) counts `every` times, so that its strength a round stays the same.

    Raises:
        ValueError: `every` or `repeat` below 1, or a weight that names no term of the objective.
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
        names = self.declared
        if self.weights and names is None:
            raise ValueError(f"player {self.player!r} weights the terms {sorted(self.weights)}, but its objective does "
                             "not say which terms it returns; put @returns(...) with their names above it")
        for name in self.weights:
            self._known(name, names or ())

    @property
    def declared(self) -> tuple[str, ...] | None:
        """The names of the objective's terms, where it says them."""
        return getattr(self.objective, "terms", None)

    def _known(self, name: str, names: Collection[str]) -> None:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"a weight of player {self.player!r} names the term {name!r}, but its objective "
                             f"returns {sorted(names)}{hint}")

    def due(self, index: int) -> bool:
        """Whether the move is made in round `index`."""
        return index % self.every == 0

    def loss(self, terms: Terms, clock: Clock) -> Tensor:
        """The weighted sum of the terms, in float32 or wider. Terms other than declared are an error, and so is a
        term that is not one number, because its sum would depend on the batch size."""
        for name, term in terms.items():
            if term.dim():
                raise ValueError(f"the term {name!r} of player {self.player!r} has the shape {tuple(term.shape)}; "
                                 "a term is one number, shape (): return its mean")
        if self.declared is not None and set(terms) != set(self.declared):
            raise ValueError(f"the objective of player {self.player!r} returned the terms {sorted(terms)} and declares "
                             f"{sorted(self.declared)}; correct the names in @returns(...)")
        parts = [at(self.weights.get(name, 1.0), clock) * _wide(term) for name, term in terms.items()]
        return self.every * torch.stack(parts).sum()


def _wide(term: Tensor) -> Tensor:
    return term if term.dtype == torch.float64 else term.float()
