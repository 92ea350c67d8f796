"""Batch norm makes the samples of one batch alike; reference and virtual batch norm do not.

DCGAN's generator on Fashion-MNIST, as it is trained: with batch norm, with statistics of a fixed reference batch, with
those of the reference batch and the example. The intra-class correlation of batches is 0 where samples are independent
(`reproduce.figures.within_batches`).

References:
    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.5. https://arxiv.org/abs/1606.03498
    NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 4.4 and figure 21.
    https://arxiv.org/abs/1701.00160
"""

from __future__ import annotations

from dataclasses import replace

from mintage.lab.outcome import Cell, Finding, Outcome, Table
from mintage.reproduce.figures import OF, correlation, fidelity
from mintage.reproduce.row import Arm, Found, Row
from mintage.reproduce.rows.improved import BASELINE, PLACE, with_options

PLAIN, REFERENCE, VIRTUAL = BASELINE, "reference batch norm", "virtual batch norm"
NORMS = {PLAIN: "batch", REFERENCE: "reference", VIRTUAL: "virtual"}
ARMS = tuple(Arm(name, replace(with_options(norm=norm), measured=(fidelity, correlation)))
             for name, norm in NORMS.items())
NEAR_0, FAR, NOT_WORSE = 0.02, 0.02, 1.1


def said(size: int) -> str:
    """The name of a correlation."""
    return f"correlation, batches of {size}"


def read(found: Found) -> Outcome:
    """Correlations and distances."""
    small = OF[0]
    findings = [Finding.at_least(f"batch norm: correlation within batches of {small}, median", FAR,
                                 found.median(PLAIN, said(small)))]
    for name in (REFERENCE, VIRTUAL):
        most = max((abs(value) for size in OF for value in found.each(name, said(size))), default=float("nan"))
        ratio = found.median(name, "frechet") / found.median(PLAIN, "frechet")
        findings += [Finding.at_most(f"{name}: largest |correlation|, batches of {small} and {OF[1]}",
                                     NEAR_0, most),
                     Finding.at_most(f"{name}: Fréchet distance over batch norm's, medians", NOT_WORSE,
                                     ratio)]
    header = ["generator", *(f"within batches of {size}" for size in OF), "Fréchet distance", "seeds"]
    rows: list[list[Cell]] = [[arm.name, *(round(found.median(arm.name, said(size)), 5) for size in OF),
             round(found.median(arm.name, "frechet"), 3), len(found.each(arm.name, "frechet"))] for arm in ARMS]
    return Outcome(findings, [Table("Medians over seeds", header, rows)], seeds=(0, 1, 2),
                   reading="The correlation is of raw pixels, over all pixels together, with fresh latents and the "
                           "generator in the mode it is trained in; samples that are shipped are drawn with fixed "
                           "statistics and have none. It falls with the size of the batch.")


DECLARED = {"batch-norm-artifact": Row(
    "batch-norm-artifact", "batch norm correlates the samples of a batch; reference and virtual batch norm do not",
    ARMS, read, covers=("batch-norm-artifact",), place=PLACE)}
