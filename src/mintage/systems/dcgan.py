"""Deep convolutional GAN."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANDiscriminator, DCGANGenerator, DCGANSize
from mintage.objectives import non_saturating
from mintage.systems.moves import critic, generator, image_shape, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share

BATCH = 128


def dcgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """Deep convolutional generative adversarial network: strided convolutions, batch norm, the non-saturating loss.

        D lowers -E log D(x) - E log(1 - D(G(z))); then G lowers -E log D(G(z)).

    References:
        Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks
        (Radford et al., 2016), https://arxiv.org/abs/1511.06434

    Differences from the paper:
        The number of levels follows the image (28 x 28 starts from 7 x 7), the width follows --size (L is the
        paper's), z is normal. Real and fake examples pass D apart, each with its own batch statistics, as in common
        practice. Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Fashion-MNIST, two CPU cores, 8 minutes: Fréchet distance 2.9 (real 0.015), 49 % recognised; docs/results.md.

    Run:
        mintage train fmnist --system dcgan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    shape, prior = image_shape(spec, "dcgan"), normal(z_dim)
    return Game(
        nets={"G": DCGANGenerator(shape, size=size, z_dim=z_dim), "D": DCGANDiscriminator(shape, size=size)},
        players={"D": Player("D", adam(lr, beta1)), "G": Player("G", adam(lr, beta1))},
        moves=[Move("D", critic(non_saturating, prior)), Move("G", generator(non_saturating, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
