"""The Fashion-MNIST table: classic objectives, each in its paper's settings, on one small pair of networks.

Every system gets DCGAN's pair of size XS (2.0 and 1.7 million multiply-accumulates), 20 passes over 54,000 training
images, and the same judge: the Fréchet distance of 10,000 samples from the 10,000 test images, in the features of the
shipped network. `r3gan` brings its own pair of size XS, which is smaller (1.1 and .5 million).

The order is held against that of the study below, which gave each loss the best of a wide search of rates, decays and
critic steps. Two arms stand outside the order and look for what differs: the two Wasserstein systems with one critic
step and faster rates, as a search would have found.

References:
    Are GANs Created Equal? A Large-Scale Study (Lucic et al., 2018), table 2. https://arxiv.org/abs/1711.10337
"""

from __future__ import annotations

from typing import Any

from mintage.evaluation.student import mean_of
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce.figures import fidelity
from mintage.reproduce.ranking import spearman
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training

EPOCHS, TRAINED = 20, 54_000
PUBLISHED = {"minimax": 29.6, "dcgan": 26.5, "lsgan": 30.7, "wgan": 21.5, "wgan-gp": 24.5, "dragan": 27.7}
"""Arm -> the study's Fréchet distance on Fashion-MNIST, mean of 50 runs of its best setting."""
AGREEMENT = 0.5
SEARCHED = {"wgan": "wgan, searched", "wgan-gp": "wgan-gp, searched"}
"""Arm -> the same loss in other settings."""


def _arm(name: str, system: str, **options: Any) -> Arm:
    return Arm(name, Training(system, "fmnist", EPOCHS * TRAINED, (fidelity,), options))


ARMS = (
    _arm("minimax", "fgan", size="XS", divergence="gan", loss="bound"),
    _arm("dcgan", "dcgan", size="XS"),
    _arm("lsgan", "lsgan", size="XS"),
    _arm("wgan", "wgan", size="XS"),
    _arm("wgan-gp", "wgan_gp", size="XS"),
    _arm("dragan", "dragan", size="XS"),
    _arm("sngan", "sngan", size="XS"),
    _arm("fgan, KL", "fgan", size="XS", divergence="kl"),
    _arm("mmd-gan", "mmd_gan", size="XS"),
)
OTHERS = (
    _arm("wgan, searched", "wgan", size="XS", critic_steps=1, lr=2e-4),
    _arm("wgan-gp, searched", "wgan_gp", size="XS", critic_steps=1, lr=2e-4, beta1=0.5, beta2=0.999),
)
MLP = _arm("gan", "gan")
MODERN = _arm("r3gan", "r3gan", size="XS", conditional=False)


def table(found: Found, arms: tuple[Arm, ...]) -> Table:
    """Distance with its interval, precision, recall, minutes of every arm that is there, the nearest first."""
    there = sorted((arm.name for arm in arms if found.each(arm.name, "frechet")),
                   key=lambda name: found.median(name, "frechet"))
    header = ["system", "Fréchet distance, median", "mean and 95 % interval", "floor", "precision", "recall",
              "the study's figure", "undone rounds"]
    return Table(f"Fashion-MNIST, {EPOCHS} passes, 10,000 samples against the test images", header,
                 [[name, *_figures(found, name)] for name in there])


def _figures(found: Found, name: str) -> list[str | float]:
    every = found.each(name, "frechet")
    spread = mean_of(every) if len(every) > 1 else None
    interval = f"{spread.value:.2f} ({spread.low:.2f} to {spread.high:.2f})" if spread else f"{every[0]:.2f}"
    return [round(found.median(name, "frechet"), 3), interval, round(found.median(name, "floor"), 4),
            round(found.median(name, "precision"), 3), round(found.median(name, "recall"), 3),
            PUBLISHED.get(name, ""), sum(found.each(name, "undone rounds"))]


def read(found: Found) -> Outcome:
    """The order, and whether any diverged."""
    ordered = {name: found.median(name, "frechet") for name in PUBLISHED if found.each(name, "frechet")}
    best = {name: min(value, found.median(SEARCHED.get(name, name), "frechet")) for name, value in ordered.items()}
    agreement = {said: spearman(list(values.values()), [PUBLISHED[name] for name in values])
                 for said, values in (("paper", ordered), ("best", best))}
    diverged = {arm.name: sum(found.each(arm.name, "diverged")) for arm in (*ARMS, *OTHERS)}
    return Outcome(
        [Finding.at_least(f"rank correlation with the study over {len(ordered)} losses, settings of their papers",
                          AGREEMENT, agreement["paper"]),
         Finding.at_most("trainings that diverged, of all arms and seeds", 0, sum(diverged.values()))],
        [table(found, (*ARMS, *OTHERS))],
        reading=f"With the better of two settings for the two Wasserstein losses the rank correlation is "
                f"{agreement['best']:.2f}. The study's figures are of Inception features and of the best of a wide "
                "search for each loss; here each loss has one setting, its paper's, so only the order is compared.",
        seeds=(0, 1, 2))


def read_dcgan(found: Found) -> Outcome:
    """Convolutions against perceptrons."""
    ratio = found.median("dcgan", "frechet") / found.median("gan", "frechet")
    return Outcome([Finding.at_most("Fréchet distance of dcgan over that of gan, medians", 0.99, ratio)],
                   [table(found, (ARMS[1], MLP))], seeds=(0, 1, 2),
                   reading="The same data, examples and judge; gan has perceptrons and rates of its own.")


def read_modern(found: Found) -> Outcome:
    """The baseline against the best of the classics."""
    arms = (*ARMS, *OTHERS)
    others = {arm.name: found.median(arm.name, "frechet") for arm in arms if found.each(arm.name, "frechet")}
    nearest = min(others, key=others.__getitem__, default="none")
    ratio = found.median("r3gan", "frechet") / others.get(nearest, float("nan"))
    return Outcome([Finding.at_most(f"Fréchet distance of r3gan over the best other ({nearest}), medians", 1.0, ratio),
                    Finding.at_most("seeds of r3gan that diverged", 0, sum(found.each("r3gan", "diverged")))],
                   [table(found, (*arms, MODERN))], seeds=(0, 1, 2),
                   reading="r3gan has its own pair of networks, with fewer multiply-accumulates than the others', and "
                           "no labels here, as they have none.")


PLACE = "fmnist"
DECLARED = {
    "fmnist-table": Row("fmnist-table", "classic objectives in their papers' settings stand in the published order",
                        (*ARMS, *OTHERS), read, covers=("wgan", "wgan-gp", "lsgan", "sngan", "fgan", "mmd-gan"),
                        place=PLACE),
    "dcgan": Row("dcgan", "a convolutional GAN beats a GAN of perceptrons on Fashion-MNIST", (ARMS[1], MLP), read_dcgan,
                 covers=("dcgan",), place=PLACE),
    "r3gan": Row("r3gan", "the modern baseline is the best row of the Fashion-MNIST table", (*ARMS, *OTHERS, MODERN),
                 read_modern, covers=("r3gan",), place=PLACE),
}
