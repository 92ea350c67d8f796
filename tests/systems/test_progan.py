"""Progressive growing as a game: the level rises with the budget, and what both players see rises with it."""

from __future__ import annotations

import pytest
import torch

from mintage.data import Batch, DataSpec
from mintage.game import generator, play
from mintage.systems.progan import progan

SPEC = DataSpec("image", (1, 16, 16))


class Noise:
    """Batches of noise, as a function of the position."""

    size = 4

    def __call__(self, position: int) -> Batch:
        return Batch(torch.rand(4, 1, 16, 16, generator=generator("noise", position)) * 2 - 1, None)


def test_the_level_rises_by_shares_of_the_budget_and_stays() -> None:
    torch.manual_seed(0)
    game = progan(SPEC, size="XS", growing=0.5)
    levels = [float(round.stats["level"]) for round in play(game, Noise(), budget=4 * 40)]
    held = [levels[k] for k in (0, 3, 9, 11, 17)]  # hold 0, fade in 1, hold 1, fade in 2, hold: 4 rounds each
    assert held == pytest.approx([0, 0, 1, 1, 2])
    assert 0 < levels[5] < levels[6] < 1 < levels[13] < 2 and levels[20:] == [2.0] * 20
    assert levels == sorted(levels)


def test_one_knob_for_both_players_the_average_and_the_controller() -> None:
    torch.manual_seed(0)
    game = progan(SPEC, size="XS").to("cpu")
    G, D, (growth, average) = game.net("G"), game.net("D"), game.controllers
    assert G.level is D.level and growth.level is G.level
    for round in play(game, Noise(), budget=4 * 12):
        assert float(average.nets.G.level) == float(G.level)
        if round.index == 2:
            x = game.generate(*game.sampler.latents(3, generator(0)))
            assert x.shape == (3, 1, 16, 16) and not torch.equal(x, x.roll(1, 3))
    assert float(G.level) == 2


def test_the_slope_of_the_critic_is_that_at_the_level() -> None:
    """The gradient penalty looks between pictures of the level's size, of 4 x 4 at first."""
    torch.manual_seed(0)
    game, sizes = progan(SPEC, size="XS"), []
    game.net("D").register_forward_hook(lambda net, given, out: sizes.append(tuple(given[0].shape[2:])))
    rounds = play(game, Noise(), budget=4 * 40)
    next(rounds)
    assert set(sizes) == {(4, 4)} and len(sizes) == 4  # reals, fakes, between, fakes for G
    sizes.clear()
    list(rounds)
    assert sizes[-4:] == [(16, 16)] * 4 and (8, 8) in sizes
