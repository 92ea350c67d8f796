"""Gradient penalties with a target: the critic's slope |g| should be 1 (or not exceed it) between or around the data.

D is the critic, x reals and G(z) fakes [N, ...], y the labels of both or None, g(x') = dD(x')/dx', |g| the norm over
all elements of one example.

    WGAN-GP   E (|g(x')| - t)^2,  x' = e x + (1 - e) G(z),  one e ~ U(0, 1) per example
    DRAGAN    E (|g(x')| - 1)^2,  x' = x + c std(x) u,      u ~ U(0, 1) per element
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import relu

from mintage.penalties.slopes import Slope, autograd, require_exact, root


def gradient_penalty(critic: Any, real: Tensor, fake: Tensor, y: Tensor | None = None, *, generator: torch.Generator,
                     target: float = 1.0, one_sided: bool = False, slope: Slope = autograd) -> Tensor:
    """E (|g(x')| - t)^2 at x' = e x + (1 - e) G(z), a scalar; one e ~ U(0, 1) for each example.

    One-sided it is E max(0, |g| - t)^2. No gradient reaches what made the fakes. Nothing is added under the root: the
    value is exact, and where g = 0 the gradient of |g| is taken to be 0.

    Improved Training of Wasserstein GANs (Gulrajani et al., 2017), eq. 3 and algorithm 1.
    https://arxiv.org/abs/1704.00028

    Raises:
        ValueError: as many fakes as reals are not given, or a slope that is an estimate.
    """
    if real.shape != fake.shape:
        raise ValueError(f"reals of shape {tuple(real.shape)} and fakes of shape {tuple(fake.shape)}; the gradient "
                         "penalty looks between pairs, so both have the same shape: draw as many fakes as reals")
    require_exact(slope)
    e = torch.rand(len(real), generator=generator, device=generator.device).to(real)
    e = e.view(-1, *[1] * (real.ndim - 1))
    excess = root(slope(critic, e * real + (1 - e) * fake.detach(), y)) - target
    return (relu(excess) if one_sided else excess).square().mean()


def dragan(critic: Any, real: Tensor, y: Tensor | None = None, *, generator: torch.Generator, c: float = 0.5,
           slope: Slope = autograd) -> Tensor:
    """E (|g(x')| - 1)^2 at x' = x + c std(x) u, a scalar; u ~ U(0, 1) per element, std over the whole batch.

    On Convergence and Stability of GANs (Kodali et al., 2017). https://arxiv.org/abs/1705.07215

    The paper writes Gaussian noise of a fixed size, x + N(0, c I). Its authors' experiments scale uniform noise by half
    of the batch's deviation, as here, so c does not depend on the data's units; some copies of
    their code also draw one e ~ U(0, 1) per example and look at x + e c std(x) u, which this does not.

    Raises:
        ValueError: a slope that is an estimate.
    """
    require_exact(slope)
    u = torch.rand(real.shape, generator=generator, device=generator.device).to(real)
    around = real + c * real.std(correction=0) * u
    return (root(slope(critic, around, y)) - 1).square().mean()
