"""Controllers: closed loops between rounds. A controller reads the game and the round's stats and writes its own state
or a *knob*, a 0-d buffer that networks share.

Every controller shows its state as named tensors, so that one list serves saving, undoing and moving to a device.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from mintage.game.clock import Number, at

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


class Average:
    """Exponential moving average of the weights of some networks; samples come from it.

        w_ema <- beta w_ema + (1 - beta) w,   beta = 2^(-examples / half_life)

    `half_life` is in examples and is shortened to `ramp` times the examples seen, so that the start is forgotten.
    Buffers are copied. The averaged networks are in evaluation mode.
    """

    def __init__(self, *names: str, half_life: Number, ramp: float = 0.05) -> None:
        self.names = names
        self.half_life = half_life
        self.ramp = ramp
        self.nets = nn.Module()

    def attach(self, nets: nn.Module) -> None:
        """Begin the average at the networks' present weights."""
        known = dict(nets.named_children())
        for name in self.names:
            if name not in known:
                raise ValueError(f"an average is asked of a network {name!r}; the game has {sorted(known)}")
            self.nets.add_module(name, copy.deepcopy(known[name]).eval().requires_grad_(False))

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        seen = round.clock.examples + round.examples
        half_life = max(1.0, min(at(self.half_life, round.clock), self.ramp * seen))
        keep = 0.5 ** (round.examples / half_life)
        for name in self.names:
            live, mean = game.net(name), getattr(self.nets, name)
            weights, buffers = list(mean.parameters()), list(mean.buffers())
            if weights:
                torch._foreach_lerp_(weights, list(live.parameters()), 1 - keep)
            if buffers:
                torch._foreach_copy_(buffers, list(live.buffers()))

    def tensors(self) -> dict[str, Tensor]:
        return {f"{name}.{key}": tensor for name, net in self.nets.named_children()
                for key, tensor in net.state_dict().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)


class Growth:
    """Raises a `level` knob from 0 to `levels` - 1 as the budget is spent (Karras et al. 2018, arXiv 1710.10196).

    The whole part of the knob says how many levels of the networks speak, the fraction how far the next has faded
    in. Each level is faded in and held for equal shares of the budget.
    """

    def __init__(self, level: Tensor, levels: int) -> None:
        self.level = level
        self.levels = levels

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        seen = round.clock.examples + round.examples
        step = 2 * (self.levels - 1) + 1  # hold, fade, hold, fade, ..., hold
        part = min(1.0, seen / round.clock.budget) * step if round.clock.budget else float(step)
        held, faded = divmod(part, 2)
        self.level.fill_(min(float(self.levels - 1), held + max(0.0, faded - 1)))

    def tensors(self) -> dict[str, Tensor]:
        return {"level": self.level}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)
