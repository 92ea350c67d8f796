"""Controllers: closed loops between rounds. A controller reads the game and the round's stats and writes its own state
or a *knob*, a 0-d buffer that networks share.

Every controller shows its state as named tensors, so that one list serves saving, undoing and moving to a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from mintage.game.game import Game
    from mintage.game.round import Round


class Stateful(Protocol):
    """Something of a game that persists: its tensors by name, and the way back."""

    def tensors(self) -> dict[str, Tensor]: ...

    def load(self, tensors: dict[str, Tensor]) -> None: ...


class Controller(Stateful, Protocol):
    """Called after each committed round."""

    def __call__(self, game: Game, round: Round) -> None: ...


def load_in_place(own: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into the tensors of the same names."""
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


class Growth:
    """Raises a `level` knob from 0 to `levels` - 1 as the budget is spent (Karras et al. 2018, arXiv 1710.10196).

    The whole part of the knob says how many levels of the networks speak, the fraction how far the next has faded
    in. Each level is faded in and held for equal parts of a `share` of the budget; the last is held for the rest.
    """

    def __init__(self, level: Tensor, levels: int, *, share: float = 1.0) -> None:
        self.level = level
        self.levels = levels
        self.share = share

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        seen = round.clock.examples + round.examples
        step = 2 * (self.levels - 1) + 1  # hold, fade, hold, fade, ..., hold
        growing = self.share * round.clock.budget
        part = min(1.0, seen / growing) * step if growing else float(step)
        held, faded = divmod(part, 2)
        self.level.fill_(min(float(self.levels - 1), held + max(0.0, faded - 1)))

    def tensors(self) -> dict[str, Tensor]:
        return {"level": self.level}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)
