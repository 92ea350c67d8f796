"""Grounds: data, budget and judge, on which all changes of a baseline are compared.

    ring, grid       fresh points; distance is the sliced Wasserstein distance of 10,000 samples, in standardised units
    fmnist           distance is the Fréchet distance of 5,000 samples from test images (features `mintage-small`)
    stacked-mnist    distance is the KL of 26,000 stacks

A change on a ground is the `work` of an arm. Its trainings are short, so one that is killed begins again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mintage.data import Batches, DataSpec, toy
from mintage.data.errors import DataError
from mintage.data.spec import DataSpec as Spec
from mintage.data.writing import rounded
from mintage.evaluation import sliced_wasserstein
from mintage.game import NotFinite, derive, play
from mintage.lab.mixtures import reals, score
from mintage.reproduce.changes import Base, Change, game_of, samples
from mintage.reproduce.figures import STACKS, fidelity_of, opened, stacks_of
from mintage.reproduce.row import Figures
from mintage.reproduce.training import SHOWN, Training, keep
from mintage.runs import machine
from mintage.runs.console import Console

POINTS, IMAGES, SCORED = 10_000, 5_000, 2_500
GREY = Spec("image", (1, 28, 28))
COLOUR = Spec("image", (3, 28, 28))


@dataclass(frozen=True)
class Ground:
    """Data of a name, the baseline on them, how long it is played, and how it is judged."""

    name: str
    spec: DataSpec
    base: Base
    rounds: int
    batch: int
    judge: Callable[[Tensor, str, int], Figures]

    @property
    def examples(self) -> int:
        """The budget."""
        return self.rounds * self.batch


def judged_points(x: Tensor, name: str, seed: int) -> Figures:
    """Modes, quality and balance of 2,500 points, and the distance of 10,000 from fresh ones."""
    found = score(x[:SCORED], name)
    real = reals(name, len(x), derive("judge", seed))(0).x
    return {"distance": sliced_wasserstein(x, real), "modes": found.covered, "high quality": found.high_quality,
            "reverse kl": found.reverse_kl}


def judged_images(x: Tensor, name: str, seed: int) -> Figures:
    """Distance, precision and recall."""
    found = fidelity_of(x, name, IMAGES)
    return {"distance": found.pop("frechet"), **found}


def judged_stacks(x: Tensor, name: str, seed: int) -> Figures:
    """Modes and KL."""
    found = stacks_of(x)
    return {"distance": found.pop("kl"), **found}


GROUNDS = {ground.name: ground for ground in (
    Ground("ring", toy("ring").spec, Base(2, 1e-3), 1500, 128, judged_points),
    Ground("grid", toy("grid").spec, Base(2, 1e-3), 1500, 128, judged_points),
    Ground("fmnist", GREY, Base(100, 5e-4), 1280, 64, judged_images),
    Ground("stacked-mnist", COLOUR, Base(100, 5e-4), 2560, 64, judged_stacks),
)}
COUNTS = {"ring": POINTS, "grid": POINTS, "fmnist": IMAGES, "stacked-mnist": STACKS}
VERSION = 1
"""Of the grounds: another one has other cells."""


@dataclass(frozen=True)
class Played:
    """A change on a ground, as the work of an arm."""

    ground: str
    change: Change

    def missing(self) -> str:
        """The data are not here, or the change does not fit; the part's own words."""
        ground = GROUNDS[self.ground]
        try:
            if ground.spec.kind == "image":
                Training("gan", ground.name, 1, ()).look_for_data()
            game_of(self.change, ground.base, ground.spec, 0)
        except (DataError, ValueError, KeyError) as error:
            return str(error)
        return ""

    def told(self) -> dict[str, Any]:
        ground = GROUNDS[self.ground]
        return {"ground": ground.name, "rounds": ground.rounds, "batch": ground.batch, "version": VERSION,
                "base": asdict(ground.base), "change": self.change.told()}

    def measures(self) -> tuple[str, ...]:
        return (GROUNDS[self.ground].judge.__name__,)

    def run(self, folder: Path, seed: int, threads: int, console: Console) -> Figures:
        """Play from the start, and judge; one that stops being finite is a figure too."""
        ground, image = GROUNDS[self.ground], GROUNDS[self.ground].spec.kind == "image"
        game = game_of(self.change, ground.base, ground.spec, seed)
        game.to("cpu", machine.precisions(torch.device("cpu"))[0] if image else "fp32")
        batches: Any = (Batches(opened(ground.name, "train"), ground.batch, derive(seed, "order")) if image else
                        reals(ground.name, ground.batch, seed))
        cpu, began = time.process_time(), time.perf_counter()
        budget = ground.examples
        try:
            for round in play(game, batches, budget, seed=seed):
                console.progress(game.examples, budget, game.examples / max(1e-9, time.perf_counter() - began),
                                 (time.perf_counter() - began) * (budget / game.examples - 1), "")
                del round
        except NotFinite:
            return {"finite": 0.0, "processor seconds": time.process_time() - cpu}
        took = time.process_time() - cpu
        x = samples(game, COUNTS[ground.name], seed)
        if not bool(x.isfinite().all()):
            return {"finite": 0.0, "processor seconds": took}
        if image:
            keep(folder, _pictures(x[:SHOWN]))
        return {**ground.judge(x, ground.name, seed), "finite": 1.0, "undone rounds": float(game.skipped),
                "processor seconds": took}


def _pictures(x: Tensor) -> Any:
    """uint8 [n, H, W] or [n, H, W, C]."""
    made = rounded(x).permute(0, 2, 3, 1).numpy()
    return made[..., 0] if made.shape[-1] == 1 else made
