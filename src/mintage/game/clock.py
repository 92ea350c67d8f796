"""The clock of a game counts *examples seen*: real examples drawn from the data, whatever the batch size.

Schedules read it; nothing in a game reads wall time, so a game replays the same on a slower machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A moment of a game: `examples` seen so far out of a `budget` of examples."""

    examples: int
    budget: int

    @property
    def fraction(self) -> float:
        """The part of the budget that is spent, in [0, 1]."""
        return min(1.0, self.examples / self.budget) if self.budget else 1.0


Schedule = Callable[[Clock], float]
Number = float | Schedule


def at(number: Number, clock: Clock) -> float:
    """The value of a number or a schedule at this moment."""
    return float(number(clock)) if callable(number) else float(number)
