"""Progressive growing: how near the samples are at every level of a pyramid, beside the same networks at once.

The arm that grows computes small images for the first part of its examples; the other arm has three quarters as many,
which take about as long.

References:
    Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), table 1 and
    figure 10. https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

import json

import torch

from mintage.evaluation.measures.pyramid import pyramid_distance
from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.reproduce.figures import fidelity, opened, samples_of
from mintage.reproduce.row import Arm, Figures, Found, Row
from mintage.reproduce.training import Training
from mintage.runs.folder import Run

EXAMPLES, SHARE, COMPARED, LEVELS = 60_000, 0.75, 4_000, 3
GROWN, WHOLE = "progan", "all levels at once"
NEAR = 0.1
CHANCE = 0.8
"""The distance of a sample to the nearest training example over that of an unseen real one; near 0 for copies."""


def levels(run: Run, seed: int) -> Figures:
    """The sliced Wasserstein distance from the test images at each level, and that of training images, its floor."""
    source, k = run.settings.data.source, torch.arange(COMPARED)
    test, train = (opened(source, split).gather(k).x for split in ("test", "train"))
    found = pyramid_distance(test, samples_of(run, COMPARED, seed), seed=seed)
    floor = pyramid_distance(test, train, seed=seed)
    return {f"{what} {level}": value for what, values in (("level", found), ("floor", floor))
            for level, value in enumerate(values)}


def neighbours(run: Run, seed: int) -> Figures:
    """Whether the sheet of nearest training examples is there, and how far the samples are from them."""
    rows = json.loads((run.samples / "neighbours.json").read_bytes())
    verdict = json.loads((run.path / "summary.json").read_bytes())["verdict"]
    return {"neighbours shown": float((run.samples / "neighbours.png").is_file() and len(rows) > 0),
            "memorisation": float(verdict["memorisation"])}


def _arm(name: str, examples: int, **options: float) -> Arm:
    return Arm(name, Training("progan", "fmnist", examples, (levels, neighbours, fidelity), {"size": "XS", **options},
                              judgements=5))


ARMS = (_arm(GROWN, EXAMPLES), _arm(WHOLE, round(SHARE * EXAMPLES), growing=0.0))


def read(found: Found) -> Outcome:
    """The levels of both arms."""
    seeds = sorted(found.cells.get(GROWN, {}))
    of = {arm.name: [found.median(arm.name, f"level {k}") for k in range(LEVELS)] for arm in ARMS}
    floor = [found.median(GROWN, f"floor {k}") for k in range(LEVELS)]
    titles = ["finest", *[""] * (LEVELS - 2), "coarsest"]
    rows: list[list[Cell]] = [[f"{k} {titles[k]}".strip(), *(round(of[arm.name][k], 3) for arm in ARMS),
                               round(floor[k], 3)] for k in range(LEVELS)]
    minutes = [found.median(arm.name, "seconds") / 60 for arm in ARMS]
    return Outcome(
        [Finding.at_least("levels of the pyramid at which every seed has a distance", LEVELS,
                          sum(len(found.each(GROWN, f"level {k}")) == len(seeds) > 0 for k in range(LEVELS))),
         Finding.at_most("distance at the level where it is largest, in deviations, median", NEAR, max(of[GROWN])),
         Finding.at_least("sheets of nearest training examples, share of seeds", 1.0,
                          sum(found.each(GROWN, "neighbours shown")) / max(1, len(seeds))),
         Finding.at_least("distance to the nearest training example over that of unseen images, median", CHANCE,
                          found.median(GROWN, "memorisation")),
         Finding.at_most("trainings that diverged", 0, sum(sum(found.each(arm.name, "diverged")) for arm in ARMS))],
        [Table("Sliced Wasserstein distance of 7 x 7 neighbourhoods, in deviations of the real ones",
               ["level", *(arm.name for arm in ARMS), "training images"], rows),
         Table("Fréchet distance and minutes", ["", "Fréchet distance", "minutes"],
               [[arm.name, round(found.median(arm.name, "frechet"), 3), round(spent, 1)]
                for arm, spent in zip(ARMS, minutes, strict=True)])],
        reading=f"{EXAMPLES:,} images where the networks grow, {SHARE:.0%} of them elsewhere; size XS. A level is "
                "half the size of the one before it. Mean distance over the levels, growing over all levels at once: "
                f"{sum(of[GROWN]) / sum(of[WHOLE]):.2f}.",
        seeds=seeds)


DECLARED = {"progan": Row("progan", "networks that grow are near the images at every level of a pyramid", ARMS, read,
                          covers=("progan",))}
