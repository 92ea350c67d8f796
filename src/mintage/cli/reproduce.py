"""`mintage reproduce [ROW]`."""

from __future__ import annotations

import math
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mintage.cli.lab import grid, told
from mintage.lab.outcome import LabError
from mintage.reproduce import ROWS, find
from mintage.reproduce.cells import Cells
from mintage.reproduce.mission import GROUPS, claims, state
from mintage.reproduce.recording import outcome_of, write
from mintage.runs.console import Console

WORK = Path("runs/reproduce")


Switch = Annotated[bool, Parameter(name="--list", negative="")]
So = Annotated[bool, Parameter(negative="")]


def reproduce(row: str | None = None, /, *, list_: Switch = False, seeds: str = "", only: str = "", threads: int = 1,
              minutes: float | None = None, so_far: So = False, work: Path = WORK, out: Path = Path("results")) -> None:
    """List the claims of the project and their state, or reproduce a row of them.

    A row is trained over its seeds, one run after the other. It may be stopped and started again at any time, and the
    same command given a second time works at another run beside the first. When all is there, expected, measured and
    whether it holds are printed and written to ROW.json, with a sheet of samples. The exit status is 0 where every
    finding holds and 1 where one does not.

    Parameters
    ----------
    row
        A row of the list.
    list_
        Only the list.
    seeds
        Other seeds than the row's, as 0,1,2; nothing is recorded then.
    only
        Only the arms whose names begin with this; several with commas between.
    threads
        Of each training.
    minutes
        Begin nothing new after so many minutes.
    so_far
        Train nothing: record what is there, with what is missing said in the record.
    work
        Folder of the runs; about 10 MB each.
    out
        Folder of the records.
    """
    if row is None or list_:
        print(listed(out))
        return
    declared, given = find(row), _seeds(seeds)
    cells = Cells(declared, work, seeds=given, threads=threads, only=[name for name in only.split(",") if name])
    if not cells.asked:
        raise LabError(f"no arm of {row} begins with {only!r}; there are: {', '.join(a.name for a in declared.arms)}")
    reasons = cells.reasons()
    if all(arm.name in reasons for arm, _ in cells.asked):
        raise LabError(f"{row} cannot be reproduced here: {next(iter(reasons.values()))}")
    print(f"{row}: {declared.claim}")
    until = -math.inf if so_far else math.inf if minutes is None else time.monotonic() + 60 * minutes
    troubles = cells.do(lambda text: print(text, flush=True), Console(quiet=not sys.stdout.isatty()), until=until)
    for reason, names in _grouped(troubles, {arm.name for arm, _ in cells.asked}).items():
        print(f"left out: {', '.join(names)}: {reason}")
    _tell(cells, out, given, so_far)


def _tell(cells: Cells, out: Path, seeds: list[int], so_far: bool) -> None:
    row, left = cells.row, len(cells.missing())
    if left == len(cells.every):
        print("nothing is there yet")
        return
    outcome = outcome_of(cells)
    print(told(outcome))
    whole = not left or row.partial or so_far
    if not whole or seeds:
        print(f"{left} of {len(cells.every)} runs are not there yet; nothing is recorded" if left else
              "other seeds than the row's: nothing is recorded")
        return
    for path in write(cells, outcome, out, command=shlex.join(["mintage", "reproduce", row.name])):
        print(f"written: {path}")
    if left:
        print(f"{left} of {len(cells.every)} runs are not there yet; the record says so")
    print(("so far it " if left else "") + ("holds" if outcome.holds else "does not hold"))
    if not outcome.holds:
        raise SystemExit(1)


def _grouped(troubles: dict[str, str], asked: set[str]) -> dict[str, list[str]]:
    """Reason -> the arms that were asked for and left out for it."""
    found: dict[str, list[str]] = {}
    for name in (name for name in troubles if name in asked):
        found.setdefault(troubles[name], []).append(name)
    return found


def listed(results: Path) -> str:
    """All claims with their state, and the rows that can be reproduced."""
    lines = [("", "claim", "state", "by", "recorded", "")]
    for claim in claims():
        now = state(claim, results)
        lines.append((claim.group, claim.name, now.word, now.command, now.date, now.note))
    groups = "   ".join(f"{letter}: {text}" for letter, text in GROUPS.items())
    rows = "\n".join(f"  {name:20} {find(name).claim}" for name in ROWS)
    return f"{grid(lines)}\n\n{groups}\n\nRows, for `mintage reproduce ROW`:\n{rows}"


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdigit() for part in parts):
        raise LabError(f"seeds are {text!r}; give whole numbers with commas between, as 0,1,2")
    return [int(part) for part in parts]


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return reproduce
