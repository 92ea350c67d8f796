"""The human test's arithmetic against SciPy, and persons who toss coins."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from mintage.evaluation.measures.human import Answer, HumanScore, Trial, between_persons, pool, score, trials
from mintage.evaluation.proportions import answers_needed, p_of_chance, share, visible_accuracy

COUNTS = [(0, 1), (1, 1), (3, 7), (0, 20), (20, 20), (25, 50), (31, 50), (499, 1000), (5301, 10_000)]


def answers(hits: int, misses: int, alarms: int, rejections: int, shown_ms: int = 1000) -> list[Answer]:
    """Reals taken for real and for fake, fakes taken for real and for fake."""
    said = [("real", True)] * hits + [("real", False)] * misses + [("fake", True)] * alarms
    said += [("fake", False)] * rejections
    return [Answer(Trial(i, kind), real, 0.5 + i, shown_ms) for i, (kind, real) in enumerate(said)]


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_shares_and_p_are_those_of_scipy(k, n):
    test = stats.binomtest(k, n, 0.5)
    interval = test.proportion_ci(0.95, method="wilson")
    made = share(k, n)
    assert (made.low, made.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert made.value == k / n and made.low <= made.value <= made.high
    assert p_of_chance(k, n) == pytest.approx(test.pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [20, 50, 200])
def test_the_interval_covers(n):
    """Exactly, over all outcomes: 95 % on average over the true accuracies, and never much less."""
    made = [share(k, n) for k in range(n + 1)]
    covers = []
    for truth in np.linspace(0.05, 0.95, 91):
        inside = np.array([part.low <= truth <= part.high for part in made])
        covers.append(float(stats.binom.pmf(np.arange(n + 1), n, truth) @ inside))
    assert 0.945 < np.mean(covers) < 0.965 and min(covers) > 0.9


def test_p_has_its_level():
    for n in (6, 20, 50):
        p = np.array([p_of_chance(k, n) for k in range(n + 1)])
        chance = stats.binom.pmf(np.arange(n + 1), n, 0.5)
        assert chance[p < 0.05].sum() <= 0.05


GUESSERS = {
    "a coin": lambda i, random: bool(random.integers(2)),
    "always real": lambda i, random: True,
    "in turn": lambda i, random: i % 2 == 0,
    "mostly fake": lambda i, random: bool(random.random() < 0.1),
}


@pytest.mark.parametrize("guesser", GUESSERS)
def test_who_cannot_see_is_told_so_whatever_the_way_of_guessing(guesser):
    random = np.random.default_rng(0)
    scores = []
    for seed in range(400):
        order = trials(50, seed)
        scores.append(score([Answer(t, GUESSERS[guesser](t.index, random), 1.0, 0) for t in order]))
    assert np.mean([made.verdict == "cannot be told from chance" for made in scores]) > 0.93
    assert np.mean([made.accuracy.low <= 0.5 <= made.accuracy.high for made in scores]) > 0.92
    right = np.array([made.accuracy.k for made in scores])
    assert right.mean() == pytest.approx(25, abs=0.6) and right.std() == pytest.approx(math.sqrt(50) / 2, rel=0.15)
    assert abs(np.mean([made.sensitivity for made in scores])) < 0.1


def test_the_coin_is_fair_and_tossed_anew():
    kinds = np.array([[t.kind == "real" for t in trials(40, seed)] for seed in range(1000)])
    assert kinds.mean() == pytest.approx(0.5, abs=0.01)
    assert kinds.sum(1).std() == pytest.approx(math.sqrt(10), rel=0.08)  # not balanced: nothing to count
    assert abs(np.corrcoef(kinds[:, :-1].ravel(), kinds[:, 1:].ravel())[0, 1]) < 0.02
    assert trials(40, 3) == trials(40, 3) != trials(40, 4)
    assert [t.index for t in trials(5)] == [0, 1, 2, 3, 4]


def test_a_score_by_hand():
    made = score(answers(hits=15, misses=5, alarms=8, rejections=12))
    assert (made.accuracy.k, made.accuracy.n) == (27, 40)
    assert (made.fooled.k, made.fooled.n, made.doubted.k, made.doubted.n) == (8, 20, 5, 20)
    z = stats.norm.ppf
    assert made.sensitivity == pytest.approx(z(15.5 / 21) - z(8.5 / 21))
    assert made.bias == pytest.approx(-(z(15.5 / 21) + z(8.5 / 21)) / 2)
    assert made.seconds == 20.0 and made.persons == 1 and made.between is None
    assert made.verdict == "told apart" and "guessing gives 50 %" in made.reading


@pytest.mark.parametrize(("counts", "verdict"), [
    ((25, 0, 0, 25), "told apart"), ((0, 25, 25, 0), "worse than chance"), ((2, 1, 1, 1), "too few answers"),
    ((13, 12, 12, 13), "cannot be told from chance"), ((3, 0, 0, 3), "told apart"), ((50, 0, 0, 0), "told apart"),
    ((0, 0, 50, 0), "worse than chance"),
])
def test_the_verdict(counts, verdict):
    made = score(answers(*counts))
    assert made.verdict == verdict and math.isfinite(made.sensitivity)
    assert made.reading.lower().startswith(verdict)
    assert all(isinstance(line, str) and line for line in made.lines())


def test_a_kind_that_never_came():
    made = score(answers(5, 5, 0, 0))
    assert made.fooled is None and "fakes taken for real      there were none" in made.lines()
    assert HumanScore.from_json(made.to_json()) == made


def test_times_are_told_apart():
    made = score(answers(9, 1, 1, 9, shown_ms=1000) + answers(5, 5, 5, 5, shown_ms=100) + answers(1, 0, 0, 1, 0))
    assert [(ms, part.k, part.n) for ms, part in made.exposures] == [(100, 10, 20), (1000, 18, 20), (0, 2, 2)]
    assert any(line.startswith("shown until answered") for line in made.lines())


def test_json_there_and_back():
    people = {name: answers(8, 2, 3, 7, shown) for name, shown in (("a", 100), ("b", 1000), ("c", 0))}
    for made in (score(answers(3, 1, 2, 4)), pool(people)):
        assert HumanScore.from_json(json.loads(json.dumps(made.to_json(), allow_nan=False))) == made


def test_pooling_adds():
    people = {"a": answers(8, 2, 3, 7), "b": answers(5, 5, 5, 5), "c": answers(10, 0, 0, 10), "d": []}
    made = pool(people)
    assert (made.accuracy.k, made.accuracy.n, made.persons) == (15 + 10 + 20, 60, 3)
    assert made.between is not None and made.between[0] <= 45 / 60 <= made.between[1]
    assert pool({"a": people["a"], "b": people["b"]}).between is None
    assert "too few to speak of people" in pool({"a": people["a"], "b": people["b"]}).lines()[-1]


def test_people_who_differ_need_the_wider_interval():
    """Accuracies Beta(8, 4) over people: Wilson's interval is too narrow for people, the one between persons is not."""
    random = np.random.default_rng(1)
    persons, wilson = 0, 0
    for _ in range(600):
        counts = [(int(random.binomial(40, random.beta(8, 4))), 40) for _ in range(8)]
        low, high = between_persons(counts)
        persons += low <= 2 / 3 <= high
        pooled = share(sum(k for k, _ in counts), 320)
        wilson += pooled.low <= 2 / 3 <= pooled.high
    assert 0.91 < persons / 600 < 0.98 and wilson / 600 < 0.8


@pytest.mark.parametrize("accuracy", [0.55, 0.6, 0.7, 0.8])
def test_the_answers_needed_are_enough(accuracy):
    n = answers_needed(accuracy)
    k = np.arange(n + 1)
    seen = np.array([p_of_chance(int(i), n) < 0.05 for i in k])
    assert 0.75 < float(stats.binom.pmf(k, n, accuracy)[seen].sum()) < 0.87
    assert answers_needed(1 - accuracy) == n
    assert accuracy - 0.01 < visible_accuracy(n) <= accuracy and answers_needed(visible_accuracy(n)) <= n


def test_what_cannot_be_is_refused():
    for call in (lambda: trials(0), lambda: score([]), lambda: pool({"a": []}), lambda: share(3, 2),
                 lambda: share(0, 0), lambda: answers_needed(0.5), lambda: answers_needed(1.2)):
        with pytest.raises(ValueError, match="received|cannot be|no answers"):
            call()
