"""The experiments on how training fails: vanishing gradients, low-dimensional supports, the balance of power."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mintage.game import Clock
from mintage.lab import Bench, LabError, moved_curves
from mintage.lab import balance as power
from mintage.lab import low_dimensional_support as support
from mintage.lab import vanishing_gradients as vanishing
from mintage.objectives import minimax, non_saturating, wasserstein

QUICK = Bench(seeds=(3,), quick=True)


class Shifted(nn.Module):
    """D(x) = x + b."""

    def __init__(self, b):
        super().__init__()
        self.b = b

    def forward(self, x):
        return x.squeeze(1) + self.b


def linear_generator(weight):
    G = nn.Linear(2, 1, bias=False).requires_grad_(False)
    G.weight.copy_(torch.tensor([weight]))
    return G


@pytest.mark.parametrize("b", [-4.0, 0.0, 3.0])
def test_gradients_of_the_costs_differ_by_the_factor_theory_gives(b):
    z = torch.tensor([[1.0, 2.0]]).repeat(vanishing.MINIBATCHES * vanishing.BATCH, 1)
    seen = {cost: vanishing.gradient(linear_generator([0.5, -0.25]), Shifted(b), objective, z, 7)
            for cost, objective in vanishing.COSTS.items()}
    size, sigmoid = math.sqrt(5), 1 / (1 + math.exp(-b))  # dD(G(z))/dw = z; every logit is b
    assert seen["Wasserstein"].norm == pytest.approx(size, rel=1e-5)
    assert seen["minimax"].norm == pytest.approx(size * sigmoid, rel=1e-5)
    assert seen["non-saturating"].norm == pytest.approx(size * (1 - sigmoid), rel=1e-5)
    assert all(each.step == 7 and each.variance < 1e-10 and each.logit == pytest.approx(b) for each in seen.values())


def test_the_variance_is_that_between_minibatches():
    parts = torch.tensor([[1.0, 0.0], [3.0, 0.0], [1.0, 2.0], [3.0, 2.0]])
    z = parts.repeat_interleave(vanishing.BATCH, 0)
    seen = vanishing.gradient(linear_generator([1.0, 1.0]), Shifted(0.0), wasserstein, z, 1)
    assert seen.variance == pytest.approx(float(parts.var(0).sum()))
    assert seen.norm == pytest.approx(math.sqrt(5))  # of the mean (2, 1)


def test_orders_lost_are_counted_from_the_largest_to_the_end():
    def row(norms):
        return [vanishing.Seen(k, norm, 1.0, 0.0) for k, norm in enumerate(norms)]

    assert vanishing.orders_lost(row([1.0, 50.0, *[0.05] * 5])) == pytest.approx(3)
    assert vanishing.orders_lost(row([0.1, 1.0, *[2.0] * 5])) == 0


def test_without_images_the_remedy_is_named(monkeypatch):
    monkeypatch.delenv("MINTAGE_DATA", raising=False)
    with pytest.raises(LabError, match="Fashion-MNIST.*MINTAGE_DATA"):
        vanishing.vanishing_gradients(QUICK)


def test_vanishing_gradients_runs_and_draws(monkeypatch):
    chance = torch.Generator().manual_seed(0)
    monkeypatch.setattr(vanishing, "images", lambda: torch.rand((256, 1, 16, 16), generator=chance) * 2 - 1)
    monkeypatch.setattr(vanishing, "STEPS", 800)
    monkeypatch.setattr(vanishing, "HELD_STEPS", 300)
    outcome = vanishing.vanishing_gradients(QUICK)
    assert len(outcome.findings) == 6 and len(outcome.tables[0].rows) == 9
    assert all(math.isfinite(finding.measured) for finding in outcome.findings)
    assert len(outcome.draw().axes) == 3


@pytest.mark.parametrize("d", support.DIMENSIONS)
def test_the_curves_do_not_touch(d):
    u = torch.linspace(0, 1, 500)[:, None]
    c = moved_curves.curve_in(d)
    assert c(u).shape == (500, d)
    assert float(torch.cdist(c(u), c(u) + torch.eye(d)[0]).min()) > 0.1


def test_schedules_wait_for_the_critic():
    alone = support.ALONE / (support.ALONE + support.TOGETHER)
    moments = [Clock(round(1e6 * f), 10**6) for f in (0, alone - 1e-4, alone + 1e-4, (alone + 1) / 2, 1)]
    assert [support._rate(moment) for moment in moments] == pytest.approx(
        [0, 0, support.RATE, support.RATE / 2, 0], abs=1e-5)
    assert [support._fading(moment) for moment in moments] == pytest.approx([1, 1, 1, 1 - 0.5 / 0.9, 0], abs=1e-3)


def test_minimax_is_stuck_where_wasserstein_arrives(monkeypatch):
    monkeypatch.setattr(support, "ALONE", 60)
    monkeypatch.setattr(support, "TOGETHER", 100)
    stuck, arrives = support.learn(2, "minimax", 5), support.learn(2, "Wasserstein", 5)
    alone = [next(seen for seen in row if seen.step >= 57) for row in (stuck, arrives)]
    assert [seen.accuracy for seen in alone] == [1.0, 1.0]
    assert alone[0].gradient < 0.02 and alone[1].gradient == pytest.approx(1, abs=0.1)
    assert stuck[-1].distance > 0.97 and arrives[-1].distance < 0.6


def test_low_dimensional_support_runs_and_draws():
    outcome = support.low_dimensional_support(QUICK)
    assert len(outcome.findings) == 20 and len(outcome.tables[0].rows) == 6
    assert len(outcome.draw().axes) == 6


def test_smoothed_labels_move_the_optimum_of_reals_only():
    a, b = torch.randn(2, 9, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(power.smoothed(1.0).critic(a, b), non_saturating.critic(a, b))
    assert torch.allclose(power.smoothed(0.9).generator(None, b), non_saturating.generator(None, b))
    for share, best in ((1.0, 0.9), (0.5, 0.45)):  # where a share of examples is real, D* = .9 share
        logit = torch.tensor([math.log(best / (1 - best))], requires_grad=True)
        loss = share * power.smoothed(0.9).critic(logit, torch.tensor([-1e4]))
        loss = loss + (1 - share) * minimax.critic(torch.tensor([1e4]), logit)
        assert abs(torch.autograd.grad(loss, logit)[0].item()) < 1e-6


def test_sliced_distance_of_a_shift():
    x = torch.randn(400, 2, generator=torch.Generator().manual_seed(2))
    assert power.sliced(x, x[torch.arange(399, -1, -1)]) == 0
    assert power.sliced(x, x + torch.tensor([3.0, 4.0])) == pytest.approx(5 * 2 / math.pi, rel=1e-3)


def test_cost_counts_each_pass():
    g = power.Z_DIM * 64 + 2 * 64**2 + 64 * 2
    d = 2 * 64 + 2 * 64**2 + 64
    assert power.cost(power.PLAIN) == (g + 6 * d) + 3 * g + 2 * d
    assert power.cost(power.Setting(k=5)) == 5 * (g + 6 * d) + 3 * g + 2 * d
    assert power.cost(power.SMOOTH) == power.cost(power.PLAIN)


@pytest.mark.parametrize(("k", "repeat", "every"), [(1, 1, 1), (5, 5, 1), (0.25, 1, 4)])
def test_moves_of_a_setting(k, repeat, every):
    critic, generator = power.game_of(power.Setting(k=k), 0).moves
    assert (critic.repeat, critic.every, generator.repeat, generator.every) == (repeat, every, 1, 1)


def test_findings_of_balance_can_fail():
    def result(distance, wins):
        return power.Result(*[power.Quality(distance, 8.0, 0.9)] * 2, wins)

    runs = {setting: result(1.0, 0.4) for setting in power.SETTINGS} | {power.SMOOTH: result(2.0, 0.4)}
    held = {finding.what: finding.holds for finding in power.findings(runs)}
    assert sum(held.values()) == 3  # equal is no harm, but nothing wins
    assert not any(holds for what, holds in held.items() if "smooth" in what or "usually" in what)


def test_balance_runs_and_draws(monkeypatch):
    monkeypatch.setattr(power, "ROUNDS", 600)
    outcome = power.balance(QUICK)
    assert len(outcome.tables[0].rows) == len(power.SETTINGS) == 18
    assert len(outcome.draw().axes) == 3
