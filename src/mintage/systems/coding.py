"""Codes and likelihoods, as the systems with an encoder E and a decoder G read them.

x [N, *shape], z [N, z_dim]. G gives heights h: logits of a Bernoulli likelihood, or means of a Gaussian one, which is
told by G's `log_spread`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.objectives import importance_weighted, log_bernoulli, log_gaussian, reparameterised

LEAST, MOST = -12.0, 6.0  # of log s^2


def binarised(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images of -1 and 1 alone, each pixel 1 with probability (x + 1) / 2."""
    return 2 * torch.bernoulli(((x.float() + 1) / 2).clamp(0, 1), generator=generator) - 1


def posterior(nets: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Means and log-variances of q(z | x), [N, z_dim] each."""
    mean, log_variance = nets.E(x).float().chunk(2, 1)
    return mean, log_variance.clamp(LEAST, MOST)


def log_likelihood(nets: Any, x: Tensor, z: Tensor) -> Tensor:
    """log p(x | z) in nats.   [N]."""
    heights, spread = nets.G(z), nets.G.log_spread
    return log_bernoulli((x + 1) / 2, heights) if spread is None else log_gaussian(x, heights, 2 * spread)


def decode(nets: Any, z: Tensor, y: Tensor | None = None) -> Tensor:
    """The mean of p(x | z), images in [-1, 1]."""
    heights, spread = nets.G(z), nets.G.log_spread
    return 2 * heights.sigmoid() - 1 if spread is None else heights.clamp(-1, 1) if heights.ndim == 4 else heights


@torch.no_grad()
def log_evidence(nets: Any, x: Tensor, samples: int, generator: torch.Generator, *, at_once: int = 100) -> Tensor:
    """The importance-weighted bound on log p(x) with so many samples, in nats.   x [N, *shape] -> [N].

    Importance Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519

    Args:
        at_once: samples of each example that are decoded together.

    Raises:
        ValueError: fewer than one sample.
    """
    if samples < 1:
        raise ValueError(f"{samples} importance samples cannot be; ask for 1 or more")
    mean, log_variance = posterior(nets, x)
    terms: list[list[Tensor]] = []
    for first in range(0, samples, at_once):
        k = min(at_once, samples - first)
        noise = torch.randn((k, *mean.shape), generator=generator, device=mean.device)
        z = reparameterised(mean, log_variance, noise)
        flat, wide = z.flatten(0, 1), x.expand(k, *x.shape).flatten(0, 1)
        found = (log_likelihood(nets, wide, flat), log_gaussian(flat),
                 log_gaussian(flat, mean.repeat(k, 1), log_variance.repeat(k, 1)))
        terms.append([term.unflatten(0, (k, -1)) for term in found])
    return importance_weighted(*(torch.cat(term) for term in zip(*terms, strict=True)))
