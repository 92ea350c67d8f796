"""The unrolled gradient on the Dirac-GAN, D(x) = psi x, against finite differences of the loss after k inner steps."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.game import Game, Move, Player, play, returns, sgd, unrolled
from mintage.objectives import minimax, non_saturating, wasserstein

from .small_games import Linear, Points

RATE = 0.3
zeros = Points(lambda g, n: torch.zeros(n, 1, dtype=torch.float64), 1)
LOSSES = {"non-saturating": non_saturating, "minimax": minimax, "wasserstein": wasserstein}


def sides(loss):
    """D's and G's objectives, with R1 = psi^2 / 2 of weight 1/2 for D, so that every inner problem is curved."""
    @returns("loss")
    def d(nets, round):
        fake = nets.G.w[None]
        return {"loss": loss.critic(nets.D(round.batch), nets.D(fake)) + 0.25 * psi_of(nets).square()}

    @returns("loss")
    def g(nets, round):
        return {"loss": loss.generator(None, nets.D(nets.G.w[None]))}

    return d, g


def psi_of(nets):
    return nets.D(torch.ones(1, 1, dtype=torch.float64))[0]


def slope_of_d(name: str, theta: float, psi: float) -> float:
    """dL_D/dpsi by hand."""
    u = psi * theta
    return (theta if name == "wasserstein" else theta / (1 + math.exp(-u))) + 0.5 * psi


def value_of_g(name: str, theta: float, psi: float, k: int) -> float:
    """L_G after k plain inner steps of D."""
    for _ in range(k):
        psi -= RATE * slope_of_d(name, theta, psi)
    u = psi * theta
    return {"wasserstein": -u, "non-saturating": math.log1p(math.exp(-u)), "minimax": -math.log1p(math.exp(u))}[name]


@pytest.mark.parametrize("k", [0, 1, 2, 5])
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_flows_through_the_answers_of_d(name, k):
    theta, psi, e = 0.7, -0.4, 1e-5
    d, g = sides(LOSSES[name])
    game = Game({"G": Linear(theta), "D": Linear(psi)}, {"D": Player("D", sgd(0.0)), "G": Player("G", sgd(1.0))},
                [Move("G", unrolled(g, opponent="D", by=d, steps=k, lr=RATE))])
    (round,) = play(game, zeros, 1)
    slope = (value_of_g(name, theta + e, psi, k) - value_of_g(name, theta - e, psi, k)) / (2 * e)
    assert round.stats["G/loss"].item() == pytest.approx(value_of_g(name, theta, psi, k), rel=1e-7)
    assert theta - game.net("G").w.item() == pytest.approx(slope, rel=1e-7)
    assert game.net("D").w.item() == psi
    if k:  # and that it does: without the answers the slope is another
        held = psi
        for _ in range(k):
            held -= RATE * slope_of_d(name, theta, held)
        stopped = (value_of_g(name, theta + e, held, 0) - value_of_g(name, theta - e, held, 0)) / (2 * e)
        assert abs(slope - stopped) > 0.02


@pytest.mark.parametrize("name", LOSSES)
def test_sized_steps_are_of_one_length_and_their_gradient_holds_it_constant(name):
    theta, psi, e = 0.7, -0.4, 1e-6
    d, g = sides(LOSSES[name])
    game = Game({"G": Linear(theta), "D": Linear(psi)}, {"D": Player("D", sgd(0.0)), "G": Player("G", sgd(1.0))},
                [Move("G", unrolled(g, opponent="D", by=d, steps=1, lr=RATE, sized=True))])
    list(play(game, zeros, 1))
    length = abs(slope_of_d(name, theta, psi))

    def value(theta: float) -> float:
        return value_of_g(name, theta, psi - RATE * slope_of_d(name, theta, psi) / length, 0)

    assert theta - game.net("G").w.item() == pytest.approx((value(theta + e) - value(theta - e)) / (2 * e), rel=1e-6)


def test_unrolling_makes_the_circle_come_in():
    """Wasserstein with R1 aside: D's answer to theta turns a rotation into a spiral (Metz et al. 2017, figure 1)."""
    def ends(k: int) -> float:
        @returns("loss")
        def d(nets, round):
            return {"loss": wasserstein.critic(nets.D(round.batch), nets.D(nets.G.w[None]))}

        @returns("loss")
        def g(nets, round):
            return {"loss": wasserstein.generator(None, nets.D(nets.G.w[None]))}

        game = Game({"G": Linear(1.0), "D": Linear(1.0)}, {"D": Player("D", sgd(0.1)), "G": Player("G", sgd(0.1))},
                    [Move("D", d), Move("G", unrolled(g, opponent="D", by=d, steps=k, lr=RATE))])
        list(play(game, zeros, 300))
        return math.hypot(game.net("G").w.item(), game.net("D").w.item())

    assert ends(0) == pytest.approx(math.sqrt(2), rel=0.06) and ends(5) < 1e-3
