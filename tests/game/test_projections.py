"""Projections: what they leave true of the weights, within a game, and the networks they refuse."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mintage.game import Game, Move, Player, play, sgd
from mintage.game.projections import clip, unit_rows
from mintage.networks import ResidualDiscriminator
from mintage.networks.spectral import spectral_norm


class Ones:
    size = 4

    def __call__(self, position: int) -> torch.Tensor:
        return torch.ones(4, 3)


def test_clipping_holds_every_weight_after_every_step():
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))
    game = Game({"D": D}, {"D": Player("D", sgd(1.0), project=clip(0.01))},
                [Move("D", lambda nets, round: {"loss": -nets.D(round.batch).mean()})])
    for _ in play(game, Ones(), 3, seed=0):
        largest = [p.abs().max().item() for p in D.parameters()]
        assert max(largest) <= 0.01 + 1e-9 and max(largest) == pytest.approx(0.01)


def test_clipping_leaves_small_weights_alone():
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.005, -3.0], [-0.01, 0.4]]))
    clip(0.01)(layer)
    assert torch.allclose(layer.weight, torch.tensor([[0.005, -0.01], [-0.01, 0.01]]))


@pytest.mark.parametrize("make", [lambda: spectral_norm(nn.Linear(3, 2)),
                                  lambda: torch.nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)),
                                  lambda: ResidualDiscriminator((1, 8, 8), size="XS")])
@pytest.mark.parametrize("project", [clip(0.01), unit_rows()])
def test_a_net_that_holds_its_norm_is_refused(project, make):
    with pytest.raises(ValueError, match="away"):
        project.fits(nn.Sequential(make(), nn.ReLU()))


def test_a_game_refuses_when_built():
    with pytest.raises(ValueError, match="without spectral norm"):
        Game({"D": spectral_norm(nn.Linear(3, 1))}, {"D": Player("D", sgd(1.0), project=clip(0.01))},
             [Move("D", lambda nets, round: {"loss": nets.D(round.batch).mean()})])


def test_plain_nets_are_accepted():
    clip(0.01).fits(nn.Linear(3, 1))
    unit_rows().fits(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))
    with pytest.raises(ValueError, match="no linear layer"):
        unit_rows().fits(nn.BatchNorm2d(2))


@pytest.mark.parametrize("per_element", [False, True])
@pytest.mark.parametrize("make", [lambda: nn.Linear(7, 5), lambda: nn.Conv2d(3, 6, 3),
                                  lambda: nn.ConvTranspose2d(3, 6, 3)])
def test_rows_have_their_length(make, per_element):
    torch.manual_seed(0)
    layer = make()
    before, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    unit_rows(per_element=per_element)(nn.Sequential(layer))
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    rows, was = (w.detach().transpose(0, axis).flatten(1) for w in (layer.weight, before))
    expected = rows.shape[1] ** 0.5 if per_element else 1.0
    assert torch.allclose(rows.norm(dim=1), torch.full((len(rows),), expected), rtol=1e-5)
    assert torch.allclose(rows / rows.norm(dim=1, keepdim=True), was / was.norm(dim=1, keepdim=True), atol=1e-6)
    assert torch.equal(layer.bias, bias)


def test_a_row_of_zeros_stays_zero():
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.weight)
    unit_rows()(layer)
    assert torch.equal(layer.weight, torch.zeros(2, 3))


@pytest.mark.parametrize("limit", [0.0, -1.0, float("inf"), float("nan")])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(ValueError, match="above 0"):
        clip(limit)
