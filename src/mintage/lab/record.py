"""The record of an experiment: results/NAME.json, which the docs are made from, and its figure beside it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from mintage.lab import drawing
from mintage.lab.outcome import Outcome


def record(name: str, claim: str, outcome: Outcome, *, command: str, seconds: float, machine: dict[str, Any],
           version: str) -> dict[str, Any]:
    """An outcome as plain JSON.

    `expected` and `measured` map each finding to what was expected and found; `misses` names those that do not hold.
    """
    return {
        "row": name,
        "claim": claim,
        "expected": {finding.what: finding.expected for finding in outcome.findings},
        "measured": {finding.what: _plain(finding.measured) for finding in outcome.findings},
        "holds": outcome.holds,
        "misses": [finding.what for finding in outcome.findings if not finding.holds],
        "tables": [{"title": table.title, "header": list(table.header),
                    "rows": [[_plain(cell) for cell in row] for row in table.rows]} for table in outcome.tables],
        "reading": outcome.reading,
        "seeds": list(outcome.seeds),
        "command": command,
        "seconds": round(seconds, 1),
        "machine": machine,
        "version": version,
        "date": datetime.date.today().isoformat(),
    }


def draw(outcome: Outcome, folder: Path, name: str) -> list[Path]:
    """Write the figure as PNG and SVG; the paths."""
    if outcome.draw is None:
        return []
    with drawing.styled():
        drawing.save(outcome.draw(), str(folder / name))
    return [folder / f"{name}.png", folder / f"{name}.svg"]


def _plain(value: float | int | str) -> float | int | str:
    """Numbers to ten digits; what JSON has no number for, as text."""
    if isinstance(value, float):
        return float(f"{value:.10g}") if value == value and abs(value) != float("inf") else str(value)
    return value
