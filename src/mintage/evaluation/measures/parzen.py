"""The Parzen window estimate of a likelihood, as in 2014: a Gaussian around each of many samples.

    log p(x) = log 1/n sum_j N(x; g_j, sigma^2 I),   sigma chosen on validation examples

Generative Adversarial Nets (Goodfellow et al., 2014), section 5, https://arxiv.org/abs/1406.2661. It is kept because
that paper reports it. It is no good as a likelihood in many dimensions: with any number of samples that fits a memory
it is far off, and it ranks models wrongly (A Note on the Evaluation of Generative Models, Theis et al., 2016,
https://arxiv.org/abs/1511.01844). By `benchmarks/likelihoods.py`, 10,000 true samples of a standard normal give its
likelihood within .01 nats in 2 dimensions and 9 nats too low in 64; and on MNIST, 1,000 k-means centroids, which are no
samples of anything, score 141 nats above 1,000 real digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

SIGMAS = tuple(float(s) for s in torch.logspace(-1.5, 0.0, 16))
ROWS = 64


class LogLikelihood(NamedTuple):
    """The mean over test examples in nats, its standard error, and the sigma used."""

    nats: float
    error: float
    sigma: float
    n: int


def parzen(samples: Tensor, x: Tensor, sigma: float) -> Tensor:
    """log p(x_i) [n] in nats under Gaussians of deviation sigma around samples [m, d], for x [n, d]."""
    d = samples.shape[1]
    constant = math.log(len(samples)) + d * math.log(sigma * math.sqrt(2 * math.pi))
    parts = [(-torch.cdist(rows, samples).square() / (2 * sigma * sigma)).logsumexp(1) for rows in x.split(ROWS)]
    return torch.cat(parts) - constant


def parzen_likelihood(samples: Tensor, validation: Tensor, test: Tensor, *,
                      sigmas: Sequence[float] = SIGMAS) -> LogLikelihood:
    """The test examples' mean log-likelihood at the sigma that suits the validation examples best.

    Args:
        samples: [m, ...], in the units the likelihood is wanted in (the paper: pixels in [0, 1]).
        validation, test: [n, ...].

    Raises:
        ValueError: shapes that differ, or a best sigma at the end of the list, where a better one may lie beyond.
    """
    if not samples.shape[1:] == validation.shape[1:] == test.shape[1:]:
        raise ValueError(f"samples {tuple(samples.shape)}, validation {tuple(validation.shape)} and test examples "
                         f"{tuple(test.shape)} must have one shape")
    g, v, t = (part.flatten(1).double() for part in (samples, validation, test))
    scores = [float(parzen(g, v, sigma).mean()) for sigma in sigmas]
    best = max(range(len(sigmas)), key=scores.__getitem__)
    if len(sigmas) > 1 and best in (0, len(sigmas) - 1):
        raise ValueError(f"the best sigma, {sigmas[best]:.3g}, is at an end of those tried ({min(sigmas):.3g} to "
                         f"{max(sigmas):.3g}); try a wider range")
    found = parzen(g, t, sigmas[best])
    return LogLikelihood(float(found.mean()), float(found.std() / len(found) ** 0.5), sigmas[best], len(found))
