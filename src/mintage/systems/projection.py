"""A critic that projects on the class: the projection discriminator."""

from __future__ import annotations

from typing import Any

from torch import nn

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player
from mintage.latent import normal
from mintage.networks import (
    ClassNormed,
    ProjectionCritic,
    SpectralDiscriminator,
    SpectralGenerator,
    SpectralSize,
    spectral_norm,
)
from mintage.objectives import hinge
from mintage.systems.labelled import classes_of
from mintage.systems.moves import critic, generator, image_shape, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair
from mintage.systems.spectral import Networks, deep, play_of, settled

BATCH = 64
SPREAD = 0.3


def projection(
    spec: DataSpec,
    *,
    networks: Networks = "dcgan",
    size: SpectralSize = "S",
    critic_steps: Count | None = None,
    z_dim: Count = 128,
    lr: Positive = 2e-4,
    beta1: Decay | None = None,
    beta2: Decay | None = None,
    ema: Share = 0.03,
) -> Game:
    """Projection critic: the class enters as an inner product with the features, and each class scales G's layers.

        D(x, y) = psi(x) + <v_y, s(x)>,  s the sum of the last maps over their positions, every layer W / sigma(W);
        D lowers  E max(0, 1 - D(x, y)) + E max(0, 1 + D(G(z, y), y));   then G lowers  -E D(G(z, y), y).

    References:
        cGANs with Projection Discriminator (Miyato & Koyama, 2018), https://arxiv.org/abs/1802.05637

    Differences from the paper:
        The tables of G's conditional norms start apart, not alike. Two pairs, as in sngan: DCGAN's without batch norm
        in the critic, which a CPU can train, and residual ones (--networks resnet), where the projection stands after
        the last block as for CIFAR. Points get multilayer perceptrons. The rate of the plain pair stays constant.
        Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured to the end. Fashion-MNIST, XS, 40,000 examples: no shapes yet, 13 % of the class asked for.

    Run:
        mintage train fmnist --system projection --minutes 8

    Args:
        networks: DCGAN's pair, or the residual one. Points have one pair only.
        size: Width of the networks, XS to L.
        critic_steps: The critic's moves for each of the generator's. Default: 5 for resnet, as the paper, 1 otherwise.
        z_dim: Latent dimensions.
        lr: Learning rate of both players; that of the residual pair falls to 0 along a line.
        beta1: Adam's first decay. Default: 0 for resnet, 0.5 otherwise.
        beta2: Adam's second decay. Default: 0.9 for resnet, 0.999 otherwise.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, classes = normal(z_dim), classes_of(spec, "projection")
    step, repeat = play_of(spec, networks, lr, critic_steps, beta1, beta2)
    return Game(
        nets=projecting(spec, networks, size, z_dim, classes),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(hinge, prior, conditional=True), repeat=repeat),
               Move("G", generator(hinge, prior, conditional=True))],
        sampler=sampler(prior, classes),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def projecting(spec: DataSpec, networks: str, size: SpectralSize, z_dim: int, classes: int) -> dict[str, nn.Module]:
    """A generator with conditional batch norm and a normalised critic with a projection."""
    if deep(spec, networks):
        shape = image_shape(spec, "projection")
        nets: dict[str, nn.Module] = {"G": SpectralGenerator(shape, size=size, z_dim=z_dim),
                                      "D": SpectralDiscriminator(shape, size=size, normed=False)}
    else:
        nets = pair(spec, size=size, z_dim=z_dim, normed_points=True)
    return {"G": ClassNormed(nets["G"], classes, spread=SPREAD),
            "D": spectral_norm(ProjectionCritic(nets["D"], spec.shape, classes))}


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What follows from the choice of networks, with reasons."""
    return settled(spec, given.get("networks") or "dcgan")
