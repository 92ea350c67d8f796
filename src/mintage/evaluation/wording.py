"""How figures are written for readers: numbers, p-values, tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def number(x: float | None) -> str:
    """A figure with as many digits as are worth reading."""
    if x is None or not math.isfinite(x):
        return "–" if x is None or math.isnan(x) else "∞"
    return f"{x:.3g}" if x and abs(x) < 0.1 else f"{x:.3f}" if abs(x) < 100 else f"{x:,.1f}"


def p_text(p: float) -> str:
    """A p-value for reading."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 1 else "1"
