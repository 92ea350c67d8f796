"""Averages of weights: golden decays, the exact discrete power average, and lengths chosen after the run."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mintage.game import Average, Game, Move, Player, PowerAverage, Round, Sampler, Snapshot, play, reconstruct, sgd
from mintage.game.averages import LONGEST, kappa_of, power_decay, sigma_rel
from mintage.game.posthoc import coefficients, inner

from .small_games import Linear, Points, equal, rounds, snapshot

numbers = Points(lambda g, n: torch.zeros(n, 1, dtype=torch.float64), 4)


def moved(average: Average, path) -> Game:
    """A game whose G stands at path(round) after round 0, 1, ...: a player with a rate of 0 and a rule that puts it."""
    def put(game: Game, round: Round) -> None:
        with torch.no_grad():
            game.net("G").w.copy_(torch.as_tensor(path(round.index), dtype=torch.float64))
        round.finite.append(torch.tensor(True))

    return Game({"G": Linear(7.0, -7.0)}, {"G": Player("G", sgd(0.0))},
                [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})], controllers=[average], rule=put)


def test_the_half_life_is_one():
    """Weights that jump from 7 to 0 and stay: half is left after half_life examples, .5^(B/H) after each batch."""
    average = Average("G", half_life=40.0, ramp=math.inf)
    game = moved(average, lambda n: (0.0, 0.0))
    for _ in play(game, numbers, 80):
        expected = 7 * 0.5 ** (game.examples / 40)
        assert average.nets.G.w[0].item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("length", "kappa"), [  # the golden pairs solve the cubic; 6.94 and 16.97 are the paper's
    (0.10, 6.937449), (0.05, 16.971948), (0.01, 96.994919), (LONGEST, 0.0)])
def test_kappa_of_sigma_rel(length, kappa):
    assert kappa_of(length) == pytest.approx(kappa, abs=1e-2)


@pytest.mark.parametrize("kappa", [0.0, 1e-3, 0.5, 1.0, 6.94, 16.97, 97.0, 1e4])
def test_kappa_and_sigma_rel_are_inverse(kappa):
    assert kappa_of(sigma_rel(kappa)) == pytest.approx(kappa, rel=1e-9, abs=1e-7)


def test_sigma_rel_is_the_width_of_the_profile():
    t = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    for length in (0.05, 0.1, 0.2):
        p = t ** kappa_of(length)
        mean = (p * t).sum() / p.sum()
        assert ((p * (t - mean).square()).sum() / p.sum()).sqrt().item() == pytest.approx(length, rel=1e-6)


def test_golden_decays():
    assert power_decay(6.94, 1, 1) == 0.0
    assert power_decay(0.0, 1, 4) == 0.75  # the plain mean: a quarter for the fourth
    assert power_decay(6.94, 64, 6400) == pytest.approx(0.99**7.94, rel=1e-12) == pytest.approx(0.923301, abs=1e-6)


@pytest.mark.parametrize("lengths", [(0.05, 0.10), (0.2,), (LONGEST, 0.07, 0.01)])
def test_the_tracked_average_is_the_discrete_power_average(lengths):
    path = [(math.sin(0.3 * n), 1.0 + n) for n in range(50)]
    average = PowerAverage("G", lengths=lengths)
    game = moved(average, path.__getitem__)
    list(play(game, numbers, 4 * 50))
    shots = average.snapshots(game.examples)
    w, t = torch.tensor(path, dtype=torch.float64), 4.0 * torch.arange(51, dtype=torch.float64)
    for length, shot in zip(lengths, shots, strict=True):
        power = kappa_of(length) + 1
        share = (t[1:] ** power - t[:-1] ** power) / t[-1] ** power
        assert torch.allclose(shot.weights, share @ w, rtol=1e-12)
        assert (shot.examples, shot.length) == (200, length)
    assert torch.equal(average.nets.G.w, shots[0].weights)  # samples come from the first length
    if lengths == (LONGEST, 0.07, 0.01):
        assert torch.allclose(shots[0].weights, w.mean(0), rtol=1e-12)


def trained(lengths=(0.05, 0.10), dtype=torch.float32) -> Game:
    """A small network that is trained for real, with batch statistics, and tracked."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        G = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).to(dtype)

    def fit(nets, round):
        return {"loss": (nets.G(round.batch)[:, 0] - round.batch.sum(1)).square().mean()}

    return Game({"G": G}, {"G": Player("G", sgd(0.05))}, [Move("G", fit)], sampler=Sampler(lambda n, g: None, sample),
                controllers=[PowerAverage("G", lengths=lengths)])


def sample(nets, z, y):
    return nets.G(z)


cloud = Points(lambda g, n: torch.randn(n, 3, generator=g), 8)


@pytest.mark.parametrize("k", [1, 5])
def test_it_goes_on_to_the_bit_and_samples(k):
    game, again = trained(), trained()
    for _ in play(game, cloud, 8 * 9):
        if game.index == k:
            again.load(snapshot(game), game.scalars())
    list(play(again, cloud, 8 * 9))
    assert equal(snapshot(again), snapshot(game))
    assert {"controllers/0/G.0.weight", "controllers/0/length 0.1"} <= set(game.tensors())
    z = cloud(3)
    assert torch.equal(game.generate(z), again.generate(z)) and not game.mean_nets.G.training
    assert not torch.equal(game.generate(z), game.net("G")(z))


def test_it_moves_with_its_game():
    game = trained().to("cpu")
    average = game.controllers[0]
    rounds(game, cloud, 2)
    assert average.others.shape == (1, 3 * 4 + 4 + 8 + 5)
    assert not torch.equal(average.others[0], average.snapshots(0)[0].weights)


def test_a_length_chosen_after_the_run():
    """0.07 from snapshots of 0.05 and 0.10, at eight times, against 0.07 tracked directly."""
    game = trained((0.07, 0.05, 0.10), torch.float64)
    average, kept, spread = game.controllers[0], [], []
    data = Points(lambda g, n: torch.randn(n, 3, generator=g).double(), 8)
    for _ in play(game, data, 8 * 800):
        spread.append(torch.cat([p.detach().flatten() for p in game.net("G").parameters()]))
        if game.index % 100 == 0:
            kept += average.snapshots(game.examples)[1:]
    direct = average.snapshots(game.examples)[0].weights
    rebuilt = reconstruct(kept, 0.07)
    scale = torch.stack(spread[400:]).std(0).norm()
    assert (rebuilt - direct).norm() / scale < 0.01
    assert (kept[-1].weights - direct).norm() / scale > 0.1 < (kept[-2].weights - direct).norm() / scale
    average.show(rebuilt)
    assert torch.equal(average.snapshots(0)[0].weights, rebuilt)


def test_reconstruction_of_what_was_tracked_is_exact():
    shots = [(float(t), length) for t in (100, 200, 300) for length in (0.05, 0.1)]
    for target in shots:
        x = coefficients(shots, target)
        assert x[shots.index(target)].item() == pytest.approx(1.0, abs=1e-6)
        assert (x.abs().sum() - 1).item() == pytest.approx(0.0, abs=1e-5)
    assert coefficients([*shots, shots[-1]], (300.0, 0.07)).sum().item() == pytest.approx(1.0, abs=1e-9)


def test_constant_weights_are_met_exactly():
    shots = [Snapshot(t, length, torch.tensor([3.0, -1.0])) for t in (64, 128) for length in (0.05, 0.1)]
    for length in (0.02, 0.07, 0.2):
        assert torch.allclose(reconstruct(shots, length, examples=100), torch.tensor([3.0, -1.0]), rtol=1e-6)


def test_inner_products_against_quadrature():
    for t_a, k_a, t_b, k_b in [(1.0, 6.94, 1.0, 16.97), (0.5, 16.97, 1.0, 6.94), (1.0, 3.0, 0.25, 0.5)]:
        u = (torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000
        p_a = torch.where(u < t_a, (k_a + 1) * u**k_a / t_a ** (k_a + 1), 0.0)
        p_b = torch.where(u < t_b, (k_b + 1) * u**k_b / t_b ** (k_b + 1), 0.0)
        exact = inner(*(torch.tensor(v, dtype=torch.float64) for v in (t_a, k_a, t_b, k_b)))
        assert exact.item() == pytest.approx((p_a * p_b).mean().item(), rel=1e-5)


@pytest.mark.parametrize("length", [0.0, -0.1, 0.3, math.nan])
def test_lengths_that_no_profile_has(length):
    with pytest.raises(ValueError, match=r"lies in \(0, 0.2887\]"):
        PowerAverage("G", lengths=(length,))


def test_what_cannot_be_reconstructed():
    with pytest.raises(ValueError, match="needs at least one length"):
        PowerAverage("G", lengths=())
    with pytest.raises(ValueError, match="there are no snapshots"):
        reconstruct([], 0.07)
    with pytest.raises(ValueError, match="after 200 examples.*after 100 to 100; the future"):
        reconstruct([Snapshot(100, 0.05, torch.zeros(1))], 0.07, examples=200)
    with pytest.raises(ValueError, match="an average is asked of a network 'H'"):
        Game({"G": Linear(1.0)}, {"G": Player("G", sgd(0.1))},
             [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})], controllers=[PowerAverage("H")])


def test_a_ramp_is_nearly_a_power_profile():
    """A half-life of a twentieth of the time seen is a power average of length .063, the default of r3gan."""
    def path(n):
        return math.sin(n / 300), math.cos(n / 40)

    ends = []
    for average in (Average("G", half_life=math.inf, ramp=0.05), PowerAverage("G", lengths=(0.063,))):
        for _ in play(moved(average, path), numbers, 4 * 3000):
            pass
        ends.append(average.nets.G.w.clone())
    assert torch.allclose(ends[0], ends[1], atol=5e-3)
    assert abs(ends[0][0] - path(3000)[0]) > 0.1  # and the average is not simply where the weights are
