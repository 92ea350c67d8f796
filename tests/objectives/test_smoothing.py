"""One-sided label smoothing: golden numbers, and the laws that every objective keeps."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.objectives import hinge, least_squares, minimax, non_saturating, one_sided, relativistic_paired
from tests.objectives import test_adversarial as laws

SMOOTHED = [one_sided(non_saturating), one_sided(minimax), one_sided(non_saturating, 0.7)]


def test_golden_numbers():
    loss = one_sided(non_saturating)
    a, b = torch.tensor([0.0, 2.0]), torch.tensor([-1.0])
    expected = (-0.9 * torch.sigmoid(a).log() - 0.1 * torch.sigmoid(-a).log()).mean() - torch.sigmoid(-b).log().mean()
    assert float(loss.critic(a, b)) == pytest.approx(float(expected), abs=1e-6)
    assert float(loss.critic(torch.zeros(3), torch.zeros(3))) == pytest.approx(math.log(4))
    assert loss.equilibrium == pytest.approx((-0.9 * math.log(0.45) - 1.1 * math.log(0.55), -math.log(0.45)))


@pytest.mark.parametrize("ratio", [0.1, 1.0, 3.0, 50.0])
def test_the_best_critic_is_alpha_p_over_p_plus_q(ratio):
    """D* = alpha p / (p + q), found by Newton's method on the loss of one point."""
    for alpha in (0.9, 0.7):
        loss, p, t = one_sided(non_saturating, alpha), ratio / (1 + ratio), torch.zeros((), dtype=torch.float64)
        for _ in range(60):
            D = torch.sigmoid(t)
            t = t - (D - alpha * p) / (D * (1 - D)).clamp_min(0.05)
        assert float(torch.sigmoid(t)) == pytest.approx(alpha * p, abs=1e-9)
        assert float(torch.sigmoid(loss.optimum(torch.tensor(ratio)))) == pytest.approx(alpha * p, rel=1e-5)
        logit = t.clone().requires_grad_()
        value = p * loss.critic(logit[None], torch.full((1,), -1e9)) + (1 - p) * loss.critic(
            torch.full((1,), 0.0), logit[None])
        assert float(torch.autograd.grad(value, logit)[0]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("loss", SMOOTHED)
def test_the_laws_of_the_family(loss):
    laws.test_value_at_equilibrium(loss)
    laws.test_minimising_finds_the_optimum(loss)
    laws.test_no_other_table_of_logits_is_as_low(loss)


def test_no_smoothing_is_the_loss_itself():
    a, b = torch.randn(9), torch.randn(9)
    assert torch.equal(one_sided(minimax, 1.0).critic(a, b), minimax.critic(a, b))
    assert one_sided(minimax).generator is minimax.generator


@pytest.mark.parametrize(("loss", "target", "said"), [
    (hinge, 0.9, "logistic loss; use non-saturating"), (least_squares, 0.9, "least_squares_with"),
    (relativistic_paired, 0.9, "logistic loss"), (minimax, 0.0, "above 0"), (minimax, 1.1, "up to 1"),
])
def test_refusals(loss, target, said):
    with pytest.raises(ValueError, match=said):
        one_sided(loss, target)
