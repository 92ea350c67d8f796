"""A row: a claim, what is trained for it, and how the figures are read."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from mintage.lab.outcome import LabError, Outcome
from mintage.runs.console import Console

Figures = dict[str, float]
"""What one cell measured, by name."""


class Work(Protocol):
    """What an arm does with one seed."""

    def missing(self) -> str:
        """Why it cannot be done here, in a sentence; "" where it can."""

    def told(self) -> dict[str, Any]:
        """All that decides its figures but the seed, as plain values: another declaration has other cells."""

    def measures(self) -> tuple[str, ...]:
        """The names of what is measured afterwards; more of them than a cell has are measured again."""

    def run(self, folder: Path, seed: int, threads: int, console: Console) -> Figures:
        """Do it, or go on with what lies in `folder`, and measure."""


@dataclass(frozen=True)
class Arm:
    """What is trained, under a name; `seeds` where they are not the row's."""

    name: str
    work: Work
    seeds: tuple[int, ...] = ()

    @property
    def slug(self) -> str:
        """The name of its cells: readable, and another one for another declaration."""
        text = json.dumps(self.work.told(), sort_keys=True, default=str)
        plain = "".join(sign if sign.isalnum() else "-" for sign in self.name.lower()).strip("-")
        return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


class Found:
    """The figures of the cells that are there: arm -> seed -> figures."""

    def __init__(self, cells: dict[str, dict[int, Figures]]) -> None:
        self.cells = cells

    def each(self, arm: str, what: str) -> list[float]:
        """One figure of an arm, over the seeds that have it."""
        return [figures[what] for _, figures in sorted(self.cells.get(arm, {}).items()) if what in figures]

    def median(self, arm: str, what: str) -> float:
        """The median over seeds; not-a-number where nothing is there."""
        values = self.each(arm, what)
        return float(median(values)) if values else math.nan

    def has(self, arm: str) -> bool:
        """Whether an arm has a cell."""
        return bool(self.cells.get(arm))


@dataclass(frozen=True)
class Row:
    """A row of what is claimed.

    Args:
        name: of the row and of its record.
        claim: in one sentence.
        arms: what is trained.
        read: the findings and tables of all cells.
        seeds: of every arm that names none; figures are medians over them.
        covers: the claims of the project that it answers (see `mission`).
        place: the folder its cells lie in; rows of one place share them.
        partial: whether a record of some cells says something.
    """

    name: str
    claim: str
    arms: tuple[Arm, ...]
    read: Callable[[Found], Outcome]
    seeds: tuple[int, ...] = (0, 1, 2)
    covers: tuple[str, ...] = ()
    place: str = ""
    partial: bool = False

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise LabError(f"the row {self.name!r} has two arms of one name")

    def cells(self, seeds: Sequence[int] = ()) -> list[tuple[Arm, int]]:
        """Every arm with every seed: the first seed of all arms, then the second, so that a part of it is of use."""
        longest = max((len(arm.seeds or seeds or self.seeds) for arm in self.arms), default=0)
        of = {arm.name: tuple(arm.seeds or seeds or self.seeds) for arm in self.arms}
        return [(arm, of[arm.name][turn]) for turn in range(longest) for arm in self.arms
                if turn < len(of[arm.name])]
