"""Duplicates: one in a hundred is found among 2 000, in points and pictures; real data are quiet."""

from __future__ import annotations

import pytest
import torch

from mintage.evaluation import small_image_features
from mintage.evaluation.measures.duplicates import binomial_tail, duplicates, exact_repeats, nearest_earlier

from .test_reactions import idx

N = 2000


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def pictures(shared_data):
    """(samples' pictures, their features, held-out pictures, their features), all real."""
    x = idx(shared_data / "fmnist" / "t10k-images-idx3-ubyte.gz")[: 2 * N, None].float() / 127.5 - 1
    f = small_image_features()(x)
    return x[:N], f[:N], x[N:], f[N:]


def test_the_binomial_tail():
    stats = pytest.importorskip("scipy.stats")
    for k, n, p in [(3, 10, 0.5), (25, 30, 0.5), (10, 10, 0.2), (1, 5, 0.9)]:
        assert binomial_tail(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p))
    assert binomial_tail(0, 0, 0.5) == 1 and binomial_tail(6, 5, 0.5) == 0


def test_exact_repeats_are_those_of_a_file():
    x = torch.linspace(-1, 0.8, 6).view(6, 1, 1, 1).expand(6, 3, 2, 2)
    assert exact_repeats(x) == 0
    assert exact_repeats(torch.cat([x, x + 1e-4, x + 0.02])) == 6
    assert exact_repeats(torch.tensor([[0.0], [-0.0], [1e-30], [0.0]])) == 2


def test_the_nearest_earlier():
    x = torch.tensor([[0.0], [5.0], [1.0], [5.5], [0.25]])
    e, row = nearest_earlier(x)
    assert e.tolist() == [5, 1, 0.5, 0.25] and row.tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("d", [2, 8, 32])
def test_one_in_a_hundred_is_found(d):
    real, held_out = normal(N, d, 1), normal(N, d, 2)
    quiet = duplicates(real, held_out)
    assert quiet.exact == 0 and quiet.near_expected == 5 and min(quiet.near_p_value, quiet.twins_p_value) > 0.01
    assert quiet.n == N and len(quiet.closest.distances) == 16
    doubled = torch.cat([real[:-20], real[:20]])
    found = duplicates(doubled, held_out)
    assert found.exact == 20 and found.exact_expected == 0 and found.exact_most == 3
    assert found.twins >= 20 and found.twins_p_value < 1e-4 and found.near_p_value < 1e-2
    assert sorted(found.closest.second[:16].tolist()) == sorted(set(found.closest.second[:16].tolist()))
    assert torch.equal(found.closest.second[:16] - found.closest.first[:16], torch.full((16,), N - 20))


def test_near_ones_are_found():
    real, held_out = normal(N, 16, 1), normal(N, 16, 2)
    found = duplicates(torch.cat([real[:-20], real[:20] + 0.05 * normal(20, 16, 3)]), held_out)
    assert found.exact == 0 and found.twins == 20 and found.twins_p_value < 1e-4


def test_shrunk_samples_are_near_but_no_twins():
    real, held_out = normal(N, 16, 1), normal(N, 16, 2)
    found = duplicates(0.7 * real, held_out)
    assert found.near > 100 and found.twins == 0 and found.crowded < 20
    groups = duplicates(real[:64][torch.arange(N) % 64] + 0.2 * held_out, held_out)
    assert groups.crowded > 1500 and groups.crowded_p_value < 1e-9


def test_real_data_are_quiet_in_97_of_100():
    few = 0
    for seed in range(100):
        x = normal(800, 8, seed)
        found = duplicates(x[:400], x[400:], seed=seed)
        few += min(found.near_p_value, found.twins_p_value, found.crowded_p_value) < 0.01
    assert few <= 3


def test_data_that_repeat_are_quiet():
    """A table of few values: repeats are many, and expected."""
    quiet = 0
    for seed in range(20):
        x = (torch.rand((1600, 4), generator=torch.Generator().manual_seed(seed)).square() * 4).round()
        found = duplicates(x[:800], x[800:])
        assert found.exact > 300 and found.exact_expected > 300
        quiet += found.near_p_value > 0.01 and found.exact < found.exact_most
    assert quiet >= 19


def test_pictures(pictures):
    x, f, held_out, real = pictures
    quiet = duplicates(f, real, files=(x, held_out))
    assert quiet.exact <= 3 and min(quiet.near_p_value, quiet.twins_p_value) > 0.001
    found = duplicates(torch.cat([f[:-20], f[:20]]), real, files=(torch.cat([x[:-20], x[:20]]), held_out))
    assert found.exact >= 20 and found.twins >= 20 and found.twins_p_value < 1e-4


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="generated has 9 examples; 10 or more"):
        duplicates(normal(9, 2), normal(50, 2))
