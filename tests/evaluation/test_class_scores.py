"""Scores by classes: the classifier is the ridge optimum, and each score moves with what it names and no other."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor

from mintage.evaluation.measures.class_scores import (
    Classifier,
    class_histogram,
    classification_accuracy_score,
    intra_class_frechet,
    label_agreement,
)
from mintage.evaluation.measures.frechet import frechet_distance

K, D = 4, 6


def blobs(n: int, seed: int = 0, apart: float = 1.5) -> tuple[Tensor, Tensor]:
    """Features around K corners, and their labels."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(K, (n,), generator=g)
    return torch.randn(n, D, generator=g) + apart * torch.eye(K, D)[y] * 2 + 50, y


def test_the_classifier_is_at_the_optimum_that_sklearn_finds() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    f, y = blobs(600)
    model = Classifier.fit(f, y, K, ridge=1e-2)
    scaled = ((f.double() - f.double().mean(0)) / f.double().std(0, correction=0)).numpy()
    theirs = linear.LogisticRegression(C=1 / (1e-2 * len(f)), tol=1e-10, max_iter=5000).fit(scaled, y.numpy())
    assert torch.allclose(model.probabilities(f), torch.from_numpy(theirs.predict_proba(scaled)), atol=2e-3)
    assert torch.equal(model.labels(f), torch.from_numpy(theirs.predict(scaled)))
    p = model.probabilities(f)
    assert p.dtype == torch.float64 and torch.allclose(p.sum(1), torch.ones(600).double())
    again = Classifier.fit(f, y, K, ridge=1e-2)
    assert torch.equal(again.weight, model.weight)


def test_the_gradient_is_small_also_for_correlated_and_constant_features() -> None:
    f, y = blobs(500, apart=0.5)
    mixed = torch.cat([f, f[:, :3] + 1e-4 * f[:, 3:], torch.full((500, 1), 3.0)], 1)
    model = Classifier.fit(mixed, y, K)
    x = (mixed.double() - model.mean) / model.deviation
    gap = model.probabilities(mixed) - torch.nn.functional.one_hot(y, K)
    slope = x.T @ gap / 500 + 1e-3 * model.weight[:-1]
    assert float(slope.abs().max()) < 1e-3 and float(gap.mean(0).abs().max()) < 1e-3
    assert float(model.weight[9].abs().max()) < 1e-6  # the constant one


def test_a_class_without_examples_is_never_seen() -> None:
    f, y = blobs(200)
    model = Classifier.fit(f[y != 2], y[y != 2], K)
    assert float(model.probabilities(f)[:, 2].max()) == 0 and model.seen.tolist() == [True, True, False, True]


def test_the_accuracy_score_of_good_and_poor_samples() -> None:
    train, test, same = blobs(800, 1), blobs(800, 2), blobs(800, 3)
    good = classification_accuracy_score(same, train, test, K)
    assert abs(good.accuracy - good.real) < 3 * good.error and good.n == 800 and good.real > 0.85
    right = float((Classifier.fit(*same, K).labels(test[0]) == test[1]).double().mean())
    assert good.accuracy == pytest.approx(right, abs=1e-12)
    few = classification_accuracy_score((same[0][:25], same[1][:25]), train, test, K)
    order = torch.randperm(800, generator=torch.Generator().manual_seed(0))[:25]  # reals in the same number
    fewer = Classifier.fit(train[0][order], train[1][order], K).labels(test[0]) == test[1]
    assert few.real == pytest.approx(float(fewer.double().mean()), abs=1e-12) and few.real < good.real
    shuffled = same[1][torch.randperm(800, generator=torch.Generator().manual_seed(0))]
    assert classification_accuracy_score((same[0], shuffled), train, test, K).accuracy < 0.6
    kept = same[1] < 2
    halved = classification_accuracy_score((same[0][kept], same[1][kept]), train, test, K)
    assert halved.accuracy < 0.6 and halved.each[3] == 0 and halved.each[0] > 0.8


def test_label_agreement_sees_shuffled_labels_and_nothing_of_missing_classes() -> None:
    model, held_out, same = Classifier.fit(*blobs(800, 1), K), blobs(800, 2), blobs(800, 3)
    good = label_agreement(model, same, held_out)
    assert abs(good.accuracy - good.real) < 3 * good.error
    shuffled = same[1][torch.randperm(800, generator=torch.Generator().manual_seed(0))]
    assert label_agreement(model, (same[0], shuffled), held_out).accuracy < 0.35
    kept = same[1] < 2
    halved = label_agreement(model, (same[0][kept], same[1][kept]), held_out)
    assert halved.accuracy > 0.8 and torch.isnan(halved.each[2:]).all()


def test_the_histogram_against_scipy_and_at_its_ends() -> None:
    a, b = blobs(500, 1)[1], blobs(400, 2)[1]
    found = class_histogram(a, b, K + 1)  # the last never comes
    table = torch.stack([found.counts, found.real])[:, :K].numpy()
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)
    assert found.distance == pytest.approx(abs(table[0] / 500 - table[1] / 400).sum() / 2, rel=1e-12)
    dropped = class_histogram(a[a < 2], b, K)
    assert dropped.distance == pytest.approx(0.5, abs=0.08) and dropped.p_value < 1e-9
    assert class_histogram(a, a, K)[:2] == (0, 1) and class_histogram(a * 0, a * 0, K).p_value == 1
    alike = [class_histogram(blobs(300, k)[1], blobs(300, k + 500)[1], K).p_value for k in range(100)]
    assert sum(p < 0.05 for p in alike) <= 13  # beyond by chance once in a thousand


def test_intra_class_frechet_is_the_mean_over_classes_and_names_those_left_out() -> None:
    real, fake = blobs(400, 1), blobs(400, 2)
    found = intra_class_frechet(real, fake, K)
    longhand = [frechet_distance(real[0][real[1] == k], fake[0][fake[1] == k]) for k in range(K)]
    assert found.distance == pytest.approx(sum(longhand) / K) and found.left_out == ()
    few = (fake[1] != 1) | (torch.arange(400) < 10)
    assert intra_class_frechet(real, (fake[0][few], fake[1][few]), K).left_out == (1,)
    shuffled = fake[1][torch.randperm(400, generator=torch.Generator().manual_seed(0))]
    assert intra_class_frechet(real, (fake[0], shuffled), K).distance > 5 * found.distance
    with pytest.raises(ValueError, match="no class has 500"):
        intra_class_frechet(real, fake, K, least=500)


@pytest.mark.parametrize(("spoil", "said"), [
    (lambda f, y: (f, y + 1), "from 0 to 3"), (lambda f, y: (f, y.float()), "whole numbers"),
    (lambda f, y: (f, y[:-1]), r"\(9, 6\) and \(8,\)"), (lambda f, y: (f / 0, y), "NaN or infinite"),
    (lambda f, y: (f, y * 0), "two classes or more; received 1 of 4")])
def test_what_cannot_be_classified(spoil, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Classifier.fit(*spoil(torch.rand(9, D, generator=torch.Generator().manual_seed(0)), torch.arange(9) % K), K)
