"""Table scores: how far one table is from another, column by column, pair by pair, as a whole, and for its use.

Numeric columns are compared by the Kolmogorov-Smirnov distance sup_x |F(x) - G(x)|, categorical ones by the total
variation 1/2 sum_k |p_k - q_k|; both are in [0, 1]. Pairs are compared by their associations: the correlation of two
numeric columns in [-1, 1], the correlation ratio eta of a numeric and a categorical one in [0, 1], and Cramér's V of
two categorical ones in [0, 1]. All are above 0 between two samples of one population: read each beside its floor, the
score of two real tables of the same sizes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mintage.data.tables import Column, Table
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.measures.two_sample import TwoSample, classifier_test

MOST_AXES = 32
MOST_ROWS = 10_000


class ColumnScore(NamedTuple):
    """One column: the distance (KS or TV) of its values, and the share missing in the other less the reference's."""

    name: str
    measure: str  # "ks" or "tv"
    distance: float
    missing: float
    counts: tuple[int, int]  # cells that are not missing


class Marginals(NamedTuple):
    """All columns in order; the mean distance, the greatest, and the greatest difference in the share missing."""

    columns: tuple[ColumnScore, ...]
    mean: float
    worst: float
    missing: float


class Pairs(NamedTuple):
    """The mean absolute difference of associations over all pairs of columns; the greatest, and its pair."""

    mean: float
    worst: float
    pair: tuple[str, str]
    reference: np.ndarray  # [c, c]
    other: np.ndarray  # [c, c]


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """sup_x |F_a(x) - F_b(x)| of two samples [n] and [m] without NaN; 1 where one is empty, 0 where both are."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    gap = np.searchsorted(a, at, side="right") / len(a) - np.searchsorted(b, at, side="right") / len(b)
    return float(np.abs(gap).max())


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """1/2 sum_k |p_k - q_k| of two samples of codes 0, 1, ...; 1 where one is empty, 0 where both are."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    k = int(max(a.max(), b.max())) + 1
    p, q = (np.bincount(codes, minlength=k) / len(codes) for codes in (a, b))
    return float(np.abs(p - q).sum() / 2)


def marginal_distances(reference: Table, other: Table) -> Marginals:
    """Each column of `other` against the reference's, missing cells apart.

    Raises:
        ValueError: the tables do not have the same columns, kinds and categories.
    """
    scores = []
    for a, b in _paired(reference, other):
        x, y = a.values[~a.missing], b.values[~b.missing]
        distance = ks_distance(x, y) if a.numeric else total_variation(x, y)
        scores.append(ColumnScore(a.name, "ks" if a.numeric else "tv", distance,
                                  float(b.missing.mean() - a.missing.mean()), (len(x), len(y))))
    distances = [score.distance for score in scores]
    return Marginals(tuple(scores), float(np.mean(distances)), max(distances), max(abs(s.missing) for s in scores))


def associations(table: Table) -> np.ndarray:
    """Associations [c, c] float64, symmetric, over the rows in which both columns have a value; 1 on the diagonal.

    A pair with a column that is constant over those rows has 0, since nothing can be told.
    """
    columns, n = table.columns, len(table.columns)
    found = np.eye(n)
    for i in range(n):
        for j in range(i):
            found[i, j] = found[j, i] = _association(columns[i], columns[j])
    return found


def pair_difference(reference: Table, other: Table) -> Pairs:
    """Associations of `other` against the reference's, over the c (c - 1) / 2 pairs of columns.

    Raises:
        ValueError: the tables do not have the same columns, kinds and categories, or have only one.
    """
    _paired(reference, other)
    if len(reference.columns) < 2:
        raise ValueError(f"{reference.name} has one column and no pairs; its marginal distance says all.")
    a, b = associations(reference), associations(other)
    rows, columns = np.tril_indices(len(a), -1)
    gaps = np.abs(a - b)[rows, columns]
    k = int(gaps.argmax())
    names = reference.names
    return Pairs(float(gaps.mean()), float(gaps[k]), (names[columns[k]], names[rows[k]]), a, b)


def detection(reference: Table, other: Table, *, seed: int = 0, most: int = MOST_ROWS) -> TwoSample:
    """The classifier two-sample test on the features of at most `most` rows of each table.

    The test's logistic regression sees f and f^2, hence columns one by one. So that it sees what columns do together,
    the first 32 principal axes of the reference's features are added: a sum of columns, squared, has their products.

    Raises:
        ValueError: the tables do not have the same columns, kinds and categories, or fewer than four rows each.
    """
    _paired(reference, other)
    encode, _ = table_features(reference)
    g = torch.Generator().manual_seed(seed)
    a, b = (encode(t.take(torch.randperm(len(t), generator=g)[:most])).double() for t in (reference, other))
    centre = a.mean(0)
    _, axes = torch.linalg.eigh((a - centre).T @ (a - centre))
    axes = axes[:, -MOST_AXES:]

    def seen(f: Tensor) -> Tensor:
        return torch.cat([f, (f - centre) @ axes], 1)

    return classifier_test(seen(a), seen(b), seed=seed)


def _paired(reference: Table, other: Table) -> list[tuple[Column, Column]]:
    pairs = [(column, other.column(column.name)) for column in reference.columns]
    for a, b in pairs:
        if a.categories != b.categories:
            raise ValueError(f"column {a.name!r} has not the same kind and categories in {reference.name} and "
                             f"{other.name}; open the second with like= the first.")
    return pairs


def _association(a: Column, b: Column) -> float:
    both = ~(a.missing | b.missing)
    x, y = a.values[both], b.values[both]
    if len(x) < 2:
        return 0.0
    if a.numeric and b.numeric:
        return _correlation(x, y)
    if a.numeric or b.numeric:
        return _correlation_ratio(x, y) if a.numeric else _correlation_ratio(y, x)
    return _cramer(x, y)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0


def _correlation_ratio(x: np.ndarray, codes: np.ndarray) -> float:
    """eta = sqrt(sum_k n_k (mean_k - mean)^2 / sum_i (x_i - mean)^2)."""
    x = x - x.mean()
    counts, sums = np.bincount(codes), np.bincount(codes, weights=x)
    between, total = (sums**2 / np.maximum(counts, 1)).sum(), x @ x
    return float(np.sqrt(min(1.0, between / total))) if total > 0 else 0.0


def _cramer(a: np.ndarray, b: np.ndarray) -> float:
    """V = sqrt(chi^2 / (n (min(rows, columns) - 1))), with the categories that occur."""
    (_, i), (_, j) = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
    rows, columns = int(i.max()) + 1, int(j.max()) + 1
    if min(rows, columns) < 2:
        return 0.0
    seen = np.bincount(i * columns + j, minlength=rows * columns).reshape(rows, columns)
    expected = np.outer(seen.sum(1), seen.sum(0)) / len(a)
    return float(np.sqrt(((seen - expected) ** 2 / expected).sum() / (len(a) * (min(rows, columns) - 1))))
