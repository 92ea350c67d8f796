"""Captions to pictures: 1,820 emoji with their names, at 32 x 32, and whether a sample shows what was asked for.

Asked is a judge that was trained on the real pairs only: which of 50 captions does this picture show? Chance puts the
right one among the first 5 in a tenth of all cases. Captions come from two places: those trained on, and those of the
held-out tenth of the pairs, whose pictures neither the generator nor the judge has seen.

References:
    Generative Adversarial Text to Image Synthesis (Reed et al., 2016), https://arxiv.org/abs/1605.05396
"""

from __future__ import annotations

import functools
import textwrap

import numpy as np
import torch
from PIL import Image, ImageDraw

from mintage.data import Examples
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.caption_retrieval import rank_shares, retriever_of
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training, keep
from mintage.runs import product
from mintage.runs.building import examples_of
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run

WANTED, CHANCE = 0.5, 0.1
PICTURES, SIDE, LETTERS, LINE = 12, 96, 15, 11
PLACES = ("trained on", "held out")


@functools.cache
def _parts(run: str) -> tuple[Examples, Examples]:
    """The pairs trained on and those held out, opened once a process."""
    return examples_of(Run.open(run).settings)


def retrieval(run: Run, seed: int) -> Figures:
    """How often a sample's own caption is among the first 5 of 50, and of real pictures likewise."""
    game, parts = best_game(run)[0], _parts(str(run.path))
    judge, found = retriever_of(parts[0]), Figures()
    for place, examples in zip(PLACES, parts, strict=True):
        for what, maker in (("samples", game), ("real", None)):
            shares = rank_shares(judge, examples, maker, seed)
            found |= {f"{what}, {place}, {name}": value for name, value in shares.items()}
    return found


def captioned(run: Run, seed: int) -> Figures:
    """Keep samples with the captions they were asked for, instead of samples alone; the figure is their number."""
    made = product.load(run.path)
    texts = _parts(str(run.path))[0].origins.store.texts  # type: ignore[union-attr]
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(seed))[:PICTURES // 2].tolist()
    asked = [texts[k] for k in order] + made.captions.texts[:PICTURES // 2]  # type: ignore[union-attr]
    pictures = [picture(made.sample(1, seed=seed, caption=text)[0], text) for text in asked]
    keep(run.path.parent, np.stack(pictures))
    return {"pictures": float(len(pictures))}


def picture(pixels: np.ndarray, text: str) -> np.ndarray:
    """A sample, enlarged, over its caption in up to four lines: uint8 [H, W, 3]."""
    page = Image.new("RGB", (SIDE, SIDE + 4 * LINE + 4), "white")
    page.paste(Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST), (0, 0))
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(textwrap.wrap(text, LETTERS)[:4]):
        pen.text((2, SIDE + 2 + row * LINE), line.encode("ascii", "replace").decode(), fill="black")
    return np.asarray(page)


def read(found: Found) -> Outcome:
    """The shares, against chance and against real pictures."""
    seeds = sorted(found.cells.get(ARM.name, {}))

    def share(what: str, place: str, name: str = "top 5 of 50", arm: str = ARM.name) -> float:
        return found.median(arm, f"{what}, {place}, {name}")

    rows = [[arm.name, what, place, *(round(share(what, place, name, arm.name), 3) for name in
             ("top 5 of 50", "first of 50", "ranked"))]
            for arm in (ARM, OTHER) if found.has(arm.name) for place in PLACES for what in ("samples", "real")]
    return Outcome(
        [Finding.at_least("share of samples whose caption is among the first 5 of 50, captions trained on", WANTED,
                          share("samples", "trained on")),
         Finding.at_least("the same of captions held out, against chance (0.1)", CHANCE, share("samples", "held out"))],
        [Table("Own caption among 50", ["arm", "pictures", "captions", "first 5", "first", "ranked"], rows)],
        reading="The judge knows the real pictures of the captions trained on, so their line says how well samples "
                "stand for these; real pictures held out say how much the judge understands of names it has not seen.",
        seeds=seeds)


def _arm(name: str, **options: str) -> Arm:
    return Arm(name, Training("text_to_image", "captioned/emojione_v2_64.zip", 500_000, (retrieval, captioned),
                              {"size": "XS", "lr": 4e-4, **options}, judged=0, resolution=(32, 32)))


ARM, OTHER = _arm("text_to_image"), _arm("spectral norm", norm="spectral")
DECLARED = {"text-to-image": Row("text-to-image", "a sample shows what its caption asks for", (ARM, OTHER), read,
                                 seeds=(0,), covers=("text-to-image",))}
