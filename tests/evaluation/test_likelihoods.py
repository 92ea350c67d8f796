"""Likelihoods where the truth is known: linear decoders between two bounds, and the Parzen window with its faults."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mintage.evaluation.measures import annealing
from mintage.evaluation.measures.annealing import annealed_bounds, annealed_likelihood
from mintage.evaluation.measures.parzen import parzen_likelihood

SIGMAS = tuple(0.1 * 1.12**k for k in range(28))


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Linear:
    """x = W z + b + sigma e, which is N(b, W W' + sigma^2 I)."""

    def __init__(self, d: int, sigma: float = 0.7) -> None:
        self.W, self.b, self.sigma = draws(d, d, seed=1) / 2 * math.sqrt(10 / d), draws(d, seed=2), sigma

    def __call__(self, z: Tensor) -> Tensor:
        return z @ self.W.T + self.b

    def exact(self, x: Tensor) -> Tensor:
        covariance = self.W @ self.W.T + self.sigma**2 * torch.eye(len(self.b), dtype=torch.float64)
        return torch.distributions.MultivariateNormal(self.b, covariance).log_prob(x)


def test_annealing_is_within_a_twentieth_of_a_nat_at_ten_latents() -> None:
    model = Linear(10)
    x = model(draws(24, 10, seed=3)) + model.sigma * draws(24, 10, seed=4)
    off = annealed_likelihood(model, x, z_dim=10, sigma=model.sigma, steps=2000) - model.exact(x)
    assert abs(float(off.mean())) < 0.03 and float(off.abs().mean()) < 0.05


@pytest.mark.parametrize(("d", "steps", "gap"), [(2, 200, 0.09), (10, 200, 0.6), (30, 100, 6.0)])
def test_the_truth_lies_between_the_bounds(d: int, steps: int, gap: float) -> None:
    model = Linear(d)
    bounds = annealed_bounds(model, draws(40, d, seed=5), sigma=model.sigma, steps=steps)
    below, above = bounds.lower - model.exact(bounds.x), bounds.upper - model.exact(bounds.x)
    slack = [4 * float(part.std()) / 40**0.5 for part in (below, above)]
    assert float(below.mean()) < slack[0] and float(above.mean()) > -slack[1]
    assert float((bounds.upper - bounds.lower).mean()) < gap


def test_the_bounds_close_with_more_steps() -> None:
    model, z = Linear(10), draws(20, 10, seed=5)
    gaps = [float((b.upper - b.lower).mean()) for steps in (20, 80, 320)
            for b in [annealed_bounds(model, z, sigma=model.sigma, steps=steps, chains=8)]]
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > -0.4


def test_the_weights_have_no_bias() -> None:
    """E w = p(x) with few steps too, when w is not averaged in logarithms: the mean of w / p(x) over runs is 1."""
    model = Linear(2)
    x = model(draws(1, 2, seed=3)) + model.sigma * draws(1, 2, seed=4)
    off = annealed_likelihood(model, x, z_dim=2, sigma=model.sigma, chains=20_000, steps=8) - model.exact(x)
    assert abs(math.exp(float(off)) - 1) < 0.05


def test_a_decoder_that_is_not_linear() -> None:
    """x = z^3 + sigma e in one dimension, against a sum over a fine grid of z."""
    def cube(z: Tensor) -> Tensor:
        return z**3

    x, z = torch.tensor([[-1.5], [0.02], [4.0]]).double(), torch.linspace(-8, 8, 400_001, dtype=torch.float64)
    sums = torch.stack([(-z.square() / 2 - (one - z**3).square() / (2 * 0.09)).logsumexp(0) for one in x[:, 0]])
    exact = sums + math.log(16 / 400_000) - math.log(2 * math.pi * 0.3)
    found = annealed_likelihood(cube, x, z_dim=1, sigma=0.3, chains=64, steps=300)
    assert float((found - exact).abs().max()) < 0.1


def test_estimates_repeat_and_leave_the_global_generator_alone() -> None:
    model, x = Linear(3), draws(4, 3, seed=8)
    before = torch.get_rng_state()
    one, same, other = (annealed_likelihood(model, x, z_dim=3, sigma=0.7, steps=30, seed=s) for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other) and torch.equal(before, torch.get_rng_state())


def test_the_schedule_rises_from_0_to_1() -> None:
    grid = torch.linspace(0, 1, 61, dtype=torch.float64) ** 4
    for deviations in (torch.ones(61).double(), torch.logspace(4, 0, 61).double(), torch.zeros(61).double()):
        betas = torch.tensor(annealing._schedule(grid, deviations, 100))
        assert len(betas) == 101 and betas[0] == 0 and betas[-1] == 1 and bool((betas.diff() > 0).all())


@pytest.mark.parametrize(("measure", "said"), [
    (lambda: annealed_likelihood(Linear(2), draws(0, 2), z_dim=2, sigma=1.0), r"\(0, 2\)"),
    (lambda: annealed_likelihood(Linear(2), draws(3, 2), z_dim=2, sigma=0.0), "sigma 0.0"),
    (lambda: annealed_bounds(Linear(2), draws(3, 2), sigma=1.0, chains=0), "chains 0")])
def test_what_cannot_be_annealed_is_one_sentence(measure, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        measure()
    assert "\n" not in str(refusal.value)


# -- the Parzen window ---------------------------------------------------------------------------------------------


def test_the_window_is_right_in_two_dimensions_and_far_off_in_sixty_four() -> None:
    """From true samples; benchmarks/likelihoods.py says by how much with 10,000."""
    off = {}
    for d in (2, 64):
        test = draws(400, d, seed=3)
        found = parzen_likelihood(draws(2_000, d, seed=1), draws(300, d, seed=2), test, sigmas=SIGMAS)
        off[d] = found.nats - float((-test.square().sum(1) / 2 - d / 2 * math.log(2 * math.pi)).mean())
    assert abs(off[2]) < 0.05 and off[64] < -8


def test_the_window_ranks_what_is_no_sample_above_true_samples() -> None:
    """Means of ten true samples each stand in for k-means centroids: they lie nearer to everything."""
    true = draws(200, 64, seed=5)
    means = draws(2_000, 64, seed=4).view(200, 10, 64).mean(1)
    scores = [parzen_likelihood(one, draws(300, 64, seed=6), draws(500, 64, seed=7), sigmas=SIGMAS)
              for one in (true, means)]
    assert scores[1].nats > scores[0].nats + 10 * scores[0].error
