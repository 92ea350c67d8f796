"""Measures on features against independent computations and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from mintage.evaluation.measures.annealing import annealed_likelihood
from mintage.evaluation.measures.birthday import chance_of_pair, support_size
from mintage.evaluation.measures.inception_score import inception_score
from mintage.evaluation.measures.kernel_distance import gaussian, kernel_distance, mmd2
from mintage.evaluation.measures.parzen import parzen, parzen_likelihood
from mintage.evaluation.measures.sliced import sliced_wasserstein, wasserstein_1d
from mintage.evaluation.measures.two_sample import classifier_test, nearest_neighbour_test


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -- kernel distance -----------------------------------------------------------------------------------------------


def test_the_kernel_distance_is_the_u_statistic_pair_by_pair() -> None:
    a, b = draws(7, 3), draws(5, 3, seed=1) + 0.5

    def k(x: Tensor, y: Tensor) -> float:
        return (float(x @ y) / 3 + 1) ** 3

    within = [sum(k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j) / (len(x) * (len(x) - 1))
              for x in (a, b)]
    across = sum(k(x, y) for x in a for y in b) / 35
    assert mmd2(a, b) == pytest.approx(sum(within) - 2 * across, rel=1e-12)


def test_the_kernel_distance_has_no_bias_and_knows_its_error() -> None:
    found = [kernel_distance(draws(60, 4, seed=2 * k), draws(60, 4, seed=2 * k + 1)) for k in range(80)]
    values = torch.tensor([one.distance for one in found])
    assert abs(values.mean()) < 4 * values.std() / 80**0.5 and (values < 0).any()
    assert 1 < sum(one.error for one in found) / 80 / values.std() < 5  # too careful where the sets are alike
    far = kernel_distance(draws(60, 4), draws(60, 4, seed=1) + 1)
    assert far.distance > 5 * far.error and far.counts == (60, 60)
    assert kernel_distance(draws(3, 4), draws(3, 4, seed=1)).error == math.inf


def test_the_gaussian_kernel_distance_of_two_normals() -> None:
    """E k for N(0, 1) and N(m, 1) with width w: w / sqrt(w^2 + 2) exp(-m^2 / 2 (w^2 + 2)), in one dimension."""
    m, w = 1.0, 0.7
    expected = 2 * w / math.sqrt(w**2 + 2) * (1 - math.exp(-m * m / (2 * (w**2 + 2))))
    found = kernel_distance(draws(1500, 1), draws(1500, 1, seed=1) + m, gaussian(w))
    assert abs(found.distance - expected) < 4 * found.error < 0.2


# -- inception score -----------------------------------------------------------------------------------------------


def test_the_inception_score_at_its_ends_and_longhand() -> None:
    sure = 1e3 * torch.eye(5).repeat(20, 1)
    assert inception_score(sure, parts=1).score == pytest.approx(5, rel=1e-9)
    assert inception_score(sure[:1].expand(50, 5), parts=1).score == pytest.approx(1)
    logits = draws(200, 4)
    p = logits.softmax(1)
    longhand = [math.exp(sum(float((row * (row / part.mean(0)).log()).sum()) for row in part) / len(part))
                for part in p.tensor_split(4)]
    found = inception_score(logits, parts=4)
    assert found.score == pytest.approx(sum(longhand) / 4, rel=1e-12) and found.n == 200
    assert found.spread == pytest.approx(float(torch.tensor(longhand, dtype=torch.float64).std(correction=0)))


# -- sliced Wasserstein --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 63), (5, 1), (1, 7)])
def test_one_dimension_against_scipy(n: int, m: int) -> None:
    s, t = draws(n, 1), draws(m, 1, seed=1) * 2 + 0.3
    assert float(wasserstein_1d(s, t)) == pytest.approx(stats.wasserstein_distance(s[:, 0], t[:, 0]), rel=1e-12)


def test_sliced_distances_of_known_sets() -> None:
    """Of a set and its shift by v: E <u, v>^2 = |v|^2 / d, so SW_2 = |v| / sqrt(d)."""
    a, v = draws(300, 6), torch.tensor([3.0, 0, 0, 0, 0, 4.0], dtype=torch.float64)
    assert sliced_wasserstein(a, a) == 0
    assert sliced_wasserstein(a, a + v, directions=4_000) == pytest.approx(5 / math.sqrt(6), rel=0.04)
    assert sliced_wasserstein(a, a + v) == sliced_wasserstein(a, a + v) != sliced_wasserstein(a, a + v, seed=1)


# -- two samples ---------------------------------------------------------------------------------------------------


def test_the_classifier_test_keeps_its_level_and_has_power() -> None:
    alike = [classifier_test(draws(80, 3, seed=2 * k), draws(80, 3, seed=2 * k + 1)).p_value for k in range(60)]
    assert sum(p < 0.05 for p in alike) <= 9  # binomial(60, .05): beyond by chance once in a thousand
    apart = classifier_test(draws(400, 3), 1.5 * draws(400, 3, seed=1))
    assert apart.p_value < 1e-4 and apart.accuracy > 0.55 and apart.n == 400


def test_the_nearest_neighbour_test_sees_copies_and_distance() -> None:
    real, other = draws(300, 4), draws(300, 4, seed=1)
    assert all(abs(share - 0.5) < 0.12 for share in nearest_neighbour_test(real, other))
    assert nearest_neighbour_test(real, real + 1e-6) == (0.0, 0.0)
    assert min(nearest_neighbour_test(real, other + 9)) > 0.99


# -- birthday ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1_000, 10_000, 100_000])
def test_the_size_of_a_finite_set_is_found(size: int) -> None:
    """Medians of nine tests within a factor of 1.5, as many samples as make about 18 pairs."""
    n = int(6 * size**0.5)
    found = [support_size(torch.randint(size, (n, 1), generator=torch.Generator().manual_seed(k)).float())
             for k in range(9)]
    assert size / 1.5 < sorted(one.size for one in found)[4] < 1.5 * size
    assert sum(one.low <= size <= one.high for one in found) >= 8


def test_the_chance_of_a_pair() -> None:
    assert chance_of_pair(365, 23) == pytest.approx(0.5072972343, abs=1e-9)
    assert chance_of_pair(10, 11) == 1.0
    none = support_size(torch.arange(50.0)[:, None])
    assert none.size == math.inf and none.low == pytest.approx(50 * 49 / 2 / 3.6889, rel=1e-3) and none.pairs == 0
    assert support_size(torch.zeros(4, 2)).pairs == 6


# -- likelihoods ---------------------------------------------------------------------------------------------------


def test_parzen_longhand_and_on_a_normal() -> None:
    g, x = draws(3, 2), draws(2, 2, seed=1)
    for i in range(2):
        each = [math.exp(-float((x[i] - c).square().sum()) / (2 * 0.09)) / (2 * math.pi * 0.09) for c in g]
        assert float(parzen(g, x, 0.3)[i]) == pytest.approx(math.log(sum(each) / 3), rel=1e-12)
    found = parzen_likelihood(draws(4000, 2), draws(500, 2, seed=1), draws(2000, 2, seed=2))
    entropy = -math.log(2 * math.pi) - 1
    assert entropy - 0.05 < found.nats < entropy + 3 * found.error and found.n == 2000
    with pytest.raises(ValueError, match="at an end of those tried"):
        parzen_likelihood(g, x, x, sigmas=(5.0, 6.0))


def test_annealing_finds_the_likelihood_of_a_linear_decoder() -> None:
    """x = W z + b + sigma e is N(b, W W' + sigma^2 I); ten latents, ten dimensions, within .05 nats in the mean."""
    W, b, sigma = draws(10, 10, seed=1) / 2, draws(10, seed=2), 0.7
    x = draws(40, 10, seed=3) @ W.T + b + sigma * draws(40, 10, seed=4)
    exact = torch.distributions.MultivariateNormal(b, W @ W.T + sigma**2 * torch.eye(10).double()).log_prob(x)
    found = annealed_likelihood(lambda z: z @ W.T + b, x, z_dim=10, sigma=sigma, chains=32, steps=500)
    assert abs(float((found - exact).mean())) < 0.05 and float((found - exact).abs().max()) < 0.6


@pytest.mark.parametrize(("measure", "said"), [
    (lambda: mmd2(draws(1, 2), draws(5, 2)), "n, m >= 2"), (lambda: mmd2(draws(3, 2), draws(3, 4)), r"\(3, 4\)"),
    (lambda: mmd2(draws(3, 2) / 0, draws(3, 2)), "NaN or infinite"),
    (lambda: inception_score(draws(3, 2)), "parts = 10"),
    (lambda: sliced_wasserstein(draws(0, 2), draws(3, 2)), r"\(0, 2\)"),
    (lambda: classifier_test(draws(3, 2), draws(9, 2)), "n, m >= 4"), (lambda: support_size(draws(1, 2)), "n >= 2"),
    (lambda: parzen_likelihood(draws(3, 2), draws(3, 3), draws(3, 2)), "must have one shape")])
def test_what_cannot_be_measured_is_one_sentence(measure, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        measure()
    assert "\n" not in str(refusal.value)
