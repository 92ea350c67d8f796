"""GAN whose latents carry codes that can be read back: InfoGAN."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, adam, returns
from mintage.latent import Codes
from mintage.networks import DCGANSize, TwoHeaded
from mintage.objectives import categorical_information, gaussian_information, non_saturating
from mintage.systems.moves import Shown, generate, resting, sampler, share_of_budget, shows, watch
from mintage.systems.options import Bound, Count, Decay, NotNegative, Positive, Share
from mintage.systems.pairs import pair

BATCH = 64


def infogan(
    spec: DataSpec,
    *,
    size: DCGANSize = "S",
    categories: Annotated[int, Bound(0, 10_000)] = 10,
    codes: Annotated[int, Bound(0, 10_000)] = 2,
    category_weight: NotNegative = 1.0,
    code_weight: NotNegative = 0.1,
    noise: Annotated[int, Bound(0, 10_000)] = 62,
    hidden: Count = 128,
    lr: Positive = 2e-4,
    lr_generator: Positive = 1e-3,
    beta1: Decay = 0.5,
    ema: Share = 0.03,
) -> Game:
    """InfoGAN: parts of the latent are codes c, and a head Q of the critic must be able to read them from the sample.

        D and Q lower  -E log D(x) - E log(1 - D(G(z))) - w E log Q(c | G(z)),  z = [noise, c];
        then G lowers  -E log D(G(z)) - w E log Q(c | G(z)).

    That bounds the mutual information of c and G(z). Q gives logits of a categorical code and the mean of a Gaussian of
    variance 1 for each continuous one. No label is used.

    References:
        InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets (Chen et
        al., 2016), https://arxiv.org/abs/1606.03657

    Differences from the paper:
        DCGAN's pair; points get perceptrons; noise is normal. Samples come from an average of G's weights; --ema 0
        turns it off.

    Expect:
        Not measured to the end. MNIST, XS, 96,000 examples: digits; categories not yet classes (69 % wrong).

    Run:
        mintage train mnist --system infogan --minutes 8

    Args:
        size: Width of the networks: 32 (XS), 64 (S), 96 (M) or 128 (L) channels at half the image's size.
        categories: Values of the categorical code; 0 for none.
        codes: Continuous codes, uniform on (-1, 1).
        category_weight: Weight of the categorical code's term, for both players.
        code_weight: Weight of the continuous codes' term, for both players.
        noise: Latent dimensions that carry no code.
        hidden: Units between the critic's features and Q's outputs.
        lr: Learning rate of the critic and Q.
        lr_generator: Learning rate of the generator.
        beta1: Adam's first decay.
        ema: Half-life of the average of G's weights and of D's with Q, as a share of the budget; 0 for none.
    """
    prior, weights = Codes(noise, categories, codes), {"category": category_weight, "code": code_weight}
    nets = pair(spec, size=size, z_dim=prior.dim, batch_norm=True, normed_points=True)
    return Game(
        nets={"G": nets["G"], "D": TwoHeaded(nets["D"], spec.shape, categories + codes, hidden=hidden)},
        players={"D": Player("D", adam(lr, beta1)), "G": Player("G", adam(lr_generator, beta1))},
        moves=[Move("D", reading(prior), weights=weights), Move("G", readable(prior), weights=weights)],
        sampler=sampler(prior),
        controllers=[Average("G", "D", half_life=share_of_budget(ema))] if ema else [],
    )


def reading(prior: Codes) -> Objective:
    """The side of the critic and of Q."""

    @shows(non_saturating)
    @returns("loss", "category", "code")
    def objective(nets: Any, round: Round) -> Terms:
        x, z = round.batch.x, round.draw(prior)
        fake = generate(nets, z, None)
        a, (b, read) = nets.D(x), nets.D.both(fake)
        watch(non_saturating, round, a, b, Shown(x, fake, None, a, b))
        return {"loss": non_saturating.critic(a, b), **information(prior, z, read)}

    return objective


def readable(prior: Codes) -> Objective:
    """The generator's side."""

    @returns("loss", "category", "code")
    def objective(nets: Any, round: Round) -> Terms:
        z = round.draw(prior)
        b, read = nets.D.both(generate(nets, z, None))
        return {"loss": non_saturating.generator(None, b), **information(prior, z, read)}

    return objective


def information(prior: Codes, z: Tensor, read: Tensor) -> Terms:
    """The terms of both codes, 0 for one that there is none of; `read` [N, categories + codes] is what Q gives."""
    k, none = prior.categories, read.new_zeros(())
    return {"category": categorical_information(read[:, :k], prior.category(z)) if k else none,
            "code": gaussian_information(read[:, k:], prior.continuous(z)) if prior.numbers else none}


def encode(nets: Any, x: Tensor) -> Tensor:
    """What Q reads from examples [N, ...] -> [N, categories + codes]: logits of the category, means of the numbers."""
    with resting(nets.D):
        return torch.cat([nets.D.both(part)[1] for part in x.split(500)])
