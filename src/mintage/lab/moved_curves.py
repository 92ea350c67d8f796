"""A curve, the same curve moved, and the game between them: two manifolds of one dimension that do not touch.

Real examples are c(u) with u uniform in [0, 1]; the generator is G(u) = c(u) + theta, and has theta to learn. Both may
be seen through *instance noise*: x + N(0, sigma^2 I), reals and fakes alike (Arjovsky and Bottou, 2017,
https://arxiv.org/abs/1701.04862, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mintage.game import Clock, Objective, Round, Terms, generator
from mintage.lab.streams import Stream
from mintage.networks import MLPDiscriminator
from mintage.objectives import Adversarial, wasserstein
from mintage.penalties import gradient_penalty

BATCH, PENALTY = 256, 10.0


class Moved(nn.Module):
    """G(u) = c(u) + theta.   u [N, 1] -> x [N, d]."""

    def __init__(self, curve: Callable[[Tensor], Tensor], theta: Tensor) -> None:
        super().__init__()
        self.curve, self.theta = curve, nn.Parameter(theta)

    def forward(self, u: Tensor) -> Tensor:
        return self.curve(u) + self.theta


def curve_in(d: int) -> Callable[[Tensor], Tensor]:
    """c: u [N, 1] -> [N, d]. In the plane (0, u); above, cos(w_j u + p_j) / sqrt(d), w_j ~ N(0, 4 pi^2), p_j random."""
    if d == 2:
        return lambda u: torch.cat([torch.zeros_like(u), u], 1)
    chance = generator("curve", d)
    w, p = 2 * math.pi * torch.randn(d, generator=chance), 2 * math.pi * torch.rand(d, generator=chance)
    return lambda u: torch.cos(u * w + p) / math.sqrt(d)


def uniform(n: int, g: torch.Generator) -> Tensor:
    """u ~ U[0, 1), [n, 1]."""
    return torch.rand((n, 1), generator=g)


def noisy(x: Tensor, sigma: float, g: torch.Generator) -> Tensor:
    """x + N(0, sigma^2 I)."""
    return x + sigma * torch.randn(x.shape, generator=g) if sigma else x


def critic(loss: Adversarial, sigma: Callable[[Clock], float]) -> Objective:
    """D lowers its side of `loss` on noisy reals and fakes; for Wasserstein also 10 E (|dD/dx| - 1)^2 between them."""

    def objective(nets: Any, round: Round) -> Terms:
        s, g = sigma(round.clock), round.generator("instance noise")
        x, fake = noisy(round.batch.x, s, g), noisy(nets.G(round.draw(uniform)), s, g)
        terms = {"loss": loss.critic(nets.D(x), nets.D(fake))}
        if loss is wasserstein:
            between = round.generator("between")
            terms["penalty"] = PENALTY * gradient_penalty(nets.D, x, fake, generator=between)
        return terms

    return objective


def mover(loss: Adversarial, sigma: Callable[[Clock], float]) -> Objective:
    """G lowers its side of `loss` on noisy fakes."""

    def objective(nets: Any, round: Round) -> Terms:
        fake = noisy(nets.G(round.draw(uniform)), sigma(round.clock), round.generator("instance noise"))
        return {"loss": loss.generator(None, nets.D(fake))}

    return objective


def nets_at(d: int, shift: float, seed: int) -> dict[str, Any]:
    """The curve moved by (shift, 0, ..., 0), across the segment in the plane, and a fresh critic."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {"G": Moved(curve_in(d), shift * torch.eye(d)[0]), "D": MLPDiscriminator((d,), width=64, depth=2)}


def reals(d: int, seed: int) -> Stream:
    """Fresh points of the curve."""
    curve = curve_in(d)
    return Stream(lambda n, g: curve(uniform(n, g)), BATCH, seed)
