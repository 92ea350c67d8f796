"""The judge of a run: the same reference, latents and count at every mark, so that its figures compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mintage.data import Examples
from mintage.evaluation import Judge, Verdict
from mintage.evaluation.stopping import Mark
from mintage.game import Game, Stages, generator
from mintage.runs.conditions import Conditions, conditions_of
from mintage.runs.held_out import divide
from mintage.runs.settings import Settings

CHUNK = 256
LEAST = 16
BANK = 20_000
NONE = Conditions()


class Judging:
    """Judges a game's samples against held-out examples (see `held_out`). With too few it abstains, and says so."""

    def __init__(self, settings: Settings, train: Examples, held_out: Examples) -> None:
        self.settings, self.train, self.held_out = settings, train, held_out
        self.choosing = divide(held_out).choosing
        self.newest, self.seconds = "", list[float]()
        self.n = min(settings.judged, len(train), len(self.choosing))
        self.conditions = conditions_of(train, self.choosing, settings.seed)
        self._judge: Judge | None = None

    @property
    def abstains(self) -> str:
        """Why nothing is judged; empty where it is."""
        if self.settings.judged == 0:
            return "judging is off (--judged 0)"
        if self.n < LEAST:
            return f"{len(self.held_out)} held-out examples are too few to judge by; at least {LEAST} are needed"
        return ""

    @property
    def judge(self) -> Judge:
        if self._judge is None:
            self._judge = Judge.of(self.train, self.choosing, self.n, torch.device(self.settings.device))
        return self._judge

    def estimate(self, game: Game | Stages, judgements: int) -> float:
        """Seconds that judging will take, from the features of one chunk of samples."""
        if self.abstains:
            return 0.0
        sample = samples_of(game, 0, "estimate", self.conditions)
        self.judge.extractor(sample(CHUNK))
        start = time.perf_counter()
        x = sample(CHUNK)
        drawn = time.perf_counter() - start
        self.judge.extractor(x)
        seen = time.perf_counter() - start - drawn
        reals = self.n + min(self.judge.bank, len(self.train)) + min(BANK, len(self.train))
        return (judgements * self.n * (drawn + 1.5 * seen) + reals * seen) / CHUNK

    def __call__(self, game: Game | Stages) -> dict[str, Any] | None:
        """The verdict at this mark as JSON; None where the judge abstains. Wall time is left out: it never repeats."""
        if self.abstains:
            return None
        began = time.perf_counter()
        verdict = self.judge.judge(samples_of(game, self.settings.seed, "judge", self.conditions))
        found = verdict.to_json()
        found.pop("seconds")
        self.seconds.append(time.perf_counter() - began)
        self.newest = f"Fréchet {verdict.frechet:.2f} (real data {verdict.frechet_floor:.2f})"
        return found


def verdict_of(found: dict[str, Any]) -> Verdict:
    """A verdict from a log line."""
    return Verdict.from_json({**found, "seconds": 0.0})


def marks_of(lines: Sequence[dict[str, Any]]) -> list[Mark]:
    """The judgements among log lines, in order."""
    return [Mark(line["examples"], line["judge"]["frechet"], line["judge"].get("frechet_error")) for line in lines
            if "judge" in line]


def samples_of(game: Game | Stages, seed: int, purpose: str, conditions: Conditions = NONE) -> Callable[[int], Tensor]:
    """A sampler of `game` that gives the same samples in the same order each time it is made; see `draw_of`."""
    draw = draw_of(game, seed, purpose, conditions)
    return lambda count: draw(count)[0]


def draw_of(game: Game | Stages, seed: int, purpose: str, conditions: Conditions = NONE
            ) -> Callable[[int], tuple[Tensor, Tensor | None]]:
    """Samples with their labels, if the game has classes.

    Samples take the labels of `conditions` in turn, so that classes come as often as in the data, and are made from its
    origins, where the game needs such. Without labels classes come equally often.
    """
    drawn = 0

    def draw(count: int) -> tuple[Tensor, Tensor | None]:
        nonlocal drawn
        if game.sampler is None:
            raise ValueError("this game has no sampler")
        z, y = game.sampler.latents(count, generator(seed, purpose, drawn))
        if y is not None:
            y = (y + drawn) % game.sampler.classes
            asked = conditions.labels_at(drawn, count)
            y = y if asked is None else asked.to(y)
        c = conditions.given_at(drawn, count) if game.sampler.given else None
        drawn += count
        return game.generate(z, y, c), y

    return draw
