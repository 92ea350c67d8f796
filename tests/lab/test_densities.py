"""The experiments on densities: the optimal discriminator, the generator's costs, quantiles, the latent dimension."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.special import ndtri

from mintage.lab import Bench
from mintage.lab import generator_objectives as costs
from mintage.lab import latent_dimension as latents
from mintage.lab import optimal_discriminator as best
from mintage.lab import quantile as quantiles
from mintage.objectives import maximum_likelihood, minimax, non_saturating

QUICK = Bench(seeds=(3,), quick=True)


@pytest.mark.parametrize(("mu", "jsd"), best.JSD.items())
def test_the_value_of_the_best_discriminator_tells_the_divergence(mu, jsd):
    assert best.divergence(best.best_logit(mu), mu) == pytest.approx(jsd, abs=1e-8)
    for off in (0.3, -0.3):  # any other discriminator tells less
        assert best.divergence(lambda x, off=off: best.best_logit(mu)(x) + off, mu) < jsd - 0.001


def test_expectations_are_exact():
    assert best.expect(lambda x: torch.ones_like(x), best.density(2, 0.5)) == pytest.approx(1, abs=1e-12)
    assert best.expect(torch.square, best.density(1)) == pytest.approx(2, abs=1e-12)


class Off(nn.Module):
    """The logits of D* for N(1, 1), and `off` more."""

    def __init__(self, off):
        super().__init__()
        self.off = off

    def forward(self, x):
        return 0.5 - x.squeeze(1) + self.off


def test_a_discriminator_that_is_off_is_seen_to_be():
    exact, off = best.compare(Off(0.0), 1.0, 0), best.compare(Off(0.2), 1.0, 0)
    assert max(exact.off_data, exact.off_model) < 1e-6 < 0.02 < min(off.off_data, off.off_model)
    assert exact.jsd == pytest.approx(best.JSD[1.0], abs=1e-7) and off.jsd < 0.98 * exact.jsd
    assert exact.sampled == pytest.approx(exact.jsd, abs=2e-3)
    held = {finding.what: finding.holds for finding in best.findings({mu: [off] for mu in best.JSD})}
    assert sum(held.values()) == 3  # what D* itself tells
    assert not held["mu = 1: JSD that D's value tells (median)"]


def test_a_trained_discriminator_is_near_the_best(monkeypatch):
    monkeypatch.setattr(best, "ROUNDS", 250)
    result = best.measure(1.0, 4)
    assert max(result.off_data, result.off_model) < 0.02
    assert result.jsd == pytest.approx(best.JSD[1.0], rel=0.02) and result.jsd < best.JSD[1.0] + 1e-7


def test_optimal_discriminator_runs_and_draws():
    outcome = best.optimal_discriminator(QUICK)
    assert len(outcome.findings) == 11 and len(outcome.tables[0].rows) == 4
    assert len(outcome.draw().axes) == 4


@pytest.mark.parametrize(("cost", "slope"), [(minimax, lambda d: d), (non_saturating, lambda d: 1 - d),
                                             (maximum_likelihood, lambda d: d / (1 - d))])
def test_slopes_of_the_costs(cost, slope):
    d = torch.tensor([1e-4, 0.3, 0.5, 0.99], dtype=torch.float64)
    assert torch.allclose(costs.slopes(cost, d.logit()), -slope(d), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("theta", "s"), costs.FAMILY)
def test_maximum_likelihood_has_the_gradient_of_the_likelihood(theta, s):
    exact = costs.likelihood_gradient(theta, s)
    assert costs.grid_gradient(maximum_likelihood, theta, s) == pytest.approx(exact, abs=1e-9)

    def divergence(theta, s):
        return math.log(s) + (1 + theta**2) / (2 * s**2) - 0.5

    h = 1e-5
    assert exact == pytest.approx(((divergence(theta + h, s) - divergence(theta - h, s)) / (2 * h),
                                   (divergence(theta, s + h) - divergence(theta, s - h)) / (2 * h)), abs=1e-8)


def test_the_other_costs_have_another_gradient():
    for cost in (minimax, non_saturating):
        assert abs(costs.grid_gradient(cost, 2.0, 1.0)[0] - 2) > 0.3


def test_minimax_has_the_gradient_of_the_jensen_shannon_divergence():
    h = 1e-4
    up, down = (best.divergence(best.best_logit(theta), theta) for theta in (1 + h, 1 - h))
    assert costs.grid_gradient(minimax, 1.0, 1.0)[0] == pytest.approx((up - down) / h, abs=1e-6)  # 2 d JSD / d theta


def test_spread_of_maximum_likelihood_is_what_theory_says():
    seen = costs.spread(maximum_likelihood, costs.best_logit(1.0, 1.0), 1.0, 5, 2**18)
    assert seen.share == pytest.approx(costs.likelihood_share(1.0), abs=0.01)
    assert costs.likelihood_share(2.0) == pytest.approx(0.7637596, abs=1e-6)
    assert seen.noise == pytest.approx(math.e - 1, rel=0.1)
    assert (seen.theta, seen.s) == pytest.approx((1, -1), abs=0.02)


def test_generator_objectives_runs_and_draws(monkeypatch):
    monkeypatch.setattr(costs, "THETAS", [0.5, 1.0, 2.0, 4.0])
    outcome = costs.generator_objectives(QUICK)
    held = [finding.what for finding in outcome.findings if finding.holds]
    assert len(outcome.findings) == 9 and len(held) >= 6  # draws and training are cut short
    assert [len(table.rows) for table in outcome.tables] == [len(costs.FAMILY), 15]
    assert len(outcome.draw().axes) == 4


class Exact(nn.Module):
    """sign Phi^-1(z) + off."""

    def __init__(self, sign, off=0.0):
        super().__init__()
        self.sign, self.off = sign, off

    def forward(self, z):
        return self.sign * ndtri(z) + self.off


@pytest.mark.parametrize("sign", [1, -1])
def test_the_quantile_function_and_its_mirror_pass(sign):
    result = quantiles.measure(Exact(sign), 0)
    assert result.way == sign and result.error < 1e-5 and result.exact < 1e-5 and result.monotone == 1
    assert all(finding.holds for finding in quantiles.findings([result]))
    off = quantiles.measure(Exact(sign, 0.1), 0)
    assert off.error == pytest.approx(0.1, abs=1e-5) and off.exact == pytest.approx(0.0399, abs=1e-3)
    assert [finding.holds for finding in quantiles.findings([off])] == [False, False, True]


def test_kolmogorov_smirnov_by_hand():
    levels = torch.tensor([0.9, 0.2, 0.6], dtype=torch.float64)
    assert quantiles.kolmogorov_smirnov(ndtri(levels)) == pytest.approx(0.6 - 1 / 3)
    assert quantiles.kolmogorov_smirnov(ndtri(levels / 2)) == pytest.approx(1 - 0.45)


def test_first_units_bend_over_the_span():
    net = quantiles.Perceptron((-4, 4), 2.0)
    bends = -net.first.bias / net.first.weight[:, 0]
    assert torch.allclose(bends, torch.linspace(-4, 4, quantiles.WIDTH), atol=1e-6)
    assert quantiles.Critic((-4, 4), 2.0)(torch.zeros(5, 1)).shape == (5,)


def test_quantile_learns(monkeypatch):
    monkeypatch.setattr(quantiles, "ROUNDS", 200)
    result = quantiles.learn(5)
    assert result.error < 0.3 and result.monotone > 0.9


def test_quantile_runs_and_draws():
    outcome = quantiles.quantile(QUICK)
    assert len(outcome.findings) == 3 and len(outcome.tables[0].rows) == 1
    assert len(outcome.draw().axes) == 3


@pytest.mark.parametrize("d", latents.TARGETS)
def test_targets_have_deviation_one_or_so(d):
    x = latents.bent(d)(20_000, torch.Generator().manual_seed(1))
    assert x.shape == (20_000, d) and float(x.mean(0).abs().max()) < 0.05
    assert 0.6 < float(x.std(0).min()) <= float(x.std(0).max()) < 1.5
    assert latents.distance(x[:1000], x[1000:2000]) < 0.1 < latents.distance(x[:1000], x[1000:2000] + 0.5)


def test_distance_of_a_shift():
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(2))
    assert latents.distance(x, x + 100) == pytest.approx(math.sqrt(2 * 100 * math.sqrt(2)), rel=0.02)
    assert latents.distance(x, x) == 0


def test_findings_of_latent_dimension_can_fail():
    falling = {1: 0.8, 2: 0.1, 4: 0.09, 8: 0.08, 16: 0.08, 64: 0.08}
    runs = {(d, n): [latents.Result(falling[n], [])] for d in latents.TARGETS for n in latents.LATENTS}
    assert all(finding.holds for finding in latents.findings(runs))
    flat = {key: [latents.Result(0.5 - 0.001 * (key[1] == 64), [])] for key in runs}
    assert not any(finding.holds for finding in latents.findings(flat))


def test_latent_dimension_runs_and_draws(monkeypatch):
    monkeypatch.setattr(latents, "POINTS", 256)
    outcome = latents.latent_dimension(QUICK)
    assert len(outcome.findings) == 6 and len(outcome.tables[0].rows) == 12
    assert len(outcome.draw().axes) == 4
