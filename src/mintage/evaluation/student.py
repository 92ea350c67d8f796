"""Student's t: what a mean of few values is worth.

With t = sqrt(n) * mean / deviation of n independent normal values of mean 0, and nu = n - 1,

    P(|T| > t) = 1 - 2 c * integral from 0 to arctan(t / sqrt(nu)) of cos(u)^(nu - 1) du
    c = Gamma((nu + 1) / 2) / (sqrt(pi) Gamma(nu / 2))

The Probable Error of a Mean (Student, 1908). Unlike variances: Welch (1947).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(96)


class Mean(NamedTuple):
    """A mean, its interval of 95 %, and the p-value of the hypothesis that it is 0 (two-sided)."""

    value: float
    low: float
    high: float
    p_value: float


def two_sided(t: float, nu: float) -> float:
    """P(|T| > |t|) for nu > 0 degrees of freedom."""
    if not math.isfinite(t):
        return 0.0
    end = math.atan(abs(t) / math.sqrt(nu))
    inside = float((np.cos((POINTS + 1) * end / 2) ** (nu - 1) * WEIGHTS).sum()) * end / 2
    constant = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(math.pi)
    return min(1.0, max(0.0, 1 - 2 * constant * inside))


@cache
def critical(nu: float, level: float = 0.95) -> float:
    """The t with P(|T| > t) = 1 - level."""
    low, high = 0.0, 1.0
    while two_sided(high, nu) > 1 - level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, nu) > 1 - level else (low, middle)
    return high


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of independent values, two or more.

    Raises:
        ValueError: fewer than two.
    """
    if len(values) < 2:
        raise ValueError(f"the error of a mean needs 2 or more values, received {len(values)}")
    x = np.asarray(values, dtype=np.float64)
    return _test(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(len(x)), len(x) - 1)


def difference_of(a: Sequence[float], b: Sequence[float]) -> Mean:
    """mean(a) - mean(b) of independent values of unlike variance, two or more of each (Welch).

    Raises:
        ValueError: fewer than two on a side.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a difference of means needs 2 or more values a side, received {len(a)} and {len(b)}")
    x, y = (np.asarray(side, dtype=np.float64) for side in (a, b))
    u, v = float(x.var(ddof=1)) / len(x), float(y.var(ddof=1)) / len(y)
    nu = (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1)) if u + v > 0 else float(len(x) + len(y) - 2)
    return _test(float(x.mean() - y.mean()), math.sqrt(u + v), nu)


def _test(mean: float, error: float, nu: float) -> Mean:
    if error == 0:
        return Mean(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    half = critical(nu) * error
    return Mean(mean, mean - half, mean + half, two_sided(mean / error, nu))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: each below .05 is significant, all together at 5 % (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
