"""Wasserstein GAN with gradient penalty."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import wasserstein
from mintage.penalties import PENALTIES
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def wgan_gp(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    critic_steps: Count = 5,
    penalty: NotNegative = 10.0,
    z_dim: Count = 128,
    lr: Positive = 1e-4,
    beta1: Decay = 0.0,
    beta2: Decay = 0.9,
    ema: Share = 0.03,
) -> Game:
    """Wasserstein GAN whose critic is held near slope 1 between reals and fakes.

        D lowers  E D(G(z)) - E D(x) + 10 E (|dD/dx'| - 1)^2,  x' = e x + (1 - e) G(z), five times;
        then G lowers  -E D(G(z)).

    References:
        Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028

    Differences from the paper:
        DCGAN's pair for images (one of the architectures that the paper compares), without batch norm in the critic;
        multilayer perceptrons for points. The rate stays constant. Samples come from an average of G's weights; --ema 0
        turns it off.

    Expect:
        Fashion-MNIST, two CPU cores, 30 minutes: docs/results.md, time to quality.

    Run:
        mintage train fmnist --system wgan_gp --minutes 30

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        critic_steps: The critic's moves for each of the generator's.
        penalty: Weight of the gradient penalty, lambda.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        beta2: Adam's second decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, beta1, beta2)
    added = {"gradient-penalty": PENALTIES["gradient-penalty"]}
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(wasserstein, prior, penalties=added), repeat=critic_steps,
                    weights={"gradient-penalty": penalty}),
               Move("G", generator(wasserstein, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
