"""The classifier two-sample test: if no classifier can tell samples from real examples, they are alike.

Revisiting Classifier Two-Sample Tests (Lopez-Paz and Oquab, 2017), https://arxiv.org/abs/1610.06545. The statistic is
the accuracy on a held-out half; under "alike" it is 1/2 with deviation 1 / (2 sqrt(n_test)).

Two classifiers: the nearest neighbour left out (no training, the share of examples whose nearest other is of their own
kind), and logistic regression on features and their squares.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64
from mintage.evaluation.measures.neighbours import distances

RIDGE, NEWTON = 1e-2, 25


class TwoSample(NamedTuple):
    """Accuracy (1/2 where the sets are alike), its deviation where they are, the p-value, and the count."""

    accuracy: float
    error: float
    p_value: float
    n: int


def _told(right: int, n: int) -> TwoSample:
    """The statistic of `right` of n, with the normal approximation of its one-sided p-value."""
    error = 0.5 / math.sqrt(n)
    return TwoSample(right / n, error, 0.5 * math.erfc((right / n - 0.5) / error / math.sqrt(2)), n)


def nearest_neighbour_test(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """(share of reals whose nearest other example is real, share of fakes whose nearest is fake), each 1/2 where alike.

    Reals near 1 and fakes near 1: apart. Fakes near 0 and reals near 0: fakes are copies of the reals.
    """
    x = torch.cat([real, fake])
    kind = torch.arange(len(x), device=x.device) < len(real)
    own = torch.zeros_like(kind)
    for rows, d in distances(x, x):
        own[rows] = kind[_second(d, rows)] == kind[rows]
    return float(own[: len(real)].double().mean()), float(own[len(real):].double().mean())


def _second(d: Tensor, rows: slice) -> Tensor:
    here = torch.arange(rows.start, rows.stop, device=d.device)
    d[torch.arange(len(d), device=d.device), here] = math.inf
    return d.argmin(1)


def classifier_test(real: Tensor, fake: Tensor, *, seed: int = 0) -> TwoSample:
    """Ridge logistic regression on (f, f^2), trained on one half of both sets and tested on the other.

    Raises:
        ValueError: fewer than four examples of a kind, or features of another dimension.
    """
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 4:
        raise ValueError(f"the two-sample test needs features [n, d] and [m, d] with n, m >= 4; received "
                         f"{tuple(real.shape)} and {tuple(fake.shape)}")
    n = min(len(real), len(fake))
    g = torch.Generator().manual_seed(seed)
    sides = [float64(x)[torch.randperm(len(x), generator=g)[:n].to(float64(x).device)] for x in (real, fake)]
    half = n // 2
    train, test = (torch.cat([side[part] for side in sides]) for part in (slice(half), slice(half, None)))
    target = torch.cat([train.new_ones(half), train.new_zeros(half)])
    mean, deviation = train.mean(0), train.std(0).clamp(min=1e-12)

    def inputs(x: Tensor) -> Tensor:
        f = (x - mean) / deviation
        return torch.cat([f, f.square() - 1, f.new_ones(len(f), 1)], 1)

    w = _logistic(inputs(train), target)
    right = (inputs(test) @ w > 0) == (torch.arange(len(test), device=test.device) < n - half)
    return _told(int(right.sum()), len(test))


def _logistic(x: Tensor, target: Tensor) -> Tensor:
    """Newton's method for the ridge-penalised cross entropy."""
    w, eye = x.new_zeros(x.shape[1]), torch.eye(x.shape[1], dtype=x.dtype, device=x.device) * RIDGE * len(x)
    for _ in range(NEWTON):
        p = (x @ w).sigmoid()
        step = torch.linalg.solve(x.T @ (x * (p * (1 - p)).clamp(min=1e-6)[:, None]) + eye,
                                  x.T @ (p - target) + RIDGE * len(x) * w)
        w = w - step
        if float(step.abs().max()) < 1e-8:
            break
    return w
