"""Systems that make images from images: their losses by hand, what they refuse, and that they learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from mintage.data import Batch, DataSpec, Given
from mintage.data.reductions import reduced
from mintage.game import Game, generator, play
from mintage.game.round import Round
from mintage.runs.building import build_game
from mintage.systems import SettingError
from mintage.systems.options import check

PAIRED = DataSpec("image", (1, 16, 16), given=Given("image", (3, 16, 16)))
SIDES = DataSpec("image", (3, 16, 16), given=Given("image", (3, 16, 16), paired=False))
QUARTER = DataSpec("image", (3, 32, 32), given=Given("image", (3, 8, 8)))


class Pairs:
    """x is the mean over channels of c, turned to its negative; reduced: c is x at a quarter of its sides."""

    size = 4

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    def __call__(self, position: int) -> Batch:
        shape = self.spec.shape if self.spec is QUARTER else self.spec.given.shape
        rough = torch.rand(self.size, shape[0], 4, 4, generator=generator("pairs", position)) * 2 - 1
        smooth = torch.nn.functional.interpolate(rough, size=shape[1:], mode="bilinear")
        if self.spec is QUARTER:
            return Batch(smooth, None, reduced(smooth))
        x = -smooth.mean(1, keepdim=True).expand(-1, self.spec.shape[0], -1, -1).contiguous()
        return Batch(x, None, smooth)


def built(system: str, spec: DataSpec, **options: Any) -> Any:
    return build_game(system, check(system, {"size": "XS", **options}), spec, seed=0, device="cpu", precision="fp32")


def terms(game: Game, spec: DataSpec, *numbers: int) -> list[dict[str, Tensor]]:
    """The terms of these moves in one round in which nobody steps."""
    round = Round(0, game.clock(100), Pairs(spec), 0, game.device)
    found = []
    for number in numbers:
        game.begin(round, number, 0)
        found.append(game.moves[number].objective(game.nets, round))
    return found


def test_pix2pix_lowers_the_papers_losses() -> None:
    game, batch = built("pix2pix", PAIRED, dropout=0.0), Pairs(PAIRED)(0)
    critic, maker = terms(game, PAIRED, 0, 1)
    made = game.nets.G(batch.c)
    a, b = game.nets.D(torch.cat([batch.c, batch.x], 1)), game.nets.D(torch.cat([batch.c, made], 1))
    assert torch.allclose(critic["loss"], softplus(-a).mean() + softplus(b).mean())
    assert torch.allclose(maker["adversarial"], softplus(-b).mean())
    assert torch.allclose(maker["l1"], (made - batch.x).abs().mean())
    assert game.moves[0].weights == {"loss": 0.5} and game.moves[1].weights == {"adversarial": 1.0, "l1": 100.0}


def test_pix2pix_without_its_critic_is_a_unet() -> None:
    game = built("pix2pix", PAIRED, adversarial=0.0)
    assert list(game.players) == ["G"] and "l1" in terms(game, PAIRED, 0)[0]


def test_pix2pix_learns_a_pairing() -> None:
    game = built("pix2pix", PAIRED, lr=2e-3, dropout=0.0)
    batch = Pairs(PAIRED)(10**6)
    before = float((game.generate(torch.zeros(4, 1), None, batch.c) - batch.x).abs().mean())
    for round in play(game, Pairs(PAIRED), 240):
        assert not round.skipped
    after = float((game.generate(torch.zeros(4, 1), None, batch.c) - batch.x).abs().mean())
    assert after < before / 3


def test_noise_makes_translations_differ_unless_it_is_turned_off() -> None:
    c = Pairs(DataSpec("image", (1, 32, 32), given=Given("image", (3, 32, 32))))(0).c
    spec = DataSpec("image", (1, 32, 32), given=Given("image", (3, 32, 32)))
    noisy, quiet = built("pix2pix", spec).mean_nets.G, built("pix2pix", spec, noisy=False).mean_nets.G
    assert not torch.equal(noisy(c), noisy(c)) and torch.equal(quiet(c), quiet(c))


def test_cyclegan_lowers_the_papers_losses() -> None:
    game, batch = built("cyclegan", SIDES), Pairs(SIDES)(0)
    makers, critics = terms(game, SIDES, 0, 1)
    nets, (b, _, a) = game.nets, batch
    fake_b, fake_a = nets.AB(a), nets.BA(b)
    move, weights = game.moves[0], game.moves[0].weights
    found = move.loss(makers, game.clock(100))
    by_hand = ((nets.DA(fake_a) - 1).square().mean() + (nets.DB(fake_b) - 1).square().mean()
               + 10 * ((nets.BA(fake_b) - a).abs().mean() + (nets.AB(fake_a) - b).abs().mean())
               + 5 * ((nets.AB(b) - b).abs().mean() + (nets.BA(a) - a).abs().mean()))
    assert torch.allclose(found, by_hand, rtol=1e-5) and set(weights) == {"adversarial", "cycle", "identity"}
    on_b = 0.5 * ((nets.DB(b) - 1).square().mean() + nets.DB(fake_b).square().mean())
    assert torch.allclose(critics["B"], on_b, rtol=1e-5), "an empty pool gives back what it is shown"


def test_cyclegan_has_no_identity_between_other_channels() -> None:
    spec = replace(SIDES, given=Given("image", (1, 16, 16), paired=False))
    assert set(terms(built("cyclegan", spec), spec, 0)[0]) == {"adversarial", "cycle"}


def test_cyclegan_remembers_fakes_and_goes_on_with_them() -> None:
    def played(stop: int, game: Game) -> Game:
        for round in play(game, Pairs(SIDES), 28):
            if round.index + 1 == stop:
                break
        return game

    whole = played(99, built("cyclegan", SIDES, pool=6))
    first = played(4, built("cyclegan", SIDES, pool=6))
    assert len(first.memory["A"].held) == 6, "the pool is full, and fakes are exchanged"
    second = build_game("cyclegan", check("cyclegan", {"size": "XS", "pool": 6}), SIDES, seed=9, device="cpu",
                        precision="fp32")
    second.load({name: tensor.clone() for name, tensor in first.tensors().items()}, first.scalars())
    played(99, second)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, second.tensors()[name]), name


def test_srgan_is_two_stages_of_one_generator() -> None:
    game = built("srgan", QUARTER, crop=16, pretrain=0.25)
    first, second = (stage.game for stage in game.stages)
    assert first.nets.G is second.nets.G and game.budgets(80) == [20, 60]
    (square,) = terms(first, QUARTER, 0)
    assert set(square) == {"pixels"}
    critic, maker = terms(second, QUARTER, 0, 1)
    assert set(critic) == {"loss"} and set(maker) == {"pixels", "adversarial", "content"}
    for round in play(game, Pairs(QUARTER), 80):
        assert not round.skipped
    assert first.examples == 20 and second.examples == 60


def test_srgan_of_one_stage_and_without_features() -> None:
    assert len(built("srgan", QUARTER, pretrain=1.0).stages) == 1
    (alone,) = built("srgan", QUARTER, pretrain=0.0, content="pixels").stages
    assert set(terms(alone.game, QUARTER, 1)[0]) == {"pixels", "adversarial"}


def test_srgan_comes_nearer_than_bicubic() -> None:
    game = built("srgan", QUARTER, crop=32, pretrain=1.0, pretrain_lr=2e-3)
    batch = Pairs(QUARTER)(10**6)
    G = game.current.mean_nets.G

    def error() -> float:
        return float((G(batch.c) - batch.x).square().mean())

    before = error()
    for _ in play(game, Pairs(QUARTER), 200):
        pass
    assert error() < before / 2


@pytest.mark.parametrize(("system", "spec", "remedy"), [
    ("pix2pix", DataSpec("image", (3, 16, 16)), "--given FOLDER"),
    ("cyclegan", DataSpec("image", (3, 16, 16)), "--given FOLDER"),
    ("srgan", DataSpec("image", (3, 16, 16)), "mintage train"),
    ("pix2pix", SIDES, "--system cyclegan"),
    ("cyclegan", PAIRED, "--system pix2pix"),
    ("pix2pix", replace(PAIRED, given=Given("image", (3, 16, 20))), "--resolution"),
    ("pix2pix", DataSpec("image", (3, 6, 6), given=Given("image", (3, 6, 6))), "8 pixels or more"),
    ("pix2pix", DataSpec("points", (2,)), "made for images"),
])
def test_what_cannot_be_is_refused_with_the_remedy(system: str, spec: DataSpec, remedy: str) -> None:
    with pytest.raises(SettingError, match=remedy):
        built(system, spec)


def test_a_file_of_features_that_is_none_is_refused_before_the_training() -> None:
    from mintage.runs.start import resolve

    with pytest.raises(ValueError, match="SqueezeNet"):
        resolve("srgan", check("srgan", {"content": "nowhere.safetensors"}), QUARTER, 100, torch.device("cpu"))
