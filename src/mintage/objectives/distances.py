"""How far a made image is from the one it should be: means over all examples, channels and places.

a and b are of one shape [N, ...].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def l1_distance(a: Tensor, b: Tensor) -> Tensor:
    """E |a - b|, lowest where a is the median of what b can be.

    Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), eq. 3,
    https://arxiv.org/abs/1611.07004

    Raises:
        ValueError: different shapes.
    """
    return _difference(a, b).abs().mean()


def l2_distance(a: Tensor, b: Tensor) -> Tensor:
    """E (a - b)^2, lowest where a is the mean of what b can be; PSNR is a function of it.

    Raises:
        ValueError: different shapes.
    """
    return _difference(a, b).square().mean()


def feature_distance(f: Sequence[Tensor], g: Sequence[Tensor]) -> Tensor:
    """The mean over layers k of E (f_k - g_k)^2 / E g_k^2: maps of a fixed network on a made and on a real image.

    Each layer is counted by the size of its own maps on the real one, so that none outweighs another.

    Perceptual Losses for Real-Time Style Transfer and Super-Resolution (Johnson et al., 2016), section 3.2,
    https://arxiv.org/abs/1603.08155

    Raises:
        ValueError: different numbers of layers, or maps of different shapes.
    """
    if len(f) != len(g) or not f:
        raise ValueError(f"the maps of {len(f)} layers are compared with those of {len(g)}; give the same layers")
    each = [l2_distance(made, real) / real.square().mean().clamp_min(1e-8) for made, real in zip(f, g, strict=True)]
    return torch.stack(each).mean()


def perceptual_distance(f: Sequence[Tensor], g: Sequence[Tensor]) -> Tensor:
    """sum over layers of the mean over places of |u - v|^2, u and v the maps with unit length over channels.   [N].

    LPIPS with all weights 1: The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al.,
    2018), eq. 1, https://arxiv.org/abs/1801.03924

    Args:
        f, g: maps [N, channels, H, W] of each layer of one frozen network, on two images.
    """
    def unit(h: Tensor) -> Tensor:
        return h / (h.square().sum(1, keepdim=True).sqrt() + 1e-8)

    each = [(unit(one) - unit(other)).square().sum(1).mean((1, 2)) for one, other in zip(f, g, strict=True)]
    return torch.stack(each).sum(0)


def _difference(a: Tensor, b: Tensor) -> Tensor:
    if a.shape != b.shape:
        raise ValueError(f"what is made has the shape {tuple(a.shape)} and what it should be {tuple(b.shape)}; a "
                         "distance is one between equal shapes")
    return a.float() - b.float()
