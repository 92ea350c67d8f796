"""Evaluating a run with every measure that fits: `evaluation.json` and `evaluation.md` in its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mintage.data import Examples
from mintage.data.sources import STACKED
from mintage.evaluation import Evaluation, Extractor
from mintage.evaluation.assessor import BANK as NEIGHBOURS
from mintage.evaluation.assessor import MOST, Assessor, order_of
from mintage.evaluation.measures.stacked import digit_shares
from mintage.game import Game, Stages
from mintage.runs import checkpoints, product
from mintage.runs.building import examples_of, game_of
from mintage.runs.conditions import conditions_of
from mintage.runs.durable import write_file, write_json
from mintage.runs.errors import RunError
from mintage.runs.features import extractor_named
from mintage.runs.folder import Run
from mintage.runs.generator_figures import figures_of
from mintage.runs.held_out import divide
from mintage.runs.judging import LEAST, draw_of
from mintage.runs.likelihoods import likelihoods_of
from mintage.runs.settings import Settings


class Court(NamedTuple):
    """What generators of one set of data are held against."""

    assessor: Assessor
    train: Examples
    testing: Examples

    @property
    def order(self) -> Tensor:
        """The training examples behind the rows of the assessor's bank."""
        return order_of(self.train)

    def evaluate(self, run: Run, seed: int) -> Evaluation:
        """The evaluation of the run's generator; its classes come as often as in the training data.

        Raises:
            RunError: samples that are not finite.
        """
        game, index = generator_of(run)
        return self.evaluate_game(game, run.settings, f"{run.path.name}, round {index:,}", seed)

    def likelihoods(self, run: Run, seed: int) -> dict[str, Any]:
        """Likelihoods of the run's generator."""
        return likelihoods_of(generator_of(run)[0], self.train, self.testing, seed)

    def evaluate_game(self, game: Game | Stages, settings: Settings, name: str, seed: int) -> Evaluation:
        """The same of a game at hand."""
        try:
            found = self.assessor.assess(
                draw_of(game, seed, "evaluate", conditions_of(self.train, self.testing, seed)), name, seed=seed)
            digits = digits_of(self.train) if settings.data.source == STACKED else None
            return replace(found, facts={**found.facts, **figures_of(game, settings, seed, digits)})
        except ValueError as error:
            raise RunError(f"{name} cannot be evaluated: {error}") from error


def digits_of(stacks: Examples) -> Tensor:
    """The shares [10] of the digits in labelled stacks."""
    y = torch.empty(0) if stacks.labels is None else stacks.labels.cpu()
    return digit_shares(torch.cat([y // 100, y // 10 % 10, y % 10]))


def court_of(run: Run, *, n: int = MOST, features: str = "auto", weights: Path | None = None) -> Court:
    """The real examples of a run, seen once.

    Raises:
        RunError: too few of them, n too small, the data changed, or features that are not to be had.
    """
    if n < LEAST:
        raise RunError(f"{n} samples are too few to judge by; ask for at least {LEAST}")
    extractor = extractor_named(features, run.settings.spec, weights)
    train, held_out = examples_of(run.settings)
    if min(len(train), len(held_out)) < LEAST:
        raise RunError(f"{len(held_out)} held-out examples are too few to judge by; at least {LEAST} are needed")
    return court_for(run.settings, train, held_out, extractor, n=n)


def court_for(settings: Settings, train: Examples, held_out: Examples, extractor: Extractor | None = None, *, n: int,
              bank: int = NEIGHBOURS) -> Court:
    """The same of examples at hand, on the device of the settings."""
    parts = divide(held_out)
    return Court(Assessor.of(parts.testing, train, extractor, n=n, device=device_of(settings), bank=bank,
                             notes=[parts.note] if parts.note else []), train, parts.testing)


def device_of(settings: Settings) -> torch.device:
    """The device of the settings, or the CPU where this machine lacks it."""
    device = torch.device(settings.device)
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.get(device.type, True)
    return device if there else torch.device("cpu")


def generator_of(run: Run) -> tuple[Game | Stages, int]:
    """The generator a run has made, or its best checkpoint while it has not; and the round of it."""
    if (run.generator / "generator.json").exists():
        made = product.load(run.path, device=str(device_of(run.settings)))
        return made.game, int(made.facts["round"])
    return best_game(run)


def best_game(run: Run) -> tuple[Game | Stages, int]:
    """The game at its best valid checkpoint, and the round of it.

    Raises:
        RunError: the run has no valid checkpoint.
    """
    path = checkpoints.best(run.checkpoints)
    point = None
    if path is not None:
        try:
            point = checkpoints.load(path)
        except checkpoints.Damaged:
            point = None
    if point is None:
        point, _ = checkpoints.latest(run.checkpoints)
    if point is None:
        raise RunError(f"{run.path} has no checkpoint yet; go on with: mintage resume {run.path}")
    game = game_of(run.settings)
    game.load(point.tensors, point.scalars)
    return game, point.round


def write(found: Evaluation, folder: Path, name: str = "evaluation") -> None:
    """name.json and name.md in the folder."""
    write_json(folder / f"{name}.json", found.to_json())
    write_file(folder / f"{name}.md", found.markdown().encode())


def read(folder: Path, name: str = "evaluation") -> Evaluation | None:
    """The evaluation in a folder; None where there is none, or it was written by an older mintage."""
    try:
        return Evaluation.from_json(json.loads((folder / f"{name}.json").read_bytes()))
    except (OSError, ValueError):
        return None
