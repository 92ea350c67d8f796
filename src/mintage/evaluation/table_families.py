"""Measures that look at the cells of tables: columns, pairs of columns, and the table's use for a task."""

from __future__ import annotations

from typing import Any

from mintage.evaluation.measure import Family, Measure
from mintage.evaluation.measures.class_scores import Classifier
from mintage.evaluation.measures.table_scores import detection, marginal_distances, pair_difference
from mintage.evaluation.measures.table_use import use_for
from mintage.evaluation.sides import Side

MARGINALS = Measure("marginals", "columns, mean distance",
                    "Kolmogorov-Smirnov distance of numbers and total variation of categories, over all columns",
                    "lower", "xu2019")
WORST = Measure("worst_column", "column farthest off", "the greatest of those distances", "lower", "xu2019")
PAIRS = Measure("pairs", "associations of pairs, mean difference",
                "how far correlations, correlation ratios and Cramér's V are from those of real rows", "lower",
                "xu2019")
DETECTION = Measure("detection", "two-sample accuracy, columns together",
                    "how often a classifier that sees what columns do together tells samples from real rows", "lower",
                    "lopezpaz2017", lambda dim: 8 * dim)
USE = Measure("use", "F1 of a classifier that learnt from samples",
              "train on samples, test on real rows: how well they serve a task", "as real", "esteban2017")
TABLE_MEASURES = (MARGINALS, WORST, PAIRS, DETECTION, USE)


def table_families(target: str | None = None) -> tuple[Family, ...]:
    """The families of tables; `target` names the column that a task predicts, if there is one."""
    def columns(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        found = marginal_distances(_table(real), _table(fake))
        return {MARGINALS.name: found.mean, WORST.name: found.worst}

    def pairs(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        return {PAIRS.name: pair_difference(_table(real), _table(fake)).mean}

    def together(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        return {DETECTION.name: detection(_table(real), _table(fake)).accuracy}

    def use(real: Side, fake: Side, _: Side | None) -> dict[str, float]:
        return {USE.name: use_for(str(target), _table(fake), _table(real), _table(real), Classifier.fit).synthetic.f1}

    families = (Family((MARGINALS, WORST), columns), Family((PAIRS,), pairs), Family((DETECTION,), together))
    return (*families, Family((USE,), use)) if target else families


def _table(side: Side) -> Any:
    if side.rows is None:
        raise ValueError("a measure of tables met examples that are not rows of a table")
    return side.rows
