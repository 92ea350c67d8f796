"""The end of a run: the best checkpoint becomes the product, is held against the data, and is reported."""

from __future__ import annotations

import json
import time
from typing import Any

import torch

from mintage.data import sheet
from mintage.evaluation import extractor_for
from mintage.game import Game, Stages
from mintage.runs import checkpoints, machine
from mintage.runs.building import game_of
from mintage.runs.console import Console, clock
from mintage.runs.durable import write_file, write_json
from mintage.runs.errors import RunError
from mintage.runs.film import Film, png
from mintage.runs.folder import Run
from mintage.runs.judging import BANK, CHUNK, Judging, samples_of, verdict_of
from mintage.runs.product import export
from mintage.runs.report import write_report

SHOWN = 8


def finish(run: Run, judging: Judging, seconds: float, console: Console) -> None:
    """Export the best checkpoint, write its neighbours and the summary, and the report."""
    began = time.perf_counter()
    game, index = best_game(run)
    verdict = next((line["judge"] for line in reversed(run.metrics()) if "judge" in line and line["round"] == index),
                   None)
    lines = verdict_of(verdict).lines() if verdict else []
    facts: dict[str, Any] = {"round": index, "examples": game.examples, "verdict": verdict, "verdict_lines": lines}
    export(run, game, facts)
    Film(run, game).shoot("best")
    if run.settings.spec.kind == "image":
        _neighbours(run, game, judging)
    took = seconds + time.perf_counter() - began
    summary = {"best": {"round": index, "examples": game.examples}, "verdict": verdict, "seconds": took,
               "memory": machine.memory_peak()}
    write_json(run.path / "summary.json", summary)
    write_report(run)
    console.close()
    for line in lines:
        console.say(f"  {line}")
    console.say(f"done in {clock(took)}; the best checkpoint is the one of round {index:,}")
    console.say(f"samples:  mintage sample {run.path} -n 64")
    console.say(f"report:   {run.report}")


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


def _neighbours(run: Run, game: Game | Stages, judging: Judging) -> None:
    """A picture: samples in the first row, under each the three training examples nearest to it."""
    spec, device = run.settings.spec, torch.device(run.settings.device)
    extractor = extractor_for(spec)
    samples = samples_of(game, run.settings.seed, "neighbours")(SHOWN)
    bank = torch.arange(min(BANK, len(judging.train)))
    train = judging.train.to(device)
    features = torch.cat([extractor(train.gather(part).x) for part in bank.split(CHUNK)])
    distances, found = torch.cdist(extractor(samples), features).topk(3, largest=False)
    rows = [samples.cpu(), *(train.gather(bank[found[:, k].cpu()]).x.cpu() for k in range(3))]
    write_file(run.samples / "neighbours.png", png(sheet(torch.cat(rows), spec, columns=SHOWN)))
    write_file(run.samples / "neighbours.json", json.dumps(distances.tolist()).encode())

