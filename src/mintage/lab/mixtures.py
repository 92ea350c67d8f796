"""Mixtures in the plane, and games that learn them: the ring of 8 and the grid of 25 Gaussians.

A `Setting` says everything of a run but its toy and its seed: objective, penalty, networks, rates, remedies against
mode collapse. `build` makes the game, `learn` plays it on fresh examples in standardised units and scores
2,500 samples:

    covered       modes with at least one sample within 3 sigma
    high quality  share of samples within 3 sigma of a mode; a perfect sampler has 1 - exp(-4.5) = .989
    reverse KL    sum_i p_i log(m p_i), with p_i the share of samples nearest to mode i of m; a perfect sampler has
                  .0013 on the ring and .0048 on the grid, from the finite sample alone

References:
    VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761
    PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018), table 1,
    https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

import functools
import math
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mintage.data import toy
from mintage.evaluation.measures.modes import modes as count
from mintage.evaluation.measures.neighbours import nearest
from mintage.game import (
    Average,
    Game,
    Move,
    NotFinite,
    Objective,
    Optimizer,
    Player,
    Round,
    Terms,
    adam,
    cosine,
    derive,
    extragradient,
    generator,
    geometric,
    play,
    unrolled,
)
from mintage.game.rules import alternating
from mintage.lab import plane_critics
from mintage.lab.outcome import LabError
from mintage.lab.plane_critics import CriticKind
from mintage.lab.streams import Stream
from mintage.latent import normal
from mintage.networks import MLPGenerator
from mintage.objectives import Adversarial, non_saturating
from mintage.penalties import PENALTIES, Penalty, Slope, autograd, zero_centred
from mintage.systems import moves

SAMPLES = 2500


@dataclass(frozen=True)
class Setting:
    """How a mixture is learnt. The defaults are a plain GAN that collapses: that of Unrolled GAN, appendix A.

    Args:
        loss: both sides of the game.
        z_dim: latent numbers, normal.
        width, depth, width_G, depth_G: hidden layers of D and of G.
        critic: its kind, see `plane_critics`; `pack` points at a time where it is "packed".
        lr_D, lr_G, beta1, beta2: of Adam; where it `decays` both rates fall to a hundredth along half a cosine.
        penalty: on the critic, by its name in `KNOWN`, with weight `gamma` at the start and the end, geometric between.
        noise: deviation of instance noise at the start; see `through_noise`.
        critic_steps: of D for each of G.
        unroll: steps that G looks ahead, of gradient descent at rate `unroll_lr`.
        extragradient: that rule, rather than alternating moves.
        average: half-life of the average of G's weights, as a share of the budget; 0 for none.
    """

    loss: Adversarial = non_saturating
    rounds: int = 3000
    batch: int = 256
    z_dim: int = 256
    width: int = 128
    depth: int = 2
    width_G: int = 128
    depth_G: int = 2
    critic: CriticKind = "plain"
    pack: int = 2
    lr_D: float = 1e-4
    lr_G: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999
    decays: bool = False
    penalty: str = ""
    gamma: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    critic_steps: int = 1
    unroll: int = 0
    unroll_lr: float = 0.1
    extragradient: bool = False
    average: float = 0.0


class Score(NamedTuple):
    """What 2,500 samples show, processor seconds, and the samples [2500, 2]; not `finite` where it broke."""

    covered: int
    high_quality: float
    reverse_kl: float
    seconds: float
    finite: bool
    points: np.ndarray


def networks(s: Setting, seed: int) -> dict[str, nn.Module]:
    """G and D, fresh for this seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("nets", seed))
        return {"G": MLPGenerator((2,), z_dim=s.z_dim, width=s.width_G, depth=s.depth_G),
                "D": plane_critics.critic(s.critic, width=s.width, depth=s.depth, pack=s.pack)}


def both(D: Any, x: Tensor, fake: Tensor, y: Tensor | None, g: torch.Generator, slope: Slope = autograd) -> Tensor:
    """R1 + R2 in one pass over reals and fakes, twice the mean of what each of them is at its own points."""
    return 2 * zero_centred(D, torch.cat([x, fake]), slope=slope)


KNOWN = {**PENALTIES, "r1 + r2": Penalty(both, PENALTIES["r1"].fits, "roth2017", sloped=True, estimable=True)}


def through_noise(objective: Objective, start: float) -> Objective:
    """`objective` with a D that sees all through N(0, sigma^2); sigma falls from `start` to 0 at half the budget."""
    if not start:
        return objective

    @functools.wraps(objective)
    def noisy(nets: Any, round: Round) -> Terms:
        sigma, g = start * max(0.0, 1 - 2 * round.clock.fraction), round.generator("instance noise")

        def D(x: Tensor, y: Tensor | None = None) -> Tensor:
            return nets.D(x + sigma * torch.randn(x.shape, generator=g), y)

        return objective(SimpleNamespace(G=nets.G, D=D), round)

    return noisy


def stepping(s: Setting, lr: float) -> Optimizer:
    """Adam as the setting has it, from this rate."""
    return adam(cosine(lr, lr / 100) if s.decays else lr, s.beta1, s.beta2)


def build(s: Setting, seed: int) -> Game:
    """The game of a setting."""
    prior, named = normal(s.z_dim), {"penalty": KNOWN[s.penalty]} if s.penalty else {}
    D = through_noise(moves.critic(s.loss, prior, penalties=named), s.noise)
    G = through_noise(moves.generator(s.loss, prior), s.noise)

    return Game(
        nets=networks(s, seed),
        players={"D": Player("D", stepping(s, s.lr_D)), "G": Player("G", stepping(s, s.lr_G))},
        moves=[Move("D", D, repeat=s.critic_steps, weights=dict.fromkeys(named, geometric(*s.gamma))),
               Move("G", unrolled(G, opponent="D", by=D, steps=s.unroll, lr=s.unroll_lr))],
        sampler=moves.sampler(prior),
        controllers=[Average("G", half_life=moves.share_of_budget(s.average))] if s.average else [],
        rule=extragradient if s.extragradient else alternating,
    )


def reals(name: str, batch: int, seed: int) -> Stream:
    """Fresh points of a toy, in standardised units."""
    centres, sigma = (torch.tensor(part, dtype=torch.float32) for part in toy(name).standardised())

    def draw(n: int, g: torch.Generator) -> Tensor:
        which = torch.randint(len(centres), (n,), generator=g)
        return centres[which] + sigma * torch.randn((n, 2), generator=g)

    return Stream(draw, batch, seed)


def score(points: Tensor, name: str, seconds: float = 0.0, finite: bool = True) -> Score:
    """Score points [n, 2] in standardised units."""
    centres, sigma = toy(name).standardised()
    found = count(points, torch.from_numpy(centres), sigma)
    index = nearest(points.double(), torch.from_numpy(centres))[1]
    share = torch.bincount(index, minlength=len(centres)).double() / len(points)
    kl = torch.special.entr(share).sum().neg().add(math.log(len(centres)))
    return Score(found.covered, found.high_quality, float(kl), seconds, finite, points.numpy())


def learn(s: Setting, name: str, seed: int, rounds: int | None = None) -> Score:
    """Play a setting on a toy, for `rounds` of G (by default the setting's), and score it."""
    return scored(build(s, seed), name, seed, (rounds or s.rounds) * s.critic_steps * s.batch, s.batch)


def scored(game: Game, name: str, seed: int, budget: int, batch: int) -> Score:
    """Play a game on a toy for `budget` examples, or until it breaks, and score what it samples.

    Raises:
        LabError: a game without a sampler.
    """
    if game.sampler is None:
        raise LabError("this game has no sampler, so there is nothing to score; build it with sampler=")
    began, finite = time.process_time(), True
    try:
        for _ in play(game, reals(name, batch, seed), budget, seed=seed):
            pass
    except NotFinite:
        finite = False
    points = game.generate(*game.sampler.latents(SAMPLES, generator("score", seed)))
    return score(points, name, time.process_time() - began, finite)
