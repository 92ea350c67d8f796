"""What an experiment found: figures beside what was expected of them, tables, and a figure to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | int | float


class LabError(ValueError):
    """An experiment that does not exist or cannot be run as asked."""


@dataclass(frozen=True)
class Finding:
    """One figure: what it is, what is expected of it in words and numbers, what was measured, whether it holds."""

    what: str
    expected: str
    measured: float | str
    holds: bool

    @classmethod
    def equal(cls, what: str, expected: float, measured: float, *, within: float, relative: bool = False) -> Finding:
        """Measured = expected up to `within`, absolute or relative to the expected."""
        off = abs(measured - expected)
        bound = within * abs(expected) if relative else within
        unit = " relative" if relative else ""
        return cls(what, f"{expected:.10g} ± {within:g}{unit}", float(measured), bool(off <= bound))

    @classmethod
    def at_most(cls, what: str, bound: float, measured: float) -> Finding:
        """Measured <= bound."""
        return cls(what, f"≤ {bound:g}", float(measured), bool(measured <= bound))

    @classmethod
    def at_least(cls, what: str, bound: float, measured: float) -> Finding:
        """Measured >= bound."""
        return cls(what, f"≥ {bound:g}", float(measured), bool(measured >= bound))


@dataclass(frozen=True)
class Table:
    """Rows under a header, for the terminal and for the docs."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Outcome:
    """What an experiment returns.

    `draw` makes the figure when asked, so that an experiment runs without a plotting library. `reading` is a paragraph
    of honest reading: what the figures say, and what they do not.
    """

    findings: Sequence[Finding]
    tables: Sequence[Table] = ()
    draw: Callable[[], Figure] | None = None
    reading: str = ""
    seeds: Sequence[int] = field(default=(0,))

    @property
    def holds(self) -> bool:
        """Whether every finding holds."""
        return all(finding.holds for finding in self.findings)
