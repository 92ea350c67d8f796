"""The sliced Wasserstein distance of small neighbourhoods, at each level of a Laplacian pyramid.

    G_0 = x,  G_(k+1) = every second row and column of (b b' * G_k),  b = (1, 4, 6, 4, 1) / 16
    L_k = G_k - up G_(k+1),   L_K = G_K at the last level

up puts zeros between rows and columns and filters by 4 b b'. Neighbourhoods of `side` x `side` positions are cut from
L_k at random places; each channel is standardised by the real ones' mean and deviation; then SW_1 between the two sets.
A small distance at a fine level says that edges and noise are alike, at a coarse level that large shapes are.

Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 5, whose code
standardises either side by itself, so that contrast does not count. https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from mintage.evaluation.measures.sliced import sliced_wasserstein

TAPS = (1.0, 4.0, 6.0, 4.0, 1.0)


def laplacian_pyramid(x: Tensor, side: int = 7) -> list[Tensor]:
    """L_0, ..., L_K of images [N, C, H, W], finest first; as long as the shorter side is `side` or more.

    They add up to x again: x = L_0 + up (L_1 + up (...)).

    Raises:
        ValueError: images smaller than `side`.
    """
    if x.ndim != 4 or min(x.shape[2:]) < side:
        raise ValueError(f"a pyramid is made of images [N, C, H, W] with sides of {side} or more; received "
                         f"{tuple(x.shape)}")
    levels = []
    while (min(x.shape[2:]) + 1) // 2 >= side:
        small = _filtered(x)[:, :, ::2, ::2]
        levels.append(x - _raised(small, x.shape))
        x = small
    return [*levels, x]


def pyramid_distance(real: Tensor, fake: Tensor, *, side: int = 7, each: int = 8, directions: int = 256,
                     seed: int = 0) -> list[float]:
    """SW_1 between neighbourhoods of real and fake images at each level, finest first; 1 is one deviation.

    Args:
        real, fake: images [N, C, H, W]; of the larger set the first are taken.
        each: neighbourhoods from each image; 128 in the paper, of 16,384 images.

    Raises:
        ValueError: images of different shapes, or too small ones.
    """
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(f"real images have shape {tuple(real.shape[1:])} and fakes {tuple(fake.shape[1:])}; a pyramid "
                         "compares images of one size")
    n = min(len(real), len(fake))
    found = []
    for level, (a, b) in enumerate(zip(*(laplacian_pyramid(x[:n].float(), side) for x in (real, fake)), strict=True)):
        near = [neighbourhoods(x, side, each, torch.Generator().manual_seed(seed + 2 * level + k))
                for k, x in enumerate((a, b))]
        mean, deviation = near[0].mean((0, 2, 3), keepdim=True), near[0].std((0, 2, 3), keepdim=True)
        known, made = (((x - mean) / deviation.clamp_min(1e-8)).flatten(1) for x in near)
        found.append(sliced_wasserstein(known, made, directions=directions, p=1.0, seed=seed))
    return found


def neighbourhoods(x: Tensor, side: int, each: int, g: torch.Generator) -> Tensor:
    """Cuts of side x side at random places, `each` from every image.   [N, C, H, W] -> [N each, C, side, side]."""
    n, c, h, w = x.shape
    cuts = x.unfold(2, side, 1).unfold(3, side, 1)
    count = (n * each,)
    top, left = (torch.randint(0, size - side + 1, count, generator=g) for size in (h, w))
    return cuts[torch.arange(n).repeat_interleave(each), :, top, left]


def _filtered(x: Tensor, gain: float = 1.0) -> Tensor:
    c, b = x.shape[1], torch.tensor(TAPS, dtype=x.dtype, device=x.device) / 16
    return conv2d(pad(x, (2, 2, 2, 2), mode="reflect"), (gain * torch.outer(b, b)).expand(c, 1, 5, 5), groups=c)


def _raised(small: Tensor, shape: torch.Size) -> Tensor:
    x = small.new_zeros(shape)
    x[:, :, ::2, ::2] = small
    return _filtered(x, 4.0)
