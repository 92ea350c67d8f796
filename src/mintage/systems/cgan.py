"""Conditional GAN."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import non_saturating
from mintage.systems.labelled import classes_of
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def cgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Conditional GAN: both players are told the class, put beside what they read.

        D lowers  -E log D(x, y) - E log(1 - D(G(z, y), y));   then G lowers  -E log D(G(z, y), y),

    y the labels of the round's real examples, so that samples (x, y), drawn with labels of the data's shares, are
    draws of the joint distribution p(x, y).

    References:
        Conditional Generative Adversarial Nets (Mirza & Osindero, 2014), https://arxiv.org/abs/1411.1784

    Differences from the paper:
        DCGAN's pair for images, where the paper has perceptrons, as points have here.
        The class is embedded beside z in G, one map a class beside the image in D. Samples come from an average of G's
        weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system cgan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, classes = normal(z_dim), classes_of(spec, "cgan")
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, classes=classes, batch_norm=True),
        players={"D": Player("D", adam(lr, beta1)), "G": Player("G", adam(lr, beta1))},
        moves=[Move("D", critic(non_saturating, prior, conditional=True)),
               Move("G", generator(non_saturating, prior, conditional=True))],
        sampler=sampler(prior, classes),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
