"""Variational inference: bounds on log p(x) from a model p(x | z) p(z) and an approximate posterior q(z | x).

p(z) = N(0, I) and q(z | x) = N(m, diag(s^2)), z [..., d]; x [N, ...]. All are in nats, one number an example:

    log p(x)  >=  L_K = E log (1/K) sum_k p(x | z_k) p(z_k) / q(z_k | x),  z_k ~ q     (importance weighted)
              >=  L_1 = E log p(x | z) - KL(q(z | x) | p(z))                           (the ELBO)

L_K rises with K towards log p(x), and equals it for any K where q is the exact posterior.

    Auto-Encoding Variational Bayes (Kingma and Welling, 2014), eq. 3 and 10, https://arxiv.org/abs/1312.6114
    beta-VAE (Higgins et al., 2017), https://openreview.net/forum?id=Sy2fzU9gl
    Importance Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

LOG_2_PI = math.log(2 * math.pi)


def reparameterised(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """z = m + s e for noise e ~ N(0, I): a draw of q whose gradient reaches m and s."""
    return mean + (log_variance / 2).exp() * noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(m, s^2) | N(0, I)) = sum (m^2 + s^2 - log s^2 - 1) / 2.   [N, d] twice -> [N], 0 or more."""
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(-1) / 2


def log_gaussian(x: Tensor, mean: Tensor | float = 0.0, log_variance: Tensor | float = 0.0) -> Tensor:
    """log N(x; m, s^2), summed over all but the leading dimension of x, [N, ...] -> [N]; shapes spread."""
    spread = torch.as_tensor(log_variance, dtype=x.dtype, device=x.device)
    return -((x - mean).square() * (-spread).exp() + spread + LOG_2_PI).flatten(1).sum(1) / 2


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """sum x log p + (1 - x) log(1 - p), p the sigmoid of the logits.   x [N, ...] in [0, 1] -> [N], 0 or less.

    A log-likelihood where x is 0 or 1; for values between, the cross-entropy, which has no zero.
    """
    return (x * logsigmoid(logits) + (1 - x) * logsigmoid(-logits)).flatten(1).sum(1)


def elbo(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    """E [log p(x | z) - beta KL], a scalar; a bound on E log p(x) where beta is 1 or more.   [N] twice -> ().

    Raises:
        ValueError: shapes that differ.
    """
    if log_likelihood.shape != kl.shape:
        raise ValueError(f"the likelihoods have shape {tuple(log_likelihood.shape)} and the divergences "
                         f"{tuple(kl.shape)}; give one of each an example")
    return (log_likelihood - beta * kl).mean()


def importance_weighted(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor) -> Tensor:
    """log (1/K) sum_k exp(log p(x | z_k) + log p(z_k) - log q(z_k | x)).   [K, N] three times -> [N].

    Raises:
        ValueError: shapes that differ, or no sample.
    """
    shapes = {tuple(term.shape) for term in (log_likelihood, log_prior, log_posterior)}
    if len(shapes) > 1 or log_likelihood.ndim != 2 or not len(log_likelihood):
        raise ValueError(f"importance weights received the shapes {sorted(shapes)}; give three of [samples, examples]")
    weights = log_likelihood + log_prior - log_posterior
    return torch.logsumexp(weights, 0) - math.log(len(weights))
