"""Controllers that turn a knob until a statistic is at its target."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mintage.game import Adaptive, Balance, Game, Move, Player, play, sgd

from .small_games import equal, snapshot


class Nothing:
    size = 50

    def __call__(self, position: int) -> torch.Tensor:
        return torch.zeros(50, 1)


class Knobbed(nn.Module):
    def __init__(self, knob: torch.Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(1))
        self.register_buffer("p", knob)


def controlled(make, signal, start: float = 0.0) -> tuple[Game, torch.Tensor]:
    """A game whose round n has the statistic D/sign = signal(n, knob)."""
    knob = torch.tensor(start, dtype=torch.float64)

    def d(nets, round):
        round.stats["D/sign"] = torch.as_tensor(signal(round.index, nets.D.p), dtype=torch.float64)
        return {"loss": nets.D.w.sum()}

    game = Game({"D": Knobbed(knob)}, {"D": Player("D", sgd(0.0))}, [Move("D", d)], controllers=[make(knob)])
    return game, knob


@pytest.mark.parametrize(("start", "level"), [(0.0, 0.9), (0.5, 0.9), (0.5, 0.1), (0.97, 1.0), (0.02, -1.0),
                                              (0.3, 0.6)])
def test_adaptive_moves_at_a_steady_pace(start, level):
    """p after k rounds = clamp(p_0 + k batch / speed sign(r - target), 0, 1)."""
    game, knob = controlled(lambda knob: Adaptive(knob, target=0.6, speed=1000), lambda n, p: level, start)
    for _ in play(game, Nothing(), 50 * 30):
        pace = math.copysign(50 / 1000, level - 0.6) if level != 0.6 else 0.0
        assert knob.item() == pytest.approx(min(1.0, max(0.0, start + game.index * pace)), abs=1e-12)


def test_adaptive_finds_the_strength_that_meets_its_target():
    """A critic whose overfitting falls as p rises: r = 1 - p; so p = 0.4 where r = 0.6."""
    game, knob = controlled(lambda knob: Adaptive(knob, target=0.6, speed=5000), lambda n, p: 1 - p)
    list(play(game, Nothing(), 50 * 200))
    assert knob.item() == pytest.approx(0.4, abs=50 / 5000 + 1e-9)


def test_balance_is_proportional_in_the_logarithm():
    game, knob = controlled(lambda knob: Balance(knob, "D/sign", target=0.25, speed=200, low=0.1, high=100.0),
                            lambda n, p: 1.25 if n < 12 else -3.75, 2.0)
    log = math.log(2.0)
    for round in play(game, Nothing(), 50 * 40):
        log += 50 / 200 * (1.0 if round.index < 12 else -4.0)
        log = min(math.log(100.0), max(math.log(0.1), log))
        assert knob.item() == pytest.approx(math.exp(log), rel=1e-12)
    assert knob.item() == pytest.approx(0.1)


def test_balance_settles_and_turns_about():
    """r = log k with a negative speed: k falls while r is above its target, and settles where log k = 0.5."""
    game, knob = controlled(lambda knob: Balance(knob, "D/sign", target=0.5, speed=-500, low=1e-3, high=1e3),
                            lambda n, p: p.log().item(), 30.0)
    list(play(game, Nothing(), 50 * 200))
    assert knob.item() == pytest.approx(math.exp(0.5), rel=1e-6)


@pytest.mark.parametrize("make", [lambda knob: Adaptive(knob, target=0.6, speed=1000),
                                  lambda knob: Balance(knob, "D/sign", target=0.5, speed=300, low=0.1, high=9.0)],
                         ids=["Adaptive", "Balance"])
@pytest.mark.parametrize("k", [1, 4])
def test_a_knob_goes_on_to_the_bit(make, k):
    def signal(n, p):
        return math.sin(n)

    game, knob = controlled(make, signal, 0.5)
    saved = {}
    for _ in play(game, Nothing(), 50 * 9):
        saved[game.index] = (snapshot(game), game.scalars())
    again, other = controlled(make, signal, 0.5)
    again.load(*saved[k])
    assert torch.equal(saved[k][0]["nets/D.p"], other) and again.net("D").p is other
    list(play(again, Nothing(), 50 * 9))
    assert equal(snapshot(again), snapshot(game)) and torch.equal(knob, other)


@pytest.mark.parametrize("make", [Adaptive, lambda knob, name: Balance(knob, name, target=0, speed=1, low=1, high=2)],
                         ids=["Adaptive", "Balance"])
def test_a_statistic_that_is_not_there(make):
    game, _ = controlled(lambda knob: make(knob, "D/sgin"), lambda n, p: 0.5, 1.0)
    with pytest.raises(ValueError, match="reads 'D/sgin', and the round has .*did you mean 'D/sign'"):
        list(play(game, Nothing(), 50))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Adaptive(torch.zeros(2)), r"one floating number, shape \(\); received shape \(2,\)"),
    (lambda: Adaptive(torch.tensor(1)), "received shape .*int64"),
    (lambda: Adaptive(torch.tensor(0.0), speed=0), "speed=0; it takes a positive number"),
    (lambda: Balance(torch.tensor(1.0), "x", target=0, speed=0, low=1, high=2), "speed=0; it takes a number"),
    (lambda: Balance(torch.tensor(1.0), "x", target=0, speed=1, low=0, high=2), "low=0 and high=2; it takes 0 < low"),
    (lambda: Balance(torch.tensor(1.0), "x", target=0, speed=1, low=3, high=2), "0 < low < high"),
])
def test_knobs_and_ranges_that_make_no_sense(make, said):
    with pytest.raises(ValueError, match=said):
        make()
