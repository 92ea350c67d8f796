"""Codes found without labels: digits of MNIST, and the factors of sprites.

References:
    InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets (Chen et al.,
    2016), section 7.2: about 5 % of MNIST's digits in another category's. https://arxiv.org/abs/1606.03657
    Disentangling by Factorising (Kim and Mnih, 2018), the score of the sprites. https://arxiv.org/abs/1802.05983
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mintage.data import sheet
from mintage.evaluation.measures.clusters import clustering_error
from mintage.evaluation.measures.disentanglement import factor_vae_score
from mintage.game import derive, generator, play
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.latent import Codes, code_sheet
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.sprites import FACTORS, SPEC, Sprites, draw, factors
from mintage.reproduce.training import SHOWN, Training, keep
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.console import Console
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run
from mintage.systems.infogan import encode
from mintage.systems.options import check

ERROR, SCORE, REACH = 0.08, 0.6, 2.0
VOTES, OF, FREE = 800, 32, 4096


def categories(run: Run, seed: int) -> Figures:
    """Test digits whose category is not their class's; and a sheet a code, written into the run.

    In code-0.png and so on every row is a category with one noise; the code goes from -2 to 2 along it, twice as far as
    in training, as in the paper. `moved` is how far an image changes from end to end, the mean over pixels.
    """
    game, test = best_game(run)[0].current, opened(run.settings.data.source, "test")
    batch, prior = test.gather(torch.arange(len(test))), _codes(game)
    if batch.y is None:
        raise ValueError("categories are held against classes, and these examples have no labels")
    read, k = encode(game.mean_nets, batch.x), prior.categories
    made: Figures = {"error": clustering_error(read[:, :k].argmax(1), batch.y, k)}
    rows = prior.chosen(prior(1, generator("codes", seed)).expand(k, -1), category=torch.arange(k))
    for number in range(prior.numbers):
        x = game.generate(code_sheet(prior, rows, number=number, reach=REACH))
        sheet(x, test.spec, columns=10).save(run.path / f"code-{number}.png")
        ends = x.view(k, 10, *x.shape[1:])
        made[f"moved by code {number}"] = float((ends[:, -1] - ends[:, 0]).abs().mean())
    return made


def _codes(game: Any) -> Codes:
    prior: Codes = game.sampler.prior
    return prior


@dataclass(frozen=True)
class OnSprites:
    """The system on sprites drawn as they are asked for, and the score of what Q reads. A training that is killed
    begins again."""

    examples: int
    batch: int = 64
    options: dict[str, Any] = field(default_factory=dict)
    votes: int = VOTES

    def missing(self) -> str:
        """Nothing: the sprites are drawn here."""
        return ""

    def told(self) -> dict[str, Any]:
        return {"system": "infogan", "data": "sprites", "examples": self.examples, "batch": self.batch,
                "options": self.options, "votes": self.votes}

    def measures(self) -> tuple[str, ...]:
        return ("factor_vae_score",)

    def run(self, folder: Path, seed: int, threads: int, console: Console) -> Figures:
        """Play, and score."""
        game: Any = build_game("infogan", check("infogan", self.options), SPEC, seed=seed, device="cpu",
                               precision=machine.precisions(torch.device("cpu"))[0])
        began = time.perf_counter()
        for _ in play(game, Sprites(self.batch, seed), self.examples, seed=seed):
            rate = game.examples / max(1e-9, time.perf_counter() - began)
            console.progress(game.examples, self.examples, rate, (self.examples - game.examples) / rate, "")
        z, _ = game.sampler.latents(SHOWN, generator("shown", seed))
        keep(folder, ((game.generate(z)[:, 0] + 1) * 127.5).round().clamp(0, 255).byte().numpy())
        figures = scored(game.mean_nets, _codes(game).categories, seed, self.votes)
        return {**figures, "undone rounds": float(game.skipped)}


def scored(nets: Any, k: int, seed: int, votes: int = VOTES) -> Figures:
    """The FactorVAE score of shares of the categories and means of the numbers, as Q reads them from real sprites."""

    def read(chosen: Tensor) -> Tensor:
        found = encode(nets, draw(chosen))
        return torch.cat([found[:, :k].softmax(1), found[:, k:]], 1)

    random = generator(derive("votes", seed))
    fixed = torch.randint(len(FACTORS), (votes,), generator=random)
    spread, every = read(factors(min(FREE, OF * votes), random)).std(0), []
    for which in fixed.tolist():
        rows = factors(OF, random)
        rows[:, which] = rows[0, which]
        every.append(read(rows))
    found = factor_vae_score(torch.stack(every), fixed, spread)
    return {"score": found.score, **{f"{name} told": share for name, share in zip(FACTORS, found.each, strict=True)}}


# Beside 62 numbers of noise the category is a faint signal, which early in training is written into marks that say
# nothing of the digit; beside 16 it is not.
DIGITS = Arm("digits", Training("infogan", "mnist", 900_000, (categories,), {"size": "XS", "noise": 16}, judged=0),
             seeds=(0,))
SPRITES = Arm("sprites", OnSprites(400_000, options={"size": "XS", "categories": 3, "codes": 5, "noise": 8,
                                                     "code_weight": 1.0}))


def read(found: Found) -> Outcome:
    """Errors and scores, seed by seed."""
    seeds = sorted({seed for cells in found.cells.values() for seed in cells})
    shown = {"digits": ("error", "moved by code 0", "moved by code 1"),
             "sprites": ("score", *(f"{name} told" for name in FACTORS))}
    tables = [Table(arm, ["seed", *names], [[seed, *(round(cell.get(name, float("nan")), 3) for name in names)]
                                            for seed, cell in sorted(found.cells.get(arm, {}).items())])
              for arm, names in shown.items()]
    return Outcome(
        [Finding.at_most("error of the categories on MNIST's test digits, best assignment, median (paper: about .05)",
                         ERROR, found.median("digits", "error")),
         Finding.at_least("FactorVAE score on sprites, median (chance .2)", SCORE, found.median("sprites", "score"))],
        tables, seeds=seeds,
        reading="No label is used in training. Each digits run holds code-0.png and code-1.png: a row a category, one "
                "continuous code from -2 to 2 along it. Beside each factor stands the share of its votes told.")


DECLARED = {"infogan": Row("infogan", "codes that no label names stand for classes and factors", (DIGITS, SPRITES),
                           read, covers=("infogan",))}
