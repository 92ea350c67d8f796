"""Modes of a toy: how many of its known centres a sample reaches, and which share of it lies close to any.

The protocol of VEEGAN and PacGAN: 2,500 points; a point is of high quality within 3 sigma of its nearest centre, and a
mode is covered when one such point is its. A perfect sampler of a 2-D mixture scores 1 - exp(-4.5) = .989.
PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018, https://arxiv.org/abs/1712.04086).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.neighbours import nearest


class Modes(NamedTuple):
    """Modes covered, and the share of high quality."""

    covered: int
    high_quality: float


def modes(points: Tensor, centres: Tensor, sigma: float) -> Modes:
    """For points [n, d] and centres [m, d] in the same units, with each mode's deviation sigma in those units."""
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1] or len(points) == 0:
        raise ValueError(
            f"modes: points are {tuple(points.shape)}, centres {tuple(centres.shape)}; give [n, d] and [m, d], n >= 1."
        )
    if not sigma > 0:
        raise ValueError(f"modes: sigma is {sigma}; give the deviation of one mode, a positive number.")
    distance, index = nearest(points.cpu().double(), centres.cpu().double())
    close = distance <= 3 * sigma
    return Modes(int(torch.unique(index[close]).numel()), float(close.double().mean()))
