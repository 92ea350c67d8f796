"""Mixtures in the plane: scores of known samples, critics of several kinds, and both experiments on a quick bench."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mintage.data import toy
from mintage.game import Clock, Round, play
from mintage.lab import Bench, find
from mintage.lab.mixtures import KNOWN, SAMPLES, Setting, build, learn, reals, score, through_noise
from mintage.lab.mode_collapse import BEST, PLAIN, REMEDIES, passes
from mintage.lab.objectives_on_the_ring import TERMS, classes, with_term
from mintage.lab.plane_critics import Packed, Statistics, Waves
from mintage.objectives import ADVERSARIAL
from mintage.penalties import r1, r2

SMALL = Setting(rounds=3, batch=48, width=8, width_G=8, z_dim=3)


def test_perfect_samples_score_what_theory_says():
    for name, m, floor in (("ring", 8, 0.0013), ("grid", 25, 0.0048)):
        scores = [score(reals(name, SAMPLES, seed)(0).x, name) for seed in range(20)]
        assert {one.covered for one in scores} == {m}
        quality = np.mean([one.high_quality for one in scores])
        assert abs(quality - (1 - math.exp(-4.5))) < 4 * math.sqrt(0.989 * 0.011 / (20 * SAMPLES))
        assert abs(np.mean([one.reverse_kl for one in scores]) - floor) < 0.25 * floor


def test_collapsed_samples_score_as_collapsed():
    centre = torch.from_numpy(toy("ring").standardised()[0][3]).float()
    one = score(centre.expand(SAMPLES, 2), "ring")
    assert (one.covered, one.high_quality) == (1, 1.0)
    assert one.reverse_kl == pytest.approx(math.log(8))


def test_points_between_modes_are_of_no_quality():
    one = score(torch.zeros(SAMPLES, 2), "ring")
    assert (one.covered, one.high_quality) == (0, 0.0)


def test_reals_are_a_pure_function_of_the_position():
    stream = reals("grid", 16, seed=1)
    assert torch.equal(stream(64).x, stream(64).x)
    assert not torch.equal(stream(64).x, stream(80).x)


def test_a_packed_critic_sees_groups():
    D = Packed(3, width=8, depth=1)
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    logits = D(x)
    assert logits.shape == (4,)
    other = x.clone()
    other[5] += 1
    assert (D(other) != logits).tolist() == [False, True, False, False]
    assert D(torch.cat([x, x[:2]])).shape == (4,)  # what is left over is left out


def test_statistics_tell_a_collapsed_group():
    D = Statistics(width=8, depth=1, group=4)
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    other = x.clone()
    other[1] += 1
    changed = D(other) != D(x)
    assert changed[:4].all() and not changed[4:].any()


def test_waves_are_the_same_for_every_critic_and_no_weights():
    assert torch.equal(Waves(width=8, depth=1).directions, Waves(width=4, depth=2).directions)
    assert "directions" not in dict(Waves(width=8, depth=1).named_parameters())


def test_both_penalties_in_one_pass_are_their_sum():
    g = torch.Generator().manual_seed(0)
    D, x, fake = Waves(width=8, depth=2), torch.randn(6, 2, generator=g), torch.randn(6, 2, generator=g)
    assert torch.allclose(KNOWN["r1 + r2"].term(D, x, fake, None, g), r1(D, x) + r2(D, fake))


@pytest.mark.parametrize("kind", ["packed", "statistics"])
def test_a_penalty_of_each_example_refuses_a_critic_that_mixes_them(kind):
    with pytest.raises(ValueError, match="mixes the examples"):
        build(replace(SMALL, critic=kind, penalty="r1"), seed=0)


def test_noise_is_seen_by_the_critic_and_fades():
    game = build(SMALL, seed=0)
    x = torch.zeros(5, 2)

    def objective(nets, round):
        return {"seen": nets.D(x)}

    def seen(fraction):
        round = Round(0, Clock(int(100 * fraction), 100), reals("ring", 4, 0), 0, torch.device("cpu"))
        return through_noise(objective, 1.0)(game.nets, round)["seen"]

    plain = game.net("D")(x)
    assert through_noise(objective, 0.0) is objective
    assert not torch.allclose(seen(0.0), plain)
    assert (seen(0.25) - plain).norm() > 0
    assert torch.equal(seen(0.5), plain)


def test_spectral_critic_has_slope_at_most_one():
    game = build(replace(SMALL, critic="spectral"), seed=0)
    D = game.net("D")
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (slope,) = torch.autograd.grad(D(x).sum(), x)
    assert slope.norm(dim=1).max() < 1.05


def test_a_run_is_a_function_of_its_seed():
    first, again, other = learn(SMALL, "ring", 0), learn(SMALL, "ring", 0), learn(SMALL, "ring", 1)
    assert np.array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)


def test_a_run_that_breaks_is_said_to():
    one = learn(replace(SMALL, rounds=30, lr_G=1e30, lr_D=1e30), "ring", 0)
    assert not one.finite and not passes(one, "ring")


def test_a_remedy_changes_the_plain_setting_only_where_it_says():
    assert REMEDIES["plain GAN"] is PLAIN and BEST.loss.relative
    for remedy, setting in REMEDIES.items():
        game = build(replace(setting, batch=48), seed=0)
        assert {player for player in game.players} == {"G", "D"}, remedy


def test_the_falling_weight_reaches_the_penalty():
    game = build(replace(SMALL, penalty="r1 + r2", gamma=(1.0, 0.01)), seed=0)
    weight = game.moves[0].weights["penalty"]
    assert weight(Clock(0, 100)) == pytest.approx(1.0)
    assert weight(Clock(100, 100)) == pytest.approx(0.01)


def test_an_average_is_what_is_scored():
    game = build(replace(SMALL, average=0.5), seed=0)
    for _ in play(game, reals("ring", 48, 0), 480):
        pass
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(game.generate(z), game.net("G")(z))


def test_mode_collapse_runs_and_draws():
    outcome = find("mode-collapse")(Bench(seeds=(0,), quick=True))
    assert list(outcome.seeds) == [0] and len(outcome.tables[0].rows) == len(REMEDIES) + 1
    assert not outcome.holds  # a hundredth of the work is not enough, and the findings say so
    assert outcome.draw().axes


def test_objectives_on_the_ring_runs_and_draws():
    outcome = find("objectives-on-the-ring")(Bench(seeds=(0,), quick=True))
    assert [row[0] for row in outcome.tables[0].rows][:len(ADVERSARIAL)] == list(ADVERSARIAL)
    assert {row[4] for row in outcome.tables[0].rows} == {"none", "gradient penalty", "spectral norm", ""}
    assert len(outcome.findings) == 2 + len(ADVERSARIAL) + len(TERMS)
    assert outcome.draw().axes


@pytest.mark.parametrize("term", TERMS)
def test_added_terms_move_who_they_should(term):
    game = with_term(term, seed=0)
    before = {name: net.state_dict()["last.weight"].clone() for name, net in game.nets.named_children() if name == "Q"}
    for _ in play(game, reals("ring", 48, 0), 96):
        pass
    assert all(not torch.equal(game.net(name).state_dict()["last.weight"], weight) for name, weight in before.items())
    assert bool(before) == (term != "feature matching")


def test_classes_are_the_nearest_modes():
    centres = torch.from_numpy(toy("ring").standardised()[0]).float()
    assert classes(centres + 0.01).tolist() == list(range(8))
