"""An arm that trains a system as `mintage train` does: an ordinary run folder, which no kill harms."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mintage.data.array_files import keyed
from mintage.data.errors import DataError
from mintage.data.idx import find_idx
from mintage.data.sources import PLACE, SHARED, STACKED, open_data
from mintage.game import NotFinite
from mintage.reproduce.row import Figures
from mintage.runs import machine, product
from mintage.runs.console import Console
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.start import Wish, begin
from mintage.runs.training import carry_on
from mintage.systems import SYSTEMS, SettingError
from mintage.systems.options import check

Measure = Callable[[Run, int], Figures]
"""(a finished run, the seed) -> figures by name."""
SHOWN = 20  # samples kept for the sheet


@dataclass(frozen=True)
class Training:
    """A system on data for a number of examples, judged as any run is, then by `measured`.

    The budget is in examples, not in minutes, so that a seed gives the same run again; the minutes it took are
    recorded. Activations are bfloat16 where the processor has it, moves are never compiled, and nothing is timed.

    Args:
        data: a name, or the path of a file below the folder that MINTAGE_DATA names.
        resolution, labels, given: as `mintage train` takes them.
        judged, judgements: samples at each mark, and how many marks; the best of them is the product. 0 judges nothing,
            and the product is the end.
    """

    system: str
    data: str
    examples: int
    measured: tuple[Measure, ...]
    options: dict[str, Any] = field(default_factory=dict)
    batch: int | None = None
    judged: int = 1000
    judgements: int = 10
    resolution: tuple[int, int] | None = None
    labels: str | None = None
    given: str | None = None

    def missing(self) -> str:
        """The system or an option of it is not built, or the data are not here."""
        if self.system not in SYSTEMS:
            return f"the system {self.system} is not built yet"
        try:
            check(self.system, self.options)
            self.look_for_data()
        except (SettingError, DataError) as error:
            return str(error)
        return ""

    def look_for_data(self) -> None:
        """Data that must be brought are looked for, without being read."""
        name, place = "mnist" if self.data == STACKED else self.data, os.environ.get(PLACE)
        if name in SHARED and (not place or find_idx(Path(place) / name, "train") is None):
            open_data(name)  # which says what is missing, and the remedy
        if "/" in self.data and not keyed(self.source)[0].exists():
            raise DataError(f"{self.data} is not in the folder that {PLACE} names; put it there, or set {PLACE}")

    @property
    def source(self) -> str:
        """The data as they are opened here."""
        return placed(self.data)

    def told(self) -> dict[str, Any]:
        more = {"resolution": self.resolution, "labels": self.labels, "given": self.given}
        return {"system": self.system, "data": self.data, "examples": self.examples, "options": self.options,
                "batch": self.batch, "judged": self.judged, "judgements": self.judgements,
                **{name: value for name, value in more.items() if value is not None}}

    def measures(self) -> tuple[str, ...]:
        return tuple(measure.__name__ for measure in self.measured)

    def run(self, folder: Path, seed: int, threads: int, console: Console) -> Figures:
        """Train, or go on, and measure. A training that was rolled back in vain is a figure: it diverged."""
        try:
            run = self._trained(folder / "run", seed, threads, console)
        except RunError as error:
            if isinstance(error.__cause__, NotFinite):
                return {"diverged": 1.0}
            raise
        summary = json.loads((run.path / "summary.json").read_bytes())
        lines = run.metrics()
        figures: Figures = {"diverged": 0.0, "seconds": float(summary["seconds"]),
                            "undone rounds": max((line.get("skipped", 0) for line in lines), default=0),
                            "roll-backs": max((line.get("rolled_back", 0) for line in lines), default=0)}
        given = run.settings.spec.given
        if run.settings.spec.kind == "image" and (given is None or given.kind == "text"):
            keep(folder, product.load(run.path).sample(SHOWN, seed=seed))
        for measure in self.measured:
            figures |= measure(run, seed)
        return figures

    def _trained(self, place: Path, seed: int, threads: int, console: Console) -> Run:
        if not (place / "settings.json").exists():
            shutil.rmtree(place, ignore_errors=True)  # what a kill left before the run was one
            device = machine.pick_device("cpu")
            return begin(Wish(self.source, self.system, dict(self.options), batch=self.batch, examples=self.examples,
                              resolution=self.resolution, labels=self.labels,
                              given=None if self.given is None else placed(self.given),
                              seed=seed, device="cpu", precision=machine.precisions(device)[0], compile="off",
                              threads=threads, judged=self.judged, judgements=self.judgements, out=str(place),
                              command="mintage reproduce"), console)
        run = Run.open(place)
        if not (place / "summary.json").exists():
            carry_on(run, console)
        return run


def placed(text: str) -> str:
    """A name as it is; a path below the folder that MINTAGE_DATA names as a whole one."""
    return os.path.join(os.environ.get(PLACE, ""), text) if "/" in text else text


def keep(folder: Path, samples: np.ndarray) -> None:
    """Keep some samples of a cell, uint8 [n, H, W] or [n, H, W, C]."""
    np.save(folder / "samples.npy", samples)
