"""Proportions: k of n, with an interval, a test against the toss of a fair coin, and how many tosses show what.

    Wilson's interval of 95 %: all q with |k/n - q| <= 1.96 sqrt(q (1 - q) / n)
    p = P(|K - n/2| >= |k - n/2|),   K ~ Binomial(n, 1/2)

Probable Inference, the Law of Succession, and Statistical Inference (Wilson, 1927). It keeps its level for small n and
for shares near 0 and 1, where k/n +- 1.96 standard errors does not.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.05
POWER = 0.8
NORMAL = NormalDist()


class Share(NamedTuple):
    """k of n, as a value with Wilson's interval of 95 %."""

    k: int
    n: int
    value: float
    low: float
    high: float


def share(k: int, n: int) -> Share:
    """k / n with Wilson's interval of 95 %: all q with |k/n - q| <= 1.96 sqrt(q (1 - q) / n).

    Raises:
        ValueError: n below 1, or k not from 0 to n.
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"a share needs 0 <= k <= n and n >= 1, received k = {k}, n = {n}")
    z = NORMAL.inv_cdf(1 - LEVEL / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return Share(k, n, k / n, max(0.0, centre - half) if k else 0.0, min(1.0, centre + half) if k < n else 1.0)


def p_of_chance(k: int, n: int) -> float:
    """P(K at least as far from n/2 as k) for K ~ Binomial(n, 1/2), exactly: both tails are alike."""
    term, tail = 1, 0
    for i in range(min(k, n - k) + 1):
        tail += term
        term = term * (n - i) // (i + 1)
    return min(1.0, 2 * tail / 2**n)


def answers_needed(accuracy: float, power: float = POWER) -> int:
    """How many answers show, with chance `power`, that an accuracy is not 1/2 (two-sided, 5 %, normal approximation).

    Raises:
        ValueError: an accuracy of 1/2, or one or a power not between 0 and 1.
    """
    if not 0 < accuracy < 1 or accuracy == 0.5 or not LEVEL < power < 1:
        raise ValueError(f"an accuracy between 0 and 1 other than 0.5 and a power from {LEVEL} to 1 are needed, "
                         f"received {accuracy} and {power}")
    z = NORMAL.inv_cdf(1 - LEVEL / 2) * 0.5 + NORMAL.inv_cdf(power) * math.sqrt(accuracy * (1 - accuracy))
    return math.ceil((z / (accuracy - 0.5)) ** 2)


def visible_accuracy(n: int, power: float = POWER) -> float:
    """The least accuracy above 1/2 that n answers show with chance `power`, to a thousandth; 1 where none does."""
    return next((a / 1000 for a in range(501, 1000) if answers_needed(a / 1000, power) <= n), 1.0)
