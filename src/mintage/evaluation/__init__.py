"""Evaluation: fidelity, diversity and memorisation of any sampler, each beside the figure of real data."""

from __future__ import annotations

from mintage.evaluation.annealing import annealed_likelihood
from mintage.evaluation.assess import assess
from mintage.evaluation.assessor import Assessor
from mintage.evaluation.birthday import Support, support_size
from mintage.evaluation.cards import Card, Evaluation, Setting
from mintage.evaluation.comparison import Comparison, compare, methods
from mintage.evaluation.extractors import (
    Extractor,
    Seen,
    extractor_for,
    module_features,
    small_image_features,
    standardised,
)
from mintage.evaluation.frechet import Moments, frechet, frechet_distance
from mintage.evaluation.inception_score import InceptionScore, inception_score
from mintage.evaluation.judge import Judge
from mintage.evaluation.kernel_distance import KernelDistance, kernel_distance
from mintage.evaluation.measure import Family, Measure
from mintage.evaluation.measures import FAMILIES, MEASURES
from mintage.evaluation.modes import Modes, modes
from mintage.evaluation.neighbours import (
    Memorisation,
    Neighbourhoods,
    memorisation,
    nearest,
    precision_recall_density_coverage,
)
from mintage.evaluation.parzen import LogLikelihood, parzen_likelihood
from mintage.evaluation.sides import Side
from mintage.evaluation.sliced import sliced_wasserstein
from mintage.evaluation.two_sample import TwoSample, classifier_test, nearest_neighbour_test
from mintage.evaluation.verdict import Verdict

__all__ = [
    "FAMILIES",
    "MEASURES",
    "Assessor",
    "Card",
    "Comparison",
    "Evaluation",
    "Extractor",
    "Family",
    "InceptionScore",
    "Judge",
    "KernelDistance",
    "LogLikelihood",
    "Measure",
    "Memorisation",
    "Modes",
    "Moments",
    "Neighbourhoods",
    "Seen",
    "Setting",
    "Side",
    "Support",
    "TwoSample",
    "Verdict",
    "annealed_likelihood",
    "assess",
    "classifier_test",
    "compare",
    "extractor_for",
    "frechet",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "memorisation",
    "methods",
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
