"""The judge of a run: the same reference, latents and count at every mark, so that its figures compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mintage.data import Examples
from mintage.evaluation import Judge, Verdict
from mintage.game import Game, Stages, generator
from mintage.runs.settings import Settings

CHUNK = 256
LEAST = 16
BANK = 20_000


class Judging:
    """Judges a game's samples against the held-out examples. With too few of those it abstains, and says so."""

    def __init__(self, settings: Settings, train: Examples, held_out: Examples) -> None:
        self.settings, self.train, self.held_out = settings, train, held_out
        self.newest = ""
        self.n = min(settings.judged, len(train), len(held_out))
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
            self._judge = Judge.of(self.train, self.held_out, self.n, torch.device(self.settings.device))
        return self._judge

    def estimate(self, game: Game | Stages, judgements: int) -> float:
        """Seconds that judging will take, from the features of one chunk of samples."""
        if self.abstains:
            return 0.0
        sample = samples_of(game, 0, "estimate")
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
        verdict = self.judge.judge(samples_of(game, self.settings.seed, "judge"))
        found = verdict.to_json()
        found.pop("seconds")
        self.newest = f"Fréchet {verdict.frechet:.2f} (real data {verdict.frechet_floor:.2f})"
        return found


def verdict_of(found: dict[str, Any]) -> Verdict:
    """A verdict from a log line."""
    return Verdict.from_json({**found, "seconds": 0.0})


def samples_of(game: Game | Stages, seed: int, purpose: str) -> Callable[[int], Tensor]:
    """A sampler of `game` that gives the same samples in the same order each time it is made.

    Classes take turns, so that every class is judged alike.
    """
    drawn = 0

    def sample(count: int) -> Tensor:
        nonlocal drawn
        if game.sampler is None:
            raise ValueError("this game has no sampler")
        z, y = game.sampler.latents(count, generator(seed, purpose, drawn))
        if y is not None:
            y = (y + drawn) % game.sampler.classes
        drawn += count
        return game.generate(z, y)

    return sample
