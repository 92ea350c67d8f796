"""Players own networks and an optimizer; every trainable parameter has exactly one owner.

An optimizer is described before it is made (`adam(2e-4)`), so that its rates may be schedules of the clock and a
game can be built again from its description.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from mintage.game.clock import Clock, Number, at
from mintage.game.optimizers import Adam, Sgd, Stepper


@dataclass(frozen=True)
class Optimizer:
    """An optimizer to be made: its class (ours or one of torch's), its rates (numbers or schedules), fixed options."""

    kind: Callable[..., Stepper]
    rates: dict[str, Number]
    options: dict[str, Any] = field(default_factory=dict)

    def make(self, parameters: Sequence[nn.Parameter]) -> Stepper:
        """The optimizer at the start of the clock."""
        optimizer = self.kind(parameters, **self.options)
        self.set(optimizer, Clock(0, 1))
        return optimizer

    def set(self, optimizer: Stepper, clock: Clock) -> None:
        """Bring the rates of `optimizer` to this moment."""
        rates = {name: at(rate, clock) for name, rate in self.rates.items()}
        for group in optimizer.param_groups:
            if "beta1" in rates:
                group["betas"] = (rates["beta1"], rates["beta2"])
            group["lr"] = rates["lr"]
            if "momentum" in rates:
                group["momentum"] = rates["momentum"]

    def lazy(self, every: int) -> Optimizer:
        """Adam corrected for a player that also makes a lazy move once in `every` rounds.

        The player steps (every + 1) / every times a round, so with c = every / (every + 1) the rate becomes c lr and
        the decays beta^c (Karras et al. 2020, appendix B, https://arxiv.org/abs/1912.04958).
        """
        c = every / (every + 1)

        def corrected(name: str, rate: Number) -> Number:
            return lambda clock: c * at(rate, clock) if name == "lr" else at(rate, clock) ** c

        return replace(self, rates={name: corrected(name, rate) for name, rate in self.rates.items()})


def adam(lr: Number = 2e-4, beta1: Number = 0.5, beta2: Number = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980), with DCGAN's first decay by default."""
    return Optimizer(Adam, {"lr": lr, "beta1": beta1, "beta2": beta2}, {"eps": eps})


def sgd(lr: Number = 0.1, momentum: Number = 0.0) -> Optimizer:
    """Stochastic gradient descent, with momentum where asked."""
    return Optimizer(Sgd, {"lr": lr, "momentum": momentum})


@dataclass(frozen=True)
class Player:
    """Owner of the networks named in `nets` (one name will do), and how their parameters are moved.

    `project` is applied to the networks after each of the player's steps, for constraints that hold exactly (weight
    clipping, forced weight norm).
    """

    nets: tuple[str, ...] | str
    optimizer: Optimizer
    project: Callable[[nn.Module], None] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.nets, str):
            object.__setattr__(self, "nets", (self.nets,))
