"""Orders: how far two agree."""

from __future__ import annotations

import math
from collections.abc import Sequence


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """The rank correlation of two lists of figures, equal figures at their mean rank; not-a-number below two.

    The correlation of the ranks: 1 for the same order, -1 for the reverse, about 0 for none (Spearman, 1904).

    Raises:
        ValueError: lists of two lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"an order of {len(a)} cannot be held against one of {len(b)}")
    x, y = ranks(a), ranks(b)
    mean = (len(a) - 1) / 2
    across = sum((s - mean) * (t - mean) for s, t in zip(x, y, strict=True))
    spread = math.sqrt(sum((s - mean) ** 2 for s in x) * sum((t - mean) ** 2 for t in y))
    return across / spread if spread else math.nan


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value from below, from 0; equal values share the mean of their places."""
    below = [sum(other < value for other in values) for value in values]
    return [low + (sum(other == value for other in values) - 1) / 2 for low, value in zip(below, values, strict=True)]
