"""Controllers that hold a statistic of the rounds at a target by turning a knob.

r is the statistic of this round, named as the log names it, r* its target, dt the examples of the round:

    Adaptive   p <- clamp(p + dt / speed sign(r - r*), 0, 1)
    Balance    log k <- clamp(log k + dt / speed (r - r*), log low, log high)

Both act in place on a knob, a 0-d buffer that networks or objectives read, and wait for no device.
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.game.controllers import load_in_place

if TYPE_CHECKING:
    from mintage.game.game import Game
    from mintage.game.round import Round


class Adaptive:
    """Adaptive discriminator augmentation: a probability that rises while the critic overfits.

        p <- clamp(p + dt / speed sign(r - target), 0, 1)

    With r = E sign D(x) on real examples ("D/sign") the target of the paper is 0.6, and `speed` are the examples in
    which p can go from 0 to 1. While r stays on one side, p after k rounds is clamp(p_0 +- k dt / speed, 0, 1).

    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), section 3.
    https://arxiv.org/abs/2006.06676
    """

    def __init__(self, knob: Tensor, signal: str = "D/sign", *, target: float = 0.6, speed: float = 500_000) -> None:
        _check(knob, speed > 0, f"speed={speed!r}", "a positive number of examples")
        self.knob, self.signal, self.target, self.speed = knob, signal, target, speed

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        ahead = torch.sign(read(round, self.signal) - self.target)
        self.knob.add_(ahead.to(self.knob) * (round.examples / self.speed)).clamp_(0, 1)

    def tensors(self) -> dict[str, Tensor]:
        return {"knob": self.knob}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)


class Balance:
    """A proportional controller in the logarithm of a positive knob.

        k <- clamp(k exp(dt / speed (r - target)), low, high)

    While r is one above its target the knob grows by a factor e in `speed` examples; with a negative speed it shrinks.
    The idea of holding two players' losses in a ratio by a weight that is itself moved in proportion is that of BEGAN:
    Boundary Equilibrium Generative Adversarial Networks (Berthelot et al., 2017), section 3.4, whose weight lies in
    [0, 1] and moves linearly. https://arxiv.org/abs/1703.10717
    """

    def __init__(self, knob: Tensor, signal: str, *, target: float, speed: float, low: float, high: float) -> None:
        _check(knob, speed != 0, f"speed={speed!r}", "a number of examples other than 0; negative turns the sign about")
        _check(knob, 0 < low < high, f"low={low!r} and high={high!r}", "0 < low < high")
        self.knob, self.signal, self.target, self.speed = knob, signal, target, speed
        self.low, self.high = low, high

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        excess = (read(round, self.signal) - self.target).to(self.knob)
        moved = self.knob.log() + excess * (round.examples / self.speed)
        self.knob.copy_(moved.clamp(math.log(self.low), math.log(self.high)).exp())

    def tensors(self) -> dict[str, Tensor]:
        return {"knob": self.knob}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)


def read(round: Round, signal: str) -> Tensor:
    """A statistic of the round by the name it has in the log.

    Raises:
        ValueError: the round has none of this name; the nearest is named.
    """
    if signal not in round.stats:
        near = get_close_matches(signal, round.stats, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"a controller reads {signal!r}, and the round has {sorted(round.stats)}{hint}")
    return round.stats[signal].detach()


def _check(knob: Tensor, good: bool, received: str, allowed: str) -> None:
    if knob.dim() or not knob.is_floating_point():
        raise ValueError(f"a knob is one floating number, shape (); received shape {tuple(knob.shape)}, {knob.dtype}")
    if not good:
        raise ValueError(f"a controller has {received}; it takes {allowed}")
