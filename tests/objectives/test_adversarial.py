"""The family of adversarial objectives: golden numbers, equilibria, optima and laws.

To add an objective: one function, its row in `catalogue.py`, and its row in GOLDEN below: what each side says of REAL
and FAKE, worked out longhand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor

from mintage import citing
from mintage.objectives import (
    ADVERSARIAL,
    DIVERGENCES,
    Adversarial,
    f_gan,
    logistic_critic,
    maximum_likelihood,
    minimax,
    non_saturating,
    relativistic_paired,
)

REAL = torch.tensor([-5.0, 1.4, 12.5, 2.7], dtype=torch.float64)
FAKE = torch.tensor([10.0, 4.4, -5.5, 3.6], dtype=torch.float64)
A, B = REAL.tolist(), FAKE.tolist()
PAIRS = list(zip(A, B, strict=True))
FAMILY = pytest.mark.parametrize("loss", ADVERSARIAL.values(), ids=ADVERSARIAL)


def s(t: float) -> float:
    return math.log1p(math.exp(-abs(t))) + max(t, 0.0)


def E(f: Callable[[float], float], values: list[float]) -> float:
    return sum(f(value) for value in values) / len(values)


def mmd(k: Callable[[float], float]) -> float:
    """The unbiased estimate, of a kernel of the distance."""
    def others(v: list[float]) -> float:
        return sum(k(abs(v[i] - v[j])) for i, j in product(range(4), range(4)) if i != j) / 12

    return others(A) + others(B) - 2 * sum(k(abs(a - b)) for a, b in product(A, B)) / 16


MEAN_A, MEAN_B = sum(A) / 4, sum(B) / 4
LOGISTIC = E(lambda a: s(-a), A) + E(s, B)
GAUSSIAN = mmd(lambda d: sum(math.exp(-(d / w) ** 2 / 2) for w in (1, 2, 4, 8, 16)))
QUADRATIC = mmd(lambda d: sum((1 + d * d / (2 * w)) ** -w for w in (0.2, 0.5, 1, 2, 5)))
ENERGY = mmd(lambda d: -d)

GOLDEN = {
    "minimax": (LOGISTIC, -E(s, B)),
    "non-saturating": (LOGISTIC, E(lambda b: s(-b), B)),
    "maximum-likelihood": (LOGISTIC, -E(math.exp, B)),
    "least-squares": (E(lambda a: (a - 1) ** 2 / 2, A) + E(lambda b: b**2 / 2, B), E(lambda b: (b - 1) ** 2 / 2, B)),
    "wasserstein": (MEAN_B - MEAN_A, -MEAN_B),
    "hinge": (E(lambda a: max(0, 1 - a), A) + E(lambda b: max(0, 1 + b), B), -MEAN_B),
    "relativistic-average": (E(lambda a: s(MEAN_B - a), A) + E(lambda b: s(b - MEAN_A), B),
                             E(lambda b: s(MEAN_A - b), B) + E(lambda a: s(a - MEAN_B), A)),
    "relativistic-paired": (sum(s(b - a) for a, b in PAIRS) / 4, sum(s(a - b) for a, b in PAIRS) / 4),
    "f-kl": (-MEAN_A + E(lambda b: math.exp(b - 1), B), -MEAN_B),
    "f-reverse-kl": (E(lambda a: math.exp(-a), A) + MEAN_B - 1, E(lambda b: math.exp(-b), B)),
    "f-pearson": (-MEAN_A + E(lambda b: b**2 / 4 + b, B), -MEAN_B),
    "f-squared-hellinger": (E(lambda a: math.exp(-a), A) + E(math.exp, B) - 2, E(lambda b: math.exp(-b), B) - 1),
    "f-jensen-shannon": (LOGISTIC - math.log(4), E(lambda b: s(-b), B) - math.log(2)),
    "f-gan": (LOGISTIC, E(lambda b: s(-b), B)),
    "f-total-variation": ((E(math.tanh, B) - E(math.tanh, A)) / 2, -E(math.tanh, B) / 2),
    "mmd-gaussian": (-GAUSSIAN, GAUSSIAN),
    "mmd-rational-quadratic": (-QUADRATIC, QUADRATIC),
    "mmd-energy": (-ENERGY, ENERGY),
}


def test_every_objective_has_a_row() -> None:
    assert list(GOLDEN) == list(ADVERSARIAL)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_numbers(name: str) -> None:
    assert ADVERSARIAL[name].critic(REAL, FAKE).item() == pytest.approx(GOLDEN[name][0], rel=1e-12, abs=1e-12)
    assert ADVERSARIAL[name].generator(REAL, FAKE).item() == pytest.approx(GOLDEN[name][1], rel=1e-12, abs=1e-12)


def at_rest(loss: Adversarial) -> Tensor:
    """The best critic's logit where the ratio is 1; any will do where it is no function of the ratio."""
    one = torch.ones((), dtype=torch.float64)
    return torch.zeros_like(one) if loss.optimum is None else loss.optimum(one)


@FAMILY
def test_value_at_equilibrium(loss: Adversarial) -> None:
    logits = at_rest(loss).expand(8)
    assert loss.equilibrium == pytest.approx((loss.critic(logits, logits).item(),
                                              loss.generator(logits, logits).item()), abs=1e-12)


@pytest.mark.parametrize(("name", "values"), [
    ("non-saturating", (math.log(4), math.log(2))), ("minimax", (math.log(4), -math.log(2))),
    ("relativistic-paired", (math.log(2), math.log(2))), ("hinge", (2, 0)), ("least-squares", (0.25, 0.125)),
    ("wasserstein", (0, 0)), ("f-gan", (math.log(4), math.log(2))), ("f-kl", (0, -1)), ("f-reverse-kl", (0, 1))])
def test_values_at_equilibrium_of_the_papers(name: str, values: tuple[float, float]) -> None:
    assert ADVERSARIAL[name].equilibrium == pytest.approx(values, abs=1e-12)


P, Q = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], dtype=torch.float64)
REALS, FAKES = torch.tensor([0] * 5 + [1] * 3 + [2] * 2), torch.tensor([0] * 2 + [1] * 2 + [2] * 6)


def expected(loss: Adversarial, table: Tensor) -> Tensor:
    """The critic's loss over every pair of ten reals shared out as P and ten fakes shared out as Q."""
    return loss.critic(table[REALS.repeat_interleave(10)], table[FAKES.repeat(10)])


def lowered(loss: Adversarial) -> Tensor:
    """The table of three logits that lowers the critic's loss, by LBFGS from nothing."""
    table = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([table], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = expected(loss, table)
        value.backward()
        return value

    optimizer.step(closure)
    return table.detach()


def slope(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits), logits)[0]


KNOWN = {name: loss for name, loss in ADVERSARIAL.items() if loss.optimum is not None}


@pytest.mark.parametrize("loss", KNOWN.values(), ids=KNOWN)
def test_minimising_finds_the_optimum(loss: Adversarial) -> None:
    best, found = loss.optimum(P / Q), lowered(loss)
    assert expected(loss, best) <= expected(loss, found) + 1e-12
    if loss.relative:
        found = found - found[0] + best[0]
    if best.isinf().any():
        assert bool((found.sign() == best.sign()).all()) and float(found.abs().min()) > 10
    else:
        corner = slope(lambda table: expected(loss, table), found).norm() > 1e-3  # beside one, LBFGS stops short
        assert torch.allclose(found, best, rtol=0, atol=0.02 if corner else 1e-6)


@pytest.mark.parametrize("loss", KNOWN.values(), ids=KNOWN)
def test_no_other_table_of_logits_is_as_low(loss: Adversarial) -> None:
    best = loss.optimum(P / Q)
    lowest, near = expected(loss, best), best.clamp(-6, 6)
    draws = torch.Generator().manual_seed(0)
    for scale in (1e-3, 1e-2, 0.1, 1.0, 5.0):
        for _ in range(50):
            assert expected(loss, near + scale * torch.randn(3, generator=draws, dtype=torch.float64)) > lowest


def test_the_average_relativistic_critic_obeys_its_condition() -> None:
    """r (sigma(E b - v) + E sigma(b - E a)) = sigma(v - E a) + E sigma(E b - a) at every outcome; v rises with r."""
    v = lowered(ADVERSARIAL["relativistic-average"])
    on_real, on_fake = (P * v).sum(), (Q * v).sum()
    left = P / Q * ((on_fake - v).sigmoid() + (Q * (v - on_real).sigmoid()).sum())
    right = (v - on_real).sigmoid() + (P * (on_fake - v).sigmoid()).sum()
    assert torch.allclose(left, right, atol=1e-6) and v[0] > v[1] > v[2]
    assert not torch.allclose(v - v[0], (P / Q).log() - (P / Q).log()[0], atol=0.05)  # so optimum is None


@FAMILY
@pytest.mark.parametrize("gap", [0.05, 0.2, 0.4])
def test_each_side_wants_what_it_should(loss: Adversarial, gap: float) -> None:
    a, b = (at_rest(loss) + gap).expand(4), (at_rest(loss) - gap).expand(4)
    assert (slope(lambda a: loss.critic(a, b), a) < 0).all()  # D: higher on real
    assert (slope(lambda b: loss.critic(a, b), b) > 0).all()  # D: lower on fake
    assert (slope(lambda b: loss.generator(a, b), b) < 0).all()  # G: higher on fake


def sides(loss: Adversarial, a: Tensor, b: Tensor) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
    """Each side as a function of the logits it moves."""
    return [(lambda t: loss.critic(t, b), a), (lambda t: loss.critic(a, t), b), (lambda t: loss.generator(a, t), b)]


@FAMILY
def test_finite_at_a_hundred(loss: Adversarial) -> None:
    """In float64 always; in float32 wherever the value itself is a float32: nothing overflows on the way."""
    for left, right in product((-100.0, -1.0, 100.0), repeat=2):
        a, b = (torch.tensor([at, at + 1.0], dtype=torch.float64) for at in (left, right))
        for (wide, x), (narrow, y) in zip(sides(loss, a, b), sides(loss, a.float(), b.float()), strict=True):
            exact, rounded = (torch.cat([side(t)[None], slope(side, t)]) for side, t in ((wide, x), (narrow, y)))
            fits = exact.abs() < torch.finfo(torch.float32).max
            assert exact.isfinite().all() and rounded.dtype == torch.float32
            assert torch.allclose(rounded[fits].double(), exact[fits], rtol=1e-4, atol=1e-5)


@FAMILY
def test_gradients_are_those_of_finite_differences(loss: Adversarial) -> None:
    a, b = (t.clone().div(3).requires_grad_() for t in (REAL, FAKE))
    assert torch.autograd.gradcheck(loss.critic, (a, b))
    assert torch.autograd.gradcheck(loss.generator, (a, b))
    assert torch.autograd.gradgradcheck(loss.critic, (a, b))


@FAMILY
def test_the_generator_needs_reals_where_it_is_relative_and_only_there(loss: Adversarial) -> None:
    if loss.relative:
        with pytest.raises(ValueError, match="None for the critic's logits on reals; .* generator.D.x., D.G.z..."):
            loss.generator(None, FAKE)
    else:
        assert loss.generator(None, FAKE) == loss.generator(REAL, FAKE)


@FAMILY
def test_the_source_is_in_the_bibliography(loss: Adversarial) -> None:
    assert loss.source in citing.entries()


@pytest.mark.parametrize("name", ["relativistic-paired", "relativistic-average", "mmd-gaussian",
                                  "mmd-rational-quadratic", "mmd-energy"])
@pytest.mark.parametrize("shift", [-3.0, 0.5, 100.0])
def test_comparisons_do_not_see_a_shift_of_the_critic(name: str, shift: float) -> None:
    for side in (ADVERSARIAL[name].critic, ADVERSARIAL[name].generator):
        assert side(REAL + shift, FAKE + shift).item() == pytest.approx(side(REAL, FAKE).item(), rel=1e-11)
        moved, still = slope(partial(side, REAL + shift), FAKE + shift), slope(partial(side, REAL), FAKE)
        assert torch.allclose(moved, still, rtol=1e-9, atol=1e-12)


def test_minimax_is_flat_where_the_critic_wins_and_the_heuristic_is_not() -> None:
    sure = torch.full((4,), -20.0, dtype=torch.float64)
    for loss, flat in ((minimax, True), (maximum_likelihood, True), (non_saturating, False)):
        assert (float(slope(partial(loss.generator, None), sure).norm()) < 1e-8) is flat


def test_the_gan_divergence_is_the_logistic_game() -> None:
    gan = DIVERGENCES["gan"]
    assert f_gan(gan).critic(REAL, FAKE).item() == pytest.approx(logistic_critic(REAL, FAKE).item(), rel=1e-12)
    for heuristic, known in ((True, non_saturating), (False, minimax)):
        again = f_gan(gan, heuristic=heuristic)
        assert again.generator(None, FAKE).item() == pytest.approx(known.generator(None, FAKE).item(), rel=1e-12)
        assert again.equilibrium == pytest.approx(known.equilibrium, rel=1e-12)


def test_pairs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4,\) on reals and \(4, 1\) on fakes"):
        relativistic_paired.critic(REAL, FAKE[:, None])
