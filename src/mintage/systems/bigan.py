"""GAN with an encoder, judged on pairs of examples and latents: BiGAN, and ALI."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import normal
from mintage.networks import DCGANSize, JointCritic
from mintage.objectives import ADVERSARIAL, Adversarial
from mintage.systems.moves import Prior, generate, resting, sampler, share_of_budget, watch
from mintage.systems.options import Count, Decay, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def bigan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    loss: Literal["non-saturating", "hinge", "relativistic-paired"] = "non-saturating",
    stochastic: bool = False,
    z_dim: Count = 50,
    width: Count = 512,
    lr: Positive = 2e-4,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """BiGAN: an encoder E learns beside G, because D sees pairs and must not tell (x, E(x)) from (G(z), z).

        D lowers  -E log D(x, E(x)) - E log(1 - D(G(z), z));
        then G and E lower  -E log D(G(z), z) - E log(1 - D(x, E(x))).   Where D cannot tell, E inverts G.

    References:
        Adversarial Feature Learning (Donahue et al., 2017), https://arxiv.org/abs/1605.09782
        Adversarially Learned Inference (Dumoulin et al., 2017), https://arxiv.org/abs/1606.00704

    Differences from the paper:
        DCGAN's pair for images, where BiGAN has perceptrons for digits; the encoder is DCGAN's critic. z is normal.
        Samples and codes come from averages of G and E.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train mnist --system bigan --minutes 15

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        loss: The adversarial objective; E's side is G's with the logits' sign turned.
        stochastic: E gives a mean and a deviation, and its latents are drawn, as in ALI; else one latent, as in BiGAN.
        z_dim: Latent dimensions.
        width: Units in which the critic joins examples and latents.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        ema: Half-life of the averages of G's and E's weights, as a share of the budget; 0 for none.
    """
    prior, chosen = normal(z_dim), ADVERSARIAL[loss]
    nets = pair(spec, size=size, z_dim=z_dim, outputs=width, batch_norm=True, normed_points=True)
    E = pair(spec, size=size, outputs=z_dim * (2 if stochastic else 1), batch_norm=True)["D"]
    return Game(
        nets={"G": nets["G"], "E": E, "D": JointCritic(nets["D"], z_dim, width=width)},
        players={"D": Player("D", adam(lr, beta1)), "GE": Player(("G", "E"), adam(lr, beta1))},
        moves=[Move("D", telling(chosen, prior)), Move("GE", joining(chosen, prior))],
        sampler=sampler(prior),
        controllers=[Average("G", "E", half_life=share_of_budget(ema))] if ema else [],
    )


def telling(loss: Adversarial, prior: Prior) -> Objective:
    """The critic's side: tell the encoder's pairs from the generator's."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        a, b = pairs(nets, round, prior)
        watch(loss, round, a, b)
        return {"loss": loss.critic(a, b)}

    return objective


def joining(loss: Adversarial, prior: Prior) -> Objective:
    """The side of the generator and of the encoder."""

    @returns("loss")
    def objective(nets: Any, round: Round) -> Terms:
        a, b = pairs(nets, round, prior)
        both = loss.generator(a, b) if loss.relative else loss.generator(None, b) + loss.generator(None, -a)
        return {"loss": both}

    return objective


def pairs(nets: Any, round: Round, prior: Prior) -> tuple[Tensor, Tensor]:
    """D(x, E(x)) and D(G(z), z)."""
    x, z = round.batch.x, round.draw(prior)
    code = nets.E(x)
    if code.shape[1] > z.shape[1]:
        mean, spread = code.chunk(2, 1)
        noise = torch.randn(mean.shape, generator=round.generator("encoder"), device=mean.device)
        code = mean + spread.clamp(max=5).exp() * noise
    return nets.D(x, code), nets.D(generate(nets, z, None), z)


def encode(nets: Any, x: Tensor) -> Tensor:
    """E(x), the latents of examples [N, ...] -> [N, z_dim]: their means, where E is stochastic."""
    with resting(nets.E):
        return torch.cat([nets.E(part).float() for part in x.split(500)])[:, :nets.G.z_dim]


def reconstruct(nets: Any, x: Tensor) -> Tensor:
    """G(E(x)).   [N, ...] -> [N, ...]."""
    with resting(nets.G):
        return generate(nets, encode(nets, x), None)
