"""The linear-quadratic GAN: x ~ U(-1, 1), G(z) = a z, D(x) = w x^2, so E D(x) = w / 3 and E D(G(z)) = a^2 w / 3.

Its flow is integrated here by hand (Runge-Kutta of order 4) from gradients of the library's objectives. Means over the
uniform law are those of Gauss-Legendre quadrature, exact for polynomials and to 1e-14 for the logistic objectives here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.game import Game, Move, Player, consensus, play, sgd
from mintage.game.consensus import field
from mintage.objectives import non_saturating, wasserstein

from .small_games import Linear, Points

X, W = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(24))
W = W / 2


def mean(side):
    """E side(logits) over the nodes, from an objective that takes plain means."""
    return lambda *logits: W @ torch.stack([side(*(None if part is None else part[k:k + 1] for part in logits))
                                            for k in range(len(X))])


def flow(loss, a: float, w: float) -> torch.Tensor:
    """(a', w') = -(dL_G/da, dL_D/dw)."""
    state = torch.tensor([a, w], dtype=torch.float64, requires_grad=True)
    real, fake = state[1] * X.square(), state[1] * (state[0] * X).square()
    d, g = mean(loss.critic)(real, fake), mean(loss.generator)(None, fake)
    return -torch.stack([torch.autograd.grad(g, state, retain_graph=True)[0][0], torch.autograd.grad(d, state)[0][1]])


def runge_kutta(f, y: torch.Tensor, dt: float) -> torch.Tensor:
    k1 = f(y)
    k2 = f(y + dt / 2 * k1)
    k3 = f(y + dt / 2 * k2)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + f(y + dt * k3))


def test_the_wasserstein_flow_is_the_papers():
    for a, w in [(0.5, 0.0), (1.3, -0.4), (0.2, 2.0)]:
        da, dw = flow(wasserstein, a, w).tolist()
        assert da == pytest.approx(2 / 3 * w * a, abs=1e-14) and dw == pytest.approx((1 - a * a) / 3, abs=1e-14)


def test_the_invariant_is_kept():
    """H = w^2 - ln a + a^2 / 2 along the Wasserstein flow from (a, w) = (.5, 0): 2000 steps of dt = .01."""
    def invariant(y):
        return (y[1] ** 2 - y[0].log() + y[0] ** 2 / 2).item()

    y = torch.tensor([0.5, 0.0], dtype=torch.float64)
    start = invariant(y)
    assert start == pytest.approx(0.818147180560, abs=5e-13)
    drift, low, high = 0.0, 1.0, 0.0
    for _ in range(2000):
        y = runge_kutta(batched, y, 0.01)
        drift = max(drift, abs(invariant(y) - start))
        low, high = min(low, y[0].item()), max(high, y[0].item())
    assert abs(invariant(y) - start) < 2e-12 and drift < 2e-11
    assert low < 0.51 and high > 1.5  # it goes round, and does not come in


def batched(y: torch.Tensor) -> torch.Tensor:
    """The same flow with plain means: Wasserstein is linear, so one call with weighted logits will do."""
    state = y.detach().requires_grad_()
    n = len(X)
    real, fake = n * W * state[1] * X.square(), n * W * state[1] * (state[0] * X).square()
    g = torch.autograd.grad(wasserstein.generator(None, fake), state, retain_graph=True)[0][0]
    return -torch.stack([g, torch.autograd.grad(wasserstein.critic(real, fake), state)[0][1]])


def test_two_ways_to_the_flow_agree():
    assert torch.allclose(batched(torch.tensor([0.7, 0.3], dtype=torch.float64)), flow(wasserstein, 0.7, 0.3))


@pytest.mark.parametrize(("loss", "expected"), [(wasserstein, complex(0, 2 / 3)), (non_saturating, -0.05 + 0.329562j)],
                         ids=["wasserstein", "non-saturating"])
def test_eigenvalues_at_the_equilibrium(loss, expected):
    """At (a, w) = (1, 0), by central differences of the flow: a circle, and a spiral that comes in by itself."""
    e = 1e-4
    columns = [(flow(loss, 1 + da, dw) - flow(loss, 1 - da, -dw)) / (2 * e) for da, dw in [(e, 0.0), (0.0, e)]]
    values = torch.linalg.eigvals(torch.stack(columns, 1))
    upper = values[values.imag.argmax()].item()
    assert upper.real == pytest.approx(expected.real, abs=1e-7) and upper.imag == pytest.approx(expected.imag, abs=1e-6)
    if loss is non_saturating:
        assert abs(upper) == pytest.approx(1 / 3, abs=1e-7)  # l^2 + l/10 + 1/9 = 0


nodes = Points(lambda g, n: X[:, None], len(X))


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_consensus_makes_it_come_in(gamma):
    """On this linear critic of x^2, through the rule: the Jacobian becomes A - gamma A^T A with A = 2/3 [[0, 1],
    [-1, 0]] for Wasserstein, so the eigenvalues are -4/9 gamma +- 2/3 i, and the game arrives at a = 1."""
    h, e = 0.1, 1e-4

    def d(nets, round):
        gap = (W @ ((nets.G.w * X).square() - X.square())) * nets.D.w
        return {"loss": gap.sum()}

    def g(nets, round):
        return {"loss": -((W @ (nets.G.w * X).square()) * nets.D.w).sum()}

    def game(a, w):
        return Game({"D": Linear(w), "G": Linear(a)}, {"D": Player("D", sgd(h)), "G": Player("G", sgd(h))},
                    [Move("D", d), Move("G", g)], rule=consensus(gamma))

    def at(a, w):
        played = game(a, w)
        list(play(played, nodes, len(X)))
        return torch.stack([(played.net("G").w.detach() - a) / h, (played.net("D").w.detach() - w) / h])[:, 0]

    columns = [(at(1 + da, dw) - at(1 - da, -dw)) / (2 * e) for da, dw in [(e, 0.0), (0.0, e)]]
    upper = max(torch.linalg.eigvals(torch.stack(columns, 1)).tolist(), key=lambda value: value.imag)
    assert upper.real == pytest.approx(-4 / 9 * gamma, abs=1e-6) and upper.imag == pytest.approx(2 / 3, abs=1e-6)
    played = game(0.5, 0.0)
    list(play(played, nodes, len(X) * 1500))
    assert played.net("G").w.item() == pytest.approx(1.0, abs=1e-5 if gamma < 1 else 1e-9)


def test_the_field_of_a_game_is_its_own_gradients():
    a, w, seen = 0.8, 0.4, []
    game = Game({"D": Linear(w), "G": Linear(a)}, {"D": Player("D", sgd(0.1)), "G": Player("G", sgd(0.1))},
                [Move("D", lambda nets, round: {"loss": (nets.D.w * (nets.G.w.square() - 1)).sum() / 3}),
                 Move("G", lambda nets, round: {"loss": -(nets.D.w * nets.G.w.square()).sum() / 3})],
                rule=lambda game, round: (seen.append(field(game, round)), round.finite.append(torch.tensor(True))))
    list(play(game, nodes, len(X)))
    (moved, v), = seen
    assert moved[0] is game.net("D").w and moved[1] is game.net("G").w
    assert v[0].item() == pytest.approx((a * a - 1) / 3) and v[1].item() == pytest.approx(-2 / 3 * w * a)
    across = torch.autograd.grad(v[0], moved[1])[0].item()
    assert across == pytest.approx(2 / 3 * a) and math.isclose(game.net("G").w.item(), a)
