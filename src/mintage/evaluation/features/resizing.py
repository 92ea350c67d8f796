"""Resizing: pictures x [N, C, H, W] -> [N, C, side, side], by the rules that published scores were computed with.

Each rule here is linear and works on rows and columns apart, so it is a pair of matrices: y = A x B^T with A [side, H]
and B [side, W]. Row i of such a matrix says how much each old pixel weighs in new pixel i; every row sums to 1.
Notation: s = old / new is the size of a new pixel in old pixels, and k a kernel around 0.

The matrices are made in float64 and rounded once. That matters: torch's own antialiased resize works out the weights in
float32 and is off by up to 0.004 levels of 255 on a picture of 1024 pixels, these by less than 0.0001 (both against
Pillow's float mode). A score moves with the rule far more: On Aliased Resizing and Surprising Subtleties in GAN
Evaluation (Parmar et al., 2022, https://arxiv.org/abs/2104.11222).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor


def triangle(t: Tensor) -> Tensor:
    """The bilinear kernel: k(t) = 1 - |t| for |t| < 1, else 0."""
    return (1 - t.abs()).clamp_min(0)


def cubic(t: Tensor, a: float = -0.5) -> Tensor:
    """Keys' cubic kernel, zero from |t| = 2 on; a = -0.5 is Pillow's bicubic.

    k(t) = (a + 2)|t|^3 - (a + 3)|t|^2 + 1 for |t| < 1, and a(|t|^3 - 5|t|^2 + 8|t| - 4) for 1 <= |t| < 2.
    """
    t = t.abs()
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return torch.where(t < 1, near, torch.where(t < 2, far, torch.zeros_like(t)))


KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {"bilinear": (triangle, 1.0), "bicubic": (cubic, 2.0)}
"""Kernel and half-width of each rule that antialiases."""


@lru_cache(maxsize=64)
def antialiased_matrix(old: int, new: int, rule: str) -> Tensor:
    """[new, old] float64: A[i, j] is proportional to k((j + 1/2 - c_i) / m), c_i = (i + 1/2) s, m = max(s, 1).

    As Pillow does it: the kernel is stretched by m when a picture shrinks (so no old pixel is skipped), only pixels
    whose centre lies within the stretched half-width (rounded to whole pixels) count, and each row is divided by its
    sum, which is also what happens at the border.
    """
    kernel, half = KERNELS[rule]
    step = old / new
    stretch = max(step, 1.0)
    centre = (torch.arange(new, dtype=torch.float64) + 0.5).mul(step).unsqueeze(1)
    pixel = torch.arange(old, dtype=torch.float64)
    first, last = (centre - half * stretch + 0.5).floor(), (centre + half * stretch + 0.5).floor()
    weight = kernel((pixel + 0.5 - centre) / stretch) * ((pixel >= first) & (pixel < last))
    return weight / weight.sum(1, keepdim=True)


def antialiased(x: Tensor, side: int, rule: str = "bilinear") -> Tensor:
    """x [N, C, H, W] of any range -> [N, C, side, side] float32, as Pillow resizes in float mode: nothing is rounded.

    `rule` is "bilinear" or "bicubic". A bicubic picture may overshoot the range of x a little; it is not clipped.

    Raises:
        ValueError: another rule, a side below 1, or x not [N, C, H, W] with at least one pixel.
    """
    _check(x, side)
    if rule not in KERNELS:
        raise ValueError(f"an antialiased resize is one of {', '.join(KERNELS)}, received {rule!r}.")
    height, width = x.shape[2:]
    x = x.float()
    if width != side:
        x = x @ antialiased_matrix(width, side, rule).to(x).T
    return x if height == side else antialiased_matrix(height, side, rule).to(x) @ x


def tensorflow_bilinear(x: Tensor, side: int) -> Tensor:
    """x [N, C, H, W] -> [N, C, side, side] float32, as TensorFlow 1's resize_bilinear without align_corners.

    New pixel i looks at place p = i s, with no half-pixel shift: y_i = x_lo + (x_hi - x_lo)(p - lo), lo = floor(p),
    hi = min(lo + 1, old - 1). The picture moves up and left by (s - 1)/2 old pixels, and shrinking by more than 2
    skips pixels (aliasing). Published FID figures were made so, hence it is here; nothing else should use it. The
    arithmetic is float32 in this order, rows within columns, which is TensorFlow's and torch-fidelity's to the bit.

    Raises:
        ValueError: as `antialiased`.
    """
    _check(x, side)
    low, high, part = _places(x.shape[3], side, x.device)
    x = x.float()
    left = x[..., low]
    x = left + (x[..., high] - left) * part
    low, high, part = _places(x.shape[2], side, x.device)
    above = x[..., low, :]
    return above + (x[..., high, :] - above) * part.unsqueeze(1)


def _places(old: int, new: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """lo, hi and p - lo of each new pixel, with the step rounded to float32 first, as the original does."""
    place = torch.arange(new, dtype=torch.float32, device=device) * torch.tensor(old / new, dtype=torch.float32)
    low = place.long()
    return low.clamp_max(old - 1), (low + 1).clamp_max(old - 1), place - low


def _check(x: Tensor, side: int) -> None:
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(f"a resize takes pictures [N, C, H, W] with at least one pixel, received {tuple(x.shape)}.")
    if side < 1:
        raise ValueError(f"a picture cannot be resized to a side of {side}; it must be at least 1.")
