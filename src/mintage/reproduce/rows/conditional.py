"""Conditional systems on Fashion-MNIST: whether a sample is of the class it was asked for.

The judge is a convolutional classifier that was trained on the real training images (`reproduce.classifier`); its
accuracy on test images says what a generator that matched the data would reach, and samples may pass it by leaving out
what lies between classes. The Fréchet distance beside it says what that cost.

References:
    Conditional Generative Adversarial Nets (Mirza & Osindero, 2014), https://arxiv.org/abs/1411.1784
    cGANs with Projection Discriminator (Miyato & Koyama, 2018), https://arxiv.org/abs/1802.05637
    Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), https://arxiv.org/abs/1610.09585
"""

from __future__ import annotations

from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.classifier import class_as_asked
from mintage.reproduce.figures import fidelity
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training

ASKED, ACCURACY = 0.95, 0.91
EXAMPLES = 360_000
ARMS = tuple(Arm(name, Training(name, "fmnist", EXAMPLES, (class_as_asked, fidelity), {"size": "XS"}, judgements=4))
             for name in ("cgan", "projection", "acgan"))


def read(found: Found) -> Outcome:
    """The share of samples that are of their class, for each system."""
    there = [arm.name for arm in ARMS if found.each(arm.name, "class as asked")]
    judge = [value for name in there for value in found.each(name, "classifier")]
    figures = ("class as asked", "worst class", "frechet", "floor", "precision", "recall")
    rows: list[list[str | float]] = [[name, *(round(found.median(name, figure), 3) for figure in figures)]
                                     for name in there]
    return Outcome(
        [*(Finding.at_least(f"{name}: samples of the class asked for, by the classifier, median", ASKED,
                            found.median(name, "class as asked")) for name in there),
         Finding.at_least("accuracy of the classifier on test images", ACCURACY, min(judge, default=0.0)),
         Finding.at_most("trainings that diverged", 0,
                         sum(value for arm in ARMS for value in found.each(arm.name, "diverged")))],
        [Table("Conditional systems on Fashion-MNIST, medians", ["system", *figures], rows)],
        reading="5,000 samples with every class equally often; 10,000 for the distances. A classifier is surer of "
                "samples than of test images, so a figure above its accuracy does not say that samples are better than "
                "the data.",
        seeds=sorted({seed for cells in found.cells.values() for seed in cells}))


DECLARED = {"conditional": Row("conditional", "a conditional generator makes the class it is asked for", ARMS, read,
                               covers=("conditional",))}
