"""Schedules: open-loop functions of the clock, for rates, weights and knobs.

With t in [0, 1] the fraction of the budget (or of the first `examples`, where given):

    linear     a + (b - a) t
    cosine     b + (a - b) (1 + cos pi t) / 2
    geometric  a^(1-t) b^t
    falling    a up to t = s, then a (1 - t) / (1 - s)
"""

from __future__ import annotations

import math

from mintage.game.clock import Clock, Number, Schedule, at


def _part(clock: Clock, examples: float | None, fraction: float) -> float:
    spent, span = (clock.fraction, fraction) if examples is None else (clock.examples, examples)
    return min(1.0, spent / span) if span > 0 else 1.0


def linear(start: float, end: float, *, examples: float | None = None, fraction: float = 1.0) -> Schedule:
    """A straight line from `start` to `end` over a fraction of the budget, or over so many examples; then constant."""
    return lambda clock: start + (end - start) * _part(clock, examples, fraction)


def cosine(start: float, end: float, *, examples: float | None = None, fraction: float = 1.0) -> Schedule:
    """Half a cosine from `start` to `end` over a fraction of the budget, or over so many examples; then constant."""

    def value(clock: Clock) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * _part(clock, examples, fraction))) / 2

    return value


def geometric(start: float, end: float, *, examples: float | None = None, fraction: float = 1.0) -> Schedule:
    """A straight line in the logarithm, for strictly positive ends."""
    if start <= 0 or end <= 0:
        raise ValueError(f"a geometric schedule needs two positive ends; received {start} and {end}")
    return lambda clock: start * (end / start) ** _part(clock, examples, fraction)


def warm_up(number: Number, *, examples: float | None = None, fraction: float = 0.02) -> Schedule:
    """`number`, scaled by a line from 0 to 1 at the start."""
    return lambda clock: at(number, clock) * _part(clock, examples, fraction)


def falling(start: float, after: float = 0.5) -> Schedule:
    """`start` for a share `after` of the budget, then a straight line to 0 at its end."""
    return lambda clock: start * min(1.0, (1 - clock.fraction) / max(1e-9, 1 - after))
