"""Playing a run to its end: from wherever it stands on disk to the product and the report.

The body of the loop is a list of ordinary statements: log, film, judge, save, stop. Whatever happens between two of
them, the folder holds a run that `carry_on` takes up again, bit for bit.
"""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch

from mintage.data import Batches
from mintage.evaluation.stopping import progress
from mintage.evaluation.time_left import time_left
from mintage.game import Game, NotFinite, Round, Stages, play
from mintage.game.compiling import compile_moves
from mintage.game.graphs import graph_moves
from mintage.runs import averages, captions, checkpoints, machine
from mintage.runs.building import batches_of, examples_of, game_of
from mintage.runs.checkpoints import Checkpoint
from mintage.runs.console import Console
from mintage.runs.errors import Interrupted, RunError
from mintage.runs.faults import fault
from mintage.runs.film import Film
from mintage.runs.finish import finish
from mintage.runs.folder import Run
from mintage.runs.judging import Judging, marks_of
from mintage.runs.plan import crossed
from mintage.runs.signals import Signals

ROLL_BACKS = 3


def carry_on(run: Run, console: Console, *, judging: Judging | None = None) -> None:
    """Play `run` from its newest valid checkpoint to the end of its budget, then export and report.

    `judging` is given by a run that has just begun, and brings its data; else they are opened and checked again.

    Raises:
        Interrupted: a signal came; everything is saved.
        RunError: the data changed, every checkpoint is damaged, or training diverged again and again.
    """
    with run.held(), Signals() as signals:
        settings = run.settings
        torch.set_num_threads(settings.threads)
        machine.settle()
        judging = judging or Judging(settings, *examples_of(settings, console.say))
        session, batches = Session(run, console, signals, judging), batches_of(settings, judging.train)
        try:
            session.restore()
            session.play(batches)
            batches.close()
            finish(run, session.judging, session.seconds, console)
        finally:
            batches.close()
            console.close()


class Session:
    """One process's part of a run."""

    def __init__(self, run: Run, console: Console, signals: Signals, judging: Judging) -> None:
        self.run, self.console, self.signals, self.judging = run, console, signals, judging
        self.settings, self.plan = run.settings, run.settings.plan
        self.game = game_of(self.settings)
        self.film = Film(run, self.game, judging.conditions)
        captions.keep(run.path, judging.conditions.origins)
        self.began, self.earlier = time.perf_counter(), 0.0
        self.began_at, self.saved_at = 0, -1
        self.verdict: float | None = None
        self.paces: deque[float] = deque(maxlen=8)

    @property
    def seconds(self) -> float:
        """Seconds the run has taken, over all its processes."""
        return self.earlier + time.perf_counter() - self.began

    def restore(self) -> None:
        """Take up the newest valid checkpoint, or begin."""
        point, warnings = checkpoints.latest(self.run.checkpoints)
        for warning in warnings:
            self.console.warn(warning)
        if point is None and warnings:
            raise RunError(f"every checkpoint of {self.run.path} is damaged; nothing is left to go on from. "
                           "Train again with the command in its settings.json")
        self._take_up(point)
        if point is not None:
            self.earlier = float(point.facts["seconds"])
            self.console.say(f"going on from round {self.game.index:,} ({self.game.examples:,} of "
                             f"{self.plan.budget:,} examples)")
        self.began_at = self.game.examples

    def play(self, batches: Batches) -> None:
        """Play to the end of the budget, rolling back where the losses stop being finite."""
        while True:
            try:
                if self.game.index == 0:
                    self.film.shoot()
                if self.at_level():
                    return
                self.compile(batches)
                for round in play(self.game, batches, self.plan.budget, seed=self.settings.seed):
                    if self.after(round) and self.at_level():
                        break
                return
            except NotFinite as failure:
                self.roll_back(failure)

    def compile(self, batches: Batches) -> None:
        """The moves that this run plays by kernels of their own: those it began with, or none.

        Raises:
            RunError: one of them cannot be compiled here, and the run would not be the run that began.
        """
        if not self.settings.compiled or isinstance(self.game, Stages):
            return
        machine.keep_kernels()
        made = graph_moves if self.settings.graphs else compile_moves
        found = made(self.game, batches, only=self.settings.compiled)
        failed = [str(found[number]) for number in self.settings.compiled if found[number].reason]
        if failed:
            raise RunError(f"this run was begun with compiled moves, and here {'; '.join(failed)}. Go on with it where "
                           "it began, or train a new run with --compile off")

    def at_level(self) -> bool:
        """Whether the marks have stopped improving, where the user asked to stop then."""
        marks = marks_of(self.run.metrics()) if self.settings.patience else []
        if len(marks) < 2 * self.settings.patience or not marks:
            return False
        found = progress(marks, patience=self.settings.patience, name="the Fréchet distance")
        if not found.improving:
            self.console.say(f"stopping at round {self.game.index:,}: {found.advice}")
        return not found.improving

    def after(self, round: Round) -> bool:
        """What is done between two rounds; whether a mark of the judge was one of it."""
        now, before = self.game.examples, self.game.examples - round.examples
        index = self.game.index
        last, judged = now >= self.plan.budget, False
        if index % self.plan.log == 0 or index <= 2 or round.skipped or last:
            self.log(round)
        if crossed(self.plan.film, before, now) or last:
            self.film.shoot()
        if crossed(self.plan.judge, before, now) or last:
            averages.snapshot(self.run, self.game)
            self.judge()
            judged = True
        due = now // self.plan.save > before // self.plan.save or self.verdict is not None
        if last or (due and not round.skipped):  # amid bad rounds there is nothing worth rolling back to
            self.save(scheduled=True)
        fault("round", index)
        if self.signals.received:
            if self.saved_at != index:
                self.save(scheduled=False)
            raise Interrupted(self.signals.code)
        return judged

    def log(self, round: Round) -> None:
        """A line of the losses of this round."""
        stats = {name: _number(value) for name, value in round.stats.items()}
        line: dict[str, Any] = {"round": self.game.index, "examples": self.game.examples, **stats}
        if round.skipped:
            line["skipped"] = self.game.skipped
            self.console.warn(f"round {self.game.index}: losses or gradients were not finite; the round was undone")
        if self.game.reseeded:
            line["rolled_back"] = self.game.reseeded
        rate = (self.game.examples - self.began_at) / max(1e-9, time.perf_counter() - self.began)
        self.write({**line, "seconds": round_to(self.seconds), "rate": round_to(rate)})
        losses = "  ".join(f"{name} {value:.3f}" for name, value in stats.items()
                           if value is not None and not name.endswith(("gradient", "sign")))
        self.paces.append(rate)
        marks_left = sum(mark > self.game.examples for mark in self.plan.judge)
        left = time_left(self.paces, self.game.examples, self.plan.budget, marks_left=marks_left,
                         seconds_per_mark=self.judging.seconds or [0.0])
        self.console.progress(self.game.examples, self.plan.budget, rate, left.seconds,
                              f"{losses}  {self.judging.newest}")

    def judge(self) -> None:
        """The judge's figures at this mark; the lowest Fréchet distance is the best checkpoint."""
        verdict = self.judging(self.game)
        if verdict is not None:
            self.verdict = verdict["frechet"]
            self.write({"round": self.game.index, "examples": self.game.examples, "judge": verdict,
                        "seconds": round_to(self.seconds)})

    def save(self, *, scheduled: bool) -> None:
        """A checkpoint; a disk that is full is said, and play goes on to the next save."""
        facts = {"judge": self.verdict, "seconds": self.seconds, "scheduled": scheduled}
        self.verdict = None
        try:
            checkpoints.save(self.run.checkpoints, self.game, facts)
            checkpoints.prune(self.run.checkpoints)
            self.saved_at = self.game.index
        except OSError as error:
            self.console.warn(disk_says(error, self.run.checkpoints, self.game))
            if self.game.examples >= self.plan.budget or self.signals.received:
                raise RunError(f"{disk_says(error, self.run.checkpoints, self.game)} Make room, then go on with: "
                               f"mintage resume {self.run.path}") from error

    def write(self, line: dict[str, Any]) -> None:
        """A log line; what a full disk refuses now is written with the next."""
        try:
            self.run.log(line)
        except OSError as error:
            self.console.warn(f"{self.run.path / 'metrics.jsonl'} could not be written ({error.strerror}); "
                              "its lines are kept and tried again")

    def roll_back(self, failure: NotFinite) -> None:
        """Return to the last scheduled checkpoint and go on with other random draws."""
        times = self.game.reseeded + 1
        if times > ROLL_BACKS:
            raise RunError(f"training diverged: {failure}; it was rolled back {ROLL_BACKS} times. Lower the learning "
                           "rate or raise the penalty, and look for not-a-number in the data") from failure
        point, _ = checkpoints.latest(self.run.checkpoints, scheduled=True)
        self.game = game_of(self.settings)
        self.film = Film(self.run, self.game, self.judging.conditions)
        self._take_up(point)
        self.game.begin_again(times)
        self.console.warn(f"{failure}; rolled back to round {self.game.index} and going on with other draws "
                          f"({times} of {ROLL_BACKS})")

    def _take_up(self, point: Checkpoint | None) -> None:
        if point is not None:
            self.game.load(point.tensors, point.scalars)
        self.run.forget_after(self.game.index)


def _number(value: torch.Tensor) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def round_to(number: float) -> float:
    """Four significant digits, for what differs between two plays of the same run anyway."""
    return float(f"{number:.4g}")


def disk_says(error: OSError, folder: Path, game: Game | Stages) -> str:
    """Why a checkpoint could not be written, with what it needs and what there is."""
    import shutil

    need = sum(t.numel() * t.element_size() for t in game.tensors().values()) / 1e6
    free = shutil.disk_usage(folder).free / 1e6
    return (f"no checkpoint could be written to {folder}: {error.strerror or error} "
            f"(it needs {need:.1f} MB, {free:.1f} MB are free). The earlier ones are untouched.")
