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
            self.live, self.into, self.copy = copied(live)
        else:
            torch._foreach_copy_(self.into, self.live)

    def undo(self) -> None:
        """Go back to the last committed state."""
        theirs = {name: t for name, t in self.game.tensors().items() if name.startswith(CONTROLLERS)}
        self.game.load(self.copy | theirs, self.game.scalars())


def _address(state: dict[str, Tensor]) -> int:
    return next((entry.data_ptr() for entry in state.values() if isinstance(entry, Tensor)), 0)


def copied(live: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor], dict[str, Tensor]]:
    """What is to be copied and where to, so that the named copies are up to date: each tensor, or the block of memory
    that several of them fill (as those of an optimizer do), at once."""
    blocks: dict[int, list[str]] = {}
    for name, tensor in live.items():
        blocks.setdefault(tensor.untyped_storage().data_ptr(), []).append(name)
    sources: list[tuple[Tensor, Tensor]] = []
    copy: dict[str, Tensor] = {}
    for names in blocks.values():
        storage = live[names[0]].untyped_storage()
        if len(names) > 1 and storage.nbytes() == sum(live[name].nbytes for name in names):
            block = live[names[0]].new_empty(0).set_(storage, 0, (storage.nbytes() // live[names[0]].itemsize,), (1,))
            twin = block.clone()
            sources.append((block, twin))
            copy |= {name: twin.as_strided(live[name].size(), live[name].stride(), live[name].storage_offset())
                     for name in names}
        else:
            for name in names:
                copy[name] = live[name].clone()
                sources.append((live[name], copy[name]))
    return [one for one, _ in sources], [other for _, other in sources], copy
