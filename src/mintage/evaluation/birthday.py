"""The birthday test: how many different examples a generator has, from the first repetitions among its samples.

Among s samples of a uniform choice of N things, P(some two alike) = 1 - prod (1 - i/N), about 1 - exp(-s(s-1)/2N), and
the expected number of alike pairs is s(s-1)/2N.   So N is about s(s-1) / 2c for c pairs found.

Do GANs Actually Learn the Distribution? (Arora and Zhang, 2017), https://arxiv.org/abs/1706.08224
A choice that is not uniform has a smaller N in this sense (it is one over the chance that two samples are alike).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.neighbours import distances


class Support(NamedTuple):
    """The estimated number of different examples, an interval of 95 %, pairs found among n samples."""

    size: float
    low: float
    high: float
    pairs: int
    n: int


def chance_of_pair(size: float, samples: int) -> float:
    """P(at least one pair alike) among samples of a uniform choice of `size` things, exactly."""
    if samples > size:
        return 1.0
    return -math.expm1(math.lgamma(size + 1) - math.lgamma(size - samples + 1) - samples * math.log(size))


def support_size(samples: Tensor, *, alike: float = 0.0) -> Support:
    """From samples or their features [n, d]; two are alike within the distance `alike` (0: equal).

    Pairs are counted, so a thing that came three times counts three pairs. Where none is found the size is infinite
    and `low` says how small it may still be.

    Raises:
        ValueError: fewer than two samples, or a negative distance.
    """
    n = len(samples)
    if samples.ndim != 2 or n < 2 or not alike >= 0:
        raise ValueError(f"the birthday test needs samples [n, d], n >= 2, and a distance of 0 or more; received "
                         f"{tuple(samples.shape)} and {alike}")
    found = sum(int((d <= alike).sum()) for _, d in distances(samples, samples))
    pairs = (found - n) // 2
    possible = n * (n - 1) / 2
    low, high = _poisson(pairs)
    return Support(possible / pairs if pairs else math.inf, possible / high, possible / low if low else math.inf,
                   pairs, n)


def _poisson(k: int) -> tuple[float, float]:
    """An interval of 95 % for the mean of a Poisson count k (Garwood's, by bisection)."""

    def below(mean: float, upto: int) -> float:  # P(count <= upto)
        return float(torch.special.gammaincc(torch.tensor(upto + 1.0).double(), torch.tensor(mean).double()))

    def solve(upto: int, level: float) -> float:
        low, high = 0.0, 10.0 + 4.0 * (upto + 1)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle, upto) > level else (low, middle)
        return (low + high) / 2

    return (solve(k - 1, 0.975) if k else 0.0), solve(k, 0.025)
