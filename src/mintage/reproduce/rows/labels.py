"""MNIST with 100 labels: a critic that also tells the classes, beside a generator that matches its features.

The critic's errors on the 10,000 test digits; the paper reports 93 ± 6.5 after 300 passes, and here are 14.

References:
    Improved Techniques for Training GANs (Salimans et al., 2016), table 1. https://arxiv.org/abs/1606.03498
"""

from __future__ import annotations

import torch

from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import opened
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs.evaluating import best_game
from mintage.runs.folder import Run
from mintage.systems.semi_supervised import classify

ERRORS = 300


def errors(run: Run, seed: int) -> Figures:
    """Test digits of 10,000 whose class the averaged critic gets wrong, at the end."""
    test = opened(run.settings.data.source, "test")
    batch = test.gather(torch.arange(len(test)))
    if batch.y is None:
        raise ValueError("errors are counted on labelled examples")
    return {"errors": int((classify(best_game(run)[0].current, batch.x) != batch.y.cpu()).sum())}


ARM = Arm("semi-supervised", Training("semi_supervised", "mnist", 780_000, (errors,), {"labels_per_class": 10},
                                      judged=0))


def read(found: Found) -> Outcome:
    """The errors of each seed."""
    every = found.each(ARM.name, "errors")
    seeds = sorted(found.cells.get(ARM.name, {}))
    return Outcome([Finding.at_most("errors of 10,000, median (paper: 93 ± 6.5, longer training)", ERRORS,
                                    found.median(ARM.name, "errors"))],
                   [Table("Errors of each seed", ["seed", "errors"], list(zip(seeds, every, strict=False)))],
                   seeds=seeds, reading="Ten digits of each class have labels; all others are trained on without.")


DECLARED = {"semi-supervised": Row("semi-supervised", "100 labels are enough for MNIST", (ARM,), read,
                                   covers=("semi-supervised",))}
