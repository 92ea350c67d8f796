"""Images from captions: the three pairs of the critic, the captions in between, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import normalize, softplus

from mintage.data import Batch, DataSpec, Given
from mintage.game import Round, generator, play
from mintage.game.clock import Clock
from mintage.latent import normal
from mintage.networks import CaptionedDiscriminator, CaptionedGenerator
from mintage.objectives import non_saturating
from mintage.systems.text_to_image import describer, matching_critic, text_to_image, wrong

SPEC = DataSpec("image", (3, 8, 8), given=Given("text", (6,), encoder="noise"))


class Captioned:
    """Noise with captions, as a function of the position."""

    def __init__(self, size: int = 5) -> None:
        self.size = size

    def __call__(self, position: int) -> Batch:
        random = generator("captioned", position)
        return Batch(torch.rand(self.size, 3, 8, 8, generator=random) * 2 - 1, None,
                     normalize(torch.randn(self.size, 6, generator=random)))


def a_round(size: int = 5, index: int = 0) -> Round:
    return Round(index, Clock(0, 100), Captioned(size), 0, torch.device("cpu"))


@pytest.fixture
def nets() -> SimpleNamespace:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SimpleNamespace(G=CaptionedGenerator((3, 8, 8), 6, size="XS", z_dim=4, width=8).eval(),
                               D=CaptionedDiscriminator((3, 8, 8), 6, size="XS", width=8).eval())


@pytest.mark.parametrize("size", [2, 3, 7])
def test_no_image_keeps_its_own_caption_and_every_other_comes(size: int) -> None:
    met = set()
    for index in range(60):
        round = a_round(size, index)
        other, own = wrong(round), round.batch.c
        moved = torch.cdist(other, own).argmin(1)
        assert not (moved == torch.arange(size)).any() and sorted(moved.tolist()) == list(range(size))
        met.add(int(moved[0]))
    assert met == set(range(1, size))


def test_the_critic_lowers_three_terms_the_wrong_ones_by_half(nets: SimpleNamespace) -> None:
    found = matching_critic(non_saturating, normal(4))(nets, a_round())["loss"]
    again = a_round()
    x, c = again.batch.x, again.batch.c
    fake = nets.G(again.draw(normal(4)), c)
    expected = (softplus(-nets.D(x, c)).mean() + softplus(nets.D(x, wrong(again))).mean() / 2
                + softplus(nets.D(fake, c)).mean() / 2)
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_generator_also_meets_captions_in_between(nets: SimpleNamespace) -> None:
    found = describer(non_saturating, normal(4), True)(nets, a_round())
    again = a_round()
    c, prior = again.batch.c, normal(4)
    expected = softplus(-nets.D(nets.G(again.draw(prior), c), c)).mean()
    middle = (c + wrong(again)) / 2
    between = softplus(-nets.D(nets.G(again.draw(prior), middle), middle)).mean()
    assert torch.allclose(found["loss"], expected, atol=1e-6) and torch.allclose(found["between"], between, atol=1e-6)
    assert set(describer(non_saturating, normal(4), False)(nets, a_round())) == {"loss"}


def test_both_networks_read_the_caption(nets: SimpleNamespace) -> None:
    batch = Captioned()(0)
    z = torch.zeros(5, 4)
    assert not torch.allclose(nets.G(z, batch.c)[0], nets.G(z, batch.c)[1], atol=1e-4)
    one, other = nets.D(batch.x, batch.c), nets.D(batch.x, batch.c.roll(1, 0))
    assert not torch.allclose(one, other, atol=1e-6)
    assert torch.equal(one, nets.D.judge(nets.D.features(batch.x), batch.c))


@pytest.mark.parametrize(("norm", "interpolation"), [("batch", 0.0), ("spectral", 0.5)])
def test_options_play(norm: str, interpolation: float) -> None:
    game = text_to_image(SPEC, size="XS", norm=norm, interpolation=interpolation)
    stats = [round.stats for round in play(game, Captioned(), 15)][-1]
    assert ("G/between" in stats) == (interpolation > 0) and 0 <= float(stats["D/matches"]) <= 1
    assert any("parametrizations" in name for name, _ in game.nets.named_parameters()) == (norm == "spectral")


def test_it_learns_what_captions_mean() -> None:
    """Two captions, dark and bright pictures: soon the samples of one are brighter than the other."""
    c = torch.eye(6)[:2]

    class Shades(Captioned):
        def __call__(self, position: int) -> Batch:
            which = torch.randint(2, (self.size,), generator=generator("which", position))
            noise = 0.1 * torch.randn(self.size, 3, 8, 8, generator=generator("shades", position))
            return Batch((which * 1.2 - 0.6)[:, None, None, None] + noise, None, c[which])

    with torch.random.fork_rng():
        torch.manual_seed(0)
        game = text_to_image(SPEC, size="XS", z_dim=4, interpolation=0.0, lr=1e-3, ema=0.0)
    for _ in play(game, Shades(16), 16 * 150):
        pass
    z = torch.randn(20, 4, generator=generator(1))
    dark, bright = (game.generate(z, None, c[k].expand(20, -1)).mean() for k in (0, 1))
    assert bright - dark > 0.5


def test_data_without_captions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"--given FILE\.csv"):
        text_to_image(DataSpec("image", (3, 8, 8)))
    with pytest.raises(ValueError, match="points"):
        text_to_image(DataSpec("points", (2,)))
