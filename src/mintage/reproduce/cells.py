"""Cells: an arm with a seed, each a folder that is kept; what is there is never done again.

    PLACE/ARM-DIGEST/seed-0/cell.json    what it measured, and how long it took
                            run/         the run, where the arm trains a system
                            samples.npy  some samples, where they are pictures

`cell.json` is written whole, last. A process that is killed leaves a cell without it, which is taken up where it stood.
A cell is held by one process, so the same command given twice works at two cells at once.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.runs import machine
from mintage.runs.console import Console, clock
from mintage.runs.durable import write_json

Say = Callable[[str], None]


class Cells:
    """The cells of a row below a folder."""

    def __init__(self, row: Row, work: Path, *, seeds: Sequence[int] = (), threads: int = 1,
                 only: Sequence[str] = ()) -> None:
        self.row, self.work, self.threads = row, work, threads
        self.every = row.cells(seeds)
        self.asked = [(arm, seed) for arm, seed in self.every if not only or arm.name.startswith(tuple(only))]

    def folder(self, arm: Arm, seed: int) -> Path:
        """Where a cell lies."""
        return self.work / (self.row.place or self.row.name) / arm.slug / f"seed-{seed}"

    def read(self, arm: Arm, seed: int) -> dict[str, Any] | None:
        """A cell that is there whole, with every measure that is asked for now."""
        try:
            cell: dict[str, Any] = json.loads((self.folder(arm, seed) / "cell.json").read_bytes())
        except (OSError, ValueError):
            return None
        return cell if set(arm.work.measures()) <= set(cell["measures"]) else None

    def found(self) -> Found:
        """The figures of all cells that are there."""
        cells: dict[str, dict[int, Figures]] = {}
        for arm, seed in self.every:
            cell = self.read(arm, seed)
            if cell is not None:
                cells.setdefault(arm.name, {})[seed] = cell["figures"]
        return Found(cells)

    def missing(self) -> list[tuple[Arm, int]]:
        """The cells that are not there."""
        return [(arm, seed) for arm, seed in self.every if self.read(arm, seed) is None]

    def seconds(self) -> float:
        """What all cells that are there took, by the clock."""
        cells = (self.read(arm, seed) for arm, seed in self.every)
        return sum(cell["seconds"] for cell in cells if cell is not None)

    def reasons(self) -> dict[str, str]:
        """The arms that cannot be done here, each with the reason."""
        told = {arm.name: arm.work.missing() for arm, _ in self.every}
        return {name: reason for name, reason in told.items() if reason}

    def do(self, say: Say, console: Console, *, until: float = math.inf) -> dict[str, str]:
        """Do what was asked for and is not there, in order; what could not be done, with the reasons.

        No cell is begun after `until` (`time.monotonic`).
        """
        troubles, took = self.reasons(), list[float]()
        for number, (arm, seed) in enumerate(self.asked, start=1):
            if arm.name in troubles or self.read(arm, seed) is not None or time.monotonic() > until:
                continue
            with held(self.folder(arm, seed)) as mine:
                if not mine or self.read(arm, seed) is not None:
                    continue  # another process does it, or has just done it
                say(f"{number} of {len(self.asked)}  {arm.name}, seed {seed}{_left(took, self._open(troubles))}")
                try:
                    cell = self._one(arm, seed, console)
                except ValueError as error:
                    troubles[arm.name] = str(error)
                    say(f"    cannot be done: {error}")
                    continue
            took.append(cell["seconds"])
            say(f"    {_short(cell['figures'])}  ({clock(cell['seconds'])})")
        return troubles

    def _open(self, troubles: dict[str, str]) -> int:
        return sum(arm.name not in troubles and self.read(arm, seed) is None for arm, seed in self.asked)

    def _one(self, arm: Arm, seed: int, console: Console) -> dict[str, Any]:
        from mintage import __version__

        began, folder = time.perf_counter(), self.folder(arm, seed)
        torch.set_num_threads(self.threads)
        figures = arm.work.run(folder, seed, self.threads, console)
        seconds = figures.pop("seconds", time.perf_counter() - began)
        cell = {"arm": arm.name, "seed": seed, "told": arm.work.told(), "measures": list(arm.work.measures()),
                "figures": {name: float(value) for name, value in figures.items() if math.isfinite(value)},
                "seconds": round(seconds, 2), "machine": machine.describe(torch.device("cpu")),
                "version": __version__, "date": datetime.date.today().isoformat()}
        write_json(folder / "cell.json", cell)
        return cell


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a cell; False where another process holds it. The hold ends with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        try:
            import fcntl
        except ImportError:  # Windows: no lock
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _left(took: Sequence[float], cells: int) -> str:
    return f", about {clock(sum(took) / len(took) * cells)} left" if took else ""


def _short(figures: Figures, most: int = 6) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in list(figures.items())[:most])
