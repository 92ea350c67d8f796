"""Measures that need classes: whether samples are of the class they were asked for, and whether all classes come.

A classifier is fitted once, to features and labels of training examples, and looks at samples and held-out examples
alike. The classification accuracy score fits its own classifiers, to the samples.
"""

from __future__ import annotations

import torch

from mintage.evaluation.measure import Family, Measure
from mintage.evaluation.measures.class_scores import Classifier, class_histogram, intra_class_frechet
from mintage.evaluation.sides import Side

FITTED = 20_000  # training examples the classifier learns from
LEAST = 16  # examples of a class, to compare it alone

CLASSES = Measure("classes", "class histogram, total variation",
                  "how far the shares of the classes are from real ones, as a classifier sees both: 0 to 1", "lower",
                  "salimans2016")
AGREEMENT = Measure("label_agreement", "label agreement",
                    "the share of samples that a classifier of real examples finds in the class they were made for",
                    "as real", "odena2017")
ACCURACY = Measure("accuracy_score", "classification accuracy score",
                   "accuracy on held-out examples of a classifier that learnt from samples alone: what they hold of "
                   "what tells classes apart", "higher", "ravuri2019", lambda dim: 10 * dim)
INTRA = Measure("intra_frechet", "Fréchet distance within classes",
                "the mean over classes of the Fréchet distance: fidelity and diversity of each class alone", "lower",
                "miyato2018projection", lambda dim: 50 * dim)
CLASS_MEASURES = (CLASSES, AGREEMENT, ACCURACY, INTRA)


def class_families(train: Side, classes: int) -> tuple[Family, ...]:
    """The families for data of so many classes, from labelled training examples; none where there are no labels."""
    if train.labels is None or classes < 2:
        return ()
    model = Classifier.fit(train.features[:FITTED], train.labels[:FITTED], classes)

    def histogram(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        seen, theirs = (model.labels(side.features) for side in (fake, real))
        return {CLASSES.name: class_histogram(seen, theirs, classes).distance}

    def agreement(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        return {AGREEMENT.name: _right(model, fake)}

    def within(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        sides = [(side.features, _labels(side)) for side in (real, fake)]
        return {ACCURACY.name: _right(Classifier.fit(*sides[1], classes), real),
                INTRA.name: intra_class_frechet(sides[0], sides[1], classes, least=LEAST).distance}

    labelled = frozenset({"labels"})
    return (Family((CLASSES,), histogram), Family((AGREEMENT,), agreement, labelled, "held-out"),
            Family((ACCURACY, INTRA), within, labelled))


def _labels(side: Side) -> torch.Tensor:
    if side.labels is None:
        raise ValueError("a measure of labelled examples met examples without labels")
    return side.labels


def _right(model: Classifier, side: Side) -> float:
    return float((model.labels(side.features) == _labels(side)).double().mean())
