"""Evaluation: fidelity, diversity and memorisation of any sampler, each beside the figure of real data."""

from __future__ import annotations

from mintage.evaluation.assess import assess
from mintage.evaluation.assessor import Assessor
from mintage.evaluation.cards import Card, Evaluation, Setting
from mintage.evaluation.catalogue import FAMILIES, MEASURES
from mintage.evaluation.comparison import Comparison, compare, methods
from mintage.evaluation.features.extractors import (
    Extractor,
    Seen,
    extractor_for,
    module_features,
    small_image_features,
    standardised,
)
from mintage.evaluation.features.inception import inception_features
from mintage.evaluation.features.inception_weights import fetch_inception
from mintage.evaluation.features.mobilenet import mobilenet_features
from mintage.evaluation.features.series_features import series_features
from mintage.evaluation.features.sound_features import sound_features
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.gate import Check, Gate, gate_of
from mintage.evaluation.judge import Judge
from mintage.evaluation.measure import Family, Measure
from mintage.evaluation.measures.annealing import annealed_bounds, annealed_likelihood
from mintage.evaluation.measures.birthday import Support, alike_within, closest_pairs, samples_needed, support_size
from mintage.evaluation.measures.class_scores import (
    Accuracy,
    Classifier,
    class_histogram,
    classification_accuracy_score,
    intra_class_frechet,
    label_agreement,
)
from mintage.evaluation.measures.copies import Copies, copies
from mintage.evaluation.measures.duplicates import Duplicates, duplicates
from mintage.evaluation.measures.extrapolation import Extrapolated, extrapolated_frechet
from mintage.evaluation.measures.frechet import Moments, frechet, frechet_distance
from mintage.evaluation.measures.human import HumanScore, score, trials
from mintage.evaluation.measures.inception_score import InceptionScore, inception_score
from mintage.evaluation.measures.kernel_distance import KernelDistance, kernel_distance
from mintage.evaluation.measures.membership import Membership, distance_attack, membership_auc
from mintage.evaluation.measures.modes import Modes, modes
from mintage.evaluation.measures.neighbours import (
    Memorisation,
    Neighbourhoods,
    memorisation,
    nearest,
    precision_recall_density_coverage,
)
from mintage.evaluation.measures.parzen import LogLikelihood, parzen_likelihood
from mintage.evaluation.measures.path_length import PathLength, path_length, unrounded_image_features
from mintage.evaluation.measures.similarity import Similarity, psnr, ssim
from mintage.evaluation.measures.sliced import sliced_wasserstein
from mintage.evaluation.measures.stacked import StackedModes, digit_shares, stacked_modes
from mintage.evaluation.measures.table_scores import detection, marginal_distances, pair_difference
from mintage.evaluation.measures.table_use import use_for
from mintage.evaluation.measures.two_sample import TwoSample, classifier_test, nearest_neighbour_test
from mintage.evaluation.sides import Side
from mintage.evaluation.stopping import Mark, Progress, choose_best, progress
from mintage.evaluation.time_left import TimeLeft, time_left
from mintage.evaluation.verdict import Verdict

__all__ = [
    "FAMILIES",
    "MEASURES",
    "Accuracy",
    "Assessor",
    "Card",
    "Check",
    "Classifier",
    "Comparison",
    "Copies",
    "Duplicates",
    "Evaluation",
    "Extractor",
    "Extrapolated",
    "Family",
    "Gate",
    "HumanScore",
    "InceptionScore",
    "Judge",
    "KernelDistance",
    "LogLikelihood",
    "Mark",
    "Measure",
    "Membership",
    "Memorisation",
    "Modes",
    "Moments",
    "Neighbourhoods",
    "PathLength",
    "Progress",
    "Seen",
    "Setting",
    "Side",
    "Similarity",
    "StackedModes",
    "Support",
    "TimeLeft",
    "TwoSample",
    "Verdict",
    "alike_within",
    "annealed_bounds",
    "annealed_likelihood",
    "assess",
    "choose_best",
    "class_histogram",
    "classification_accuracy_score",
    "classifier_test",
    "closest_pairs",
    "compare",
    "copies",
    "detection",
    "digit_shares",
    "distance_attack",
    "duplicates",
    "extractor_for",
    "extrapolated_frechet",
    "fetch_inception",
    "frechet",
    "frechet_distance",
    "gate_of",
    "inception_features",
    "inception_score",
    "intra_class_frechet",
    "kernel_distance",
    "label_agreement",
    "marginal_distances",
    "membership_auc",
    "memorisation",
    "methods",
    "mobilenet_features",
    "modes",
    "module_features",
    "nearest",
    "nearest_neighbour_test",
    "pair_difference",
    "parzen_likelihood",
    "path_length",
    "precision_recall_density_coverage",
    "progress",
    "psnr",
    "samples_needed",
    "score",
    "series_features",
    "sliced_wasserstein",
    "small_image_features",
    "sound_features",
    "ssim",
    "stacked_modes",
    "standardised",
    "support_size",
    "table_features",
    "time_left",
    "trials",
    "unrounded_image_features",
    "use_for",
]
