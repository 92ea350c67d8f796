"""PacGAN."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import non_saturating
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def pacgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    pack: Count = 2,
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """PacGAN: the critic looks at m examples at once, all real or all generated, so that it sees what is missing.

        D lowers  -E log D(x_1, ..., x_m) - E log(1 - D(G(z_1), ..., G(z_m)));
        then G lowers  -E log D(G(z_1), ..., G(z_m)).

    References:
        PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018),
        https://arxiv.org/abs/1712.04086

    Differences from the paper:
        A batch of N examples is N / m packs, so that examples seen mean the same for every m. Points get multilayer
        perceptrons of leaky rectifiers rather than maxout. Samples come from an average of G's weights; --ema 0 turns
        it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train stacked-mnist --system pacgan --pack 2 --minutes 15

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        pack: Examples in a pack, m; the batch is a multiple of it. With 1 it is the plain game.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, beta1)
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, batch_norm=True, pack=pack),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(non_saturating, prior)), Move("G", generator(non_saturating, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
