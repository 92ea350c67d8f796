"""Systems: one file per named system, each a function that returns a `Game`.

`SYSTEMS` is the list of their names, which are also the names of their files, of their functions and of the command
line's `--system`. A new system is a new file and a new row here.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

SYSTEMS: dict[str, str] = {
    "r3gan": "the modern baseline: paired relativistic loss, R1 and R2, norm-free residual networks (default)",
    "dcgan": "deep convolutional GAN: strided convolutions and batch norm, non-saturating loss",
    "wgan_gp": "Wasserstein GAN with gradient penalty: a critic of slope near 1, five steps a round",
    "wgan": "Wasserstein GAN with clipped weights, five critic steps a round",
    "lsgan": "least squares GAN: targets for the critic's logits instead of a logistic loss",
    "sngan": "spectrally normalised critic and hinge loss; DCGAN's networks or the paper's residual ones",
    "dragan": "the first GAN's losses, a critic of slope near 1 around the real examples",
    "fgan": "f-GAN: any of seven f-divergences as the game's value (--divergence)",
    "mmd_gan": "maximum mean discrepancy of features that the critic learns, with a penalty on its witness",
    "gmmn": "generative moment matching: maximum mean discrepancy of the data themselves, no critic",
    "unrolled_gan": "a generator that looks ahead at the critic's next steps, against mode collapse",
    "pacgan": "a critic that sees several examples at once, against mode collapse",
    "improved_gan": "DCGAN with the bag of tricks of 2016, each switchable alone",
    "semi_supervised": "a classifier from a few labels: K classes and fakes, a generator that matches features",
    "progan": "progressive growing: levels fade in one after another; Wasserstein with gradient penalty and drift",
    "stylegan": "StyleGAN2: mapping network, modulated convolutions, noise, mixing, path length; or version 1",
    "autoencoder": "an encoder and a decoder of one player; sampled from a Gaussian fitted to its codes",
    "vae": "variational autoencoder: a bound on the likelihood, Bernoulli or Gaussian, with a weight beta",
    "cgan": "conditional GAN: the class beside z and beside what the critic reads (labels)",
    "projection": "conditional: a critic that projects on the class, a generator scaled by it (labels)",
    "acgan": "conditional: a critic that also says the class (labels)",
    "pix2pix": "images from images, learnt from pairs: a U-Net and a critic of patches",
    "infogan": "codes inside the latent that the critic must read back: classes and factors without labels",
    "bigan": "a generator and an encoder, judged on pairs of examples and latents (BiGAN; ALI: --stochastic)",
    "cyclegan": "images from images without pairs: two translators that undo each other",
    "text_to_image": "images from captions: a critic that refuses wrong captions, and captions in between",
    "srgan": "images four times as large: the nearest first, then with a critic",
    "gan": "the first one: Algorithm 1 of 2014, multilayer perceptrons",
}


class SettingError(ValueError):
    """A system or a setting that does not exist or cannot be."""


def find(name: str) -> Callable[..., Any]:
    """The function of a system.

    Raises:
        SettingError: no system of this name; the nearest is named.
    """
    if name not in SYSTEMS:
        near = get_close_matches(name.lower().replace("-", "_"), SYSTEMS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise SettingError(f"there is no system {name!r}. {hint}There are: {', '.join(SYSTEMS)}")
    return getattr(import_module(f"mintage.systems.{name}"), name)
