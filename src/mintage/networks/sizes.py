"""Sizes by name: the row of a table that a size stands for."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

Row = TypeVar("Row")


def row_of(size: str, table: Mapping[str, Row], what: str) -> Row:
    """The row of a size, of networks called `what`.

    Raises:
        ValueError: a size that is not in the table; the nearest is named.
    """
    if size not in table:
        near = get_close_matches(str(size).upper(), table, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"size of {what} is {size!r}; it is one of {', '.join(table)}{hint}")
    return table[size]
