"""The time a run still takes: training at the pace seen lately, and judging what is still to be judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

LEVEL = 0.9  # of the interval
UNSEEN = 0.15  # deviation, as a share, of a pace that was seen only once


class TimeLeft(NamedTuple):
    """Seconds to the end, and a 90 % interval."""

    seconds: float
    low: float
    high: float


def time_left(rate: float | Sequence[float], done: int, budget: int, *, marks_left: int = 0,
              seconds_per_mark: float | Sequence[float] = 0.0) -> TimeLeft:
    """Seconds to the end: (budget - done) / rate + marks_left seconds_per_mark, and an interval.

    Args:
        rate: examples a second, lately; several, from one mark to the next, give the interval.
        seconds_per_mark: of judging; several likewise.

    The interval is 1.64 deviations of the paces seen to either side, not of their mean: a machine that is shared stays
    slow for a while. From a single pace nothing is known of its spread, and a quarter is taken.

    Raises:
        ValueError: rates that are not above 0, or counts below 0.
    """
    if budget < 0 or done < 0 or marks_left < 0:
        raise ValueError(f"time_left: done {done}, budget {budget}, marks_left {marks_left}; none may be negative")
    rates, judging = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (rate, seconds_per_mark))
    if not len(rates) or not np.isfinite(rates).all() or rates.min() <= 0:
        raise ValueError(f"time_left: the rate is {rate}; give examples a second, above 0, of a part of the run")
    if not len(judging) or not np.isfinite(judging).all() or judging.min() < 0:
        raise ValueError(f"time_left: seconds_per_mark is {seconds_per_mark}; give seconds, 0 or more")
    (a, a_error), (b, b_error) = _pace(1 / rates), _pace(judging)
    more = max(0, budget - done)
    seconds, off = more * a + marks_left * b, NormalDist().inv_cdf((1 + LEVEL) / 2) * math.hypot(
        more * a_error, marks_left * b_error)
    return TimeLeft(seconds, max(seconds / 4, seconds - off), seconds + off)


def _pace(seconds: np.ndarray) -> tuple[float, float]:
    """The mean of what one took, and the deviation to be expected of what is to come."""
    mean = float(seconds.mean())
    if len(seconds) < 2:
        return mean, UNSEEN * mean
    return mean, float(seconds.std(ddof=1)) * math.sqrt(1 + 1 / len(seconds))
