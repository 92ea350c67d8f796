"""f-GAN."""

from __future__ import annotations

from typing import Literal

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import DIVERGENCES, f_gan
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def fgan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    divergence: Literal["kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon", "gan",
                        "total_variation"] = "kl",
    loss: Literal["heuristic", "bound"] = "heuristic",
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """f-GAN: the critic bounds any f-divergence of data and model from below, and the generator lowers the bound.

        D lowers  -E g(D(x)) + E f*(g(D(G(z)))),  g into the domain of the conjugate f*;   then G lowers
        -E g(D(G(z))), the heuristic of section 3.2, or -E f*(g(D(G(z)))), the bound itself.

    References:
        f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016),
        https://arxiv.org/abs/1606.00709

    Differences from the paper:
        One step of each player in turn rather than of both at once. Images get DCGAN's pair, as the paper's largest
        experiment did, but smaller; points get multilayer perceptrons. Samples come from an average of G's weights;
        --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system fgan --divergence kl --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        divergence: The f-divergence; mintage.objectives.divergences has their formulas.
        loss: What G lowers: the heuristic, which does not fade where D is sure, or the bound itself.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, beta1)
    sides = f_gan(DIVERGENCES[divergence], heuristic=loss == "heuristic")
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, batch_norm=True),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(sides, prior)), Move("G", generator(sides, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
