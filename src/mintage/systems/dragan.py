"""DRAGAN."""

from __future__ import annotations

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, adam
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import non_saturating
from mintage.penalties import PENALTIES
from mintage.systems.moves import critic, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def dragan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    penalty: NotNegative = 10.0,
    z_dim: Count = 100,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """DRAGAN: the first GAN's losses, and a critic that is held near slope 1 around the real examples only.

        D lowers  -E log D(x) - E log(1 - D(G(z))) + 10 E (|dD/dx'| - 1)^2,  x' = x + 0.5 std(x) u,  u ~ U(0, 1);
        then G lowers  -E log D(G(z)).

    References:
        On Convergence and Stability of GANs (Kodali et al., 2017), https://arxiv.org/abs/1705.07215

    Differences from the paper:
        The slope is that of the logits, not of their logistic function. The critic has no batch norm, under which an
        example has no slope of its own. Points get multilayer perceptrons. Samples come from an average of G's
        weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system dragan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        penalty: Weight of the gradient penalty, lambda.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step = normal(z_dim), adam(lr, beta1)
    added = {"dragan": PENALTIES["dragan"]}
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(non_saturating, prior, penalties=added), weights={"dragan": penalty}),
               Move("G", generator(non_saturating, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )
