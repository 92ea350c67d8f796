"""Rules against their recursions by hand: optimistic and consensus; what they remember survives saving and undoing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mintage.game import Game, Move, Player, adam, consensus, optimistic, play, returns, sgd, simultaneous

from .small_games import Linear, Points, cloud, equal, mlp, normal, rounds, snapshot

OPTIMIZERS = {"sgd": sgd(1e-2), "momentum": sgd(1e-2, momentum=0.9), "adam": adam(1e-2, beta1=0.9)}


def nets_game(rule, optimizer, poison=lambda round: 1.0) -> Game:
    """Two small networks that differ from round to round, with batch statistics."""
    def d(nets, round):
        fake = nets.G(round.draw(normal(2)).to(round.batch))
        return {"loss": poison(round) * (nn.functional.softplus(-nets.D(round.batch)).mean()
                                         + nn.functional.softplus(nets.D(fake)).mean())}

    def g(nets, round):
        return {"loss": nn.functional.softplus(-nets.D(nets.G(round.draw(normal(2)).to(round.batch)))).mean()}

    with torch.random.fork_rng():
        torch.manual_seed(1)
        G = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
    return Game({"G": G, "D": mlp(3, 5, 1, seed=2)}, {"D": Player("D", optimizer), "G": Player("G", optimizer)},
                [Move("D", d), Move("G", g)], rule=rule)


# -- optimistic --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimistic_hands_the_optimizer_twice_the_gradient_less_the_last(optimizer):
    game = Game({"G": Linear(1.0, -2.0)}, {"G": Player("G", optimizer)},
                [Move("G", lambda nets, round: {"loss": nets.G.w.pow(4).sum()})], rule=optimistic)
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    hand, last = optimizer.make([w]), None
    for _ in range(6):
        v = 4 * w.detach() ** 3
        w.grad = 2 * v - (v if last is None else last)
        hand.step()
        last = v
        rounds(game, cloud, 1)
        assert torch.allclose(game.net("G").w, w, rtol=1e-14, atol=0)
        assert torch.equal(game.tensors()["optimizers/G/G.w/previous"], last)


def test_optimistic_sees_all_players_from_the_same_point():
    game = Game({"G": Linear(1.0), "D": Linear(2.0)}, {"D": Player("D", sgd(0.1)), "G": Player("G", sgd(0.1))},
                [Move("D", lambda nets, round: {"loss": (nets.D.w * nets.G.w).sum()}),
                 Move("G", lambda nets, round: {"loss": -(nets.D.w * nets.G.w).sum()})], rule=optimistic)
    rounds(game, cloud, 1)  # as simultaneous: there is no last gradient yet
    assert game.net("D").w.item() == pytest.approx(1.9, rel=1e-15)
    assert game.net("G").w.item() == pytest.approx(1.2, rel=1e-15)
    rounds(game, cloud, 1)
    assert game.net("D").w.item() == pytest.approx(1.9 - 0.1 * (2 * 1.2 - 1.0), rel=1e-14)
    assert game.net("G").w.item() == pytest.approx(1.2 + 0.1 * (2 * 1.9 - 2.0), rel=1e-14)


def test_optimistic_leaves_parameters_without_a_gradient():
    """A parameter that first takes part in round 2, and does not in round 4."""
    def objective(nets, round):
        return {"loss": nets.G.w.square().sum() + (nets.H.w.square().sum() if round.index in (2, 3, 5) else 0.0)}

    game = Game({"G": Linear(1.0), "H": Linear(1.0)}, {"p": Player(("G", "H"), adam(0.1))}, [Move("p", objective)],
                rule=optimistic)
    track = []
    for _ in play(game, cloud, 4 * 6):
        track.append(game.net("H").w.item())
    assert track[0] == track[1] == 1.0 and track[1] > track[2] > track[3] == track[4] > track[5]


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimistic_goes_on_to_the_bit(optimizer, k):
    game, again, saved = nets_game(optimistic, optimizer), nets_game(optimistic, optimizer), None
    for _ in play(game, cloud, 4 * 6):
        saved = (snapshot(game), game.scalars()) if game.index == k else saved
    again.load(*saved)
    list(play(again, cloud, 4 * 6))
    assert equal(snapshot(again), snapshot(game))
    forgetful = nets_game(optimistic, optimizer)
    forgetful.load({name: t for name, t in saved[0].items() if not name.endswith("/previous")}, saved[1])
    list(play(forgetful, cloud, 4 * 6))
    assert not equal(snapshot(forgetful), snapshot(game))


@pytest.mark.parametrize("rule", [optimistic, consensus(0.1)], ids=["optimistic", "consensus"])
@pytest.mark.parametrize("bad", [{0}, {1}, {3, 4}], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_bad_round_leaves_no_trace(rule, bad, optimizer):
    game = nets_game(rule, optimizer, lambda round: math.nan if round.index in bad else 1.0)
    before = snapshot(game)
    for round in play(game, cloud, 4 * 7):
        assert round.skipped == equal(snapshot(game), before) == (round.index in bad)
        before = snapshot(game)
    absent = nets_game(rule, optimizer)
    while absent.index < 7:
        if absent.index in bad:
            absent.index, absent.examples, absent.skipped = absent.index + 1, absent.examples + 4, absent.skipped + 1
        else:
            rounds(absent, cloud, 1)
    assert equal(snapshot(game), snapshot(absent))


# -- consensus ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [0.1, 1.0, 10.0])
def test_consensus_on_a_bilinear_game(gamma):
    """Linear critic D(x) = <w, x>, G = theta: v = (w, -theta), 1/2 |v|^2 = (|w|^2 + |theta|^2) / 2, eigenvalues
    -gamma +- i."""
    h = 1e-2
    game = Game({"G": Linear(1.0, 0.5), "D": Linear(-0.3, 2.0)},
                {"D": Player("D", sgd(h)), "G": Player("G", sgd(h))},
                [Move("D", lambda nets, round: {"loss": nets.D(nets.G.w)}),
                 Move("G", lambda nets, round: {"loss": -nets.D(nets.G.w)})], rule=consensus(gamma))
    theta, w = game.net("G").w.detach().clone(), game.net("D").w.detach().clone()
    start = torch.cat([theta, w]).norm()
    for n in range(1, 21):
        energy = (theta.square().sum() + w.square().sum()) / 2
        theta, w = theta - h * (-w + gamma * theta), w - h * (theta + gamma * w)
        for round in play(game, cloud, 4 * n):
            assert round.stats["rule/energy"].item() == pytest.approx(energy.item(), rel=1e-13)
        assert torch.allclose(game.net("G").w, theta, rtol=1e-13, atol=1e-15)
        assert torch.allclose(game.net("D").w, w, rtol=1e-13, atol=1e-15)
    growth = abs(1 + h * complex(-gamma, 1))
    assert torch.cat([theta, w]).norm().item() == pytest.approx(start.item() * growth**20, rel=1e-12)


def test_consensus_on_quadratic_critics():
    """D(x) = q x^2 against G = theta, E x^2 = 1: L_D = q (theta^2 - 1), L_G = -q theta^2, so v_q = theta^2 - 1,
    v_theta = -2 q theta; 1/2 |v|^2 has the slopes 4 q theta^2 and 2 theta (theta^2 - 1) + 4 q^2 theta."""
    h, gamma = 0.05, 0.7

    def critic(nets, round):
        return {"loss": (nets.D.w * (nets.G.w.square() - 1)).sum()}

    def gen(nets, round):
        return {"loss": -(nets.D.w * nets.G.w.square()).sum()}

    game = Game({"G": Linear(0.6), "D": Linear(0.4)}, {"D": Player("D", sgd(h)), "G": Player("G", sgd(h))},
                [Move("D", critic), Move("G", gen)], rule=consensus(gamma))
    theta, q = 0.6, 0.4
    for _ in range(200):
        v_q, v_theta = theta * theta - 1, -2 * q * theta
        pull_q, pull_theta = 4 * q * theta * theta, 2 * theta * (theta * theta - 1) + 4 * q * q * theta
        q, theta = q - h * (v_q + gamma * pull_q), theta - h * (v_theta + gamma * pull_theta)
    rounds(game, cloud, 200)
    assert game.net("G").w.item() == pytest.approx(theta, rel=1e-12)
    assert game.net("D").w.item() == pytest.approx(q, abs=1e-14)
    assert theta == pytest.approx(1.0, abs=1e-9) and q == pytest.approx(0.0, abs=1e-9)


def test_consensus_against_finite_differences():
    """On networks with batch norm: the gradient handed on is v plus gamma times the slope of 1/2 |v|^2."""
    gamma, e = 0.5, 1e-5

    def build():
        game = nets_game(consensus(gamma), sgd(0.0))
        game.nets.double()
        return game

    def look(game):
        (round,) = play(game, doubles, 4)
        return round.stats["rule/energy"].item()

    doubles = Points(lambda g, n: cloud.law(g, n).double(), 4)
    game = build()
    look(game)
    combined = {name: p.grad for name, p in game.nets.named_parameters()}
    own = nets_game(simultaneous, sgd(0.0))
    own.nets.double()
    list(play(own, doubles, 4))
    for name, p in own.nets.named_parameters():
        energies = []
        for sign in (1, -1):
            other = build()
            with torch.no_grad():
                dict(other.nets.named_parameters())[name].view(-1)[0] += sign * e
            energies.append(look(other))
        slope = (energies[0] - energies[1]) / (2 * e)
        expected = p.grad.view(-1)[0].item() + gamma * slope
        assert combined[name].view(-1)[0].item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_consensus_sums_a_players_moves_computes_each_once_and_counts_weights():
    calls = []

    @returns("a", "b")
    def first(nets, round):
        calls.append("first")
        return {"a": nets.G.w.square().sum(), "b": nets.G.w.sum()}

    def second(nets, round):
        calls.append("second")
        return {"c": nets.G.w.pow(3).sum()}

    game = Game({"G": Linear(1.5)}, {"G": Player("G", sgd(0.1))},
                [Move("G", first, weights={"b": 4.0}), Move("G", second)], rule=consensus(0.2))
    (round,) = play(game, cloud, 4)
    assert calls == ["first", "second"] and {"G/a", "G/b", "G/c", "G/gradient", "rule/energy"} == set(round.stats)
    v, slope = 2 * 1.5 + 4 + 3 * 1.5**2, 2 + 6 * 1.5
    assert round.stats["G/gradient"].item() == pytest.approx(v + 0.2 * v * slope, rel=1e-14)
    assert game.net("G").w.item() == pytest.approx(1.5 - 0.1 * (v + 0.2 * v * slope), rel=1e-14)


def test_consensus_where_the_field_is_constant():
    game = Game({"G": Linear(1.0)}, {"G": Player("G", sgd(0.1))},
                [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})], rule=consensus(2.0))
    rounds(game, cloud, 1)
    assert game.net("G").w.item() == pytest.approx(0.9)


@pytest.mark.parametrize("gamma", [0.0, -1.0, math.nan, math.inf])
def test_consensus_needs_a_positive_weight(gamma):
    with pytest.raises(ValueError, match=r"gamma=.*; it must be a positive number \(0 is rule=simultaneous\)"):
        consensus(gamma)


@pytest.mark.parametrize("rule", [optimistic, consensus(1.0)], ids=["optimistic", "consensus"])
def test_all_players_at_once_means_once_a_round(rule):
    with pytest.raises(ValueError, match="moves all players at once.*use rule=alternating"):
        Game({"G": Linear(1.0)}, {"G": Player("G", sgd(0.1))},
             [Move("G", lambda nets, round: {"loss": nets.G.w.sum()}, repeat=2)], rule=rule)
