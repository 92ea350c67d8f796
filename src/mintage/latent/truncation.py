"""Truncation: trade variety for typicality by drawing latents nearer to the middle. psi in [0, 1]; 1 changes nothing.

Two ways: scale towards a centre, z -> c + psi (z - c) (A Style-Based Generator Architecture for Generative Adversarial
Networks, Karras et al., 2019, https://arxiv.org/abs/1812.04948), or draw from a normal cut at +-bound (Large Scale GAN
Training for High Fidelity Natural Image Synthesis, Brock et al., 2019, https://arxiv.org/abs/1809.11096). Scores of a
truncated generator are not comparable with untruncated ones: state psi beside them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mintage.latent.priors import Prior


def truncate(z: Tensor, psi: float, centre: Tensor | None = None) -> Tensor:
    """c + psi (z - c) for latents z [..., dim]; the centre c [dim] is 0 unless given (for w-space, the mean of w)."""
    if not (math.isfinite(psi) and 0 <= psi <= 1):
        raise ValueError(f"truncate: psi is {psi}; allowed are 0 (only the centre) to 1 (no truncation).")
    return psi * z if centre is None else torch.lerp(centre.expand_as(z), z, psi)


def truncated(dim: int, bound: float = 2.0) -> Prior:
    """A normal prior whose every coordinate is redrawn until |z_i| <= bound, by the inverse distribution function.

    z = sqrt(2) erfinv(u), u uniform on +-erf(bound / sqrt 2); as bound grows this tends to `normal(dim)`.
    """
    if not (math.isfinite(bound) and bound > 0):
        raise ValueError(f"truncated: bound is {bound}; give a positive number of standard deviations, such as 2.")
    edge = math.erf(bound / math.sqrt(2))

    def draw(n: int, g: torch.Generator) -> Tensor:
        u = torch.rand((n, dim), generator=g, device=g.device) * 2 - 1
        # Half a float's step inside +-1: for a large bound the edge rounds to 1, whose inverse is infinite.
        u = (u * edge).clamp(-1 + 2**-24, 1 - 2**-24)
        return (math.sqrt(2) * torch.erfinv(u)).clamp(-bound, bound)

    return Prior(f"normal within {bound:g}", dim, draw)
