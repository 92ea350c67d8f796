"""The birthday test finds the size of finite sets, and says when it has seen too little."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.evaluation.measures.birthday import (
    ENOUGH,
    alike_within,
    closest_pairs,
    pooled,
    samples_needed,
    support_size,
)


def drawn(size: int, n: int, seed: int) -> torch.Tensor:
    """n samples of a uniform choice of `size` different points."""
    return torch.randint(size, (n, 1), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize("size", [10**3, 10**4, 10**5])
def test_within_a_factor_of_1_5_in_95_of_100(size):
    found = [support_size(drawn(size, samples_needed(size), seed)) for seed in range(100)]
    assert sum(size / 1.5 <= each.size <= 1.5 * size for each in found) >= 95
    assert sum(each.low <= size <= each.high for each in found) >= 90


def test_pooled_batches_do_as_well():
    size, n = 10**4, 4 * 100
    found = [pooled([support_size(drawn(size, n, 10 * seed + part)) for part in range(5)]) for seed in range(100)]
    assert sum(size / 1.5 <= each.size <= 1.5 * size for each in found) >= 95
    assert found[0].n == 5 * n
    with pytest.raises(ValueError, match="no batches"):
        pooled([])


def test_the_advice_is_enough():
    first = support_size(drawn(10**4, 400, 0))
    assert 0 < first.pairs < ENOUGH and first.advised > 0
    again = support_size(drawn(10**4, first.n + first.advised, 1))
    assert again.pairs > ENOUGH / 2
    assert support_size(drawn(100, 400, 0)).advised == 0
    none = support_size(torch.arange(50.0)[:, None])
    assert none.pairs == 0 and none.size == math.inf and none.advised == samples_needed(50 * 49 / 2) - 50
    parts = pooled([first, first])
    assert parts.advised == pytest.approx(2 * first.n * (ENOUGH / parts.pairs - 1), abs=1)


def test_samples_needed():
    s = samples_needed(12345, 7)
    assert math.comb(s, 2) / 12345 >= 7 > math.comb(s - 1, 2) / 12345


def test_equal_rows_are_counted_as_pairs_within_a_distance_are():
    x = drawn(300, 200, 3).repeat(1, 5)
    assert support_size(x) == support_size(x, alike=0.5)
    assert support_size(torch.zeros(7, 2)).pairs == 21


def test_alike_is_learnt_from_real_data():
    """A generator of 500 points, each with a little noise, against real data of a continuum."""
    g = torch.Generator().manual_seed(0)
    real = torch.randn((1500, 6), generator=g)
    alike = alike_within(real)
    d = torch.cdist(real.double(), real.double()).fill_diagonal_(math.inf)
    assert alike == pytest.approx(float(d.min()), rel=1e-4) and support_size(real, alike=alike).pairs == 0
    assert alike < alike_within(real, share=0.01)
    assert alike_within(torch.cat([real, real])) == pytest.approx(alike)  # equal ones are no different examples
    atoms = torch.randn((500, 6), generator=g)[torch.randint(500, (300,), generator=g)]
    found = support_size(atoms + 1e-3 * torch.randn((300, 6), generator=g), alike=alike)
    assert found.low < 500 < found.high
    with pytest.raises(ValueError, match="all 30 real examples are equal"):
        alike_within(torch.ones(30, 2))
    with pytest.raises(ValueError, match="share is 1"):
        alike_within(real, share=1)


def test_the_closest_pairs_are_those_to_look_at():
    x = torch.randn((100, 4), generator=torch.Generator().manual_seed(0))
    x[70], x[90] = x[3] + 1e-3, x[8] + 1e-4
    found = closest_pairs(x, 2)
    assert found.first.tolist() == [8, 3] and found.second.tolist() == [90, 70]
    assert found.distances.tolist() == pytest.approx([2e-4, 2e-3], rel=1e-2)
    assert len(closest_pairs(x).distances) == 20


@pytest.mark.parametrize("alike", [-1.0, math.nan, math.inf])
def test_what_is_refused(alike):
    with pytest.raises(ValueError, match="distance of 0 or more"):
        support_size(torch.zeros(4, 2), alike=alike)
    with pytest.raises(ValueError, match="not finite"):
        support_size(torch.full((4, 2), math.nan))
