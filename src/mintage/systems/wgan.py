"""Wasserstein GAN with weight clipping."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam, clip
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import wasserstein
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def wgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    critic_steps: Count = 5,
    limit: Positive = 0.01,
    z_dim: Count = 100,
    lr: Positive = 5e-5,
    decay: Decay = 0.99,
    ema: Share = 0.03,
) -> Game:
    """Wasserstein GAN, algorithm 1: a critic whose weights are clipped estimates the earth mover's distance.

        D lowers  E D(G(z)) - E D(x),  then every |w| <= 0.01, five times;   then G lowers  -E D(G(z)).

    References:
        Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875

    Differences from the paper:
        RMSProp is Adam without a first moment, so its start is corrected for the zeros it begins with. Five critic
        steps from the first round on (the authors' code makes 100 in the first 25). Points get multilayer perceptrons.
        Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system wgan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        critic_steps: The critic's moves for each of the generator's.
        limit: Clipping limit of the critic's weights, c.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        decay: RMSProp's decay of the mean squared gradient.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, 0.0, decay)
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, batch_norm=True),
        players={"D": Player("D", step, project=clip(limit)), "G": Player("G", step)},
        moves=[Move("D", critic(wasserstein, prior), repeat=critic_steps), Move("G", generator(wasserstein, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
