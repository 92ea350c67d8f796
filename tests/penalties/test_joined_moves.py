"""The joint gradient in a game: weights, schedules and lazy moves reach it through the loop as it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mintage.game import Clock, Game, Move, Player, Round, Terms, adam, returns, sgd
from mintage.game.clock import Number
from mintage.game.rules import gradients
from mintage.latent import normal
from mintage.networks import MLPDiscriminator, MLPGenerator
from mintage.objectives import relativistic_paired
from mintage.penalties import PENALTIES, on_share, r1, r2
from mintage.systems import moves
from mintage.systems.r3gan import critic as r3gan_critic

from .critics import draws, filled


def near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return bool(a.norm() > 0 and (a - b).norm() <= tolerance * a.norm())


def game(objective: Any, every: int = 1) -> Game:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        D = filled(MLPDiscriminator((6,), classes=2)).double()
        nets = {"G": MLPGenerator((6,), z_dim=4, classes=2).double(), "D": D}
    weights: dict[str, Number] = {"r1": lambda clock: 3.0 - clock.examples, "r2": 0.7}
    return Game(nets, {"D": Player("D", sgd(0.1)), "G": Player("G", adam())},
                [Move("D", objective, every=every, weights=weights)])


def fresh() -> Round:
    batch = SimpleNamespace(x=draws(8, 6), y=torch.arange(8) % 2)

    class Same:
        size = 8

        def __call__(self, position: int) -> Any:
            return batch

    return Round(0, Clock(1, 10), Same(), 7, torch.device("cpu"))


def prior(n: int, generator: torch.Generator) -> Tensor:
    return normal(4)(n, generator).double()


def left(game: Game) -> Tensor:
    """D's gradient after one turn of the first move, as the loop makes it."""
    gradients(game, game.moves[0], fresh())
    return nn.utils.parameters_to_vector([p.grad for p in game.net("D").parameters() if p.grad is not None])


@pytest.mark.parametrize("every", [1, 4])
def test_weights_schedules_and_lazy_moves_reach_the_joint_gradient(every: int) -> None:
    @returns("loss", "r1", "r2")
    def longhand(nets: Any, round: Round) -> Terms:
        x, y = round.batch.x, round.batch.y
        fake = nets.G(round.draw(prior), y)
        return {"loss": relativistic_paired.critic(nets.D(x, y), nets.D(fake, y)),
                "r1": on_share(r1, 0.5)(nets.D, x, y), "r2": on_share(r2, 0.5)(nets.D, fake, y)}

    assert near(left(game(longhand, every)), left(game(r3gan_critic(prior, 0.5, True), every)), 1e-10)


def test_a_critics_move_shares_its_pass_where_the_backend_is_explicit() -> None:
    x, y = draws(3, 6), torch.tensor([0, 1, 1])
    added = {name: PENALTIES[name] for name in ("r1", "r2")}
    shared = {name: penalty.through("explicit", x, y) for name, penalty in added.items()}
    assert [penalty.joins for penalty in (*added.values(), *shared.values())] == ["", "", "real", "fake"]
    a, b = (left(game(moves.critic(relativistic_paired, prior, conditional=True, penalties=penalties)))
            for penalties in (added, shared))
    assert near(a, b, 1e-10)
