"""Pairs of pictures: photographs of cells and the masks drawn on them, both ways.

The pairs are the 334 pictures of 256 x 256 of the Data Science Bowl 2018, at 64 x 64; a tenth is held out. From masks
to photographs L1 weighs 10 and not 100: the photographs are dark, and their differences a tenth of the masks'.

References:
    Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), figure 4 and table 1: L1
    alone blurs. https://arxiv.org/abs/1611.07004
"""

from __future__ import annotations

from typing import Any

from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training
from mintage.reproduce.translations import masks, photographs

PAIRS, SIDE = "paired/dsb2018_nuclei_256.npz", (64, 64)
EXAMPLES, DICE = 12_000, 0.85
OPTIONS = {"size": "XS", "lr": 1e-3}


def _arm(name: str, made: str, given: str, measure: Any, **options: Any) -> Arm:
    return Arm(name, Training("pix2pix", f"{PAIRS}:{made}", EXAMPLES, (measure,), {**OPTIONS, **options}, judged=0,
                              resolution=SIDE, given=f"{PAIRS}:{given}"))


ARMS = (_arm("photo to mask", "mask", "photo", masks),
        _arm("mask to photo", "photo", "mask", photographs, l1=10.0),
        _arm("mask to photo, L1 alone", "photo", "mask", photographs, adversarial=0.0))


def read(found: Found) -> Outcome:
    """Dice one way; sharpness and likeness the other."""
    critic, alone = ARMS[1].name, ARMS[2].name
    real = found.median(critic, "energy of real")
    off = {name: abs(found.median(name, "energy") - real) / real for name in (critic, alone)}
    header = ["arm", "Dice", "gradient energy over that of real photographs", "Fréchet distance", "mean |difference|",
              "undone rounds"]
    rows = [[arm.name, round(found.median(arm.name, "dice"), 3), round(found.median(arm.name, "energy") / real, 3),
             round(found.median(arm.name, "frechet"), 2), round(found.median(arm.name, "l1"), 4),
             sum(found.each(arm.name, "undone rounds"))] for arm in ARMS]
    return Outcome(
        [Finding.at_least("Dice of masks made from held-out photographs, median", DICE,
                          found.median(ARMS[0].name, "dice")),
         Finding.at_most("gradient energy of photographs made from held-out masks, relative distance from real over "
                         "that of L1 alone, medians", 0.99, off[critic] / off[alone]),
         Finding.at_most("Fréchet distance of these over that of L1 alone, medians", 0.99,
                         found.median(critic, "frechet") / found.median(alone, "frechet"))],
        [Table(f"Nuclei at {SIDE[0]} x {SIDE[1]}, {EXAMPLES:,} examples", header, rows)], seeds=(0, 1, 2),
        reading="Dice is of all pixels of the held-out tenth together, threshold at the middle grey. Gradient energy "
                "is the mean squared difference of neighbouring pixels. The Fréchet distance is in the features of the "
                "shipped network over the eight turns and mirror images of the held-out pictures, so it compares the "
                "two arms and nothing else. L1 has the smaller difference from the photographs, and the critic's are "
                "nearer to how photographs look: the paper's trade.")


DECLARED = {"pix2pix": Row("pix2pix", "a U-Net and a critic of patches translate both ways from pairs", ARMS, read,
                           covers=("pix2pix",))}
