"""A round is a transaction: one that is not finite is undone on all players, and play goes on."""

from __future__ import annotations

import pytest
import torch

from mintage.game import (
    Game,
    Move,
    NotFinite,
    Player,
    adam,
    alternating,
    extragradient,
    play,
    sgd,
    simultaneous,
)

from .small_games import Linear, cloud, equal, everything, rounds, snapshot


class Poison(torch.autograd.Function):
    """The identity, whose gradient is infinite."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("inf")


SPOILS = {
    "NaN loss of D": ("D", lambda loss: loss * float("nan")),
    "infinite loss of D": ("D", lambda loss: loss + float("inf")),
    "NaN loss of G": ("G", lambda loss: loss * float("nan")),
    "infinite gradient of G": ("G", Poison.apply),  # D has stepped by then
}


def spoiled(how: str, bad: set[int]) -> Game:
    culprit, poison = SPOILS[how]
    return everything(spoil=lambda who, round, loss: poison(loss) if who == culprit and round.index in bad else loss)


@pytest.mark.parametrize("bad", [0, 1, 4], ids="round {}".format)
@pytest.mark.parametrize("how", SPOILS)
def test_a_bad_round_leaves_no_trace_but_the_count(how, bad):
    game = spoiled(how, {bad})
    before = snapshot(game)
    for round in play(game, cloud, 4 * 8):
        if round.index == bad:
            assert round.skipped and equal(snapshot(game), before)
            assert (game.skipped, game.skipped_in_a_row) == (1, 1)
            assert game.index == bad + 1 and game.examples == 4 * (bad + 1)  # the next round sees other examples
        else:
            assert not round.skipped and not equal(snapshot(game), before)
            assert game.skipped_in_a_row == 0
        before = snapshot(game)
    assert game.skipped == 1 and all(torch.isfinite(t).all() for t in before.values())


def test_play_after_a_bad_round_is_play_without_it():
    """Rounds are keyed by their number, so a game that never made round 2 agrees with one that undid it."""
    undone, absent = spoiled("NaN loss of G", {2}), everything()
    rounds(undone, cloud, 6)
    rounds(absent, cloud, 2)
    absent.index, absent.examples, absent.skipped = 3, 12, 1
    rounds(absent, cloud, 3)
    assert equal(snapshot(undone), snapshot(absent)) and undone.scalars() == absent.scalars()


def test_five_in_a_row_end_the_game():
    game = spoiled("NaN loss of D", {3, 4, 5, 6, 8, 9, 10, 11, 12})
    played = []
    with pytest.raises(NotFinite, match=r"5 rounds in a row, up to round 13 \(52 examples\)"):
        for round in play(game, cloud, 4000):
            played.append(round.skipped)
    assert played == [False] * 3 + [True] * 4 + [False] + [True] * 4
    assert game.skipped == 9 and game.skipped_in_a_row == 5
    assert all(torch.isfinite(t).all() for t in game.tensors().values())


@pytest.mark.parametrize("optimizer", [adam(1e-2, beta1=0.9), sgd(1e-2, momentum=0.9)], ids=["adam", "momentum"])
@pytest.mark.parametrize("rule", [alternating, simultaneous, extragradient])
def test_every_rule_undoes(rule, optimizer):
    def d(nets, round):
        poison = float("nan") if round.index == 3 else 1.0
        return {"loss": poison * (nets.D(nets.G.w) - nets.D(round.batch.double()).mean())}

    game = Game({"G": Linear(1.0, 0.0, 2.0), "D": Linear(1.0, -1.0, 0.5)},
                {"D": Player("D", optimizer), "G": Player("G", optimizer)},
                [Move("D", d), Move("G", lambda nets, round: {"loss": -nets.D(nets.G.w)})], rule=rule)
    before = snapshot(game)
    for round in play(game, cloud, 4 * 6):
        assert equal(snapshot(game), before) == (round.index == 3) == round.skipped
        before = snapshot(game)


@pytest.mark.parametrize("optimizer", [adam(1e-2, beta1=0.9), sgd(1e-2, momentum=0.9)], ids=["adam", "momentum"])
def test_extragradient_steps_once_from_where_it_stood(optimizer):
    """Against the recursion by hand: the look ahead leaves no trace in the optimizer."""
    game = Game({"G": Linear(1.0)}, {"G": Player("G", optimizer)},
                [Move("G", lambda nets, round: {"loss": nets.G.w.square().sum()})], rule=extragradient)
    w = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    hand = optimizer.make([w])
    for _ in range(4):
        stood, state = w.detach().clone(), {k: v.clone() for k, v in hand.state.get(w, {}).items()}
        w.grad = 2 * w.detach()
        hand.step()
        ahead = 2 * w.detach()
        hand.state.pop(w)
        if state:
            hand.state[w] = state
        with torch.no_grad():
            w.copy_(stood)
        w.grad = ahead
        hand.step()
        rounds(game, cloud, 1)
        assert torch.equal(game.net("G").w, w)


def test_extragradient_keeps_batch_statistics():
    G = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    game = Game({"G": G}, {"G": Player("G", sgd(0.1))},
                [Move("G", lambda nets, round: {"loss": nets.G(round.batch).square().mean()})], rule=extragradient)
    rounds(game, cloud, 3)
    assert G[1].num_batches_tracked == 6 and not torch.equal(G[1].running_mean, torch.zeros(2))


def test_what_the_body_of_the_loop_changes_survives_a_bad_round():
    game, other = spoiled("NaN loss of G", {3}), everything()
    rounds(other, cloud, 1)
    for round in play(game, cloud, 4 * 5):
        if round.index == 2:
            game.load(other.tensors(), game.scalars())
        if round.index == 3:
            assert round.skipped and equal(snapshot(game), snapshot(other))
    assert not equal(snapshot(game), snapshot(other))
