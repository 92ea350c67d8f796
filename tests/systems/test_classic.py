"""What each classic system is about: its constraint, its penalty, its look ahead, its packs, its tricks, its labels."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from mintage.data import Batch, DataSpec
from mintage.game import Clock, Game, Round, generator, play
from mintage.lab.streams import Stream
from mintage.latent import normal
from mintage.networks import MinibatchDiscrimination, ReferenceNorm
from mintage.objectives import gaussian_kernel, mmd2
from mintage.objectives import minimax as MINIMAX
from mintage.runs.building import build_game
from mintage.systems import SettingError
from mintage.systems.gmmn import matching, root
from mintage.systems.labelled import Few
from mintage.systems.moves import generator as side_of_g
from mintage.systems.options import check, options
from mintage.systems.semi_supervised import classify

POINTS, GREY = DataSpec("points", (2,)), DataSpec("image", (1, 8, 8))
LABELLED = DataSpec("points", (2,), labels=("left", "right", "above"))
CENTRES = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])


def made(system: str, spec: DataSpec = POINTS, **given: Any) -> Game:
    game = build_game(system, check(system, given), spec, seed=0, device="cpu", precision="fp32")
    assert isinstance(game, Game)
    return game


def noise(spec: DataSpec, size: int = 8) -> Stream:
    return Stream(lambda n, g: torch.rand((n, *spec.shape), generator=g) * 2 - 1, size, 0)


def rounds(game: Game, spec: DataSpec, count: int, size: int = 8) -> list[Round]:
    return list(play(game, noise(spec, size), count * size))


class Clusters:
    """Three clusters in the plane with labels, as a function of the position."""

    size = 30

    def __call__(self, position: int) -> Batch:
        random = generator("clusters", position)
        y = torch.randint(3, (self.size,), generator=random)
        return Batch(CENTRES[y] + 0.3 * torch.randn((self.size, 2), generator=random), y)


def clipped(game: Game) -> float:
    return max(float(p.detach().abs().max()) for p in game.net("D").parameters())


def test_wgan_keeps_its_critic_within_the_limit() -> None:
    game = made("wgan", GREY, size="XS", limit=0.02, critic_steps=1)
    rounds(game, GREY, 2)
    assert clipped(game) <= 0.02 + 1e-9
    assert max(float(p.detach().abs().max()) for p in game.net("G").parameters()) > 0.02


@pytest.mark.parametrize("networks", ["dcgan", "resnet"])
def test_sngan_holds_every_layer_of_the_critic_at_norm_one(networks: str) -> None:
    game = made("sngan", GREY, size="XS", networks=networks, critic_steps=1)
    rounds(game, GREY, 3)
    weights = [m.weight.detach().flatten(1) for m in game.net("D").modules()
               if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(weights) >= 2
    assert all(0.9 < float(torch.linalg.matrix_norm(w, 2)) < 1.15 for w in weights)


def test_sngans_settings_follow_its_networks() -> None:
    assert made("sngan", GREY, size="XS").moves[0].repeat == 1
    deep = made("sngan", GREY, size="XS", networks="resnet")
    assert deep.moves[0].repeat == 5
    assert deep.players["D"].optimizer.rates["beta1"] == 0.0
    assert made("sngan", POINTS, networks="resnet").moves[0].repeat == 1  # points have one pair only


@pytest.mark.parametrize(("coding", "loss", "mine"), [("binary", 0.5, 0.5), ("pearson", 1.0, 0.0)])
def test_lsgans_losses_of_a_critic_that_says_zero(coding: str, loss: float, mine: float) -> None:
    game = made("lsgan", coding=coding)
    torch.nn.init.zeros_(game.net("D").net.last.weight)
    torch.nn.init.zeros_(game.net("D").net.last.bias)
    game.players["D"].optimizer.rates["lr"] = 0.0
    stats = rounds(game, POINTS, 1)[0].stats
    assert float(stats["D/loss"]) == pytest.approx(loss) and float(stats["G/loss"]) == pytest.approx(mine)


@pytest.mark.parametrize("divergence", options("fgan")["divergence"].choices)
@pytest.mark.parametrize("loss", ["heuristic", "bound"])
def test_fgan_plays_every_divergence(divergence: str, loss: str) -> None:
    played = rounds(made("fgan", divergence=divergence, loss=loss), POINTS, 3)
    assert not any(round.skipped for round in played)
    assert all(bool(value.isfinite()) for round in played for value in round.stats.values())


def test_dragan_looks_around_the_real_examples() -> None:
    stats = rounds(made("dragan", GREY, size="XS"), GREY, 1)[0].stats
    assert float(stats["D/dragan"]) > 0.5  # new critics are flat: (0 - 1)^2


def test_mmd_gans_critic_widens_the_discrepancy_that_g_narrows() -> None:
    game = made("mmd_gan", features=3, penalty=0, critic_steps=1, kernel="gaussian", limit=0.5)
    x = noise(POINTS, 64)(0).x
    with torch.no_grad():
        a = game.net("D")(x)
    stats = rounds(game, POINTS, 1, 64)[0].stats
    assert a.shape == (64, 3) and "D/gradient-penalty" not in stats
    assert clipped(game) <= 0.5
    assert float(stats["D/loss"]) < 0 < float(stats["G/loss"])


def test_mmd_gans_penalty_is_of_the_witness() -> None:
    """Where the critic scales every feature down, the witness is flat: (0 - 1)^2, whatever the slope of a logit."""
    game = made("mmd_gan", critic_steps=1)
    with torch.no_grad():
        game.net("D").net.last.weight.mul_(1e-3)
    stats = rounds(game, POINTS, 1)[0].stats
    assert float(stats["D/gradient-penalty"]) == pytest.approx(1, abs=0.05)


def gmmn_loss(x: Tensor, fake: Tensor) -> Tensor:
    nets = SimpleNamespace(G=lambda z, y: fake)
    round = Round(0, Clock(0, 1), Stream(lambda n, g: x, len(x), 0), 0, torch.device("cpu"))
    return matching(lambda n, g: torch.zeros(n, 1))(nets, round)["loss"]


def test_gmmns_loss_is_the_discrepancy_in_units_of_the_data() -> None:
    random = generator("gmmn")
    x, fake = torch.randn((50, 3), generator=random), torch.randn((50, 3), generator=random) + 1
    assert torch.allclose(gmmn_loss(x, fake), gmmn_loss(7 * x, 7 * fake), atol=1e-5)
    apart = torch.cdist(x, x).square().mean()
    kernel = gaussian_kernel([float(width * apart / 105) ** 0.5 for width in (2, 5, 10, 20, 40, 80)])
    assert torch.allclose(gmmn_loss(x, fake), mmd2(x, fake, kernel, unbiased=False).sqrt(), atol=1e-5)
    assert float(gmmn_loss(x, x.clone())) < 0.01


def test_the_root_has_no_slope_at_zero() -> None:
    t = torch.tensor([0.0, 4.0], requires_grad=True)
    root(t).sum().backward()
    assert torch.equal(root(t).detach(), torch.tensor([0.0, 2.0]))
    assert t.grad is not None and torch.equal(t.grad, torch.tensor([0.0, 0.25]))


def gradient_of_g(game: Game) -> Tensor:
    rounds(game, POINTS, 1)
    return torch.cat([p.grad.flatten() for p in game.net("G").parameters() if p.grad is not None])


def test_unrolled_gan_without_steps_is_the_minimax_game() -> None:
    """E s(-D(x)), which the whole value has beside, does not depend on G as long as D does not answer."""
    value, minimax = made("unrolled_gan", steps=0), made("unrolled_gan", steps=0)
    minimax.moves[1] = replace(minimax.moves[1], objective=side_of_g(MINIMAX, normal(256)))
    assert torch.allclose(gradient_of_g(value), gradient_of_g(minimax), atol=1e-7)


def test_unrolled_gan_looks_ahead() -> None:
    at_rest = gradient_of_g(made("unrolled_gan", steps=2, inner_lr=1e-9))
    assert torch.allclose(at_rest, gradient_of_g(made("unrolled_gan", steps=2, inner_lr=1e-8)), atol=1e-4)
    assert not torch.allclose(at_rest, gradient_of_g(made("unrolled_gan", steps=2, inner_lr=1e-3)), rtol=0.01)


def test_pacgans_critic_sees_packs() -> None:
    game = made("pacgan", GREY, size="XS", pack=4)
    with torch.no_grad():
        assert game.net("D")(torch.zeros(8, 1, 8, 8)).shape == (2,)
    with pytest.raises(ValueError, match="multiple of 4"):
        rounds(game, GREY, 1, size=6)
    assert made("pacgan", pack=3).net("D")(torch.zeros(6, 2)).shape == (2,)


OFF: dict[str, Any] = {"minibatch_discrimination": False, "history": 0, "real_label": 1.0, "norm": "batch"}


@pytest.mark.parametrize(("on", "layers", "terms"), [
    ({}, set(), {"D/loss", "G/loss"}),
    ({"norm": "virtual"}, {"ReferenceNorm"}, {"D/loss", "G/loss"}),
    ({"minibatch_discrimination": True}, {"MinibatchDiscrimination"}, {"D/loss", "G/loss"}),
    ({"real_label": 0.9}, set(), {"D/loss", "D/smoothing", "G/loss"}),
    ({"history": 0.1}, set(), {"D/loss", "D/history", "G/loss", "G/history"}),
    ({"feature_matching": True}, set(), {"D/loss", "G/loss"}),
])
def test_improved_gans_tricks_are_switched_one_by_one(on: dict[str, Any], layers: set[str], terms: set[str]) -> None:
    game = made("improved_gan", GREY, **{"size": "XS", **OFF, **on})
    found = {type(m).__name__ for m in game.nets.modules() if isinstance(m, ReferenceNorm | MinibatchDiscrimination)}
    stats = rounds(game, GREY, 2)[1].stats
    assert found == layers
    assert {name for name in stats if name[2:] in ("loss", "smoothing", "history")} == terms


def test_few_takes_so_many_of_each_class_and_the_same_ones_again() -> None:
    few, round = Few(4, 3), Round(5, Clock(150, 300), Clusters(), 0, torch.device("cpu"))
    x, y = few(round)
    assert len(x) == len(y) == 30
    assert len({tuple(point) for point in x.tolist()}) == 12 and y.bincount().min() >= 8
    again, _ = Few(4, 3)(Round(6, Clock(180, 300), Clusters(), 1, torch.device("cpu")))
    assert {tuple(point) for point in x.tolist()} == {tuple(point) for point in again.tolist()}


def test_all_labels_are_those_of_the_batch() -> None:
    round = Round(0, Clock(0, 300), Clusters(), 0, torch.device("cpu"))
    x, y = Few(0, 3)(round)
    assert torch.equal(x, round.batch.x) and torch.equal(y, round.batch.y)


def test_semi_supervised_learns_classes_from_two_labels_of_each() -> None:
    game = made("semi_supervised", LABELLED, labels_per_class=2)
    for _ in play(game, Clusters(), 40 * 30):
        pass
    x, y, _ = Clusters()(10**6)
    assert int((classify(game, x) != y).sum()) <= 1
    assert game.net("D").training


def test_semi_supervised_asks_for_labels() -> None:
    with pytest.raises(SettingError, match="labels of two or more classes"):
        made("semi_supervised", POINTS)
