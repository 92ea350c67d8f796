"""Golden numbers, optima and laws of the adversarial objectives."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mintage.objectives import Adversarial, minimax, non_saturating, relativistic_paired

REAL = torch.tensor([-5.0, 1.4, 12.5, 2.7], dtype=torch.float64)
FAKE = torch.tensor([10.0, 4.4, -5.5, 3.6], dtype=torch.float64)
ALL = {"non_saturating": non_saturating, "minimax": minimax, "relativistic_paired": relativistic_paired}


def s(t: float) -> float:
    return math.log1p(math.exp(-abs(t))) + max(t, 0.0)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


GOLDEN = {
    "non_saturating": (mean([s(-a) for a in REAL.tolist()]) + mean([s(b) for b in FAKE.tolist()]),
                       mean([s(-b) for b in FAKE.tolist()])),
    "minimax": (mean([s(-a) for a in REAL.tolist()]) + mean([s(b) for b in FAKE.tolist()]),
                -mean([s(b) for b in FAKE.tolist()])),
    "relativistic_paired": (mean([s(b - a) for a, b in zip(REAL.tolist(), FAKE.tolist(), strict=True)]),
                            mean([s(a - b) for a, b in zip(REAL.tolist(), FAKE.tolist(), strict=True)])),
}
EQUILIBRIUM = {"non_saturating": (math.log(4), math.log(2)), "minimax": (math.log(4), -math.log(2)),
               "relativistic_paired": (math.log(2), math.log(2))}


@pytest.mark.parametrize("name", ALL)
def test_golden_numbers(name: str) -> None:
    assert ALL[name].critic(REAL, FAKE).item() == pytest.approx(GOLDEN[name][0], rel=1e-12)
    assert ALL[name].generator(REAL, FAKE).item() == pytest.approx(GOLDEN[name][1], rel=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_value_at_equilibrium(name: str) -> None:
    zero = torch.zeros(8, dtype=torch.float64)
    assert ALL[name].critic(zero, zero).item() == pytest.approx(EQUILIBRIUM[name][0], abs=1e-12)
    assert ALL[name].generator(zero, zero).item() == pytest.approx(EQUILIBRIUM[name][1], abs=1e-12)


def falls(loss: Callable[[Tensor], Tensor], logits: Tensor) -> bool:
    logits = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(logits), logits)
    return bool((gradient < 0).all())


@pytest.mark.parametrize("loss", ALL.values(), ids=ALL)
def test_each_side_wants_what_it_should(loss: Adversarial) -> None:
    assert falls(lambda a: loss.critic(a, FAKE), REAL)  # D: higher on real
    assert falls(lambda b: -loss.critic(REAL, b), FAKE)  # D: lower on fake
    assert falls(lambda b: loss.generator(REAL, b), FAKE)  # G: higher on fake


def test_pairs_do_not_see_a_shift_of_the_critic() -> None:
    for shift in (-3.0, 0.5, 100.0):
        for side in (relativistic_paired.critic, relativistic_paired.generator):
            assert side(REAL + shift, FAKE + shift).item() == pytest.approx(side(REAL, FAKE).item(), rel=1e-12)


def test_the_optimal_critic_is_the_log_ratio() -> None:
    """On two discrete distributions, the logits that lower the loss are log p/q: exactly, or up to a constant."""
    p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.2, 0.2, 0.6]).double()
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-15)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (p * torch.nn.functional.softplus(-logits)).sum() + (q * torch.nn.functional.softplus(logits)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert torch.allclose(logits.detach(), (p / q).log(), atol=1e-6)


def test_minimax_is_flat_where_the_critic_wins_and_the_heuristic_is_not() -> None:
    sure = torch.full((4,), -20.0, dtype=torch.float64, requires_grad=True)
    for loss, flat in ((minimax, True), (non_saturating, False)):
        (gradient,) = torch.autograd.grad(loss.generator(None, sure), sure)
        assert (float(gradient.norm()) < 1e-8) is flat


def test_pairs_need_reals() -> None:
    with pytest.raises(ValueError, match="logits on reals"):
        relativistic_paired.generator(None, FAKE)
