"""A recorded move is the move. Without a GPU the record is a second call of the same work that writes into the same
places, which is what a graph does: inputs, seeds, gradients and refusals are tested, not CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from mintage.game import Adaptive, Average, Game, Move, Player, Pool, adam, extragradient, linear, play, simultaneous
from mintage.game.graphs import graph_moves, unrecordable
from mintage.networks.dropout import Dropout

from .small_games import Points, cloud, equal, normal, rounds, seeded, snapshot

batches = Points(cloud.law, 8)


def again(work: Any, generators: Sequence[torch.Generator]) -> Any:
    """As a graph: the seeds are read when it is played, the results lie where they lay."""
    seeds = [generator.initial_seed() for generator in generators]
    for _ in range(3):
        work()
    for generator, seed in zip(generators, seeds, strict=True):
        generator.manual_seed(seed)
    left = work()

    def replay() -> None:
        for place, value in zip(left, work(), strict=True):
            place.copy_(value)

    return left, replay


def critic(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    x, fake = round.batch, nets.G(round.draw(normal(2)))
    share = torch.rand(round.size, 1, generator=round.generator("mix"))
    at = torch.lerp(x, fake, share).detach().requires_grad_()
    slope = torch.autograd.grad(nets.D(at).sum(), at, create_graph=True)[0]
    round.stats["D/sign"] = nets.D(x).detach().sign().mean()
    return {"loss": softplus(nets.D(fake) - nets.D(x)).mean(), "slope": slope.square().sum(1).mean()}


critic.terms = ("loss", "slope")  # type: ignore[attr-defined]


def generator(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    return {"loss": softplus(-nets.D(nets.G(round.draw(normal(2))))).mean()}


def pair(critics: Any = critic, *, repeat: int = 1, **more: Any) -> Game:
    G = seeded(lambda: nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)), 1)
    D = seeded(lambda: nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), Dropout(0.3), nn.Linear(8, 1)), 2)
    weights = {"slope": linear(0.5, 0.1)} if critics is critic else {}
    return Game({"G": G, "D": D}, {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                [Move("D", critics, weights=weights, repeat=repeat), Move("G", generator)], **more)


@pytest.mark.parametrize("more", [{}, {"repeat": 2}, {"rule": simultaneous},
                                  {"controllers": [Average("G", half_life=20)]}],
                         ids=["alternating", "repeated", "simultaneous", "averaged"])
def test_recorded_play_is_play(more):
    """With draws in a layer and in a penalty, statistics of a batch, a weight on a schedule, second derivatives."""
    plain, quick = pair(**more), pair(**more)
    before = snapshot(quick)
    found = graph_moves(quick, batches, record=again)
    assert [one.reason for one in found] == ["", ""] and set(quick.compiled) == {0, 1}
    assert equal(snapshot(quick), before)
    kept = []
    for one, other in zip(play(plain, batches, 800, seed=3), play(quick, batches, 800, seed=3), strict=True):
        assert one.stats.keys() == other.stats.keys()
        for name, value in one.stats.items():
            assert torch.allclose(value, other.stats[name], rtol=1e-3, atol=1e-4), name
        kept.append((other.stats["D/loss"], float(other.stats["D/loss"])))
        if plain.index == 12:
            break
    assert all(float(tensor) == value for tensor, value in kept)  # figures of earlier rounds are not written over


def test_a_record_that_kept_its_draws_is_found():
    def frozen(work: Any, generators: Sequence[torch.Generator]) -> Any:
        left = work()
        return left, lambda: None

    game = pair()
    before = snapshot(game)
    assert ["is off by" in one.reason for one in graph_moves(game, batches, record=frozen)] == [True, True]
    assert not game.compiled and equal(snapshot(game), before)


def reads(what: str) -> Any:
    def objective(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return {"loss": nets.D(round.batch).mean() + 0.0 * int(getattr(round, what) is None)}

    return objective


@pytest.mark.parametrize("what", ["clock", "index", "notes", "seed"])
def test_what_changes_from_round_to_round_is_not_recorded(what):
    assert f"uses round.{what}" in graph_moves(pair(reads(what)), batches, record=again)[0].reason


def test_what_the_host_remembers_is_not_recorded():
    knob = torch.tensor(0.5)
    told = {"remembers": pair(memory={"pool": Pool(4)}), "'extragradient'": pair(rule=extragradient),
            "knob": pair(controllers=[Adaptive(knob, "D/sign")])}
    for part, game in told.items():
        assert part in graph_moves(game, batches, record=again)[0].reason and not game.compiled


def test_a_batch_of_another_size_is_refused():
    game = pair()
    graph_moves(game, batches, record=again)
    with pytest.raises(ValueError, match="made for a batch of 8 and is played with one of 4; record the game again"):
        rounds(game, cloud, 1)


def test_recorded_play_resumes_to_the_bit():
    whole, begun, on = pair(), pair(), pair()
    for game in (whole, begun, on):
        graph_moves(game, batches, record=again)
    rounds(whole, batches, 6)
    rounds(begun, batches, 3)
    on.load(begun.tensors(), begun.scalars())
    rounds(on, batches, 3)
    assert equal(snapshot(whole), snapshot(on))


def test_where_there_is_no_gpu_it_is_said():
    assert unrecordable(torch.device("cpu")) == "graphs are recorded on CUDA devices, and this one is cpu"
    assert "on CUDA devices" in graph_moves(pair(), batches)[0].reason
