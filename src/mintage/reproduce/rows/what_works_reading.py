"""The table of what works, read: a line's distance over the baseline's, with its interval; what is empty says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from mintage.evaluation.student import critical, holm, two_sided
from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.reproduce.grounds import GROUNDS
from mintage.reproduce.row import Found

BASELINE = "baseline"
LEVEL = 0.05
EMPTY = "not run"
COLUMNS = {"ring": ("modes", "high quality"), "grid": ("modes", "high quality"), "fmnist": ("precision", "recall"),
           "stacked-mnist": ("modes", "excess")}
DISTANCES = {"ring": "sliced Wasserstein distance", "grid": "sliced Wasserstein distance",
             "fmnist": "Fréchet distance", "stacked-mnist": "KL"}


class Ratio(NamedTuple):
    """A line's distance over the baseline's, its interval, its p-value, and the verdict."""

    value: float
    low: float
    high: float
    p_value: float
    verdict: str = ""


def ratios(found: Found, ground: str, names: list[str]) -> dict[str, Ratio]:
    """Of all lines that are there; empty while the baseline, or any spread, is not."""
    logs = {name: [math.log(max(value, 1e-12)) for value in found.each(f"{ground}: {name}", "distance")]
            for name in (BASELINE, *names)}
    logs = {name: values for name, values in logs.items() if values}
    freedom = sum(len(values) - 1 for values in logs.values())
    if BASELINE not in logs or freedom < 1:
        return {}
    means = {name: sum(values) / len(values) for name, values in logs.items()}
    within = sum((value - means[name]) ** 2 for name, values in logs.items() for value in values)
    spread, reach = math.sqrt(within / freedom), critical(freedom)
    rough: dict[str, Ratio] = {}
    for name in (name for name in names if name in logs):
        error = spread * math.sqrt(1 / len(logs[name]) + 1 / len(logs[BASELINE]))
        gap = means[name] - means[BASELINE]
        p_value = two_sided(gap / error, freedom) if error else float(gap == 0)
        rough[name] = Ratio(math.exp(gap), math.exp(gap - reach * error), math.exp(gap + reach * error), p_value)
    adjusted = holm([ratio.p_value for ratio in rough.values()])
    return {name: ratio._replace(verdict=_verdict(ratio, p)) for (name, ratio), p in
            zip(rough.items(), adjusted, strict=True)}


def _verdict(ratio: Ratio, p: float) -> str:
    if p > LEVEL:
        return "no difference found"
    return "better" if ratio.value < 1 else "worse"


def table(found: Found, ground: str, groups: Mapping[str, str]) -> Table:
    """All lines of a ground in their groups, the nearest of each group first; empty ones say so."""
    names = [name for name in groups if name != BASELINE]
    against = ratios(found, ground, names)
    first, second = COLUMNS[ground]
    header = ["group", "line", f"{DISTANCES[ground]} over the baseline's (95 %)", "verdict", DISTANCES[ground], first,
              second, "seconds", "broke"]
    order = sorted(names, key=lambda name: (list(groups.values()).index(groups[name]),
                                            against[name].value if name in against else math.inf))
    played = GROUNDS[ground]
    return Table(f"{ground}: {played.examples:,} examples in batches of {played.batch}, medians over seeds", header,
                 [_line(found, ground, name, groups[name], against.get(name)) for name in (BASELINE, *order)])


def _line(found: Found, ground: str, name: str, group: str, ratio: Ratio | None) -> list[Cell]:
    arm = f"{ground}: {name}"
    cells = found.cells.get(arm, {})
    if not cells:
        return [group, name, EMPTY, "", "", "", "", "", ""]
    broke = sum(not figures.get("finite") for figures in cells.values())
    none = "" if name == BASELINE else "no interval yet"
    said = f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else none
    values = [_short(found.median(arm, what)) for what in ("distance", *COLUMNS[ground], "processor seconds")]
    return [group, name, said, ratio.verdict if ratio else "", *values, f"{broke} of {len(cells)}" if broke else ""]


def _short(value: float) -> Cell:
    return "" if math.isnan(value) else float(f"{value:.3g}")


def read(found: Found, groups: Mapping[str, Mapping[str, str]]) -> Outcome:
    """The tables of all grounds, and how full they are."""
    tables = [table(found, ground, lines) for ground, lines in groups.items()]
    filled = {ground: sum(found.has(f"{ground}: {name}") for name in lines) for ground, lines in groups.items()}
    lines = {ground: len(of) for ground, of in groups.items()}
    findings = [Finding(f"{ground}: lines filled", f"{lines[ground]} (those that fit)", filled[ground], True)
                for ground in groups]
    return Outcome(findings, tables, reading=reading(found, groups), seeds=(0, 1, 2))


def reading(found: Found, groups: Mapping[str, Mapping[str, str]]) -> str:
    """What the tables say, and what they do not."""
    parts = []
    for ground, lines in groups.items():
        against = ratios(found, ground, [name for name in lines if name != BASELINE])
        if not against:
            parts.append(f"{ground}: nothing to compare yet.")
            continue
        better = [name for name, one in sorted(against.items(), key=lambda item: item[1].value)
                  if one.verdict == "better"]
        worse = [name for name, one in against.items() if one.verdict == "worse"]
        broke = [name for name in lines if any(not figures.get("finite") for figures in
                                               found.cells.get(f"{ground}: {name}", {}).values())]
        parts.append(f"{ground}: of {len(against)} lines {len(better)} are better than the baseline"
                     f"{_named(better)}, {len(worse)} worse{_named(worse)}; the others cannot be told from it with "
                     f"these seeds. Not finite with some seed: {', '.join(broke) or 'none'}.")
    return " ".join(parts) + (
        " This is a comparison of single changes in one small setting and a short budget: a line that does nothing "
        "here may need the rate, the weight or the length that its paper gave it, and one that helps here may help "
        "because the baseline is weak. All lines of a ground share one estimate of the noise, which is too small for "
        "lines that sometimes collapse. Lines cost different amounts at an equal number of examples: see the seconds.")


def _named(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f" ({', '.join(names[:most])}{more})" if names else ""
