"""All adversarial objectives by name: for tables, options and the laws that every one of them keeps."""

from __future__ import annotations

from mintage.objectives.adversarial import Adversarial, maximum_likelihood, minimax, non_saturating
from mintage.objectives.divergences import DIVERGENCES, f_gan
from mintage.objectives.kernels import energy_kernel, gaussian_kernel, rational_quadratic_kernel
from mintage.objectives.margins import hinge, least_squares, wasserstein
from mintage.objectives.mmd import mmd_gan
from mintage.objectives.relativistic import relativistic_average, relativistic_paired

ADVERSARIAL: dict[str, Adversarial] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "maximum-likelihood": maximum_likelihood,
    "least-squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
    "relativistic-average": relativistic_average,
    "relativistic-paired": relativistic_paired,
    "f-kl": f_gan(DIVERGENCES["kl"]),
    "f-reverse-kl": f_gan(DIVERGENCES["reverse_kl"]),
    "f-pearson": f_gan(DIVERGENCES["pearson"]),
    "f-squared-hellinger": f_gan(DIVERGENCES["squared_hellinger"]),
    "f-jensen-shannon": f_gan(DIVERGENCES["jensen_shannon"]),
    "f-gan": f_gan(DIVERGENCES["gan"]),
    "f-total-variation": f_gan(DIVERGENCES["total_variation"]),
    "mmd-gaussian": mmd_gan(gaussian_kernel()),
    "mmd-rational-quadratic": mmd_gan(rational_quadratic_kernel(), source="binkowski2018"),
    "mmd-energy": mmd_gan(energy_kernel, source="binkowski2018"),
}
"""Name -> both sides of the game."""
