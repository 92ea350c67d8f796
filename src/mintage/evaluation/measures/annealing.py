"""Annealed importance sampling: the likelihood of a decoder, p(x) = E_z N(x; G(z), sigma^2 I), z ~ N(0, I).

Chains move from the prior to the posterior through p_b(z) ~ N(z; 0, I) N(x; G(z), sigma^2 I)^b, 0 = b_0 < ... < b_T
= 1, each step a Hamiltonian move that leaves p_b unchanged, and

    log w = sum_t (b_t - b_(t-1)) log N(x; G(z_(t-1)), sigma^2 I),   log p(x) about log mean w

E w = p(x), so E log mean w lies below log p(x) and rises to it with more steps. On the Quantitative Analysis of
Decoder-Based Generative Models (Wu et al., 2017), https://arxiv.org/abs/1611.04273, after Annealed Importance Sampling
(Neal, 2001).

Of an x that the decoder made itself the z is known, an exact draw from the posterior. Chains run backwards from it give
E 1 / w = 1 / p(x), so -log mean (1 / w) lies above: Sandwiching the Marginal Likelihood Using Bidirectional Monte Carlo
(Grosse et al., 2015, https://arxiv.org/abs/1511.02543).

A short pilot run finds the step size at each b, for each example, and where between 0 and 1 the log-likelihood varies
most; the steps are spent there, b_t - b_(t-1) ~ 1 / deviation. After the pilot both are fixed: chains that adapted to
their own past would no longer leave p_b unchanged, and the bounds would not be bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

TARGET, RATE = 0.7, 0.25  # acceptance, and how fast the pilot's step sizes follow it
JITTER = 0.4  # each move's step varies by so much: with one length, chains on a Gaussian can return to where they were
PILOT_SHARE, PILOT_CHAINS, PILOT_LEAST = 5, 4, 60


class Bounds(NamedTuple):
    """Of examples x [n, ...] that the decoder made: in the mean, log p(x_i) lies from lower [n] to upper [n]."""

    x: Tensor
    lower: Tensor
    upper: Tensor


class _Posterior(NamedTuple):
    """log N(x; G(z), sigma^2 I) of one x for each z, with its slope."""

    generate: Callable[[Tensor], Tensor]
    flat: Tensor
    sigma: float

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            error = (self.generate(z).flatten(1) - self.flat).square().sum(1)
            lik = -error / (2 * self.sigma**2) - self.flat.shape[1] * math.log(self.sigma * math.sqrt(2 * math.pi))
            (slope,) = torch.autograd.grad(lik.sum(), z)
        return lik.detach(), slope

    def times(self, chains: int) -> _Posterior:
        return self._replace(flat=self.flat.repeat_interleave(chains, 0))


class _Path(NamedTuple):
    """The steps of a run: b_0..b_T, and the step sizes [T + 1, n] there."""

    betas: list[float]
    sizes: Tensor


def annealed_likelihood(generate: Callable[[Tensor], Tensor], x: Tensor, *, z_dim: int, sigma: float, chains: int = 16,
                        steps: int = 1000, leapfrogs: int = 3, seed: int = 0) -> Tensor:
    """Estimates of log p(x_i) [n] in nats, for x [n, ...].

    Args:
        generate: G, z [m, z_dim] -> [m, ...], differentiable.
        sigma: deviation of the observation noise, in the units of x.
        chains: for each example.
        steps: intermediate distributions; the estimate rises to the truth with more of them.
        leapfrogs: of each Hamiltonian move, whose step size has 70 % accepted; at equal cost, few of them and more
            steps were more exact than ten.

    Raises:
        ValueError: no examples, or a sigma or count that is not above 0.
    """
    _check(x, sigma, chains, steps, leapfrogs)
    g, posterior = torch.Generator(x.device).manual_seed(seed), _Posterior(generate, x.flatten(1), sigma)
    path = _pilot(posterior, z_dim, steps, leapfrogs, g)
    z = torch.randn(len(x) * chains, z_dim, generator=g, dtype=x.dtype, device=x.device)
    return _weights(posterior.times(chains), z, path, chains, leapfrogs, g, forwards=True)


def annealed_bounds(generate: Callable[[Tensor], Tensor], z: Tensor, *, sigma: float, chains: int = 16,
                    steps: int = 1000, leapfrogs: int = 3, seed: int = 0) -> Bounds:
    """A lower and an upper bound of log p(x_i), for x = G(z) + sigma e that are drawn here from z [n, z_dim] ~ N(0, I).

    The gap between their means bounds the error of `annealed_likelihood` with as many steps, on examples like these.
    Arguments and errors as there.
    """
    _check(z, sigma, chains, steps, leapfrogs)
    g = torch.Generator(z.device).manual_seed(seed)
    with torch.no_grad():
        made = generate(z)
    x = made + sigma * torch.randn(made.shape, generator=g, dtype=made.dtype, device=made.device)
    posterior = _Posterior(generate, x.flatten(1), sigma)
    path = _pilot(posterior, z.shape[1], steps, leapfrogs, g)
    start = torch.randn(len(z) * chains, z.shape[1], generator=g, dtype=z.dtype, device=z.device)
    many = posterior.times(chains)
    lower = _weights(many, start, path, chains, leapfrogs, g, forwards=True)
    upper = _weights(many, z.repeat_interleave(chains, 0), path, chains, leapfrogs, g, forwards=False)
    return Bounds(x, lower, upper)


def _weights(posterior: _Posterior, z: Tensor, path: _Path, chains: int, leapfrogs: int, g: torch.Generator, *,
             forwards: bool) -> Tensor:
    """log mean w [n] of chains from the prior; -log mean 1 / w of chains from the posterior, backwards."""
    lik, slope = posterior(z)
    log_w, last = torch.zeros_like(lik), len(path.betas) - 1
    for t in range(1, last + 1) if forwards else range(last, 0, -1):
        log_w += (path.betas[t] - path.betas[t - 1]) * lik
        here = t if forwards else t - 1
        if 0 < here < last:  # at the ends no weight follows the move
            size = path.sizes[here].repeat_interleave(chains)[:, None]
            z, lik, slope, _ = _move(posterior, z, lik, slope, path.betas[here], size, leapfrogs, g)
    sign = 1 if forwards else -1
    return sign * ((sign * log_w).unflatten(0, (-1, chains)).logsumexp(1) - math.log(chains))


def _move(posterior: _Posterior, z: Tensor, lik: Tensor, slope: Tensor, beta: float, size: Tensor, leapfrogs: int,
          g: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A Hamiltonian move: where the chains are then, their log-likelihoods and slopes, and the chance of each move."""
    size = size * (1 + JITTER * (2 * torch.rand(len(z), 1, generator=g, dtype=z.dtype, device=z.device) - 1))
    momentum = torch.randn(z.shape, generator=g, dtype=z.dtype, device=z.device)
    new, p = z, momentum + size / 2 * (beta * slope - z)
    for k in range(leapfrogs):
        new = new + size * p
        new_lik, new_slope = posterior(new)
        p = p + (size if k + 1 < leapfrogs else size / 2) * (beta * new_slope - new)
    before = beta * lik - (z.square() + momentum.square()).sum(1) / 2
    chance = (beta * new_lik - (new.square() + p.square()).sum(1) / 2 - before).clamp(max=0).exp().nan_to_num(0.0)
    taken = torch.rand(len(z), generator=g, dtype=z.dtype, device=z.device) < chance
    z, slope = torch.where(taken[:, None], new, z), torch.where(taken[:, None], new_slope, slope)
    return z, torch.where(taken, new_lik, lik), slope, chance


def _pilot(posterior: _Posterior, z_dim: int, steps: int, leapfrogs: int, g: torch.Generator) -> _Path:
    """Step sizes and the schedule, from a few chains that adapt and are then thrown away."""
    n, flat = len(posterior.flat), posterior.flat
    chains, rounds = max(PILOT_CHAINS, math.ceil(48 / n)), max(PILOT_LEAST, steps // PILOT_SHARE)
    grid = torch.linspace(0, 1, rounds + 1, dtype=torch.float64) ** 4
    many = posterior.times(chains)
    z = torch.randn(n * chains, z_dim, generator=g, dtype=flat.dtype, device=flat.device)
    lik, slope = many(z)
    size, sizes, deviations = torch.full((n,), 0.3, dtype=flat.dtype, device=flat.device), [], []
    for beta in grid.tolist():
        z, lik, slope, chance = _move(many, z, lik, slope, beta, size.repeat_interleave(chains)[:, None], leapfrogs, g)
        sizes.append(size)
        size = (size * (RATE * (chance.unflatten(0, (n, chains)).mean(1) - TARGET)).exp()).clamp(1e-5, 1.2)
        deviations.append(float(lik.unflatten(0, (n, chains)).var(1).mean().sqrt()))
    betas = _schedule(grid, torch.tensor(deviations, dtype=torch.float64), steps)
    near = torch.bucketize(torch.tensor(betas, dtype=torch.float64), grid).clamp(max=rounds)
    return _Path(betas, torch.stack(sizes)[near.to(flat.device)])


def _schedule(grid: Tensor, deviations: Tensor, steps: int) -> list[float]:
    """0 = b_0 < ... < b_T = 1, such that each step crosses an equal part of the integral of the deviation.

    But a fifth of the steps follow the pilot's own grid, for places its few chains did not show.
    """
    width = 9
    smooth = torch.nn.functional.pad(deviations[None, None], (width // 2, width // 2), mode="replicate")
    smooth = smooth.unfold(2, width, 1).median(-1).values[0, 0].clamp(min=1e-9)
    share = torch.cat([grid.new_zeros(1), ((smooth[1:] + smooth[:-1]) / 2 * grid.diff()).cumsum(0)])
    share = 0.8 * share / share[-1] + 0.2 * torch.linspace(0, 1, len(grid), dtype=torch.float64)
    wanted = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    k = torch.searchsorted(share, wanted).clamp(1, len(grid) - 1)
    part = (wanted - share[k - 1]) / (share[k] - share[k - 1])
    betas = grid[k - 1] + part * (grid[k] - grid[k - 1])
    return [0.0, *betas[1:-1].tolist(), 1.0]


def _check(x: Tensor, sigma: float, chains: int, steps: int, leapfrogs: int) -> None:
    if x.ndim < 2 or not len(x):
        raise ValueError(f"annealing: received {tuple(x.shape)}; give [n, ...] with n >= 1")
    if not sigma > 0 or min(chains, steps, leapfrogs) < 1:
        raise ValueError(f"annealing: sigma {sigma}, chains {chains}, steps {steps}, leapfrogs {leapfrogs}; all must "
                         "be above 0")
