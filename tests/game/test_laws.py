"""The laws of a game: ownership, moves, schedules, the clock, randomness, averages."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mintage.game import (
    Average,
    Clock,
    Game,
    Growth,
    Move,
    Player,
    Round,
    Sampler,
    adam,
    cosine,
    derive,
    extragradient,
    generator,
    geometric,
    linear,
    play,
    returns,
    sgd,
    simultaneous,
    unrolled,
    warm_up,
)

from .small_games import Linear, Points, cloud, equal, everything, mlp, normal, rounds, snapshot


def nothing(nets, round):
    return {"loss": sum(p.sum() for p in nets.parameters()) * 0.0}


def declared(*names):
    return returns(*names)(lambda nets, round: nothing(nets, round))


def still():
    return sgd(0.0)


# -- ownership ---------------------------------------------------------------------------------------------------


def test_a_parameter_with_two_owners_is_refused():
    trunk = nn.Linear(2, 2)
    nets = {"D": nn.Sequential(trunk, nn.Linear(2, 1)), "Q": nn.Sequential(trunk, nn.Linear(2, 3))}
    with pytest.raises(ValueError, match=r"Q\.0\.weight has two owners, 'D' and 'Q'; every trainable"):
        Game(nets, {"D": Player("D", still()), "Q": Player("Q", still())}, [Move("D", nothing)])
    game = Game(nets, {"D": Player(("D", "Q"), still())}, [Move("D", nothing)])
    assert len(game.parameters["D"]) == 6  # the shared trunk once


def test_a_parameter_without_an_owner_is_refused_unless_frozen():
    nets = {"G": nn.Linear(2, 2), "F": nn.Linear(2, 2)}
    with pytest.raises(ValueError, match=r"F\.weight is trainable and has no owner; name its network in a player"):
        Game(nets, {"G": Player("G", still())}, [Move("G", nothing)])
    nets["F"].requires_grad_(False)
    game = Game(nets, {"G": Player("G", still())}, [Move("G", nothing)])
    assert len(game.parameters["G"]) == 2


@pytest.mark.parametrize(("players", "moves", "message"), [
    ({"G": Player("H", still())}, [Move("G", nothing)], r"player 'G' owns a network 'H'; the game has \['G'\]"),
    ({"G": Player("G", still())}, [Move("D", nothing)], r"a move names player 'D'; the game has \['G'\]"),
    ({"G": Player("G", still())}, [], "at least one move"),
])
def test_unknown_names_are_refused(players, moves, message):
    with pytest.raises(ValueError, match=message):
        Game({"G": nn.Linear(2, 2)}, players, moves)


def test_an_average_of_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match=r"an average is asked of a network 'H'; the game has \['G'\]"):
        Game({"G": nn.Linear(2, 2)}, {"G": Player("G", still())}, [Move("G", nothing)],
             controllers=[Average("H", half_life=10)])


def test_networks_leave_a_game_as_trainable_as_they_came():
    game = everything()
    rounds(game, cloud, 3)
    assert all(p.requires_grad for p in game.nets.parameters())
    again = Game({"G": game.net("G")}, {"G": Player("G", still())}, [Move("G", nothing)])
    assert len(again.parameters["G"]) == len(list(game.net("G").parameters()))


def test_only_the_mover_takes_gradients():
    seen = []

    def look(nets, round):
        seen.append({name for name, p in nets.named_parameters() if p.requires_grad})
        return {"loss": nets.G.w.sum() + nets.D.w.sum()}

    game = Game({"G": Linear(1.0), "D": Linear(1.0)}, {"G": Player("G", still()), "D": Player("D", still())},
                [Move("D", look), Move("G", look)])
    rounds(game, cloud, 1)
    assert seen == [{"D.w"}, {"G.w"}]


# -- moves -------------------------------------------------------------------------------------------------------


def test_an_unknown_weight_is_refused_with_the_nearest_match():
    with pytest.raises(ValueError, match=r"names the term 'gradient_penalty'.*did you mean 'gradient_penalti'\?"):
        Move("D", declared("loss", "gradient_penalti"), weights={"gradient_penalty": 10.0})
    with pytest.raises(ValueError, match="does not say which terms it returns; put @returns"):
        Move("D", nothing, weights={"loss": 10.0})


def test_an_objective_returns_the_terms_it_declares():
    with pytest.raises(ValueError, match=r"returned the terms \['loss'\] and declares \['loss', 'r1'\]"):
        Move("D", declared("loss", "r1")).loss({"loss": torch.tensor(1.0)}, Clock(0, 1))


def test_an_unrolled_objective_keeps_its_terms():
    assert Move("G", unrolled(declared("loss"), opponent="D", by=nothing, steps=2, lr=0.1),
                weights={"loss": 2.0}).declared == ("loss",)


def test_the_loss_is_the_weighted_sum_of_the_terms_counted_every_times():
    terms = {"a": torch.tensor(1.5), "b": torch.tensor(-2.0), "c": torch.tensor(4.0, dtype=torch.bfloat16)}
    move = Move("D", declared("a", "b", "c"), every=4, weights={"a": 2.0, "b": linear(0.0, 10.0)})
    assert move.loss(terms, Clock(50, 100)).item() == 4 * (2 * 1.5 + 5 * -2.0 + 4.0)
    assert move.loss(terms, Clock(0, 1)).dtype == torch.float32
    wide = {"a": torch.tensor(1 / 3, dtype=torch.float64)}
    assert Move("D", nothing).loss(wide, Clock(0, 1)).item() == 1 / 3


def test_a_term_is_one_number():
    with pytest.raises(ValueError, match=r"'loss' of player 'D' has the shape \(8,\); a term is one number"):
        Move("D", nothing).loss({"loss": torch.ones(8)}, Clock(0, 1))


@pytest.mark.parametrize("wrong", [{"every": 0}, {"repeat": 0}])
def test_impossible_moves_are_refused(wrong):
    with pytest.raises(ValueError, match="both must be at least 1"):
        Move("D", nothing, **wrong)


@pytest.mark.parametrize("rule", [simultaneous, extragradient])
@pytest.mark.parametrize("often", [{"repeat": 2}, {"every": 2}])
def test_rules_that_move_all_at_once_refuse_uneven_moves(rule, often):
    with pytest.raises(ValueError, match=f"'{rule.__name__}' moves all players at once, but 'G'.*alternating"):
        Game({"G": Linear(1.0)}, {"G": Player("G", still())}, [Move("G", nothing, **often)], rule=rule)


@pytest.mark.parametrize("rule", [simultaneous, extragradient])
def test_two_moves_of_one_player_add_up_when_all_move_at_once(rule):
    pull = [Move("G", lambda nets, round: {"a": nets.G.w.sum()}),
            Move("G", lambda nets, round: {"b": 2 * nets.G.w.sum()})]
    game = Game({"G": Linear(0.0)}, {"G": Player("G", sgd(1.0))}, pull, rule=rule)
    rounds(game, cloud, 1)
    assert game.net("G").w.item() == -3.0


def test_a_note_nobody_left_is_an_error():
    def reads(nets, round):
        round.notes["fakes_a"] = 1
        return {"loss": nets.G.w.sum() * round.notes["fakes_b"]}

    game = Game({"G": Linear(1.0)}, {"G": Player("G", still())}, [Move("G", reads)])
    with pytest.raises(KeyError, match=r"no note 'fakes_b' in this round.*did you mean 'fakes_a'\?.*comes earlier"):
        rounds(game, cloud, 1)


# -- schedules and the clock -------------------------------------------------------------------------------------

SCHEDULES = {"linear": linear, "cosine": cosine, "geometric": geometric}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("start", "end"), [(0.1, 4.0), (3.0, 0.5)])
@pytest.mark.parametrize(("span", "last"), [({}, 1000), ({"fraction": 0.25}, 250), ({"examples": 400}, 400)])
def test_schedules(name, start, end, span, last):
    schedule = SCHEDULES[name](start, end, **span)
    values = [schedule(Clock(examples, 1000)) for examples in range(0, 1301, 10)]
    assert values[0] == pytest.approx(start, rel=1e-12) and schedule(Clock(last, 1000)) == pytest.approx(end, rel=1e-12)
    up = [(b - a) * math.copysign(1, end - start) for a, b in zip(values, values[1:], strict=False)]
    part = last // 10
    assert min(up[:part]) > 0 and up[part:] == [0.0] * (len(up) - part)
    middle = {"linear": (start + end) / 2, "cosine": (start + end) / 2, "geometric": math.sqrt(start * end)}
    assert schedule(Clock(last // 2, 1000)) == pytest.approx(middle[name], rel=1e-12)


def test_warm_up_and_the_edges_of_schedules():
    rate = warm_up(linear(2.0, 0.0), examples=100)
    assert [rate(Clock(e, 1000)) for e in (0, 50, 100, 500)] == pytest.approx([0.0, 0.95, 1.8, 1.0])
    assert warm_up(3.0, examples=0)(Clock(0, 10)) == 3.0 == warm_up(3.0, fraction=0.0)(Clock(0, 10))
    assert Clock(5, 0).fraction == 1.0 and Clock(20, 10).fraction == 1.0
    with pytest.raises(ValueError, match="two positive ends; received 0.0 and 1"):
        geometric(0.0, 1)


def test_rates_follow_the_clock():
    game = Game({"G": Linear(0.0)}, {"G": Player("G", sgd(linear(1.0, 0.0)))},
                [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})])
    rounds(game, cloud, 4, budget=16)
    assert game.net("G").w.item() == -(1 + 0.75 + 0.5 + 0.25)


def test_the_clock_counts_examples_drawn():
    positions = []

    class Counted(Points):
        def __call__(self, position):
            positions.append(position)
            return super().__call__(position)

    def uses(nets, round):
        return {"loss": nets.D(round.batch.double()).mean()}

    game = Game({"D": Linear(0.0, 0.0, 0.0), "G": Linear(0.0, 0.0, 0.0)},
                {"D": Player("D", still()), "G": Player("G", still())},
                [Move("D", uses, repeat=3), Move("G", lambda n, r: {"loss": n.G(r.batch.double()).mean()}),
                 Move("D", uses, every=2, repeat=2)])
    played = list(play(game, Counted(cloud.law, 4), 40))
    assert [r.examples for r in played] == [16, 12, 16] and [r.clock.examples for r in played] == [0, 16, 28]
    assert positions == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]  # each batch of the stream once, in order
    assert game.examples == 44 and game.index == 3
    assert list(play(game, cloud, 40)) == []  # the budget is spent


# -- randomness --------------------------------------------------------------------------------------------------


def test_the_same_key_draws_the_same_and_other_keys_do_not():
    assert derive(0, "a", 1) == derive(0, "a", 1) and 0 <= derive("x") < 2**63
    keys = [(0, "a"), ("0", "a"), (0, "a", 0), (0, "b"), (1, "a"), (0, "a\x1f1"), ("0a",)]
    draws = [tuple(torch.randn(4, generator=generator(*key)).tolist()) for key in keys]
    assert len(set(draws)) == len(keys)


def test_purposes_turns_and_moves_are_independent():
    round = Round(3, Clock(0, 1), cloud, 7, torch.device("cpu"))
    draws = []
    for move, turn in [(0, 0), (0, 1), (1, 0)]:
        round.begin(move, turn)
        draws += [torch.randn(1000, generator=round.generator(p)) for p in ("latent", "augment", "latent")]
    correlation = torch.corrcoef(torch.stack(draws)) - torch.eye(9)
    assert correlation.abs().max() < 0.16  # five standard deviations of 1000 draws
    round.begin(0, 0)
    assert torch.equal(draws[0], torch.randn(1000, generator=round.generator("latent")))
    assert round.draw(normal(2)).shape == (4, 2) and round.draw(normal(2), 9).shape == (9, 2)


class Noisy(nn.Module):
    """A layer that draws."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator()
        self.drawn = []

    def forward(self, x):
        noise = torch.randn(x.shape, generator=self.generator)
        self.drawn.append(noise)
        return x + noise


def noisy(**more) -> Game:
    G = nn.Sequential(nn.Linear(2, 3), Noisy())
    return Game({"G": G}, {"G": Player("G", adam(1e-2))},
                [Move("G", lambda nets, round: {"loss": nets.G(round.draw(normal(2))).square().mean()})],
                sampler=Sampler(normal(2), lambda nets, z, y: nets.G(z)), **more)


def test_play_leaves_the_global_random_state_alone():
    game, drawing = everything(), noisy()
    state = torch.get_rng_state()
    rounds(game, cloud, 7)
    rounds(drawing, cloud, 3)
    drawing.generate(torch.zeros(2, 2))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_round_replayed_alone_draws_the_same():
    one, other = everything(), everything()
    rounds(one, cloud, 3, seed=5)
    other.load(one.tensors(), one.scalars())
    rounds(one, cloud, 1, seed=5)
    rounds(other, cloud, 1, seed=5)
    assert equal(snapshot(one), snapshot(other))
    third = everything()
    rounds(third, cloud, 4, seed=6)
    assert not equal(snapshot(one), snapshot(third))


def test_layers_that_draw_do_so_by_round_and_sampling_is_a_function_of_the_latents():
    drawn = []
    for samples in (False, True):
        game = noisy(controllers=[Average("G", half_life=10)])
        z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
        for _ in play(game, cloud, 12):
            if samples:  # sampling between rounds changes nothing
                assert torch.equal(game.generate(z), game.generate(z))
        drawn.append(game.net("G")[1].drawn)
    assert len(drawn[0]) == 3 and all(torch.equal(a, b) for a, b in zip(*drawn, strict=True))
    assert not torch.equal(drawn[0][0], drawn[0][1])


# -- averages and knobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 8])
def test_an_average_halves_its_distance_in_a_half_life(size):
    average = Average("G", half_life=64, ramp=math.inf)
    game = Game({"G": Linear(1.0, -2.0)}, {"G": Player("G", still())},
                [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})], controllers=[average])
    with torch.no_grad():
        game.net("G").w.copy_(torch.tensor([3.0, 4.0]))
    batches = Points(cloud.law, size)
    rounds(game, batches, 64 // size)
    assert average.nets.G.w.tolist() == pytest.approx([2.0, 1.0], rel=1e-12)
    rounds(game, batches, 64 // size)
    assert average.nets.G.w.tolist() == pytest.approx([2.5, 2.5], rel=1e-12)


def test_the_ramp_forgets_the_start():
    average = Average("G", half_life=1e9, ramp=0.05)
    game = Game({"G": Linear(0.0)}, {"G": Player("G", still())},
                [Move("G", lambda nets, round: {"loss": nets.G.w.sum()})], controllers=[average])
    with torch.no_grad():
        game.net("G").w.fill_(1.0)
    rounds(game, cloud, 50)
    assert 1 - average.nets.G.w.item() < 1e-3


def test_averages_sample_in_evaluation_mode_with_copied_buffers():
    game = everything()
    average = game.averages()[0]
    rounds(game, cloud, 5)
    live, mean = game.net("G"), average.nets.G
    assert live.training and not any(module.training for module in mean.modules())
    assert not any(p.requires_grad for p in mean.parameters())
    assert torch.equal(mean[1].running_mean, live[1].running_mean) and mean[1].num_batches_tracked == 10
    assert not torch.equal(mean[0].weight, live[0].weight)
    assert game.mean_nets.G is mean and game.mean_nets.D is game.net("D")


def test_sampling_without_an_average_leaves_the_networks_in_training_mode():
    G = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    game = Game({"G": G}, {"G": Player("G", still())}, [Move("G", nothing)],
                sampler=Sampler(normal(2), lambda nets, z, y: nets.G(z), classes=3))
    G[0].eval()
    before = snapshot(game)
    z, y = game.sampler.latents(7, torch.Generator().manual_seed(0))
    assert y.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert game.generate(z, y).dtype == torch.float32 and equal(before, snapshot(game))
    assert G.training and G[1].training and not G[0].training
    with pytest.raises(ValueError, match="has no sampler"):
        everything().generate(z)


def test_growth_holds_and_fades_for_equal_shares():
    level = torch.zeros(())
    growth = Growth(level, levels=3)
    seen = []
    for examples in range(0, 500, 5):
        growth(None, Round(0, Clock(examples, 500), Points(cloud.law, 5), 0, torch.device("cpu")))
        seen.append(level.item())
    assert seen[:20] == [0.0] * 20 and seen[39:60] == [1.0] * 21 and seen[79:] == [2.0] * 21
    assert seen == sorted(seen) and seen[29] == pytest.approx(0.5) and seen[69] == pytest.approx(1.5)


def test_an_average_of_a_network_without_weights_is_its_buffers():
    knob = nn.BatchNorm1d(2, affine=False)
    game = Game({"K": knob, "G": mlp(2, 2)}, {"G": Player("G", still())},
                [Move("G", lambda nets, round: {"loss": nets.K(nets.G(round.batch[:, :2])).mean()})],
                controllers=[Average("K", half_life=10)])
    rounds(game, cloud, 2)
    assert torch.equal(game.averages()[0].nets.K.running_var, knob.running_var)
