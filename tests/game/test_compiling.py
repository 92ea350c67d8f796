"""A compiled move is the move: equal to autograd's or left alone. Graphs are run as they are: no compiler is needed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from mintage.game import Adaptive, Average, Game, Move, Player, adam, linear, play, returns, simultaneous
from mintage.game.compiling import compile_moves, unable

from .small_games import Points, cloud, equal, everything, mlp, normal, rounds, snapshot

batches = Points(cloud.law, 8)


def as_it_is(graph: Any, inputs: Any) -> Any:
    return graph


@returns("loss", "slope")
def critic(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    x, fake = round.batch, nets.G(round.draw(normal(2)))
    round.stats["D/sign"] = nets.D(x).detach().sign().mean()
    at = x.detach().requires_grad_()
    slope = torch.autograd.grad(nets.D(at).sum(), at, create_graph=True)[0]
    return {"loss": softplus(nets.D(fake) - nets.D(x)).mean(), "slope": slope.square().sum(1).mean()}


def generator(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    return {"loss": softplus(-nets.D(nets.G(round.draw(normal(2))))).mean()}


def pair(critics: Any = critic, generators: Any = generator, G: nn.Module | None = None, **more: Any) -> Game:
    weights = {"slope": linear(0.5, 0.1)} if critics is critic else {}
    return Game({"G": G or mlp(2, 8, 3, seed=1), "D": mlp(3, 8, 1, seed=2)},
                {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                [Move("D", critics, weights=weights), Move("G", generators)], **more)


@pytest.mark.parametrize("more", [{}, {"rule": simultaneous}, {"controllers": [Average("G", half_life=20)]}],
                         ids=["alternating", "simultaneous", "averaged"])
def test_compiled_play_is_play(more):
    """With the second derivatives of a penalty, its weight on a schedule, and the statistics of the log."""
    plain, quick = pair(**more), pair(**more)
    before = snapshot(quick)
    found = compile_moves(quick, batches, make=as_it_is)
    assert [one.reason for one in found] == ["", ""] and set(quick.compiled) == {0, 1}
    assert equal(snapshot(quick), before)
    for one, other in zip(play(plain, batches, 8 * 12, seed=3), play(quick, batches, 8 * 12, seed=3), strict=True):
        assert one.stats.keys() == other.stats.keys()
        for name, value in one.stats.items():
            assert torch.allclose(value, other.stats[name], rtol=1e-4, atol=1e-6), name
    for name, tensor in plain.tensors().items():
        assert torch.allclose(tensor, quick.tensors()[name], rtol=1e-3, atol=1e-5), name
    assert plain.nets.state_dict().keys() == quick.nets.state_dict().keys()


def test_batch_statistics_are_kept():
    plain, quick = (pair(G=nn.Sequential(mlp(2, 3, seed=1), nn.BatchNorm1d(3))) for _ in range(2))
    assert not [one.reason for one in compile_moves(quick, batches, make=as_it_is) if one.reason]
    rounds(plain, batches, 1)  # later Adam steps along the rounding of a zero gradient
    rounds(quick, batches, 1)
    assert quick.net("G")[1].num_batches_tracked == 2
    assert torch.allclose(plain.net("G")[1].running_mean, quick.net("G")[1].running_mean, atol=1e-5)


def reads(what: str) -> Any:
    def objective(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return {"loss": nets.D(round.batch).mean() + 0.0 * int(getattr(round, what) is None)}

    return objective


@pytest.mark.parametrize("what", ["clock", "index", "notes", "seed"])
def test_what_changes_from_round_to_round_is_not_compiled(what):
    game = pair(reads(what))
    one, other = compile_moves(game, batches, make=as_it_is)
    assert f"its objective uses round.{what}" in one.reason and "not compiled" in str(one)
    assert other.reason == "" and set(game.compiled) == {1}
    rounds(game, batches, 3)


def draws(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    return {"loss": nets.D(round.batch + torch.randn(8, 3, generator=round.generator("noise"))).mean()}


def draws_there(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    chance = round.generator("noise")
    return {"loss": nets.D(round.batch + torch.randn(8, 3, generator=chance, device=chance.device)).mean()}


@pytest.mark.parametrize("objective", [draws, draws_there])
def test_what_draws_more_than_latents_is_not_compiled(objective):
    game = pair(objective)
    assert compile_moves(game, batches, make=as_it_is)[0].reason.startswith("its objective draws")
    rounds(game, batches, 2)


def test_a_generator_that_is_handed_on_and_not_drawn_from_is_no_hindrance():
    def objective(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return critic(nets, round) | {"loss": nets.D(round.batch).mean() * (round.generator("r1") is not None)}

    assert not compile_moves(pair(objective), batches, make=as_it_is)[0].reason


def test_a_knob_outside_the_networks_is_not_written_into_a_graph():
    knob = torch.tensor(0.5)
    game = pair(lambda nets, round: {"loss": knob * nets.D(round.batch).mean()},
                controllers=[Adaptive(knob, "G/loss")])
    assert compile_moves(game, batches, make=as_it_is)[0].reason == \
        "its objective reads a tensor of the game that is not in a network"


def test_an_answer_that_depends_on_values_is_not_compiled():
    game = pair(lambda nets, round: {"loss": nets.D(round.batch).mean() * (1 if nets.D(round.batch).mean() > 0 else 2)})
    assert compile_moves(game, batches, make=as_it_is)[0].reason


@pytest.mark.parametrize("spoil", [2, 3, 4, 6, 7])  # 5: the gradient of the last bias, which is 0
def test_a_wrong_kernel_is_found_and_not_used(spoil):
    """A compiler that gets one gradient wrong by a hundredth."""

    def careless(graph: Any, inputs: Any) -> Any:
        def run(*flat: Any) -> Any:
            out = list(graph(*flat))
            out[min(spoil, len(out) - 1)] = out[min(spoil, len(out) - 1)] * 1.01
            return out

        return run

    game = pair()
    before = snapshot(game)
    assert "is off by" in compile_moves(game, batches, make=careless)[0].reason
    assert 0 not in game.compiled and equal(snapshot(game), before)


def test_a_compiler_that_fails_is_said_and_the_move_stays():
    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no space left\nand more")

    game = pair()
    assert [one.reason for one in compile_moves(game, batches, make=broken)] == ["no space left"] * 2
    assert not game.compiled


def test_only_the_moves_asked_for():
    game = pair()
    assert compile_moves(game, batches, only=[1], make=as_it_is)[0].reason == "not asked for"
    assert set(game.compiled) == {1}


def test_a_missing_compiler_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert "needs a C++ compiler on a CPU, and there is no g++ or clang++ here" in unable(torch.device("cpu"))
    assert not pair().compiled and "C++ compiler" in compile_moves(pair(), batches)[0].reason
    assert "not used on mps" in unable(torch.device("mps"))


def test_a_batch_of_another_size_is_refused():
    game = pair()
    compile_moves(game, batches, make=as_it_is)
    with pytest.raises(ValueError, match="made for a batch of 8 and is played with one of 4; compile the game again"):
        rounds(game, cloud, 1)


def test_compiled_play_resumes_to_the_bit():
    whole, begun, on = pair(), pair(), pair()
    for game in (whole, begun, on):
        compile_moves(game, batches, make=as_it_is)
    rounds(whole, batches, 6)
    rounds(begun, batches, 3)
    on.load(begun.tensors(), begun.scalars())
    rounds(on, batches, 3)
    assert equal(snapshot(whole), snapshot(on))


def test_layers_that_draw_and_memory_leave_a_game_as_it_was():
    game = everything()
    before = snapshot(game)
    compile_moves(game, cloud, make=as_it_is)
    assert equal(snapshot(game), before)
