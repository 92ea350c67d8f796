"""A round: one pass over the moves of a game.

It carries the batch of real examples, the clock, *notes* that one move leaves for a later one, *stats* for the log,
and the random draws of this round. A round lives as long as its pass; what must outlive it is in the game.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from typing import Any, Protocol

import torch
from torch import Tensor

from mintage.game.clock import Clock
from mintage.game.randomness import generator

Prior = Callable[[int, torch.Generator], Tensor]


class Batches(Protocol):
    """Real examples as a pure function of the position in the endless stream; `size` examples a call."""

    size: int

    def __call__(self, position: int) -> Any: ...


class Notes(dict[str, Any]):
    """What moves leave for later moves of the same round. Reading a note nobody left is an error."""

    def __missing__(self, name: str) -> Any:
        near = get_close_matches(name, self, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"no note {name!r} in this round; there are {sorted(self) or 'none'}{hint}. "
                       "A note is left by a move that comes earlier in the game's list of moves.")


@dataclass
class Round:
    """One pass over the moves.

    `index` counts rounds from 0; `clock` is the moment the round begins; `size` is the batch size. A round that is
    played in `parts` (mintage.game.accumulation) keeps them.
    """

    index: int
    clock: Clock
    batches: Batches
    seed: int
    device: torch.device
    notes: Notes = field(default_factory=Notes)
    stats: dict[str, Tensor] = field(default_factory=dict)
    finite: list[Tensor] = field(default_factory=list)
    skipped: bool = False
    draws: int = 1
    parts: list[Any] = field(default_factory=list)
    _batch: Any = None
    _turn: tuple[int, int] = (0, 0)
    _calls: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Examples in a batch."""
        return self.batches.size

    @property
    def examples(self) -> int:
        """Real examples this round has drawn."""
        return self.draws * self.size

    @property
    def good(self) -> bool:
        """Whether all that was found out so far is finite (or true): the one point of a round where the host waits
        for the device."""
        return all(value is not False and isfinite(value) for value in torch.stack(self.finite).tolist())

    @property
    def batch(self) -> Any:
        """The real examples of this round; a repeated move sees fresh ones each turn."""
        if self._batch is None:
            self._batch = self.batches(self.clock.examples + (self.draws - 1) * self.size)
        return self._batch

    def refresh(self) -> None:
        """Go on to the next batch of the stream."""
        self.draws += 1
        self._batch = None

    @property
    def move(self) -> int:
        """The number of the move that is being made."""
        return self._turn[0]

    def begin(self, move: int, turn: int) -> None:
        """Open turn `turn` of move number `move`: its draws are its own."""
        self._turn, self._calls = (move, turn), {}

    def generator(self, purpose: str, device: torch.device | str | None = None) -> torch.Generator:
        """A generator for this purpose in this turn; each call gives the next independent one."""
        nth = self._calls[purpose] = self._calls.get(purpose, -1) + 1
        return generator(self.seed, self.index, *self._turn, purpose, nth, device=device or self.device)

    def draw(self, prior: Prior, n: int | None = None) -> Tensor:
        """`n` latents from `prior`, by default as many as the batch has examples."""
        return prior(n or self.size, self.generator("latent"))
