"""Generative moment matching network."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import uniform
from mintage.networks import MLPGenerator
from mintage.objectives import gaussian_kernel, mmd2
from mintage.systems.moves import Prior, generate, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share

BATCH = 500
TYPICAL = 105.0  # mean squared distance of two examples of mnist in [0, 1], for which the paper's bandwidths are
KERNEL = gaussian_kernel([width**0.5 for width in (2, 5, 10, 20, 40, 80)])


def gmmn(
    spec: DataSpec,
    *,
    z_dim: Count = 10,
    width: Count = 256,
    depth: Count = 4,
    lr: Positive = 1e-3,
    beta1: Decay = 0.9,
    ema: Share = 0.03,
) -> Game:
    """Generative moment matching network: a game of one, without a critic.

        G lowers  MMD(x, G(z)) = sqrt(E k(x, x') + E k(G(z), G(z')) - 2 E k(x, G(z))),
        k a sum of six Gaussians of the data themselves.

    References:
        Generative Moment Matching Networks (Li et al., 2015), https://arxiv.org/abs/1502.02761

    Differences from the paper:
        Distances are measured in units in which two real examples of the batch are as far apart as two digits of
        mnist, so that the paper's bandwidths suit any data. Adam rather than momentum; every hidden layer has the same
        width; images end in tanh. There is no variant on an autoencoder's codes. Samples come from an average of G's
        weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train mnist --system gmmn --minutes 8

    Args:
        z_dim: Latent dimensions, uniform in [-1, 1].
        width: Units of a hidden layer.
        depth: Hidden layers.
        lr: Learning rate.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior = uniform(z_dim)
    output: Literal["tanh", "none"] = "tanh" if spec.kind == "image" else "none"
    return Game(
        nets={"G": MLPGenerator(spec.shape, z_dim=z_dim, width=width, depth=depth, output=output)},
        players={"G": Player("G", adam(lr, beta1))},
        moves=[Move("G", matching(prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def matching(prior: Prior) -> Objective:
    """G lowers the root of the biased estimate, which is never negative."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        x, fake = round.batch.x.flatten(1), generate(nets, round.draw(prior), None).flatten(1)
        unit = (2 * x.var(0, correction=0).sum() / TYPICAL).clamp(min=1e-12).sqrt()  # E |x - x'|^2 = 2 sum of variances
        return {"loss": root(mmd2(x / unit, fake / unit, KERNEL, unbiased=False))}

    return objective


def root(squared: Tensor) -> Tensor:
    """sqrt(t), of slope 0 at 0 rather than infinite."""
    return torch.where(squared > 0, squared.clamp(min=1e-12), torch.ones_like(squared)).sqrt() * (squared > 0)
