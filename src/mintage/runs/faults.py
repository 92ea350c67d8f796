"""Fault points: named places where a test can make this process die or a disk fill up.

A test sets MINTAGE_FAULT to a list of `action@point:count[:fraction]`, for example `kill@save.bytes:2:0.5`: at the
second visit of that point (for `round`: at that round) the process is killed as if the power had gone. Without the
variable every call returns at once.

    kill   SIGKILL to this process          int, term   SIGINT, SIGTERM to this process
    full   OSError: no space left on device
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter

_visits: Counter[str] = Counter()


def fault(point: str, number: int | None = None) -> None:
    """Visit a fault point; `number` replaces the count of visits where the place has a number of its own."""
    if "MINTAGE_FAULT" in os.environ:
        _visits[point] += 1
        for action, at, count, _ in _planned():
            if at == point and count == (_visits[point] if number is None else number):
                act(action)


def torn(point: str, size: int) -> tuple[int, str] | None:
    """Where a write of `size` bytes is to break off, and how; None where it is to go through."""
    if "MINTAGE_FAULT" not in os.environ:
        return None
    _visits[point] += 1
    for action, at, count, fraction in _planned():
        if at == point and count == _visits[point]:
            return int(size * fraction), action
    return None


def _planned() -> list[tuple[str, str, int, float]]:
    plans = []
    for text in os.environ["MINTAGE_FAULT"].split(","):
        action, _, where = text.partition("@")
        point, count, *fraction = where.split(":")
        plans.append((action, point, int(count), float(fraction[0]) if fraction else 0.0))
    return plans


def act(action: str) -> None:
    """Carry an action out."""
    if action == "full":
        raise OSError(errno.ENOSPC, "No space left on device (planned by MINTAGE_FAULT)")
    os.kill(os.getpid(), {"kill": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM}[action])
