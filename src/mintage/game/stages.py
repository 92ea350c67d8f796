"""Stages: games played one after another, each for its share of the budget.

A network that stages share is the same module in each of their games; each game has its own optimizers. `Stages`
answers to the same questions as a `Game`, so whoever plays, saves or samples need not know which of the two it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mintage.game import state
from mintage.game.game import Game
from mintage.game.sampler import Sampler


@dataclass(frozen=True)
class Stage:
    """A game, and its share of the budget."""

    game: Game
    share: float = 1.0


class Stages:
    """Games played in order. Samples come from the stage that is being played, or the last one played."""

    def __init__(self, *stages: Stage) -> None:
        if not stages or any(stage.share <= 0 for stage in stages):
            raise ValueError("stages need at least one game, each with a positive share of the budget")
        self.stages = stages
        self._whole = sum(stage.share for stage in stages)

    def budgets(self, budget: int) -> list[int]:
        """The examples each stage is played for; they add up to about `budget`."""
        return [max(1, round(budget * stage.share / self._whole)) for stage in self.stages]

    @property
    def current(self) -> Game:
        """The latest stage that has begun."""
        begun = [stage.game for stage in self.stages if stage.game.index]
        return begun[-1] if begun else self.stages[0].game

    @property
    def index(self) -> int:
        return sum(stage.game.index for stage in self.stages)

    @property
    def examples(self) -> int:
        return sum(stage.game.examples for stage in self.stages)

    @property
    def skipped(self) -> int:
        return sum(stage.game.skipped for stage in self.stages)

    @property
    def sampler(self) -> Sampler | None:
        return self.current.sampler

    @property
    def reseeded(self) -> int:
        return self.current.reseeded

    def begin_again(self, times: int) -> None:
        self.current.begin_again(times)

    def generate(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return self.current.generate(z, y, c)

    def tensors(self) -> dict[str, Tensor]:
        named = {f"{number}/{name}": tensor for number, stage in enumerate(self.stages)
                 for name, tensor in stage.game.tensors().items()}
        first: dict[int, str] = {}
        for name, tensor in named.items():
            first.setdefault(tensor.data_ptr() or id(tensor), name)
        return {name: named[name] for name in first.values()}

    def scalars(self) -> dict[str, int]:
        return {f"{number}/{name}": value for number, stage in enumerate(self.stages)
                for name, value in stage.game.scalars().items()}

    def load(self, tensors: Mapping[str, Tensor], scalars: Mapping[str, int]) -> None:
        """Take up a saved state whole, in all stages; it is checked before anything is changed."""
        given = {tensor.data_ptr() or id(tensor): tensors[name] for name, tensor in self.tensors().items()
                 if name in tensors}
        foreign = [name for name in (*tensors, *scalars) if name.partition("/")[0] not in self._numbers()]
        if foreign:
            raise ValueError(f"the saved state does not belong to these stages: not ours {sorted(foreign)[:3]}")
        parts = []
        for number, stage in self._numbers().items():
            prefix = f"{number}/"
            part = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            for name, tensor in stage.game.tensors().items():
                if name not in part and tensor.data_ptr() in given:
                    part[name] = given[tensor.data_ptr()]
            numbers = {name.removeprefix(prefix): value for name, value in scalars.items() if name.startswith(prefix)}
            state.check(stage.game, part, numbers)
            parts.append((stage.game, part, numbers))
        for game, part, numbers in parts:
            game.load(part, numbers)

    def to(self, device: torch.device | str, precision: str = "fp32") -> Stages:
        """Move everything with state to `device`. What stages share stays shared."""
        moved: state.Moved = {}
        for stage in self.stages:
            stage.game.to(device, precision, moved=moved)
        return self

    def _numbers(self) -> dict[str, Stage]:
        return {str(number): stage for number, stage in enumerate(self.stages)}
