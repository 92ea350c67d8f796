"""The kernel distance between two sets of features: the squared maximum mean discrepancy, without bias.

    MMD^2(a, b) = E k(a, a') + E k(b, b') - 2 E k(a, b),   a != a', b != b'

With k(a, b) = (<a, b> / d + 1)^3 and Inception features it is called KID (Demystifying MMD GANs, Binkowski et al.,
2018, https://arxiv.org/abs/1801.01401). Its expectation does not depend on n, so small sets compare with large ones; it
may fall below 0, which is noise about 0. A Kernel Two-Sample Test (Gretton et al., 2012), lemma 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64

Kernel = Callable[[Tensor, Tensor], Tensor]
ROWS = 128  # of a Gram matrix held at once: few enough to stay in a cache
LEAST = 2


class KernelDistance(NamedTuple):
    """The estimate from all n pairs; its standard error from disjoint blocks, infinite below four examples."""

    distance: float
    error: float
    counts: tuple[int, int]


def cubic(a: Tensor, b: Tensor) -> Tensor:
    """(<a_i, b_j> / d + 1)^3 for a [n, d], b [m, d] -> [n, m]."""
    inner = (a @ b.T).div_(a.shape[1]).add_(1)
    return inner.square().mul_(inner)  # a third of the time of a power


def gaussian(width: float) -> Kernel:
    """exp(-|a_i - b_j|^2 / (2 width^2))."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a @ b.T).mul_(-2).add_(a.square().sum(1)[:, None]).add_(b.square().sum(1)).clamp_(min=0)
        return squares.mul_(-1 / (2 * width * width)).exp_()

    return kernel


def mmd2(a: Tensor, b: Tensor, kernel: Kernel = cubic) -> float:
    """The unbiased estimate from features a [n, d] and b [m, d], n, m >= 2, in float64 and in chunks of rows.

    Raises:
        ValueError: fewer than two examples, features of another dimension, or values not finite.
    """
    a, b = checked(a, b)
    return within(a, kernel) + within(b, kernel) - 2 * across(a, b, kernel)


def within(a: Tensor, kernel: Kernel = cubic) -> float:
    """The mean of k(a_i, a_j) over pairs i != j of a float64 [n, d]; k(a, b) = k(b, a)."""
    total, n = 0.0, len(a)
    for start in range(0, n, ROWS):
        rows = a[start : start + ROWS]
        own = kernel(rows, rows)
        total += float(own.sum() - own.diagonal().sum())
        if start + ROWS < n:
            total += 2 * float(kernel(rows, a[start + ROWS :]).sum())
    return total / (n * (n - 1))


def across(a: Tensor, b: Tensor, kernel: Kernel = cubic) -> float:
    """The mean of k(a_i, b_j) over all pairs of a [n, d] and b [m, d], float64."""
    return sum(float(kernel(rows, b).sum()) for rows in a.split(ROWS)) / (len(a) * len(b))


def kernel_distance(a: Tensor, b: Tensor, kernel: Kernel = cubic, *, blocks: int = 10) -> KernelDistance:
    """MMD^2 and its standard error: the deviation over `blocks` disjoint blocks of the examples, over sqrt(blocks).

    Where the sets are alike the estimate's deviation falls as 1/n, and this error, made of smaller sets, is too large:
    it errs towards "no difference".
    """
    a, b = checked(a, b)
    blocks = min(blocks, len(a) // LEAST, len(b) // LEAST)
    error = float("inf")
    if blocks > 1:
        parts = [mmd2(x, y, kernel) for x, y in zip(a.tensor_split(blocks), b.tensor_split(blocks), strict=True)]
        error = float(torch.tensor(parts, dtype=torch.float64).std() / blocks**0.5)
    return KernelDistance(mmd2(a, b, kernel), error, (len(a), len(b)))


def checked(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64 on one device; ValueError where they do not compare."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < LEAST:
        raise ValueError(f"the kernel distance needs features [n, d] and [m, d] with n, m >= {LEAST}; received "
                         f"{tuple(a.shape)} and {tuple(b.shape)}")
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        raise ValueError("features hold NaN or infinite values; look at the samples they were computed from")
    return float64(a), float64(b).to(float64(a).device)
