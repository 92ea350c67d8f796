"""Copies: every statistic equals its longhand or scipy's; copying is seen, crowding and distance are not called so."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.evaluation.measures.copies import copies, k_means, rank_test, sooner
from mintage.evaluation.measures.neighbours import nearest

stats = pytest.importorskip("scipy.stats")


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=[8, 32])
def sets(request):
    """(fresh, held out, train) of one distribution."""
    d = request.param
    return normal(1000, d, 1), normal(1000, d, 2), normal(2000, d, 3)


def apart(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    return np.linalg.norm(a.double().numpy()[:, None] - b.double().numpy()[None], axis=2)


def test_sooner_is_the_hypergeometric_tail():
    for x, n, k, m in [(3, 10, 2, 15), (1, 5, 1, 5), (30, 2000, 20, 2000), (7, 9, 4, 30), (9, 9, 1, 30)]:
        drawn = x + k - 1
        assert sooner(x, n, k, m) == pytest.approx(stats.hypergeom.sf(x - 1, n + m, n, drawn), rel=1e-6)
    assert sooner(0, 10, 2, 15) == 1


def test_sooner_is_what_shuffling_finds():
    rng = np.random.default_rng(0)
    ranks = rng.random((20_000, 70)).argsort(1).argsort(1)  # 40 of the one kind, 30 of the other
    third = np.sort(ranks[:, 40:], 1)[:, 2:3]
    found = ((ranks[:, :40] < third).sum(1) >= 8).mean()
    assert sooner(8, 40, 3, 30) == pytest.approx(found, abs=4 * math.sqrt(found / 20_000))


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_the_rank_test_is_scipys(decimals):
    g, h = (normal(n, 1, n)[:, 0].double().round(decimals=decimals) for n in (200, 150))
    h = h + 0.1
    found = stats.mannwhitneyu(g.numpy(), h.numpy(), alternative="less", method="asymptotic", use_continuity=False)
    assert 0.5 * math.erfc(-rank_test(g, h) / math.sqrt(2)) == pytest.approx(found.pvalue, rel=1e-6)
    assert rank_test(g * 0, h * 0) == 0


def test_the_figures_by_their_definitions():
    generated, held_out, train = normal(60, 3, 1), normal(50, 3, 2), normal(80, 3, 3)
    found = copies(generated, held_out, train, k=4)
    g, h, own = apart(generated, train), apart(held_out, train), apart(train, train)
    np.fill_diagonal(own, np.inf)
    t = np.sort(h.min(1))[0]  # the 1st percentile of 50
    assert found.close.value == pytest.approx((g.min(1) < t).mean())
    assert found.close.expected == pytest.approx(1 / 51)
    assert found.authentic.value == pytest.approx((g.min(1) > own.min(1)[g.argmin(1)]).mean())
    assert found.authentic.expected == pytest.approx((h.min(1) > own.min(1)[h.argmin(1)]).mean())
    assert found.memorisation.ratio == pytest.approx(np.median(g.min(1)) / np.median(h.min(1)), rel=1e-5)
    lean = (g.min(1) < apart(generated, held_out).min(1)).mean()
    assert found.lean.value == pytest.approx((lean - 80 / 130) / (50 / 130))
    assert found.closest.first.tolist() == np.argsort(g.min(1))[:4].tolist()
    assert found.closest.second.tolist() == g.argmin(1)[np.argsort(g.min(1))[:4]].tolist()
    assert found.closest.distances.numpy() == pytest.approx(np.sort(g.min(1))[:4], rel=1e-5)
    assert found.counts == (60, 50, 80) and found.data_copying.cells == 1
    assert found.data_copying.c_t == pytest.approx(found.data_copying.z)  # one cell is the whole
    assert copies(generated, held_out, train, k=4, unseen=nearest(held_out, train))[:-2] == found[:-2]


def test_c_t_is_the_weighted_mean_over_cells():
    train = torch.cat([normal(300, 2, 1), normal(300, 2, 2) + 20])
    held_out = torch.cat([normal(250, 2, 3), normal(150, 2, 4) + 20])
    generated = torch.cat([train[:100] + 1e-3, normal(150, 2, 5) + 20, normal(50, 2, 6) + 500])
    centres = k_means(train, 2)
    assert sorted(centres.mean(1).tolist()) == pytest.approx([0, 20], abs=0.2)
    found = copies(generated, held_out, train).data_copying
    assert found.cells >= 2 and found.c_t < -3 and found.c_t_p_value < 1e-6
    assert torch.equal(k_means(train, 5, seed=3), k_means(train, 5, seed=3))
    assert k_means(torch.ones(50, 2), 4).shape == (1, 2)


def test_copies_are_seen(sets):
    fresh, held_out, train = sets
    for generated in (train[:1000], train[:1000] + 0.05 * fresh):
        found = copies(generated, held_out, train)
        assert found.close.value == 1 and found.close.p_value < 1e-9 and found.authentic.value < 0.01
        assert found.data_copying.z < -30 and found.data_copying.c_t < -5 and found.lean.value == 1
        assert found.lean.p_value < 1e-3 and found.memorisation.ratio < 0.3
    assert copies(train[:1000], held_out, train).copied == 1000


def test_a_tenth_of_copies_is_seen(sets):
    fresh, held_out, train = sets
    found = copies(torch.cat([train[:100], fresh[100:]]), held_out, train)
    assert found.copied == 100 and found.copied_unseen == 0
    assert found.close.low < 0.11 < found.close.high and found.close.p_value < 1e-9
    assert found.lean.close_p_value < 1e-3
    assert set(found.closest.second.tolist()) <= set(range(100))


def test_fresh_examples_are_not_copies(sets):
    found = copies(*sets)
    assert found.close.low < found.close.expected < found.close.high and found.close.p_value > 0.01
    assert 0.93 < found.memorisation.ratio < 1.07 and abs(found.data_copying.z) < 4
    assert min(found.authentic.p_value, found.data_copying.c_t_p_value, found.lean.p_value) > 0.01


def test_crowding_moves_all_but_lean(sets):
    """The trap of density: samples nearer the middle than the data are, and no copies."""
    fresh, held_out, train = sets
    found = copies(0.5 * fresh, held_out, train)
    assert found.close.p_value < 1e-4 and found.close.value > 0.03 and found.data_copying.c_t_p_value < 1e-9
    assert found.memorisation.ratio < 0.85 and found.authentic.p_value < 1e-3
    assert found.lean.p_value > 0.01 and found.lean.close_p_value > 0.01 > found.lean.close_least


def test_far_samples_are_not_copies(sets):
    fresh, held_out, train = sets
    for far in (fresh + 20, 5 * fresh):
        found = copies(far, held_out, train)
        assert found.close.value < 0.005 and found.copied == 0 and found.lean.p_value > 0.01
        assert found.data_copying.z > 20 and found.authentic.value > 0.9


def test_many_votes_for_one_example_are_one(sets):
    """All samples beside one training example: no chance of a 2^1000, but of a half."""
    fresh, held_out, train = sets
    found = copies(train[:1] + 1e-3 * fresh, held_out, train).lean
    assert found.value == 1 and found.p_value > 0.3


def test_lean_p_values_are_uniform_on_data_that_repeat():
    """Rare values of a long tail are likelier in the larger set: sets of one size are compared where data repeat."""
    weights = 1 / torch.arange(1, 301.0)
    few = 0
    for seed in range(60):
        x = torch.multinomial(weights, 2400, True, generator=torch.Generator().manual_seed(seed))
        x = torch.stack([x % 20, x // 20], 1).float()
        few += copies(x[:200], x[200:400], x[400:], seed=seed).lean.p_value < 0.1
    assert few <= 14


def test_what_cannot_be_compared():
    good = normal(20, 3)
    with pytest.raises(ValueError, match="held_out has 5 examples; 10 or more"):
        copies(good, good[:5], good)
    with pytest.raises(ValueError, match="one and the same d"):
        copies(good, good, good[:, :2])
    with pytest.raises(ValueError, match="2 of the 20 examples of generated"):
        copies(torch.where(torch.arange(20)[:, None] < 2, math.nan, good), good, good)
