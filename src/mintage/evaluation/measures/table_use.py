"""Use of a table: train on the synthetic, test on the real (TSTR), beside training on the real (TRTR).

Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs (Esteban et al., 2017,
https://arxiv.org/abs/1706.02633) named the protocol; Modeling Tabular Data using Conditional GAN (Xu et al., 2019,
https://arxiv.org/abs/1907.00503) judges tables by it. Synthetic data are of use when the two are close; alone, the
synthetic figure says how hard the task is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from mintage.data.tables import ABSENT, Table
from mintage.evaluation.features.table_features import table_features


class Fitted(Protocol):
    """A classifier that has been fitted."""

    def probabilities(self, features: Tensor) -> Tensor:
        """p [n, classes] of features [n, d], rows summing to 1."""
        ...


Fit = Callable[[Tensor, Tensor, int], Fitted]


class TaskScores(NamedTuple):
    """Of one classifier on the test table, each in [0, 1].

    F1 is that of the rarer class where there are two, and the mean over the classes otherwise; AUC likewise, one class
    against the rest.
    """

    accuracy: float
    f1: float
    auc: float


class Use(NamedTuple):
    """Trained on the synthetic table and on the real one, both tested on the same real rows."""

    synthetic: TaskScores
    real: TaskScores
    chance: float  # the accuracy of always naming the commonest class
    target: str
    counts: tuple[int, int, int]  # rows of the synthetic, the real and the test table that have the target


def use_for(target: str, synthetic: Table, real: Table, test: Table, fit: Fit) -> Use:
    """How well a classifier of the column `target` does when it learns from each of two tables.

    `fit(features, labels, classes)` fits one. Features are those of the real table without the target; rows without a
    target, or with a word that the real table does not have there, are passed over.

    Raises:
        ValueError: the target is not there or numeric, or a table holds fewer than two of its classes.
    """
    column = real.column(target)
    if column.categories is None:
        raise ValueError(f"the target {target!r} is numeric; classes are wanted. Name a categorical column, or read "
                         f"{target!r} as one (categorical=[{target!r}]).")
    encode, _ = table_features(real, without=[target])
    classes = len(column.categories)

    def labelled(table: Table) -> tuple[Tensor, Tensor]:
        y = table.column(target).values
        known = np.flatnonzero((y != ABSENT) & (y < classes))
        if len(np.unique(y[known])) < 2:
            raise ValueError(f"{table.name} holds {len(known)} rows with a known {target!r} and fewer than two of its "
                             f"{classes} classes; a classifier needs two.")
        return encode(table.take(known)), torch.from_numpy(y[known])

    sets = [labelled(table) for table in (synthetic, real, test)]
    x, y = sets[2]
    fake, true = (task_scores(fit(*side, classes).probabilities(x), y) for side in sets[:2])
    return Use(fake, true, float(y.bincount().max()) / len(y), target, (len(sets[0][1]), len(sets[1][1]), len(y)))


def task_scores(probabilities: Tensor, labels: Tensor) -> TaskScores:
    """The scores of p [n, classes] against labels int64 [n]. Classes that no label has do not count."""
    p, y = probabilities.double().cpu(), labels.cpu()
    named = p.argmax(1)
    there = [int(k) for k in y.unique()]
    if p.shape[1] == 2 and len(there) == 2:
        there = [min(there, key=lambda k: int((y == k).sum()))]
    f1 = [_f1(named == k, y == k) for k in there]
    area = [_auc(p[:, k], y == k) for k in there]
    return TaskScores(float((named == y).double().mean()), float(np.mean(f1)), float(np.mean(area)))


def _f1(named: Tensor, true: Tensor) -> float:
    """2 TP / (2 TP + FP + FN)."""
    return float(2 * (named & true).sum() / (named.sum() + true.sum()).clamp(min=1))


def _auc(score: Tensor, true: Tensor) -> float:
    """P(score of a member > score of another) + 1/2 P(equal), from mean ranks; 1/2 where one kind is absent."""
    _, place, counts = score.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0).double() - (counts.double() - 1) / 2)[place]
    m = int(true.sum())
    n = len(true) - m
    return float((ranks[true].sum() - m * (m + 1) / 2) / (m * n)) if m and n else 0.5
