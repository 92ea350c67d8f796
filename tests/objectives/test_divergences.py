"""f-divergences: the paper's tables, the law of Fenchel, the optima and the bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mintage.objectives import DIVERGENCES, Divergence, f_gan

FAMILY = pytest.mark.parametrize("d", DIVERGENCES.values(), ids=DIVERGENCES)
RATIOS = torch.logspace(-3, 3, 61, dtype=torch.float64)
LOGITS = torch.linspace(-20, 20, 81, dtype=torch.float64)
SMOOTH = [d for d in DIVERGENCES.values() if d.name != "total_variation"]

OPTIMA: dict[str, Callable[[float], float]] = {
    "kl": lambda r: 1 + math.log(r),
    "reverse_kl": lambda r: -1 / r,
    "pearson": lambda r: 2 * (r - 1),
    "squared_hellinger": lambda r: 1 - r**-0.5,
    "jensen_shannon": lambda r: math.log(2 * r / (1 + r)),
    "gan": lambda r: math.log(r / (1 + r)),
    "total_variation": lambda r: math.copysign(0.5, r - 1),
}
"""t* at p_data / p_model = r."""


@pytest.mark.parametrize("name", OPTIMA)
@pytest.mark.parametrize("r", [0.1, 0.5, 1.5, 4.0])
def test_golden_optima(name: str, r: float) -> None:
    assert list(OPTIMA) == list(DIVERGENCES)
    best, at = DIVERGENCES[name].derivative, torch.tensor(r, dtype=torch.float64)
    assert best(at).item() == pytest.approx(OPTIMA[name](r), rel=1e-12)
    assert DIVERGENCES[name].activation(f_gan(DIVERGENCES[name]).optimum(at)).item() == pytest.approx(
        OPTIMA[name](r), rel=1e-9)


@FAMILY
def test_the_derivative_is_that_of_f(d: Divergence) -> None:
    u = RATIOS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(d.f(u).sum(), u)
    assert torch.allclose(slope, d.derivative(RATIOS), rtol=1e-9, atol=1e-12)


@FAMILY
def test_fenchel(d: Divergence) -> None:
    """f(u) + f*(t) >= u t everywhere, with equality at t = f'(u)."""
    u, t = RATIOS[:, None], d.activation(LOGITS)[None, :]
    t = t[:, (t[0] > d.domain[0]) & (t[0] < d.domain[1])]  # rounding may put the ends of the domain in
    gap = d.f(u) + d.conjugate(t) - u * t
    assert t.shape[1] > 30 and (gap >= -1e-9 * (1 + (u * t).abs())).all()
    slope = d.derivative(RATIOS)
    assert torch.allclose(d.conjugate(slope), RATIOS * slope - d.f(RATIOS), rtol=1e-9, atol=1e-9)


@FAMILY
def test_the_activation_rises_and_stays_in_the_domain(d: Divergence) -> None:
    t = d.activation(LOGITS)
    assert (t.diff() >= 0).all() and (d.activation(LOGITS / 10).diff() > 0).all()
    assert float(t.min()) >= d.domain[0] and float(t.max()) <= d.domain[1]


@FAMILY
def test_the_composition_is_safe_and_the_same(d: Divergence) -> None:
    v = LOGITS / 4
    assert torch.allclose(d.composed(v), d.conjugate(d.activation(v)), rtol=1e-9, atol=1e-12)
    assert d.composed(torch.tensor([-80.0, 80.0])).isfinite().all()


@FAMILY
def test_f_is_convex_and_the_equilibrium_is_its_value_at_one(d: Divergence) -> None:
    """A divergence is 0 between equals; "gan" is lower by log 4, as in the paper."""
    u = torch.linspace(0.01, 5, 200, dtype=torch.float64)
    f = d.f(u)
    assert (f[:-2] + f[2:] - 2 * f[1:-1] >= -1e-12).all()
    one = torch.ones((), dtype=torch.float64)
    assert d.f(one).item() == pytest.approx(-math.log(4) if d.name == "gan" else 0, abs=1e-12)


P, Q = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], dtype=torch.float64)
BETWEEN = {
    "kl": (P * (P / Q).log()).sum(),
    "reverse_kl": (Q * (Q / P).log()).sum(),
    "pearson": ((P - Q) ** 2 / Q).sum(),
    "squared_hellinger": ((P.sqrt() - Q.sqrt()) ** 2).sum(),
    "jensen_shannon": (P * (2 * P / (P + Q)).log() + Q * (2 * Q / (P + Q)).log()).sum(),
    "gan": (P * (P / (P + Q)).log() + Q * (Q / (P + Q)).log()).sum(),
    "total_variation": (P - Q).abs().sum() / 2,
}


@FAMILY
@pytest.mark.parametrize("heuristic", [True, False])
def test_the_best_critic_measures_the_divergence(d: Divergence, heuristic: bool) -> None:
    loss = f_gan(d, heuristic=heuristic)
    v = loss.optimum(P / Q)
    value = sum(p * q * loss.critic(a, b) for p, a in zip(P, v, strict=True) for q, b in zip(Q, v, strict=True))
    assert -float(value) == pytest.approx(float(BETWEEN[d.name]), rel=1e-9)
    assert float((Q * d.f(P / Q)).sum()) == pytest.approx(float(BETWEEN[d.name]), rel=1e-12)


@pytest.mark.parametrize("d", SMOOTH, ids=lambda d: d.name)
def test_the_bound_gives_the_generator_the_gradient_of_the_divergence(d: Divergence) -> None:
    """With the critic at its best and held, d/dq E_q[-f*(g_f(v))] = dD_f/dq: what makes section 3.2 a heuristic."""
    q = Q.clone().requires_grad_()
    (exact,) = torch.autograd.grad((q * d.f(P / q)).sum(), q)

    def through(heuristic: bool) -> Tensor:
        loss = f_gan(d, heuristic=heuristic)
        return torch.stack([loss.generator(None, v) for v in loss.optimum(P / Q)])

    assert torch.allclose(through(heuristic=False), exact, rtol=1e-9)
    assert not torch.allclose(through(heuristic=True), exact, rtol=1e-2)
