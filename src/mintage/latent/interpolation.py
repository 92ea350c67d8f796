"""Interpolation: the latents between latents. a, b are [..., dim]; t runs from 0 (a) to 1 (b).

A straight line between two normal latents passes near the origin, where the prior has next to no mass, so its middle
decodes to something the generator was hardly trained on. `slerp` keeps to the sphere (Sampling Generative Networks,
White, 2016, https://arxiv.org/abs/1609.04468). For a uniform prior, whose support is convex, `linear` is in place.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Path = Callable[[Tensor, Tensor, Tensor | float], Tensor]


def _time(t: Tensor | float, like: Tensor) -> Tensor:
    """t as a tensor that spreads over the last dimension of `like`."""
    t = torch.as_tensor(t, dtype=like.dtype, device=like.device)
    return t[..., None] if t.ndim else t


def linear(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """(1 - t) a + t b; t is a number or a tensor of the leading shape of a and b."""
    t = _time(t, a)
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """sin((1-t) w)/sin w * a + sin(t w)/sin w * b, where w is the angle between a and b.

    The direction moves along the great circle; the length goes linearly from |a| to |b|, so equal lengths stay equal.
    Parallel vectors, and a zero vector, fall back to the line; opposite ones have no single great circle and take
    the line too.
    """
    t = _time(t, a)
    long_a, long_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    unit_a, unit_b = a / long_a.clamp(min=tiny), b / long_b.clamp(min=tiny)
    # atan2 keeps its digits for small angles, where arccos of a cosine near 1 has lost them.
    w = 2 * torch.atan2((unit_a - unit_b).norm(dim=-1, keepdim=True), (unit_a + unit_b).norm(dim=-1, keepdim=True))
    s = torch.sin(w)
    flat = (s.abs() < 1e-6) | (long_a == 0) | (long_b == 0)
    s = torch.where(flat, torch.ones_like(s), s)
    turned = (torch.sin((1 - t) * w) * unit_a + torch.sin(t * w) * unit_b) / s
    return torch.where(flat, (1 - t) * a + t * b, turned * ((1 - t) * long_a + t * long_b))


def walk(a: Tensor, b: Tensor, steps: int, path: Path = slerp) -> Tensor:
    """`steps` latents from a [dim] to b [dim], both ends included -> [steps, dim]."""
    if steps < 2:
        raise ValueError(f"walk: steps is {steps}; a walk with both ends needs at least 2.")
    t = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)
    return path(a.expand(steps, -1), b.expand(steps, -1), t)


def corners_grid(corners: Tensor, rows: int, columns: int, path: Path = slerp) -> Tensor:
    """Latents between corners [4, dim] (top left, top right, bottom left, bottom right) -> [rows, columns, dim]."""
    if corners.ndim != 2 or len(corners) != 4:
        raise ValueError(f"corners_grid: corners have shape {tuple(corners.shape)}; give four latents [4, dim].")
    left, right = walk(corners[0], corners[2], rows, path), walk(corners[1], corners[3], rows, path)
    return torch.stack([walk(a, b, columns, path) for a, b in zip(left, right, strict=True)])
