"""Variational bounds against a linear Gaussian model, whose likelihood and posterior are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mintage.objectives import (
    elbo,
    gaussian_kl,
    importance_weighted,
    log_bernoulli,
    log_gaussian,
    reparameterised,
)

NOISE = 0.5  # of x = W z + e, e ~ N(0, NOISE^2 I)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Linear:
    """p(z) = N(0, I), p(x | z) = N(W z, s^2 I) with orthogonal columns of W, so that the posterior is diagonal."""

    def __init__(self) -> None:
        self.W = torch.linalg.qr(draw(0, 6, 3)).Q * torch.tensor([2.0, 1.0, 0.3], dtype=torch.float64)
        self.x = draw(1, 7, 3) @ self.W.T + NOISE * draw(2, 7, 6)
        precision = self.W.square().sum(0) / NOISE**2 + 1
        self.mean, self.log_variance = (self.x @ self.W / NOISE**2) / precision, -precision.log().expand(7, 3)
        covariance = self.W @ self.W.T + NOISE**2 * torch.eye(6, dtype=torch.float64)
        exact = torch.distributions.MultivariateNormal(torch.zeros(6, dtype=torch.float64), covariance)
        self.evidence = exact.log_prob(self.x)

    def log_likelihood(self, z: Tensor) -> Tensor:
        x = self.x.expand(*z.shape[:-1], 6).reshape(-1, 6)
        return log_gaussian(x, (z @ self.W.T).reshape(-1, 6), 2 * math.log(NOISE)).reshape(z.shape[:-1])

    def bound(self, mean: Tensor, log_variance: Tensor, samples: int, seed: int = 3) -> Tensor:
        z = reparameterised(mean, log_variance, draw(seed, samples, *mean.shape))
        flat = z.flatten(0, 1)
        q = log_gaussian(flat, mean.repeat(samples, 1), log_variance.repeat(samples, 1)).view(samples, -1)
        return importance_weighted(self.log_likelihood(z), log_gaussian(flat).view(samples, -1), q)


def test_with_the_exact_posterior_every_sample_gives_the_exact_likelihood() -> None:
    model = Linear()
    for samples in (1, 5):
        assert torch.allclose(model.bound(model.mean, model.log_variance, samples), model.evidence)


def test_the_elbo_with_the_exact_posterior_is_the_likelihood() -> None:
    model = Linear()
    z = reparameterised(model.mean, model.log_variance, draw(4, 20_000, 7, 3))
    likelihood = model.log_likelihood(z).mean(0)
    found = elbo(likelihood, gaussian_kl(model.mean, model.log_variance))
    assert found.item() == pytest.approx(model.evidence.mean().item(), abs=0.05)


def test_bounds_rise_with_the_samples_towards_the_likelihood() -> None:
    """A posterior that is too wide and off: L_1 < L_10 < L_1000 < log p(x), and the last is near."""
    model = Linear()
    mean, log_variance = model.mean + 0.2, model.log_variance + 0.5
    found = [torch.stack([model.bound(mean, log_variance, k, seed).mean() for seed in range(2000 // k + 1)]).mean()
             for k in (1, 10, 1000)]
    exact = model.evidence.mean()
    assert found[0] < found[1] < found[2] < exact + 0.02
    assert found[2] > exact - 0.05 and found[0] < exact - 0.2


def test_divergence_and_densities_equal_torchs() -> None:
    from torch.distributions import Bernoulli, Normal, kl_divergence

    mean, log_variance, x = draw(5, 4, 3), draw(6, 4, 3), draw(7, 4, 3)
    q = Normal(mean, (log_variance / 2).exp())
    standard = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    assert torch.allclose(gaussian_kl(mean, log_variance), kl_divergence(q, standard).sum(1))
    assert gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]
    assert torch.allclose(log_gaussian(x, mean, log_variance), q.log_prob(x).sum(1))
    pixels = (x > 0).double().view(4, 1, 1, 3)
    assert torch.allclose(log_bernoulli(pixels, mean.view(4, 1, 1, 3)),
                          Bernoulli(logits=mean).log_prob(pixels.view(4, 3)).sum(1))
    assert log_bernoulli(torch.ones(1, 2), torch.full((1, 2), 200.0)).item() == 0
    assert log_bernoulli(torch.zeros(1, 2), torch.full((1, 2), 200.0)).item() == -400


def test_a_draw_has_its_moments_and_passes_gradients() -> None:
    mean, log_variance = torch.tensor([1.0, -2.0], requires_grad=True), torch.tensor([0.0, math.log(4)])
    z = reparameterised(mean, log_variance, draw(8, 100_000, 2).float())
    assert torch.allclose(z.mean(0), mean, atol=0.03) and torch.allclose(z.std(0), torch.tensor([1.0, 2.0]), rtol=0.02)
    assert torch.allclose(torch.autograd.grad(z.mean(0).sum(), mean)[0], torch.ones(2))


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="one of each"):
        elbo(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match="samples, examples"):
        importance_weighted(torch.zeros(3), torch.zeros(3), torch.zeros(3))
