"""Autoencoder, sampled from a Gaussian fitted to its codes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Objective, Player, Round, Sampler, Terms, adam, cosine, returns
from mintage.latent import normal
from mintage.networks import CodeGaussian, CoderSize, Decoder, Encoder
from mintage.systems.moves import share_of_budget
from mintage.systems.options import Count, Decay, NotNegative, Positive, Share

BATCH = 128


def autoencoder(
    spec: DataSpec,
    *,
    size: CoderSize = "S",
    noise: NotNegative = 0.0,
    z_dim: Count = 32,
    lr: Positive = 1e-3,
    beta1: Decay = 0.9,
    ema: Share = 0.03,
) -> Game:
    """Autoencoder: an encoder and a decoder of one player, who lowers the squared error of what comes back.

        E, G lower  E |G(E(x + noise e)) - x|^2,   e ~ N(0, I).

    A game of one. It has no prior over codes; so that it can be sampled, a Gaussian of full covariance is kept beside
    it: the running mean and covariance of the codes of recent training batches, buffers that are saved with the game.
    A sample is G(c), c = mean + covariance^(1/2) z, z ~ N(0, I). Where the codes are not Gaussian, samples are worse
    than reconstructions: that is what the variational autoencoder is for.

    References:
        Reducing the Dimensionality of Data with Neural Networks (Hinton and Salakhutdinov, 2006),
        https://doi.org/10.1126/science.1127647
        Extracting and Composing Robust Features with Denoising Autoencoders (Vincent et al., 2008), for --noise,
        https://doi.org/10.1145/1390156.1390294

    Differences from the paper:
        Trained at once, without layer-wise pretraining, with strided convolutions for images. Adam, its rate falling
        along a cosine to a hundredth. Samples come from an average of the weights; --ema 0 turns it off.

    Expect:
        Not measured yet; docs/results.md.

    Run:
        mintage train fmnist --system autoencoder --minutes 5

    Args:
        size: Width of the networks: 16 (XS), 32 (S), 64 (M) or 128 (L) channels at half the image's size.
        noise: Deviation of the noise that the encoder sees beside the example; 0 for none.
        z_dim: Dimensions of a code.
        lr: Learning rate at the start.
        beta1: Adam's first decay.
        ema: Half-life of the average of the weights, as a share of the budget; 0 for none.
    """
    return Game(
        nets={"E": Encoder(spec.shape, z_dim, size=size), "G": Decoder(spec.shape, z_dim=z_dim, size=size),
              "C": CodeGaussian(z_dim)},
        players={"A": Player(("E", "G"), adam(cosine(lr, lr / 100), beta1))},
        moves=[Move("A", error(noise))],
        sampler=Sampler(normal(z_dim), decode),
        controllers=[Average("E", "G", "C", half_life=share_of_budget(ema))] if ema else [],
    )


def error(noise: float) -> Objective:
    """The squared error, summed over an example; the codes pass the Gaussian that takes their moments."""

    @returns("reconstruction")
    def objective(nets: Any, round: Round) -> Terms:
        x = round.batch.x
        seen = x if not noise else x + noise * torch.randn(x.shape, generator=round.generator("noise"), device=x.device)
        made = nets.G(nets.C(nets.E(seen)))
        return {"reconstruction": (made - x).square().flatten(1).sum(1).mean()}

    return objective


def decode(nets: Any, z: Tensor, y: Tensor | None = None) -> Tensor:
    """Examples of the codes at standard normal z; images in [-1, 1]."""
    return shown(nets.G(nets.C.place(z)))


def shown(heights: Tensor) -> Tensor:
    """Images cut to [-1, 1]; points as they are."""
    return heights.clamp(-1, 1) if heights.ndim == 4 else heights


def encode(nets: Any, x: Tensor) -> Tensor:
    """The latent whose sample is the reconstruction.   x [N, *shape] -> z [N, z_dim]."""
    return nets.C.unplace(nets.E(x))


def reconstruct(nets: Any, x: Tensor) -> Tensor:
    """G(E(x)), in the shape of x."""
    return shown(nets.G(nets.E(x)))
