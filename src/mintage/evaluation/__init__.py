"""Evaluation: fidelity, diversity and memorisation of any sampler, each beside the figure of real data."""

from __future__ import annotations

from mintage.evaluation.annealing import annealed_likelihood
from mintage.evaluation.birthday import Support, support_size
from mintage.evaluation.extractors import (
    Extractor,
    extractor_for,
    module_features,
    small_image_features,
    standardised,
)
from mintage.evaluation.frechet import Moments, frechet, frechet_distance
from mintage.evaluation.inception_score import InceptionScore, inception_score
from mintage.evaluation.judge import Judge
from mintage.evaluation.kernel_distance import KernelDistance, kernel_distance
from mintage.evaluation.modes import Modes, modes
from mintage.evaluation.neighbours import (
    Memorisation,
    Neighbourhoods,
    memorisation,
    nearest,
    precision_recall_density_coverage,
)
from mintage.evaluation.parzen import LogLikelihood, parzen_likelihood
from mintage.evaluation.sliced import sliced_wasserstein
from mintage.evaluation.two_sample import TwoSample, classifier_test, nearest_neighbour_test
from mintage.evaluation.verdict import Verdict

__all__ = [
    "Extractor",
    "InceptionScore",
    "Judge",
    "KernelDistance",
    "LogLikelihood",
    "Memorisation",
    "Modes",
    "Moments",
    "Neighbourhoods",
    "Support",
    "TwoSample",
    "Verdict",
    "annealed_likelihood",
    "classifier_test",
    "extractor_for",
    "frechet",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "memorisation",
    "modes",
    "module_features",
    "nearest",
    "nearest_neighbour_test",
    "parzen_likelihood",
    "precision_recall_density_coverage",
    "sliced_wasserstein",
    "small_image_features",
    "standardised",
    "support_size",
]
