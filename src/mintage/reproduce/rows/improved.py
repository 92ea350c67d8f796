"""The techniques of 2016, each alone against the same system with all of them off.

Ten passes over Fashion-MNIST, networks of size XS.

References:
    Improved Techniques for Training GANs (Salimans et al., 2016). https://arxiv.org/abs/1606.03498
"""

from __future__ import annotations

from typing import Any

from mintage.evaluation.student import difference_of
from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.reproduce.figures import fidelity
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.training import Training

EPOCHS, TRAINED = 10, 54_000
OFF: dict[str, Any] = {"size": "XS", "feature_matching": False, "minibatch_discrimination": False, "history": 0.0,
                       "real_label": 1.0, "norm": "batch"}
TRICKS: dict[str, dict[str, Any]] = {
    "feature matching": {"feature_matching": True},
    "minibatch discrimination": {"minibatch_discrimination": True},
    "historical averaging": {"history": 1e-3},
    "one-sided smoothing": {"real_label": 0.9},
    "virtual batch norm": {"norm": "virtual"},
}
"""Technique -> the options of `improved_gan` that switch it on."""
PLACE, BASELINE = "tricks", "baseline"


def with_options(**on: Any) -> Training:
    """The system with every technique off but these."""
    return Training("improved_gan", "fmnist", EPOCHS * TRAINED, (fidelity,), OFF | on)


ARMS = (Arm(BASELINE, with_options()), *(Arm(name, with_options(**on)) for name, on in TRICKS.items()))


def read(found: Found) -> Outcome:
    """The effect of each."""
    base = found.each(BASELINE, "frechet")
    findings = [Finding.at_least("techniques measured with every seed", len(TRICKS),
                                 sum(len(found.each(name, "frechet")) >= len(base) > 0 for name in TRICKS)),
                Finding.at_most("trainings that diverged", 0,
                                sum(sum(found.each(arm.name, "diverged")) for arm in ARMS))]
    rows: list[list[Cell]] = [[BASELINE, round(found.median(BASELINE, "frechet"), 3), "",
                               round(found.median(BASELINE, "recall"), 3), "", ""]]
    for name in TRICKS:
        every = found.each(name, "frechet")
        ratio = found.median(name, "frechet") / found.median(BASELINE, "frechet")
        findings.append(Finding(f"{name}: Fréchet distance over the baseline's, medians", "its effect, no bound", ratio,
                                True))
        gap = difference_of(every, base) if min(len(every), len(base)) > 1 else None
        rows.append([name, round(found.median(name, "frechet"), 3), round(ratio, 3),
                     round(found.median(name, "recall"), 3),
                     f"{gap.value:.2f} ({gap.low:.2f} to {gap.high:.2f})" if gap else "",
                     ("no difference found" if gap.p_value > 0.05 else "better" if gap.value < 0 else "worse")
                     if gap else ""])
    header = ["technique", "Fréchet distance", "over the baseline's", "recall", "difference (95 %)", "verdict"]
    return Outcome(findings, [Table("Each technique alone, medians over seeds", header, rows)], seeds=(0, 1, 2),
                   reading="The paper's own evidence is an Inception score on CIFAR-10 with labels, and its samples. "
                           "The verdicts are five tests at 5 % each on three seeds, not corrected for there being "
                           "five.")


DECLARED = {"improved-gan": Row(
    "improved-gan", "the techniques of 2016, each alone against the same networks without", ARMS, read,
    covers=("improved-gan",), place=PLACE)}
