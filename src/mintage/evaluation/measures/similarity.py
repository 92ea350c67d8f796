"""Similarity of pictures in pairs: a_i and b_i [C, H, W] in [-1, 1], so the range of the data is R = 2.

    PSNR = 10 log10(R^2 / mean (a - b)^2)                                              in decibels, infinite where equal
    SSIM = mean over places of (2 m_a m_b + c1)(2 s_ab + c2) / ((m_a^2 + m_b^2 + c1)(s_a^2 + s_b^2 + c2))

m, s^2 and s_ab are mean, variance and covariance under a Gaussian window of 11 x 11 with deviation 1.5, at the places
where it lies wholly inside; c1 = (.01 R)^2, c2 = (.03 R)^2. Channels are compared one by one and averaged. Means are
counted from black, x + 1, as in the paper: the first fraction is that of intensities and means nothing about grey.

Image quality assessment: from error visibility to structural similarity (Wang, Bovik, Sheikh and Simoncelli, 2004),
https://doi.org/10.1109/TIP.2003.819861, equations 13 to 17

Both compare an example with its own original: a reconstruction, an inversion, a translation. They say nothing of a
sampler, whose examples have no original.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mintage.evaluation.measures.frechet import float64

RANGE, WINDOW, SIGMA = 2.0, 11, 1.5
IMAGES = 64  # compared at once


class Similarity(NamedTuple):
    """The mean over n pairs, its standard error (infinite for one pair), and each pair's value [n], float64."""

    mean: float
    error: float
    each: Tensor
    n: int


def psnr(a: Tensor, b: Tensor) -> Similarity:
    """Peak signal to noise of images a and b [n, C, H, W], higher is nearer; infinite for a pair of equals.

    Raises:
        ValueError: other shapes, no images, or values not finite.
    """
    _checked(a, b)
    parts = [(float64(x) - float64(y)).square().flatten(1).mean(1) for x, y in _pairs(a, b)]
    return _summed(10 * (RANGE**2 / torch.cat(parts)).log10())


def ssim(a: Tensor, b: Tensor) -> Similarity:
    """Structural similarity of images a and b [n, C, H, W], at most 1, which only equals reach.

    As in the authors' program, the window stays inside; programs that mirror the border find other values.

    Raises:
        ValueError: other shapes, no images, sides below 11, or values not finite.
    """
    _checked(a, b)
    if min(a.shape[-2:]) < WINDOW:
        raise ValueError(f"ssim looks through a window of {WINDOW} x {WINDOW}; received images of {a.shape[-2]} x "
                         f"{a.shape[-1]}. Use psnr for smaller ones")
    return _summed(torch.cat([_structure(float64(x), float64(y)) for x, y in _pairs(a, b)]))


def _structure(a: Tensor, b: Tensor) -> Tensor:
    n, channels = a.shape[:2]
    a, b = (x.reshape(n * channels, 1, *x.shape[2:]) + 1 for x in (a, b))
    mean_a, mean_b, aa, bb, ab = _windowed(torch.stack([a, b, a * a, b * b, a * b]))
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    product, squares = mean_a * mean_b, mean_a.square() + mean_b.square()
    # What the two fractions share is the closeness of means times that of contrast and structure, c3 = c2 / 2.
    index = (2 * product + c1) * (2 * (ab - product) + c2) / ((squares + c1) * (aa + bb - squares + c2))
    return index.reshape(n, -1).mean(1)


def _windowed(x: Tensor) -> Tensor:
    """Means of x [5, k, 1, H, W] under the window: rows, then columns, since a Gaussian is their product."""
    places = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = (-places.square() / (2 * SIGMA**2)).exp()
    weights = weights / weights.sum()
    seen = F.conv2d(F.conv2d(x.flatten(0, 1), weights[None, None, :, None]), weights[None, None, None, :])
    return seen.unflatten(0, x.shape[:2])


def _checked(a: Tensor, b: Tensor) -> None:
    if a.ndim != 4 or a.shape != b.shape or not a.numel():
        raise ValueError(f"similarity needs two sets of images [n, C, H, W] of one shape, each beside its original; "
                         f"received {tuple(a.shape)} and {tuple(b.shape)}")
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        raise ValueError("images hold NaN or infinite values; look at where they were computed")


def _pairs(a: Tensor, b: Tensor) -> zip[tuple[Tensor, Tensor]]:
    return zip(a.split(IMAGES), b.to(a.device).split(IMAGES), strict=True)


def _summed(each: Tensor) -> Similarity:
    error = float(each.std() / len(each) ** 0.5) if len(each) > 1 else float("inf")
    return Similarity(float(each.mean()), error, each, len(each))
