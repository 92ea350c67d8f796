"""A round in parts has the gradients of the whole round, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mintage.game import Game, Move, Player, Pool, adam, consensus, play, simultaneous
from mintage.game.accumulation import check_parts, split

from .small_games import Points, cloud, equal, everything, mlp, normal, snapshot

batches = Points(cloud.law, 32)


def latents(round: Any, nets: Any) -> torch.Tensor:
    return round.draw(normal(2)).to(next(nets.parameters()))


def critic(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    fake = nets.G(latents(round, nets))
    round.notes["fake"] = fake.detach()
    a, b = nets.D(round.batch), nets.D(fake)
    at = torch.lerp(round.batch, fake, 0.3).detach()[:-(-round.size // 4)].requires_grad_()
    slope = torch.autograd.grad(nets.D(at).sum(), at, create_graph=True)[0]
    return {"loss": nn.functional.softplus(b - a).mean(), "slope": slope.square().sum(1).mean()}


def generator(nets: Any, round: Any) -> dict[str, torch.Tensor]:
    return {"loss": -nets.D(nets.G(latents(round, nets))).mean() + 0 * round.notes["fake"].sum()}


def pair(parts: int, objective: Any = critic, **more: Any) -> Game:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        game = Game({"G": mlp(2, 3).double(), "D": mlp(3, 1).double()},
                    {"D": Player("D", adam(1e-2)), "G": Player("G", adam(1e-2))},
                    [Move("D", objective, repeat=2), Move("G", generator)] if "rule" not in more else
                    [Move("D", objective), Move("G", generator)], **more)
    return split(game, parts)


class Wide(Points):
    def __call__(self, position: int) -> torch.Tensor:
        return super().__call__(position).double()


wide = Wide(cloud.law, 32)


@pytest.mark.parametrize("parts", [2, 4, 8])
@pytest.mark.parametrize("more", [{}, {"rule": simultaneous}], ids=["alternating", "simultaneous"])
def test_a_game_in_parts_is_the_game(parts, more):
    whole, split_up = pair(1, **more), pair(parts, **more)
    lines = [list(play(game, wide, 32 * 8)) for game in (whole, split_up)]
    for name, expected in whole.tensors().items():
        assert torch.allclose(split_up.tensors()[name], expected, rtol=1e-8, atol=1e-10), name
    for one, other in zip(*lines, strict=True):
        assert one.stats.keys() == other.stats.keys() and one.examples == other.examples
        for name, value in one.stats.items():
            assert torch.allclose(value, other.stats[name], rtol=1e-6), name


def test_in_single_precision_gradients_agree_to_a_millionth():
    found = []
    for parts in (1, 4):
        game = pair(parts)
        game.nets.float()
        next(iter(play(game, batches, 32)))
        found.append(torch.cat([p.grad.reshape(-1) for p in game.parameters["G"]]))
    assert (found[0] - found[1]).norm() < 1e-6 * found[0].norm()


def test_an_objective_sees_a_part():
    sizes: list[tuple[int, int, int]] = []

    def look(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        sizes.append((round.size, len(round.batch), len(round.draw(normal(2), 2 * round.size))))
        return {"loss": nets.D(round.batch).mean()}

    list(play(_alone(look), wide, 32))
    assert sizes[-4:] == [(8, 8, 16)] * 4


def _alone(objective: Any) -> Game:
    return split(Game({"D": mlp(3, 1).double()}, {"D": Player("D", adam(1e-2))}, [Move("D", objective)]), 4)


def test_what_is_no_mean_over_examples_is_refused():
    def spread(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        return {"loss": nets.D(round.batch).var()}

    with pytest.raises(ValueError, match=r"player 'D' is not a mean over examples: in parts its gradient is off by"):
        list(play(_alone(spread), wide, 32))


@pytest.mark.parametrize("net", [nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))])
def test_batch_statistics_are_refused(net):
    game = Game({"D": net}, {"D": Player("D", adam(1e-2))}, [Move("D", lambda n, r: {"loss": n.D(r.batch).mean()})])
    with pytest.raises(ValueError, match=r"BatchNorm1d\) mixes the examples of a batch.*without --accumulate"):
        split(game, 2)
    assert split(game, 1).parts == 1


def test_other_impossible_parts_are_refused():
    with pytest.raises(ValueError, match="split into 0 parts"):
        pair(0)
    with pytest.raises(ValueError, match="a batch of 32 is not 5 equal parts; let --batch be a multiple"):
        list(play(pair(5), wide, 32))
    with pytest.raises(ValueError, match=r"the rule 'consensus\(10\)' is not played in parts"):
        pair(2, rule=consensus())


def test_the_check_leaves_the_game_as_it_was():
    game = pair(2)
    list(play(game, wide, 64))
    before = snapshot(game)
    check_parts(game, wide, 0)
    assert equal(snapshot(game), before) and game.parts == 2


def test_a_penalty_on_random_mixtures_draws_for_each_part():
    drawn = []

    def mixed(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        drawn.append(torch.rand(round.size, 1, generator=round.generator("mix")).double())
        return {"loss": nets.D(round.batch * drawn[-1]).mean()}

    list(play(_alone(mixed), wide, 32))
    assert not any(torch.equal(a, b) for a, b in zip(drawn[-4:], drawn[-3:], strict=False))


def test_a_pool_is_asked_part_by_part():
    pool = Pool(4)

    def remembers(nets: Any, round: Any) -> dict[str, torch.Tensor]:
        old = pool(round.batch, round.generator("pool"))
        return {"loss": nets.D(old).mean()}

    game = split(Game({"D": mlp(3, 1).double()}, {"D": Player("D", adam(1e-2))}, [Move("D", remembers)],
                      memory={"pool": pool}), 2)
    list(play(game, wide, 64))
    assert len(pool.held) == 4 and game.skipped == 0


def test_play_in_parts_resumes_to_the_bit():
    whole, begun, on = pair(4), pair(4), pair(4)
    list(play(whole, wide, 128))
    list(play(begun, wide, 64))
    on.load(begun.tensors(), begun.scalars())
    list(play(on, wide, 128))
    assert equal(snapshot(whole), snapshot(on))
    assert everything().parts == 1
