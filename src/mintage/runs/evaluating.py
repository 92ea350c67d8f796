"""Judging a run that has ended, on more samples than its marks did."""

from __future__ import annotations

import torch

from mintage.evaluation import Judge, Verdict
from mintage.runs.building import examples_of
from mintage.runs.durable import write_json
from mintage.runs.errors import RunError
from mintage.runs.finish import best_game
from mintage.runs.folder import Run
from mintage.runs.judging import LEAST, samples_of


def evaluate(run: Run, *, n: int = 10_000, seed: int = 1) -> Verdict:
    """The verdict on the best checkpoint of `run`, also written to `evaluation.json`.

    Raises:
        RunError: no checkpoint, too few held-out examples, or n too small.
    """
    if n < LEAST:
        raise RunError(f"{n} samples are too few to judge by; ask for at least {LEAST}")
    game, index = best_game(run)
    train, held_out = examples_of(run.settings)
    if min(len(train), len(held_out)) < LEAST:
        raise RunError(f"{len(held_out)} held-out examples are too few to judge by; at least {LEAST} are needed")
    judge = Judge.of(train, held_out, min(n, len(train), len(held_out)), torch.device(run.settings.device))
    verdict = judge.judge(samples_of(game, seed, "evaluate"))
    write_json(run.path / "evaluation.json", {"round": index, "seed": seed, "held_out": verdict.to_json()})
    return verdict
