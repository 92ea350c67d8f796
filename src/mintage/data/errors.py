"""The error of this room: data that cannot be used, said in a sentence a person can act on."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class DataError(ValueError):
    """What was received, what is allowed, the nearest match and what to do."""


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'ring'?`, or nothing where no known word is close."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
