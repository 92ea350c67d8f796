"""Inversion: the latent whose sample is nearest to a given example.

    z* = argmin over z  |G(z) - x|^2 / n + a |f(G(z)) - f(x)|^2 / m + b (|z|^2 / d - 1)^2

n, m, d numbers in x, f(x), z. f is any function of examples, None for pixels alone. The last term keeps normal latents
at the length that they have. It starts where an encoder says, or at the best of several draws of the prior, and goes
down by Adam with a rate that falls along a half cosine, all examples at once, each on its own.

    Generative Visual Manipulation on the Natural Image Manifold (Zhu et al., 2016), https://arxiv.org/abs/1609.03552
    Inverting the Generator of a Generative Adversarial Network (II) (Creswell and Bharath, 2018),
    https://arxiv.org/abs/1802.05701
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Generate = Callable[[Tensor], Tensor]
Features = Callable[[Tensor], Tensor]


class Inverted(NamedTuple):
    """Latents z [N, d] of the lowest loss met, and the squared pixel error a number by step, [steps + 1, N]."""

    z: Tensor
    errors: Tensor


def invert(generate: Generate, x: Tensor, start: Tensor, *, features: Features | None = None, weight: float = 1.0,
           keep: float = 0.0, steps: int = 200, rate: float = 0.05) -> Inverted:
    """Latents for examples x [N, ...], from `start` [N, d].

    Args:
        generate: latents [N, d] -> examples, differentiable, each example from its own latent.
        features: f, examples [N, ...] -> numbers [N, ...]; differentiable.
        weight: a, of the features' error.
        keep: b, of the latent's length; 0 for codes that are not normal.
        rate: Adam's first rate, in units of the latent.

    Raises:
        ValueError: as many starts as examples are needed; steps below 0, a rate that is not positive.
    """
    if start.ndim != 2 or len(start) != len(x):
        raise ValueError(f"{len(x)} examples are inverted from as many latents [N, d]; received {list(start.shape)}")
    if steps < 0 or not rate > 0:
        raise ValueError(f"inversion received {steps} steps and rate {rate}; give 0 or more, and a rate above 0")
    goal = features(x).detach() if features is not None else None
    z = start.detach().clone()
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    best, lowest = z.clone(), torch.full((len(x),), math.inf, device=z.device)
    errors = []
    for step in range(steps + 1):
        with torch.enable_grad():
            z.requires_grad_(True)
            made = generate(z)
            error = (made - x).square().flatten(1).mean(1)
            loss = error
            if features is not None and goal is not None:
                loss = loss + weight * (features(made) - goal).square().flatten(1).mean(1)
            if keep:
                loss = loss + keep * (z.square().mean(1) - 1).square()
            slope = torch.autograd.grad(loss.sum(), z)[0]
        errors.append(error.detach())
        z = z.detach()
        better = loss.detach() < lowest
        best, lowest = torch.where(better[:, None], z, best), torch.where(better, loss.detach(), lowest)
        if step < steps:
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope.square()
            now = rate * (1 + math.cos(math.pi * step / steps)) / 2
            mean, square = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
            z = z - now * mean / (square.sqrt() + 1e-12)
    return Inverted(best, torch.stack(errors))


@torch.no_grad()
def best_start(generate: Generate, x: Tensor, candidates: Tensor, *, features: Features | None = None,
               weight: float = 1.0) -> Tensor:
    """For each example the candidate latent [K, d] whose sample is nearest to it -> [N, d]."""
    made = generate(candidates)
    distance = _between(made.flatten(1), x.flatten(1))
    if features is not None:
        distance = distance + weight * _between(features(made).flatten(1), features(x).flatten(1))
    return candidates[distance.argmin(1)]


def _between(made: Tensor, x: Tensor) -> Tensor:
    """Mean squared differences [N, K] of x [N, n] from each of made [K, n]."""
    return torch.cdist(x.float(), made.float()).square() / x.shape[1]
