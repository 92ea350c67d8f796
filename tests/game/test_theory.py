"""The Dirac-GAN played by the real loop lands where the theory says (Mescheder et al. 2018, arXiv 1801.04406).

Data delta_0, model delta_theta, D(x) = psi x, R1 = gamma/2 psi^2; 500 steps of h = 0.1 from (1, 1), in float64. The
three gammas are three games side by side in one tensor. Radii are those of the recursions written out by hand.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from mintage.game import Game, Move, Player, alternating, extragradient, play, sgd, simultaneous

H, STEPS = 0.1, 500
GAMMAS = (0.0, 0.3, 1.0)

RULES = {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient}

LOSSES = {  # (D's loss of logits on real and fake, G's loss of logits on fake)
    "wgan": (lambda a, b: b - a, lambda b: -b),
    "ns": (lambda a, b: softplus(-a) + softplus(b), lambda b: softplus(-b)),
    "mm": (lambda a, b: softplus(-a) + softplus(b), lambda b: -softplus(b)),
    "ls": (lambda a, b: ((a - 1).square() + (b + 1).square()) / 2, lambda b: (b - 1).square() / 2),
}

RADII = {
    ("wgan", "simultaneous"): (17.016037872111912, 0.009152272457120577, 1.4061147049680318e-10),
    ("wgan", "alternating"): (1.410257827400517, 0.0007156482931709507, 5.1531927695820326e-12),
    ("wgan", "extragradient"): (0.11756556240003596, 7.20944119150651e-05, 4.351296568590662e-12),
    ("ns", "simultaneous"): (0.5211083313093176, 0.0011084220669608563, 6.369793857847441e-10),
    ("ns", "alternating"): (0.3901871913293962, 0.0006182035887368133, 8.782803609459854e-09),
    ("ns", "extragradient"): (0.2667452559149016, 0.0004383013049385004, 2.1064826131734377e-09),
    ("mm", "simultaneous"): (2.179303829007746, 0.0018228009525915018, 1.830044544576275e-09),
    ("mm", "alternating"): (1.3989410716063695, 0.0009397656266822572, 1.79229387808742e-08),
    ("mm", "extragradient"): (0.780864687905272, 0.0005941760550164982, 4.820903318113975e-09),
    ("ls", "simultaneous"): (0.4522289138257001, 0.003418729868557691, 7.993444108302453e-11),
    ("ls", "alternating"): (0.20249827195640696, 0.0003267714392634681, 3.280750777914253e-12),
    ("ls", "extragradient"): (0.035459836579883046, 3.7945159161726804e-05, 2.847818351630804e-12),
}


class Zeros:
    size = 1

    def __call__(self, position: int) -> torch.Tensor:
        return torch.zeros(1, dtype=torch.float64)


class Value(nn.Module):
    """Three numbers, all 1 at first: theta or psi of three games."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.ones(len(GAMMAS), dtype=torch.float64))

    def forward(self, x: torch.Tensor | float = 1.0) -> torch.Tensor:
        return self.value * x


def dirac(loss: str, rule: str) -> Game:
    critic, generator = LOSSES[loss]
    gammas = torch.tensor(GAMMAS, dtype=torch.float64)

    def d(nets, round):
        return {"loss": critic(nets.D(round.batch), nets.D(nets.G())).sum(),
                "penalty": (gammas / 2 * nets.D(1.0).square()).sum()}

    def g(nets, round):
        return {"loss": generator(nets.D(nets.G())).sum()}

    players = {"D": Player("D", sgd(H)), "G": Player("G", sgd(H))}
    return Game({"G": Value(), "D": Value()}, players, [Move("D", d), Move("G", g)], rule=RULES[rule])


def positions(game: Game) -> tuple[torch.Tensor, torch.Tensor]:
    return game.net("G").value.detach().clone(), game.net("D").value.detach().clone()


@pytest.mark.parametrize(("loss", "rule"), list(RADII))
def test_dirac_gan(loss, rule):
    game = dirac(loss, rule)
    track = [positions(game)]
    track += [positions(game) for _ in play(game, Zeros(), STEPS)]
    theta, psi = (torch.stack(values) for values in zip(*track, strict=True))
    assert torch.hypot(theta, psi)[-1].tolist() == pytest.approx(RADII[loss, rule], rel=1e-9)
    assert game.index == game.examples == STEPS and game.skipped == 0

    radius = torch.hypot(theta, psi)[:, 0]
    if (loss, rule) == ("wgan", "simultaneous"):  # a rotation that grows: nothing converges
        assert (radius[1:] / radius[:-1] / math.sqrt(1 + H * H) - 1).abs().max().item() < 1e-13
        assert radius[-1].item() == pytest.approx(math.sqrt(2) * (1 + H * H) ** (STEPS / 2), rel=1e-12)
    if (loss, rule) == ("wgan", "alternating"):  # an ellipse, exactly
        invariant = theta.square() + psi.square() - H * theta * psi
        invariant = invariant[:, 0]
        assert invariant.mean().item() == pytest.approx(1.9, abs=1e-12)
        assert (invariant.max() - invariant.min()).item() <= 1e-12
    if (loss, rule) == ("wgan", "extragradient"):
        assert radius[-1].item() == pytest.approx(math.sqrt(2) * abs(complex(1 - H * H, H)) ** STEPS, rel=1e-12)


def test_the_order_of_alternating_players_counts():
    first, second = dirac("ns", "alternating"), dirac("ns", "alternating")
    second.moves.reverse()
    for game in (first, second):
        list(play(game, Zeros(), 1))
    (theta, psi), (other_theta, other_psi) = positions(first), positions(second)
    sigma = 1 / (1 + math.exp(-1))
    assert psi[0].item() == pytest.approx(1 - H * sigma, rel=1e-14)
    assert other_theta[0].item() == pytest.approx(1 + H * (1 - sigma), rel=1e-14)
    assert theta[0] != other_theta[0] and psi[0] != other_psi[0]
