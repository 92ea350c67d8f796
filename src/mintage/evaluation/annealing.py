"""Annealed importance sampling: the likelihood of a decoder, p(x) = E_z N(x; G(z), sigma^2 I), z ~ N(0, I).

Chains move from the prior to the posterior through p_b(z) ~ N(z; 0, I) N(x; G(z), sigma^2 I)^b, 0 = b_0 < ... < b_T
= 1, each step a Hamiltonian move that leaves p_b unchanged, and

    log w = sum_t (b_t - b_(t-1)) log N(x; G(z_(t-1)), sigma^2 I),   log p(x) about log mean w

E w = p(x), so E log mean w lies below log p(x) and rises to it with more steps. On the Quantitative Analysis of
Decoder-Based Generative Models (Wu et al., 2017), https://arxiv.org/abs/1611.04273, after Annealed Importance Sampling
(Neal, 2001).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

TARGET, RATE = 0.65, 1.02


def annealed_likelihood(generate: Callable[[Tensor], Tensor], x: Tensor, *, z_dim: int, sigma: float, chains: int = 16,
                        steps: int = 1000, leapfrogs: int = 10, seed: int = 0) -> Tensor:
    """Estimates of log p(x_i) [n] in nats, for x [n, ...].

    Args:
        generate: G, z [m, z_dim] -> [m, ...], differentiable.
        sigma: deviation of the observation noise, in the units of x.
        chains: for each example.
        steps: intermediate distributions; the estimate rises to the truth with more of them.
        leapfrogs: of each Hamiltonian move; its step is adapted to 65 % acceptance, for each chain.
    """
    flat = x.flatten(1).repeat_interleave(chains, 0)
    g = torch.Generator(x.device).manual_seed(seed)
    betas = _schedule(steps)

    def log_lik(z: Tensor) -> Tensor:
        error = (generate(z).flatten(1) - flat).square().sum(1)
        return -error / (2 * sigma**2) - flat.shape[1] * math.log(sigma * math.sqrt(2 * math.pi))

    def slope(z: Tensor, beta: float) -> tuple[Tensor, Tensor, Tensor]:
        """log p_b(z), its gradient, and the log-likelihood part."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            lik = log_lik(z)
            whole = beta * lik - z.square().sum(1) / 2
            (gradient,) = torch.autograd.grad(whole.sum(), z)
        return whole.detach(), gradient, lik.detach()

    z = torch.randn(len(flat), z_dim, generator=g, dtype=x.dtype, device=x.device)
    log_w, size = torch.zeros(len(flat), dtype=x.dtype, device=x.device), torch.full_like(z[:, :1], 0.1)
    lik = log_lik(z).detach()
    for before, beta in zip(betas, betas[1:], strict=False):
        log_w += (beta - before) * lik
        z, lik, taken = _move(z, beta, size, slope, leapfrogs, g)
        size = (size * torch.where(taken[:, None], RATE, RATE ** (-TARGET / (1 - TARGET)))).clamp(1e-4, 2.0)
    return log_w.unflatten(0, (len(x), chains)).logsumexp(1) - math.log(chains)


def _move(z: Tensor, beta: float, size: Tensor, slope: Callable[..., tuple[Tensor, Tensor, Tensor]], leapfrogs: int,
          g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A Hamiltonian move: where the chains are then, their log-likelihoods, and which proposals were taken."""
    momentum = torch.randn(z.shape, generator=g, dtype=z.dtype, device=z.device)
    whole, gradient, lik = slope(z, beta)
    energy = whole - momentum.square().sum(1) / 2
    new, p = z, momentum + size / 2 * gradient
    for k in range(leapfrogs):
        new = new + size * p
        there, gradient, new_lik = slope(new, beta)
        p = p + size * gradient * (1.0 if k + 1 < leapfrogs else 0.5)
    gain = there - p.square().sum(1) / 2 - energy
    taken = torch.rand(len(z), generator=g, dtype=z.dtype, device=z.device).log() < gain
    return torch.where(taken[:, None], new, z), torch.where(taken, new_lik, lik), taken


def _schedule(steps: int, steepness: float = 4.0) -> list[float]:
    """0 = b_0 < ... < b_T = 1, densest at both ends: a rescaled sigmoid, as in Wu et al."""
    s = torch.sigmoid(steepness * torch.linspace(-1, 1, steps + 1, dtype=torch.float64))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()
