"""Averages of weights over the course of a game; samples come from them.

w_t are the weights after t examples. A round of dt examples that ends at t makes

    Average        w_ema <- beta w_ema + (1 - beta) w_t,   beta = 2^(-dt / half_life)
    PowerAverage   the same,                               beta = (1 - dt / t)^(kappa + 1)

The second weighs the weights of time tau by tau^kappa on [0, t], so its memory is always the same share of the past.
Its length sigma_rel is the standard deviation of that profile over t.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from mintage.game.clock import Number, at
from mintage.game.controllers import load_in_place

if TYPE_CHECKING:
    from mintage.game.game import Game
    from mintage.game.round import Round

LONGEST = 12**-0.5
"""sigma_rel of the plain mean of all weights so far, kappa = 0."""


class Average:
    """Exponential moving average of the weights of some networks; samples come from it.

        w_ema <- beta w_ema + (1 - beta) w,   beta = 2^(-examples / half_life)

    `half_life` is in examples and is shortened to `ramp` times the examples seen, so that the start is forgotten.
    Buffers are copied. The averaged networks are in evaluation mode.

    The Unusual Effectiveness of Averaging in GAN Training (Yazıcı et al., 2019), https://arxiv.org/abs/1806.04498
    """

    def __init__(self, *names: str, half_life: Number, ramp: float = 0.05) -> None:
        self.names = names
        self.half_life = half_life
        self.ramp = ramp
        self.nets = nn.Module()
        self._held: tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]] | None = None

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
        self._take(game, 0.5 ** (round.examples / half_life))

    def _take(self, game: Game, keep: float) -> None:
        if self._held is None:  # a game that has begun keeps its tensors: it moves to a device before, loads in place
            live = [game.net(name) for name in self.names]
            self._held = (list(self.nets.parameters()), [p for net in live for p in net.parameters()],
                          list(self.nets.buffers()), [b for net in live for b in net.buffers()])
        weights, moving, buffers, beside = self._held
        if weights:
            torch._foreach_lerp_(weights, moving, 1 - keep)
        if buffers:
            torch._foreach_copy_(buffers, beside)

    def tensors(self) -> dict[str, Tensor]:
        return {f"{name}.{key}": tensor for name, net in self.nets.named_children()
                for key, tensor in net.state_dict().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        load_in_place(self.tensors(), tensors)


class Snapshot(NamedTuple):
    """Averaged weights [all of them, flat] of one length, after `examples`."""

    examples: int
    length: float
    weights: Tensor


class PowerAverage(Average):
    """Power-function moving averages of the weights of some networks, of several lengths at once.

        w_k <- beta w_k + (1 - beta) w,   beta = (1 - examples / seen)^(kappa + 1),   kappa = kappa_of(sigma_rel)

    After n rounds that end at t_1 < ... < t_n this is sum_i w_i (t_i^(kappa+1) - t_(i-1)^(kappa+1)) / t_n^(kappa+1):
    the initial weights have no part in it. Samples come from the first length; `snapshots` of all of them, taken now
    and then, give any other length after the run (`mintage.game.posthoc`). It keeps as many copies of the weights as
    there are lengths.

    Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024), section 3 and appendix C.
    https://arxiv.org/abs/2312.02696

    Args:
        names: of the networks.
        lengths: sigma_rel of each average, in (0, 12^(-1/2)].
    """

    def __init__(self, *names: str, lengths: tuple[float, ...] = (0.05, 0.10)) -> None:
        super().__init__(*names, half_life=math.inf)
        if not lengths:
            raise ValueError("a power average needs at least one length sigma_rel, as (0.05, 0.10)")
        self.lengths = lengths
        self.kappas = [kappa_of(length) for length in lengths]

    def attach(self, nets: nn.Module) -> None:
        super().attach(nets)
        self.others = _flat(self.nets).repeat(len(self.lengths) - 1, 1)  # one row a length, moved like any knob

    @torch.no_grad()
    def __call__(self, game: Game, round: Round) -> None:
        keeps = [power_decay(kappa, round.examples, round.clock.examples + round.examples) for kappa in self.kappas]
        self._take(game, keeps[0])
        if len(keeps) > 1:
            live = torch.cat([p.reshape(-1) for name in self.names for p in game.net(name).parameters()])
            for row, keep in zip(self.others, keeps[1:], strict=True):
                row.lerp_(live, 1 - keep)

    def snapshots(self, examples: int) -> list[Snapshot]:
        """The averages as they are now, after so many examples (`game.examples`), one a length."""
        rows = [_flat(self.nets), *self.others]
        return [Snapshot(examples, length, row.clone()) for length, row in zip(self.lengths, rows, strict=True)]

    @torch.no_grad()
    def show(self, weights: Tensor) -> None:
        """Sample from these weights [all of them, flat] from now on: a reconstruction, for a run that is over."""
        parts = list(self.nets.parameters())
        for part, flat in zip(parts, weights.split([p.numel() for p in parts]), strict=True):
            part.copy_(flat.view(part.shape))

    def tensors(self) -> dict[str, Tensor]:
        others = zip(self.lengths[1:], getattr(self, "others", ()), strict=True)
        return super().tensors() | {f"length {length:g}": row for length, row in others}


def power_decay(kappa: float, step: float, seen: float) -> float:
    """beta(t) = (1 - dt / t)^(kappa + 1), for a step of dt that ends at t; 0 at the first, dt = t."""
    return (1 - step / seen) ** (kappa + 1)


def sigma_rel(kappa: float) -> float:
    """(kappa + 1)^(1/2) (kappa + 2)^(-1) (kappa + 3)^(-1/2), the width of the profile tau^kappa on [0, 1]."""
    return math.sqrt((kappa + 1) / (kappa + 3)) / (kappa + 2)


def kappa_of(length: float) -> float:
    """The exponent of the profile whose sigma_rel is `length`: the largest root of

        kappa^3 + 7 kappa^2 + (16 - s) kappa + (12 - s) = 0,   s = sigma_rel^(-2)

    Raises:
        ValueError: a length outside (0, 12^(-1/2) = 0.2887], where no profile of the family is.
    """
    if not 0 < length <= LONGEST:
        raise ValueError(f"the length sigma_rel of a power average is {length!r}; it lies in (0, {LONGEST:.4f}], where "
                         "0.05 remembers a twentieth of the past and 0.2887 is the plain mean of all of it")
    s, kappa = length**-2, 1 / length  # from above the cubic is convex, so Newton's steps descend to its largest root
    for _ in range(60):
        value = ((kappa + 7) * kappa + (16 - s)) * kappa + (12 - s)
        lower = kappa - value / ((3 * kappa + 14) * kappa + (16 - s))
        if lower >= kappa:
            break
        kappa = lower
    return max(0.0, kappa)


def _flat(nets: nn.Module) -> Tensor:
    parts = [p.detach().reshape(-1) for p in nets.parameters()]
    return torch.cat(parts)
