"""Table scores against scipy and scikit-learn, by hand, and on spoilt halves of a real table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics

from mintage.data.tables import Column, Table, open_table
from mintage.evaluation.features.table_features import table_features
from mintage.evaluation.measures.class_scores import Classifier
from mintage.evaluation.measures.frechet import frechet_distance
from mintage.evaluation.measures.table_scores import (
    associations,
    detection,
    ks_distance,
    marginal_distances,
    pair_difference,
    total_variation,
)
from mintage.evaluation.measures.table_use import task_scores, use_for

RNG = np.random.default_rng(0)


def table(**columns: np.ndarray | tuple[np.ndarray, tuple[str, ...]]) -> Table:
    return Table("t", tuple(Column(name, *(c if isinstance(c, tuple) else (np.asarray(c, float),)))
                            for name, c in columns.items()))


def replaced(of: Table, name: str, values: np.ndarray) -> Table:
    return Table(of.name, tuple(Column(c.name, values, c.categories) if c.name == name else c for c in of.columns))


# -- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
def test_ks_is_that_of_scipy(ties):
    a, b = RNG.normal(size=500), RNG.normal(0.3, 1.2, size=311)
    a, b = (np.round(a), np.round(b)) if ties else (a, b)
    assert ks_distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)
    assert ks_distance(a, a[::-1]) == 0 and ks_distance(np.zeros(3), np.ones(2)) == 1
    assert ks_distance(a, a[:0]) == 1 and ks_distance(a[:0], a[:0]) == 0


def test_total_variation_by_hand():
    a, b = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 3, 3])
    assert total_variation(a, b) == pytest.approx((abs(0.5 - 0.2) + abs(0.25 - 0.4) + 0.25 + 0.4) / 2)
    assert total_variation(a, a) == 0 and total_variation(a, a + 3) == 1 and total_variation(a, a[:0]) == 1


def test_marginals_name_the_column_and_keep_missing_apart():
    first = table(x=[1, 2, np.nan, 4], k=(np.array([0, 0, 1, 1]), ("a", "b")))
    second = table(x=[1, np.nan, np.nan, np.nan], k=(np.array([0, 1, 2, -1]), ("a", "b")))
    found = marginal_distances(first, second)
    x, k = found.columns
    assert (x.measure, x.missing, x.counts) == ("ks", 0.5, (3, 1)) and x.distance == pytest.approx(2 / 3)
    assert (k.measure, k.missing, k.counts) == ("tv", 0.25, (4, 3)) and k.distance == pytest.approx(1 / 3)
    assert found.mean == pytest.approx(0.5) and found.worst == x.distance and found.missing == 0.5
    with pytest.raises(ValueError, match="open the second with like= the first"):
        marginal_distances(first, table(x=[1.0], k=(np.array([0]), ("a", "c"))))


# -- pairs -----------------------------------------------------------------------------------------------------------


def test_associations_are_those_of_the_references():
    n = 400
    x, a, b = RNG.normal(size=n), RNG.integers(0, 3, n), RNG.integers(0, 4, n)
    y = 0.5 * x + RNG.normal(size=n) + a
    b = np.where(RNG.random(n) < 0.3, a, b)
    found = associations(table(x=x, y=y, a=(a, tuple("pqr")), b=(b, tuple("pqrs"))))
    assert np.array_equal(found, found.T) and (np.diag(found) == 1).all()
    assert found[0, 1] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
    seen = np.array([[((a == i) & (b == j)).sum() for j in range(4)] for i in range(3)])
    assert found[2, 3] == pytest.approx(stats.contingency.association(seen, method="cramer"), abs=1e-12)
    groups = [y[a == k] for k in range(3)]
    between = sum(len(g) * (g.mean() - y.mean()) ** 2 for g in groups)
    assert found[1, 2] == pytest.approx((between / ((y - y.mean()) ** 2).sum()) ** 0.5, abs=1e-12)


def test_associations_of_pairs_that_tell_nothing():
    found = associations(table(x=[1, 1, 1], y=[1, 2, np.nan], k=(np.array([0, 0, 0]), ("a",)),
                               l=(np.array([0, -1, -1]), ("a",))))
    assert np.array_equal(found, np.eye(4))
    with pytest.raises(ValueError, match="one column and no pairs"):
        pair_difference(table(x=[1, 2]), table(x=[1, 2]))


# -- use -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 4])
def test_task_scores_are_those_of_scikit_learn(classes):
    y = RNG.choice(classes, 600, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    p = np.round(RNG.dirichlet(np.ones(classes), 600) + 0.3 * np.eye(classes)[y], 1)  # rounded, so that scores tie
    p = p / p.sum(1, keepdims=True)
    found, named = task_scores(torch.from_numpy(p), torch.from_numpy(y)), p.argmax(1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, named))
    if classes == 2:
        assert found.f1 == pytest.approx(metrics.f1_score(y, named, pos_label=0))
        assert found.auc == pytest.approx(metrics.roc_auc_score(y == 0, p[:, 0]))
    else:
        assert found.f1 == pytest.approx(metrics.f1_score(y, named, average="macro"))
        assert found.auc == pytest.approx(np.mean([metrics.roc_auc_score(y == k, p[:, k]) for k in range(classes)]))


def test_the_target_must_be_classes():
    t = table(x=RNG.normal(size=9), k=(np.arange(9) % 2, ("a", "b")))
    with pytest.raises(ValueError, match="'x' is numeric"):
        use_for("x", t, t, t, Classifier.fit)
    with pytest.raises(ValueError, match="did you mean 'k'"):
        use_for("kk", t, t, t, Classifier.fit)
    with pytest.raises(ValueError, match="4 rows with a known 'k' and fewer than two"):
        use_for("k", t.take(np.arange(1, 9, 2)), t, t, Classifier.fit)


# -- a real table ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(shared_data) -> tuple[Table, Table, Table]:
    """Three parts of adult of 5,000 rows each, without a row in common."""
    whole = open_table(shared_data / "tabular" / "adult.csv")
    order = np.random.default_rng(0).permutation(len(whole))
    return tuple(whole.take(order[5000 * k:5000 * (k + 1)]) for k in range(3))


def shuffled(of: Table) -> Table:
    rng = np.random.default_rng(1)
    return Table("shuffled", tuple(Column(c.name, rng.permutation(c.values), c.categories) for c in of.columns))


def frechet(a: Table, b: Table) -> float:
    encode, _ = table_features(a)
    return frechet_distance(encode(a), encode(b))


def test_two_real_halves_are_at_their_floor(parts):
    a, b, c = parts
    first, second = marginal_distances(a, b), marginal_distances(a, c)
    assert first.mean < 0.02 and first.worst < 0.04 and 0.5 < first.mean / second.mean < 2
    assert pair_difference(a, b).mean < 0.025 and frechet(a, b) < 0.05
    assert detection(a, b).p_value > 0.01


def test_columns_shuffled_apart_keep_marginals_and_lose_the_rest(parts):
    a, b, _ = parts
    spoilt = shuffled(b)
    assert marginal_distances(a, spoilt)[1:] == marginal_distances(a, b)[1:]
    assert pair_difference(a, spoilt).mean > 5 * pair_difference(a, b).mean
    assert set(pair_difference(a, spoilt).pair) == {"education", "education-num"}
    assert detection(a, spoilt).accuracy > 0.7 and frechet(a, spoilt) > 10 * frechet(a, b)


def test_dropped_categories_move_their_column_alone(parts):
    a, b, _ = parts
    kept = b.take(np.flatnonzero(b.column("education").values % 2 == 0))
    whole = {s.name: s.distance for s in marginal_distances(a, b).columns}
    found = {s.name: s.distance for s in marginal_distances(a, kept).columns}
    codes = a.column("education").values
    assert found["education"] == pytest.approx((codes % 2 == 1).mean(), abs=0.05) and whole["education"] < 0.04
    assert found["race"] < 0.05 and found["sex"] < 0.05
    assert detection(a, kept).p_value < 1e-6


def test_missing_cells_that_vanish_are_seen(parts):
    a, b, _ = parts
    job = b.column("workclass")
    filled = replaced(b, "workclass", np.where(job.missing, job.categories.index("Private"), job.values))
    worst = min(marginal_distances(a, filled).columns, key=lambda score: score.missing)
    assert worst.name == "workclass" and worst.missing == pytest.approx(-a.column("workclass").missing.mean())


def test_use_falls_where_the_target_is_cut_from_the_rest(parts):
    a, b, c = parts
    good = use_for("income", b, a, c, Classifier.fit)
    assert good.real.accuracy > 0.83 > 0.8 > good.chance and good.real.auc > 0.88 and good.real.f1 > 0.6
    assert abs(good.synthetic.f1 - good.real.f1) < 0.04 and good.counts == (5000, 5000, 5000)
    bad = use_for("income", shuffled(b), a, c, Classifier.fit)
    assert bad.real == good.real and bad.synthetic.f1 < 0.3 and bad.synthetic.auc < 0.7
