"""The ledger: the state of a game as a round begins, so that a round is a transaction.

A round whose losses or gradients are not finite is undone on all players: weights, optimizers, averages, memory. It is
counted, and play goes on with the next examples; after `PATIENCE` in a row the game is given up with `NotFinite`, and
whoever plays it rolls back to a checkpoint.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mintage.game.game import Game

PATIENCE = 5


class NotFinite(RuntimeError):
    """Losses or gradients were not finite for `PATIENCE` rounds in a row."""


CONTROLLERS = "controllers/"  # they act after the check, on good rounds only: nothing of theirs is ever undone


class Ledger:
    """A second copy of what a round changes before it is checked: a foreach copy a round."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self._shape: tuple[int, ...] = ()

    def _structure(self) -> tuple[int, ...]:
        """What changes when tensors come, go or are replaced (by the first step, by loading a state, by a memory)."""
        optimizers = [part for optimizer in self.game.optimizers.values()
                      for part in (len(optimizer.state), *map(_address, islice(optimizer.state.values(), 1)))]
        memory = [tensor.data_ptr() for m in self.game.memory.values() for tensor in m.tensors().values()]
        return (*optimizers, *memory)

    @torch.no_grad()
    def commit(self) -> None:
        """Take the present state as good."""
        shape = self._structure()
        if shape != self._shape or not self._shape:
            self._shape = shape
            live = {name: t for name, t in self.game.tensors().items() if not name.startswith(CONTROLLERS)}
            self.live: list[Tensor] = list(live.values())
            self.copy = {name: tensor.clone() for name, tensor in live.items()}
            self.into = list(self.copy.values())
        else:
            torch._foreach_copy_(self.into, self.live)

    def undo(self) -> None:
        """Go back to the last committed state."""
        theirs = {name: t for name, t in self.game.tensors().items() if name.startswith(CONTROLLERS)}
        self.game.load(self.copy | theirs, self.game.scalars())


def _address(state: dict[str, Tensor]) -> int:
    return next((entry.data_ptr() for entry in state.values() if isinstance(entry, Tensor)), 0)
