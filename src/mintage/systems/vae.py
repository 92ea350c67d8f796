"""Variational autoencoder."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Sampler, Terms, adam, cosine, returns
from mintage.latent import normal
from mintage.networks import CoderSize, Decoder, Encoder
from mintage.objectives import gaussian_kl, reparameterised
from mintage.systems.coding import binarised, decode, log_likelihood, posterior
from mintage.systems.moves import share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share

BATCH = 128
Likelihood = Literal["bernoulli", "gaussian"]


def vae(
    spec: DataSpec,
    *,
    size: CoderSize = "S",
    likelihood: Likelihood | None = None,
    binarise: bool = False,
    beta: NotNegative = 1.0,
    z_dim: Count = 32,
    lr: Positive = 1e-3,
    beta1: Decay = 0.9,
    ema: Share = 0.03,
) -> Game:
    """Variational autoencoder: an encoder and a decoder of one player, who lowers a bound on -log p(x).

        E, G lower  -E log p(x | z) + beta KL(N(m, s^2) | N(0, I)),   (m, log s^2) = E(x),  z = m + s e,  e ~ N(0, I),
        p(x | z) = Bernoulli(sigmoid(G(z))) for each pixel (x + 1) / 2, or N(G(z), sigma^2), sigma learned.

    A game of one. Samples are the means of p(x | z) for z ~ N(0, I).

    References:
        Auto-Encoding Variational Bayes (Kingma and Welling, 2014), https://arxiv.org/abs/1312.6114
        beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework (Higgins et al., 2017),
        https://openreview.net/forum?id=Sy2fzU9gl
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021), on one learned sigma,
        https://arxiv.org/abs/2006.13202

    Differences from the paper:
        Strided convolutions for images, not one hidden layer; Adam, not Adagrad, its rate falling along a cosine to a
        hundredth. Pixels between 0 and 1 count as probabilities, and the bound is then no likelihood of images; with
        --binarise true each round draws new black and white pixels from them (dynamic binarisation), and it is.
        log s^2 is held between -12 and 6. Samples come from an average of the weights; --ema 0 turns it off.

    Expect:
        MNIST, --binarise, 600,000 examples (three minutes of one CPU core): -90.4 ± 1.4 nats by 500 importance samples
        on 250 test digits, ELBO -97.3. Longer: docs/results.md.

    Run:
        mintage train mnist --system vae --minutes 10

    Args:
        size: Width of the networks: 16 (XS), 32 (S), 64 (M) or 128 (L) channels at half the image's size.
        likelihood: Of an example given its code. Default: bernoulli for images of one channel, gaussian for others.
        binarise: Draw each pixel black or white, anew in each round, as probable as it is bright (bernoulli only).
        beta: Weight of the divergence; 1 for a bound on the likelihood, more for codes nearer to the prior.
        z_dim: Latent dimensions.
        lr: Learning rate at the start.
        beta1: Adam's first decay.
        ema: Half-life of the average of the weights, as a share of the budget; 0 for none.
    """
    kind = likelihood or automatic(spec, 0, "cpu", {})["likelihood"][0]
    check(spec, kind, binarise)
    prior = normal(z_dim)
    return Game(
        nets={"E": Encoder(spec.shape, 2 * z_dim, size=size),
              "G": Decoder(spec.shape, z_dim=z_dim, size=size, spread=kind == "gaussian")},
        players={"A": Player(("E", "G"), adam(cosine(lr, lr / 100), beta1))},
        moves=[Move("A", bound(binarise), weights={"kl": beta})],
        sampler=Sampler(prior, decode),
        controllers=[Average("E", "G", half_life=share_of_budget(ema))] if ema else [],
    )


def bound(binarise: bool) -> Objective:
    """The two terms of the negative ELBO, with one draw of z an example."""

    @returns("reconstruction", "kl")
    def objective(nets: Any, round: Round) -> Terms:
        x = binarised(round.batch.x, round.generator("pixels")) if binarise else round.batch.x
        mean, log_variance = posterior(nets, x)
        noise = torch.randn(mean.shape, generator=round.generator("latent"), device=mean.device)
        z = reparameterised(mean, log_variance, noise)
        return {"reconstruction": -log_likelihood(nets, x, z).mean(), "kl": gaussian_kl(mean, log_variance).mean()}

    return objective


def encode(nets: Any, x: Tensor) -> Tensor:
    """The mean of q(z | x).   x [N, *shape] -> z [N, z_dim]."""
    return posterior(nets, x)[0]


def reconstruct(nets: Any, x: Tensor) -> Tensor:
    """The decoded mean code, in the shape of x."""
    return decode(nets, encode(nets, x))


def check(spec: DataSpec, kind: str, binarise: bool) -> None:
    """Refuse a likelihood that the data cannot have."""
    if kind == "bernoulli" and spec.kind != "image":
        raise ValueError(f"a Bernoulli likelihood is of pixels; these data are {spec.kind}: use --likelihood gaussian")
    if binarise and kind != "bernoulli":
        raise ValueError("only a Bernoulli likelihood takes binarised pixels; use --likelihood bernoulli")


def automatic(spec: DataSpec, count: int, device: str, given: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """The likelihood, where the user leaves it open."""
    grey = spec.kind == "image" and spec.shape[0] == 1
    return {"likelihood": ("bernoulli" if grey else "gaussian", "grey images" if grey else "not grey images")}
