"""MMD GAN."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, clip, returns
from mintage.latent import normal
from mintage.networks import DCGANSize
from mintage.objectives import Kernel, energy_kernel, gaussian_kernel, rational_quadratic_kernel
from mintage.objectives import mmd_gan as mmd
from mintage.penalties import gradient_penalty, per_example
from mintage.systems.moves import Prior, generate, generator, sampler, share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64
KERNELS = {"rational-quadratic": rational_quadratic_kernel(), "gaussian": gaussian_kernel(), "energy": energy_kernel}


def mmd_gan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    kernel: Literal["rational-quadratic", "gaussian", "energy"] = "rational-quadratic",
    critic_steps: Count = 5,
    features: Count = 16,
    penalty: NotNegative = 10.0,
    limit: Positive | None = None,
    z_dim: Count = 128,
    lr: Positive = 1e-4,
    beta1: Decay = 0.5,
    beta2: Decay = 0.9,
    ema: Share = 0.03,
) -> Game:
    """MMD GAN: the generator lowers the maximum mean discrepancy of features that the critic chooses to widen it.

        D lowers  -MMD^2(D(x), D(G(z))) + 10 E (|dh/dx'| - 1)^2,  h(x') = E k(D(x'), D(x)) - E k(D(x'), D(G(z))),
        x' between reals and fakes, five times;   then G lowers  MMD^2(D(x), D(G(z))).

    References:
        MMD GAN: Towards Deeper Understanding of Moment Matching Network (Li et al., 2017),
        https://arxiv.org/abs/1705.08584
        Demystifying MMD GANs (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401

    Differences from the paper:
        The second paper's losses, with WGAN-GP's weight, without the linear part of its kernel and its test for falling
        rates. The first paper's kernel and bound are --kernel gaussian --limit 0.01 --penalty 0, without its decoder.
        Points get multilayer perceptrons. Samples come from an average of G's weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system mmd_gan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        kernel: Of the features.
        critic_steps: The critic's moves for each of the generator's.
        features: Numbers that the critic returns for each example.
        penalty: Weight of the gradient penalty on the witness function h; 0 for none.
        limit: Clipping limit of the critic's weights. Default: they are not clipped.
        z_dim: Latent dimensions.
        lr: Learning rate of both players.
        beta1: Adam's first decay.
        beta2: Adam's second decay.
        ema: Half-life of the average of G's weights, as a share of the budget; 0 for none.
    """
    prior, step, chosen = normal(z_dim), adam(lr, beta1, beta2), KERNELS[kernel]
    return Game(
        nets=pair(spec, size=size, z_dim=z_dim, outputs=features),
        players={"D": Player("D", step, project=clip(limit) if limit else None), "G": Player("G", step)},
        moves=[Move("D", critic(chosen, prior, penalty > 0), repeat=critic_steps,
                    weights={"gradient-penalty": penalty} if penalty else {}),
               Move("G", generator(mmd(chosen), prior))],
        sampler=sampler(prior),
        controllers=[Average("G", half_life=share_of_budget(ema))] if ema else [],
    )


def critic(kernel: Kernel, prior: Prior, penalised: bool) -> Objective:
    """The critic's side; the penalty looks at the witness function h rather than at D."""
    names = ("loss", "gradient-penalty") if penalised else ("loss",)

    @returns(*names, fits=lambda nets: per_example(nets.D))
    def objective(nets: Any, round: Round) -> Terms:
        x, fake = round.batch.x, generate(nets, round.draw(prior), None)
        a, b = nets.D(x), nets.D(fake)

        def witness(points: Tensor, y: Tensor | None = None) -> Tensor:
            seen = nets.D(points)
            with torch.autocast(points.device.type, enabled=False):
                return kernel(seen, a).mean(1) - kernel(seen, b).mean(1)

        terms = {"loss": mmd(kernel).critic(a, b)}
        if penalised:
            terms["gradient-penalty"] = gradient_penalty(witness, x, fake, generator=round.generator("between"))
        return terms

    return objective
