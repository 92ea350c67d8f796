"""Evaluation: fidelity, diversity and memorisation of any sampler, each beside the figure of real data."""

from __future__ import annotations

from mintage.evaluation.extractors import (
    Extractor,
    extractor_for,
    module_features,
    small_image_features,
    standardised,
)
from mintage.evaluation.frechet import Moments, frechet, frechet_distance
from mintage.evaluation.judge import Judge
from mintage.evaluation.modes import Modes, modes
from mintage.evaluation.neighbours import (
    Memorisation,
    Neighbourhoods,
    memorisation,
    nearest,
    precision_recall_density_coverage,
)
from mintage.evaluation.verdict import Verdict

__all__ = [
    "Extractor",
    "Judge",
    "Memorisation",
    "Modes",
    "Moments",
    "Neighbourhoods",
    "Verdict",
    "extractor_for",
    "frechet",
    "frechet_distance",
    "memorisation",
    "modes",
    "module_features",
    "nearest",
    "precision_recall_density_coverage",
    "small_image_features",
    "standardised",
]
