"""An encoder learnt beside the generator: whether it inverts it, and what its codes are worth.

References:
    Adversarial Feature Learning (Donahue et al., 2017), table 1: 97.39 % by the nearest neighbour among codes of MNIST.
    https://arxiv.org/abs/1605.09782
"""

from __future__ import annotations

import torch
from torch import Tensor

from mintage.data import sheet
from mintage.evaluation.measures.neighbours import nearest
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run
from mintage.systems.bigan import encode, reconstruct

ACCURACY, SHOWN = 0.95, 50


def codes(run: Run, seed: int) -> Figures:
    """1-NN accuracy of codes of test images among those of the training images, and the error of reconstructions.

    The nearest code has the largest cosine. A sheet of test images, each beside its reconstruction, is written into
    the run: reconstructions.png.
    """
    nets, source = best_game(run)[0].current.mean_nets, run.settings.data.source
    train, test = (opened(source, split) for split in ("train", "test"))
    known, asked = (part.gather(torch.arange(len(part))) for part in (train, test))
    if known.y is None or asked.y is None:
        raise ValueError("codes are judged by the classes of their neighbours, and these examples have no labels")
    _, near = nearest(*(torch.nn.functional.normalize(encode(nets, x)) for x in (asked.x, known.x)))
    made = reconstruct(nets, asked.x)
    page = torch.stack([asked.x[:SHOWN], made[:SHOWN]], 1).flatten(0, 1)
    sheet(page, test.spec, columns=10).save(run.path / "reconstructions.png")
    return {"nearest code": _same(known.y[near], asked.y), "error": float((made - asked.x).abs().mean()),
            "error of another": float((made.roll(1, 0) - asked.x).abs().mean())}


def _same(a: Tensor, b: Tensor) -> float:
    return float((a == b).float().mean())


ARM = Arm("bigan", Training("bigan", "mnist", 900_000, (codes,), {"size": "XS"}, judged=0))


def read(found: Found) -> Outcome:
    """The accuracy and the error."""
    seeds = sorted(found.cells.get(ARM.name, {}))
    figures = ("nearest code", "error", "error of another")
    rows = [[seed, *(found.cells[ARM.name][seed].get(name, float("nan")) for name in figures)] for seed in seeds]
    return Outcome(
        [Finding.at_least("1-NN accuracy of codes on MNIST's test images, median (paper: 97.4 %)", ACCURACY,
                          found.median(ARM.name, "nearest code")),
         Finding.at_most("error of reconstructions over that of another image's", 0.6,
                         found.median(ARM.name, "error") / found.median(ARM.name, "error of another"))],
        [Table("Codes and reconstructions, seed by seed", ["seed", *figures], rows)], seeds=seeds,
        reading="Codes of 60,000 training images are the neighbours, by cosine. The error is the mean absolute one of "
                "pixels in [-1, 1]; nothing in training compares an image with its reconstruction. Each run holds a "
                "sheet of both, reconstructions.png.")


DECLARED = {"bigan": Row("bigan", "an encoder learnt beside the generator inverts it", (ARM,), read, seeds=(0,),
                         covers=("bigan",))}
