"""A knob on a schedule: what networks read follows the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.game.clock import Clock, Number, at
from mintage.game.controllers import load_in_place

if TYPE_CHECKING:
    from mintage.game.game import Game
    from mintage.game.round import Round


class Scheduled:
    """knob <- schedule(clock) after each round, for the round that follows; the knob's first value is the caller's."""

    def __init__(self, knob: Tensor, schedule: Number) -> None:
        self.knob, self.schedule = knob, schedule

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        self.knob.fill_(at(self.schedule, Clock(round.clock.examples + round.examples, round.clock.budget)))

    def tensors(self) -> dict[str, Tensor]:
        return {"knob": self.knob}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)
