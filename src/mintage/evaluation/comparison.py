"""Comparing: is generator A better than generator B, or is it the noise?

Two evaluations made on the same real examples in the same blocks are compared block by block: a paired t-test for each
measure, the p-values corrected for there being many (Holm). That is a statement about these two generators. A statement
about two *methods* needs several trainings of each, with different seeds: `methods` tests the means over trainings
(Welch), so that what a lucky seed does is not taken for what a method does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from statistics import fmean
from typing import Any

from mintage.evaluation.cards import LEVEL, Card, Evaluation
from mintage.evaluation.catalogue import MEASURES
from mintage.evaluation.student import Mean, difference_of, holm, mean_of
from mintage.evaluation.wording import number, p_text, table

LEADING = ("frechet", "kernel", "precision", "recall", "coverage")
SHOWN = 3


@dataclass(frozen=True)
class Difference:
    """a - b in one measure: values, the mean difference over blocks or trainings with its interval, p-values."""

    measure: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float
    p_adjusted: float
    better: str  # name of the better side; empty where no difference is shown or neither way is better

    @property
    def significant(self) -> bool:
        return self.p_adjusted < LEVEL


@dataclass(frozen=True)
class Comparison:
    """A against B in every measure both have. `of` says what is compared: generators or methods."""

    a: str
    b: str
    of: str
    differences: tuple[Difference, ...]

    @property
    def differs(self) -> bool:
        """Whether any measure tells them apart, at 5 % over all measures together."""
        return any(d.significant for d in self.differences)

    @property
    def verdict(self) -> str:
        """A sentence."""
        shown = [d for d in self.differences if d.significant]
        if not self.differences:
            return f"{self.a} and {self.b} have no measure in common with enough examples to compare"
        if not shown:
            smallest = min(self.differences, key=lambda d: d.p_adjusted)
            return (f"no difference found between {self.a} and {self.b} (smallest p, corrected for "
                    f"{len(self.differences)} measures: {p_text(smallest.p_adjusted)})")
        wins = {side: [d for d in shown if d.better == side] for side in (self.a, self.b)}
        parts = [f"{side} is better in {_named(found)}" for side, found in wins.items() if found]
        rest = [d for d in shown if not d.better]
        return "; ".join(parts + ([f"they differ in {_named(rest)}"] if rest else []))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "differs": self.differs, "verdict": self.verdict}

    def markdown(self) -> str:
        """A table, and the sentence."""
        rows = [(d.measure, number(d.a), number(d.b), f"{number(d.low)} to {number(d.high)}", p_text(d.p_value),
                 p_text(d.p_adjusted), d.better or ("they differ" if d.significant else "")) for d in self.differences]
        return (f"**{self.verdict}.**\n\n"
                + table(("measure", self.a, self.b, "difference, 95 %", "p", "p, corrected", "better"), rows))


def _named(found: Sequence[Difference]) -> str:
    """The leading ones with their p-values, and how many more."""
    leading = sorted(found, key=lambda d: LEADING.index(d.measure) if d.measure in LEADING else len(LEADING))[:SHOWN]
    more = len(found) - len(leading)
    return (", ".join(f"{MEASURES[d.measure].title} (p {p_text(d.p_adjusted)})" for d in leading)
            + (f" and {more} more measure{'s' * (more > 1)}" if more else ""))


def compare(a: Evaluation, b: Evaluation, names: tuple[str, str] = ("A", "B"), *,
            measures: Sequence[str] | None = None) -> Comparison:
    """Two generators, by their evaluations on the same blocks.

    Raises:
        ValueError: the evaluations were made differently; the sentence says in what.
    """
    unlike = a.setting.unlike(b.setting)
    if unlike:
        raise ValueError(f"{names[0]} and {names[1]} do not compare: {'; '.join(unlike)}. Evaluate both alike")
    pairs = [(one, b[one.measure]) for one in a.cards if one.measure in b and (not measures or one.measure in measures)]
    pairs = [(one, two) for one, two in pairs if len(one.at_blocks) == len(two.at_blocks) > 1]
    tests = [mean_of([x - y for x, y in zip(one.at_blocks, two.at_blocks, strict=True)]) for one, two in pairs]
    return Comparison(*names, "generators", _differences(pairs, tests, names))


def methods(groups: Mapping[str, Sequence[Evaluation]]) -> list[Comparison]:
    """Every pair of methods, each known by two or more trainings with different seeds.

    Raises:
        ValueError: evaluations that were made differently.
    """
    known = {name: found for name, found in groups.items() if len(found) > 1}
    every = [evaluation for found in known.values() for evaluation in found]
    for other in every[1:]:
        unlike = every[0].setting.unlike(other.setting)
        if unlike:
            raise ValueError(f"these runs do not compare: {'; '.join(unlike)}. Evaluate all alike")
    names = list(known)
    return [_method_pair((x, y), known[x], known[y]) for k, x in enumerate(names) for y in names[k + 1:]]


def _method_pair(names: tuple[str, str], a: Sequence[Evaluation], b: Sequence[Evaluation]) -> Comparison:
    shared = [card.measure for card in a[0].cards
              if all(card.measure in e and isfinite(e[card.measure].value) for e in (*a, *b))]
    pairs, tests = [], []
    for measure in shared:
        sides = [[e[measure].value for e in group] for group in (a, b)]
        pairs.append(tuple(_mean_card(group[0][measure], values) for group, values in zip((a, b), sides, strict=True)))
        tests.append(difference_of(*sides))
    return Comparison(*names, "methods", _differences(pairs, tests, names))  # type: ignore[arg-type]


def _mean_card(card: Card, values: Sequence[float]) -> Card:
    return Card(card.measure, fmean(values), card.n, floor=card.floor, floor_n=card.floor_n)


def _differences(pairs: Sequence[tuple[Card, Card]], tests: Sequence[Mean],
                 names: tuple[str, str]) -> tuple[Difference, ...]:
    adjusted = holm([test.p_value for test in tests])
    return tuple(Difference(one.measure, one.value, two.value, test.value, test.low, test.high, test.p_value, p,
                            _better(one, two, test.value, names) if p < LEVEL else "")
                 for (one, two), test, p in zip(pairs, tests, adjusted, strict=True))


def _better(one: Card, two: Card, difference: float, names: tuple[str, str]) -> str:
    better = one.about.better
    if difference == 0 or better == "neither":
        return ""
    if better == "as real":
        if one.floor is None:
            return ""
        gaps = [abs(card.value - one.floor) for card in (one, two)]
        return names[0] if gaps[0] < gaps[1] else names[1]
    return names[0] if (difference < 0) == (better == "lower") else names[1]
