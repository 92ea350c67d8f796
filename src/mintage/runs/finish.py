"""The end of a run: the best checkpoint becomes the product, is held against examples that chose nothing, and is
reported.
"""

from __future__ import annotations

import json
import time

import torch

from mintage.data import sheet
from mintage.game import Game, Stages
from mintage.runs import machine
from mintage.runs.conditions import conditions_of
from mintage.runs.console import Console, clock
from mintage.runs.durable import write_file, write_json
from mintage.runs.evaluating import Court, best_game, court_for
from mintage.runs.film import Film, png
from mintage.runs.folder import Run
from mintage.runs.judging import BANK, CHUNK, Judging, samples_of
from mintage.runs.labels import shares_of
from mintage.runs.release import produce
from mintage.runs.report import write_report

SHOWN = 8
SAID = ("frechet", "precision", "recall", "coverage", "label_agreement", "memorisation")


def finish(run: Run, judging: Judging, seconds: float, console: Console) -> None:
    """Export the best checkpoint, judge it, write its neighbours and the summary, and the report."""
    began = time.perf_counter()
    game, index = best_game(run)
    mark = next((line["judge"] for line in reversed(run.metrics()) if "judge" in line and line["round"] == index), None)
    court = None
    if not judging.abstains:
        court = court_for(run.settings, judging.train, judging.held_out, n=run.settings.judged, bank=BANK)
    facts = {"round": index, "examples": game.examples, "verdict": mark,
             "shares": shares_of(judging.train.labels, len(run.settings.spec.labels))}
    found = produce(run, game, facts, court)
    if court is not None and run.settings.spec.kind == "image":
        _neighbours(run, game, court)
    Film(run, game, judging.conditions).shoot("best")
    took = seconds + time.perf_counter() - began
    write_json(run.path / "summary.json", {"best": {"round": index, "examples": game.examples}, "verdict": mark,
                                           "seconds": took, "memory": machine.memory_peak()})
    write_report(run)
    console.close()
    for line in (found.leading(SAID) if found else []):
        console.say(f"  {line}")
    console.say(f"done in {clock(took)}; the best checkpoint is the one of round {index:,}")
    given = run.settings.spec.given
    console.say(f"translate: mintage translate {run.path} FILE" if given and given.kind == "image" else
                f"samples:  mintage sample {run.path} -n 64")
    console.say(f"report:   {run.report}")


def _neighbours(run: Run, game: Game | Stages, court: Court) -> None:
    """A picture: samples in the first row, under each the three training examples nearest to it."""
    assessor = court.assessor
    if assessor.bank is None:
        return
    asked = conditions_of(court.train, court.testing, run.settings.seed)
    samples = samples_of(game, run.settings.seed, "neighbours", asked)(SHOWN)
    seen = torch.cat([assessor.extractor(part.to(assessor.device)).cpu() for part in samples.split(CHUNK)])
    distances, found = torch.cdist(seen, assessor.bank).topk(min(3, len(assessor.bank)), largest=False)
    rows = [samples.cpu(), *(court.train.gather(court.order[column]).x.cpu() for column in found.T)]
    write_file(run.samples / "neighbours.png", png(sheet(torch.cat(rows), run.settings.spec, columns=SHOWN)))
    write_file(run.samples / "neighbours.json", json.dumps(distances.tolist()).encode())
