"""Spectrally normalised GAN."""

from __future__ import annotations

from typing import Any

from torch import nn

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player
from mintage.latent import normal
from mintage.networks import SpectralDiscriminator, SpectralGenerator, SpectralSize, spectral_norm
from mintage.objectives import hinge
from mintage.systems.moves import critic, generator, image_shape, sampler, share_of_budget
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair
from mintage.systems.spectral import Networks, deep, play_of, settled

BATCH = 64


def sngan(
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
    """SNGAN: the hinge loss and a critic each of whose layers is divided by its largest singular value.

        D lowers  E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))),  W / sigma(W) in place of W;   then G lowers  -E D(G(z)).

    References:
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018),
        https://arxiv.org/abs/1802.05957

    Differences from the paper:
        Two pairs: DCGAN's without batch norm in the critic, which a CPU can train and which stands in for the paper's
        plain one, and the paper's residual one (--networks resnet --size L). Points get multilayer perceptrons.
        Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system sngan --minutes 8

    Args:
        networks: DCGAN's pair, or the paper's residual one. Points have one pair only.
        size: Width of the networks, XS to L.
        critic_steps: The critic's moves for each of the generator's. Default: 5 for resnet, 1 otherwise, as the paper.
        z_dim: Latent dimensions.
        lr: Learning rate of both players; that of the residual pair falls to 0 along a line.
        beta1: Adam's first decay. Default: 0 for resnet, 0.5 otherwise.
        beta2: Adam's second decay. Default: 0.9 for resnet, 0.999 otherwise.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior = normal(z_dim)
    step, repeat = play_of(spec, networks, lr, critic_steps, beta1, beta2)
    return Game(
        nets=residual(spec, size, z_dim) if deep(spec, networks) else normalised(spec, size, z_dim),
        players={"D": Player("D", step), "G": Player("G", step)},
        moves=[Move("D", critic(hinge, prior), repeat=repeat), Move("G", generator(hinge, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def normalised(spec: DataSpec, size: SpectralSize, z_dim: int) -> dict[str, nn.Module]:
    """The classic pair, its critic normalised."""
    nets = pair(spec, size=size, z_dim=z_dim)
    spectral_norm(nets["D"])
    return nets


def residual(spec: DataSpec, size: SpectralSize, z_dim: int) -> dict[str, nn.Module]:
    """The paper's residual pair."""
    shape = image_shape(spec, "sngan")
    return {"G": SpectralGenerator(shape, size=size, z_dim=z_dim), "D": SpectralDiscriminator(shape, size=size)}


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What follows from the choice of networks, with reasons."""
    return settled(spec, given.get("networks") or "dcgan")
