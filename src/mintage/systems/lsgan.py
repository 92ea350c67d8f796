"""Least squares GAN."""

from __future__ import annotations

from typing import Literal

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import least_squares, least_squares_with
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def lsgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    coding: Literal["binary", "pearson"] = "binary",
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Least squares GAN: the critic's logits are drawn to targets by their squared distance, so none saturates.

        D lowers  E (D(x) - b)^2 / 2 + E (D(G(z)) - a)^2 / 2;   then G lowers  E (D(G(z)) - c)^2 / 2,
        with a, b, c = 0, 1, 1 (binary), or -1, 1, 0 (then G lowers Pearson's chi-squared divergence).

    References:
        Least Squares Generative Adversarial Networks (Mao et al., 2017), https://arxiv.org/abs/1611.04076

    Differences from the paper:
        DCGAN's pair, with batch norm in both, instead of the paper's deeper generator; multilayer perceptrons for
        points. The rate is the paper's for handwritten characters (for scenes it had 1e-3). Samples come from an
        average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system lsgan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        coding: The targets of fakes, of reals, and of fakes for G: 0, 1, 1 (binary) or -1, 1, 0 (pearson).
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, beta1)
    loss = least_squares if coding == "binary" else least_squares_with(-1.0, 1.0, 0.0)
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, batch_norm=True),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(loss, prior)), Move("G", generator(loss, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
