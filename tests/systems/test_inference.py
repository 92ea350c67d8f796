"""infogan and bigan: what their moves lower, and that codes and latents are found again."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from mintage.data import Batch, DataSpec
from mintage.game import Game, Round, generator, play
from mintage.systems import bigan as bigan_module
from mintage.systems import find
from mintage.systems import infogan as infogan_module

IMAGES = DataSpec("image", (1, 8, 8))
PLANE = DataSpec("points", (2,))


class Clouds:
    """Three clouds of points, without labels."""

    size = 64

    def __call__(self, position: int) -> Batch:
        random = generator("clouds", position)
        angle = torch.randint(3, (self.size,), generator=random) * (2 * math.pi / 3)
        centre = 1.2 * torch.stack([angle.cos(), angle.sin()], 1)
        return Batch(centre + 0.1 * torch.randn(self.size, 2, generator=random), None)


class Noise:
    """Images of noise."""

    size = 6

    def __call__(self, position: int) -> Batch:
        return Batch(torch.rand(6, 1, 8, 8, generator=generator("noise", position)) * 2 - 1, None)


def game(name: str, spec: DataSpec, **given: Any) -> Game:
    torch.manual_seed(0)
    return find(name)(spec, **given)


def opened(playing: Game, batches: Any) -> Round:
    """The first turn of the first round."""
    round = Round(0, playing.clock(60), batches, 0, torch.device("cpu"))
    round.begin(0, 0)
    return round


def test_infogan_puts_the_information_into_both_sides() -> None:
    playing = game("infogan", IMAGES, size="XS", categories=3, codes=2, noise=5, code_weight=0.25)
    prior: Any = playing.sampler.prior  # type: ignore[union-attr]
    z = opened(playing, Noise()).draw(prior)
    G, D = (getattr(playing.nets, name) for name in "GD")
    b, read = D.both(G(z, None))
    expected = {"category": cross_entropy(read[:, :3], prior.category(z)),
                "code": ((read[:, 3:] - prior.continuous(z)).square() + math.log(2 * math.pi)).sum(1).mean() / 2}
    for move, adversarial in zip(playing.moves, (softplus(-D(Noise()(0).x)).mean() + softplus(b).mean(),
                                                 softplus(-b).mean()), strict=True):
        terms = move.objective(playing.nets, opened(playing, Noise()))
        assert torch.allclose(terms["loss"], adversarial, atol=1e-4)
        assert all(torch.allclose(terms[name], value, atol=1e-4) for name, value in expected.items())
        assert move.weights == {"category": 1.0, "code": 0.25}
    assert infogan_module.encode(playing.nets, torch.zeros(7, 1, 8, 8)).shape == (7, 5)


@pytest.mark.parametrize("given", [{"categories": 0, "codes": 2}, {"categories": 4, "codes": 0}, {"noise": 0}])
def test_infogan_of_one_kind_of_code(given: dict[str, int]) -> None:
    playing = game("infogan", IMAGES, size="XS", **given)
    for round in play(playing, Noise(), budget=12):
        assert not round.skipped
    assert playing.generate(*playing.sampler.latents(3, generator(0))).shape == (3, 1, 8, 8)  # type: ignore[union-attr]


def test_infogan_without_codes_is_refused() -> None:
    with pytest.raises(ValueError, match="categories of 2 or more"):
        game("infogan", IMAGES, categories=0, codes=0)


def test_infogan_finds_the_clouds() -> None:
    playing = game("infogan", PLANE, categories=3, codes=1, noise=2, lr=1e-3)
    for _ in play(playing, Clouds(), budget=120 * 64, seed=0):
        pass
    prior: Any = playing.sampler.prior  # type: ignore[union-attr]
    z = prior(300, generator(5))
    read = infogan_module.encode(playing.mean_nets, playing.generate(z))
    assert float((read[:, :3].argmax(1) == prior.category(z)).float().mean()) > 0.9


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "relativistic-paired"])
def test_bigan_moves_encoder_and_generator_against_the_critic(loss: str) -> None:
    playing = game("bigan", IMAGES, size="XS", loss=loss, z_dim=6, width=16)
    assert playing.players["GE"].nets == ("G", "E")
    before = {key: p.detach().clone() for key, p in playing.nets.named_parameters()}
    for round in play(playing, Noise(), budget=12):
        assert not round.skipped
    moved = {key.split(".")[0] for key, p in playing.nets.named_parameters() if not torch.equal(p, before[key])}
    assert moved == {"G", "E", "D"}


def test_bigan_lowers_the_log_likelihoods_of_pairs() -> None:
    playing = game("bigan", PLANE, z_dim=3, width=16)
    x, z = Clouds()(0).x, opened(playing, Clouds()).draw(playing.sampler.prior)  # type: ignore[union-attr]
    G, E, D = (playing.net(name) for name in "GED")
    a, b = D(x, E(x)), D(G(z, None), z)
    critic, joint = (move.objective(playing.nets, opened(playing, Clouds()))["loss"] for move in playing.moves)
    assert torch.allclose(critic, softplus(-a).mean() + softplus(b).mean(), atol=1e-5)
    assert torch.allclose(joint, softplus(-b).mean() + softplus(a).mean(), atol=1e-5)


def test_a_stochastic_encoder_draws_in_play_and_not_when_asked() -> None:
    playing = game("bigan", PLANE, z_dim=3, width=16, stochastic=True)
    x = Clouds()(0).x
    first, second = (playing.moves[0].objective(playing.nets, r)["loss"]
                     for r in (opened(playing, Clouds()), opened(playing, Clouds())))
    assert torch.equal(first, second)  # a function of the round
    codes = bigan_module.encode(playing.nets, x)
    assert codes.shape == (64, 3) and torch.equal(codes, bigan_module.encode(playing.nets, x))
    assert torch.equal(codes, playing.net("E")(x)[:, :3])
    other = opened(playing, Clouds())
    other.seed = 1
    assert not torch.equal(first, playing.moves[0].objective(playing.nets, other)["loss"])


def test_bigan_inverts_its_generator() -> None:
    playing = game("bigan", PLANE, z_dim=2, width=32, lr=1e-3)
    x = Clouds()(10**6).x
    far = float((bigan_module.reconstruct(playing.nets, x) - x).norm(dim=1).mean())
    for _ in play(playing, Clouds(), budget=280 * 64, seed=0):
        pass
    near = float((bigan_module.reconstruct(playing.mean_nets, x) - x).norm(dim=1).mean())
    assert near < 0.5 * far and near < 0.5
    assert all(module.training for module in playing.net("E").modules())
