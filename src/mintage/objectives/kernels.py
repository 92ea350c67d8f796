"""Kernels: how alike two examples are, k(x, y) of x [N, k] and y [M, k] -> [N, M].

d is the Euclidean distance of x and y. Mixtures are sums, as in the papers, so that several scales are seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Kernel = Callable[[Tensor, Tensor], Tensor]


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """d^2 = |x|^2 + |y|^2 - 2 x.y, of [N, k] and [M, k] -> [N, M].

    Both are first moved by the mean of x: distances do not see it, and differences of large squares lose fewer digits.
    """
    centre = x.mean(0).detach()
    x, y = x - centre, y - centre
    squares = x.square().sum(1)[:, None] + y.square().sum(1)[None, :]
    return (squares - 2 * x @ y.T).clamp(min=0)


def gaussian_kernel(sigmas: Sequence[float] = (1, 2, 4, 8, 16)) -> Kernel:
    """sum over sigma of exp(-d^2 / (2 sigma^2)).

    MMD GAN (Li et al., 2017), whose bandwidths these are on the critic's features, https://arxiv.org/abs/1705.08584;
    Generative Moment Matching Networks (Li et al., 2015) divide d^2 by 2 sigma, sigma being 2, 5, 10, 20, 40, 80 on
    data: give the roots of those, https://arxiv.org/abs/1502.02761

    Args:
        sigmas: the bandwidths, in the units of d.

    Raises:
        ValueError: no bandwidth, or one that is not positive.
    """
    scales = _positive("sigmas", sigmas)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squared = squared_distances(x, y)
        return torch.stack([(-squared / (2 * sigma**2)).exp() for sigma in scales]).sum(0)

    return kernel


def rational_quadratic_kernel(alphas: Sequence[float] = (0.2, 0.5, 1, 2, 5)) -> Kernel:
    """sum over alpha of (1 + d^2 / (2 alpha))^(-alpha): heavier tails than the Gaussian's, so far fakes are still seen.

    Demystifying MMD GANs (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401

    Args:
        alphas: the smaller, the heavier the tail.

    Raises:
        ValueError: no alpha, or one that is not positive.
    """
    powers = _positive("alphas", alphas)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squared = squared_distances(x, y)
        return torch.stack([(-alpha * torch.log1p(squared / (2 * alpha))).exp() for alpha in powers]).sum(0)

    return kernel


def linear_kernel(x: Tensor, y: Tensor) -> Tensor:
    """x . y: the discrepancy is then |E x - E y|^2, and only the means are matched.

    A Kernel Two-Sample Test (Gretton et al., 2012), https://jmlr.org/papers/v13/gretton12a.html
    """
    return x @ y.T


def energy_kernel(x: Tensor, y: Tensor) -> Tensor:
    """-d: the discrepancy is then the energy distance 2 E|x - y| - E|x - x'| - E|y - y'|.

    A distance kernel would add |x| + |y|, which cancels in every discrepancy. It needs memory for [N, M, k] numbers.

    Demystifying MMD GANs (Binkowski et al., 2018), https://arxiv.org/abs/1801.01401
    """
    squared = (x[:, None] - y[None, :]).square().sum(-1)
    apart = squared > 0  # a root's second slope at 0 is not a number, even where 0 multiplies it
    return -(squared.where(apart, torch.ones_like(squared)).sqrt() * apart)


def _positive(name: str, scales: Sequence[float]) -> tuple[float, ...]:
    if not scales or not all(scale > 0 for scale in scales):
        raise ValueError(f"{name} received {list(scales)!r}; give one or more positive numbers, such as [1, 2, 4]")
    return tuple(scales)
