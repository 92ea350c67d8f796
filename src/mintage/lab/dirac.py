"""The Dirac-GAN as a game of the library: the smallest GAN, and the one whose theory is exact.

Data delta_0, model delta_theta, critic D(x) = psi x, so the logits are 0 on the real example and u = psi theta on the
fake. Several starts (theta, psi) are played side by side, one in each place of the tensors; an objective's mean over N
places counts N times, so each place is a game of its own.

Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), section 2.
https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from mintage.game import Game, Move, Player, Round, Terms, play, returns, sgd
from mintage.game.consensus import field
from mintage.game.rules import Rule, simultaneous
from mintage.lab.dirac_theory import SLOPES
from mintage.objectives import Adversarial, least_squares_with
from mintage.objectives.catalogue import ADVERSARIAL
from mintage.penalties import PENALTIES

H = 0.1
"""The step size of all games."""

OBJECTIVES: dict[str, Adversarial] = {"least-squares -1/1/1": least_squares_with(-1.0, 1.0, 1.0)}
"""The objectives of the library that compare logits one by one; distances between batches of features do not."""
OBJECTIVES |= {name: loss for name, loss in ADVERSARIAL.items() if name in SLOPES}
MISSING = [name for name in ADVERSARIAL if name not in SLOPES and not name.startswith("mmd")]
"""Objectives of logits whose derivatives nobody has written down in `dirac_theory.SLOPES` yet."""

MEANS = ("relativistic-average",)
"""Objectives that compare each logit with a mean over the other side: one place a game, and no noise by pairs."""

Weights = Mapping[str, float]
"""Weights of penalties of the library, by their names in its catalogue."""

Start = tuple[float, float]
"""(theta, psi)."""


class Place(nn.Module):
    """G() = theta [N]."""

    def __init__(self, theta: Sequence[float]) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self) -> Tensor:
        return self.theta


class Ramp(nn.Module):
    """D(x) = psi x, each place its own.   x [N, 1] -> [N], x [N, n] -> [N, n]."""

    def __init__(self, psi: Sequence[float]) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return (self.psi[:, None] * x).squeeze(1)


class Zeros:
    """Data: delta_0, one example a place."""

    size = 1

    def __init__(self, places: int) -> None:
        self.x = torch.zeros(places, 1, dtype=torch.float64)

    def __call__(self, position: int) -> Tensor:
        return self.x


def game(loss: Adversarial, starts: Sequence[Start] = ((1.0, 1.0),), *, rule: Rule = simultaneous,
         penalties: Weights | None = None, noise: float = 0.0, h: float = H) -> Game:
    """The Dirac-GAN of an objective with plain gradient descent for both players; D moves first where they alternate.

    Args:
        loss: an objective that compares logits one by one (or pair by pair).
        starts: (theta, psi) of each place.
        penalties: weights of penalties on D.
        noise: sigma of Gaussian instance noise on reals and fakes, by quadrature.
    """
    weights, n = dict(penalties or {}), len(starts)
    critic, generator = noisy(loss, noise) if noise else bare(loss)

    @returns("loss", *weights)
    def d(nets: Any, round: Round) -> Terms:
        fake = nets.G()[:, None]
        terms = {"loss": n * critic(nets, round.batch, fake)}
        return terms | {name: n * PENALTIES[name].term(nets.D, round.batch, fake, None, round.generator(name))
                        for name in weights}

    @returns("loss")
    def g(nets: Any, round: Round) -> Terms:
        return {"loss": n * generator(nets, round.batch, nets.G()[:, None])}

    theta, psi = zip(*starts, strict=True)
    return Game({"D": Ramp(psi), "G": Place(theta)}, {name: Player(name, sgd(h)) for name in ("D", "G")},
                [Move("D", d, weights=weights), Move("G", g)], rule=rule)


def bare(loss: Adversarial) -> tuple[Any, Any]:
    """The two sides as functions of (nets, real, fake)."""

    def generator(nets: Any, real: Tensor, fake: Tensor) -> Tensor:
        return loss.generator(nets.D(real) if loss.relative else None, nets.D(fake))

    return lambda nets, real, fake: loss.critic(nets.D(real), nets.D(fake)), generator


def noisy(loss: Adversarial, sigma: float, nodes: int = 16) -> tuple[Any, Any]:
    """The same in expectation over independent N(0, sigma^2) on reals and fakes, by Gauss-Hermite quadrature."""
    points, weights = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(nodes))
    t, w = sigma * points, weights / weights.sum()
    pairs = torch.outer(w, w).flatten()

    def both(nets: Any, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        a, b = nets.D(real + t), nets.D(fake + t)
        shape = (len(real), nodes, nodes)
        return a[:, :, None].expand(shape).reshape(-1, 1), b[:, None, :].expand(shape).reshape(-1, 1)

    def expected(each: Tensor) -> Tensor:
        return (each.view(-1, nodes * nodes) @ pairs).mean()

    def critic(nets: Any, real: Tensor, fake: Tensor) -> Tensor:
        return expected(vmap(loss.critic)(*both(nets, real, fake)))

    def generator(nets: Any, real: Tensor, fake: Tensor) -> Tensor:
        return expected(vmap(loss.generator)(*both(nets, real, fake)))

    return critic, generator


def positions(playing: Game) -> Tensor:
    """(theta, psi) of all places, [2, N]."""
    own = playing.parameters
    return torch.stack([own["G"][0].detach(), own["D"][0].detach()])


def trajectory(playing: Game, steps: int) -> Tensor:
    """Where the game stands after 0, 1, ... `steps` rounds of `play`, [steps + 1, 2, N]."""
    track = [positions(playing)]
    track += [positions(playing) for _ in play(playing, Zeros(track[0].shape[1]), steps)]
    return torch.stack(track)


def jacobian_by_autograd(make: Any) -> Tensor:
    """A = -dv/dw at (0, 0), [2, 2] in the order (theta, psi), by autograd of the field of a played game.

    Args:
        make: (starts, rule) -> game.
    """
    found: list[Tensor] = []

    def look(playing: Game, round: Round) -> None:
        moved, v = field(playing, round)  # of D, of G
        rows = [torch.cat(torch.autograd.grad(part.sum(), moved, retain_graph=True, materialize_grads=True))
                for part in v]
        found.append(-torch.stack(rows).flip(0, 1))
        round.finite.append(torch.tensor(True))

    list(play(make([(0.0, 0.0)], look), Zeros(1), 1))
    return found[0]


def jacobian_by_play(make: Any, rule: Rule = simultaneous, e: float = 1e-3) -> Tensor:
    """The same from one round of `play` at +-e and +-2e on each axis: what a rule makes of the field.

    (w' - w) / h is the flow there; its central differences at e and 2e are combined to an error of order e^4.
    """

    def flow(theta: float, psi: float) -> Tensor:
        track = trajectory(make([(theta, psi)], rule), 1)[..., 0]
        return (track[1] - track[0]) / H

    columns = []
    for one, other in ((e, 0.0), (0.0, e)):
        near = (flow(one, other) - flow(-one, -other)) / (2 * e)
        far = (flow(2 * one, 2 * other) - flow(-2 * one, -2 * other)) / (4 * e)
        columns.append((4 * near - far) / 3)
    return torch.stack(columns, 1)


def of(name: str, **options: Any) -> Any:
    """(starts, rule) -> the game of an objective by name."""
    return lambda starts, rule: game(OBJECTIVES[name], starts, rule=rule, **options)
