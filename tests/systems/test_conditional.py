"""cgan, projection, acgan: what they refuse, what their moves lower, and that they learn which class is which."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from mintage.data import Batch, DataSpec
from mintage.game import Game, Round, generator, play
from mintage.systems import find

NAMES = ("cgan", "projection", "acgan")
IMAGES = DataSpec("image", (1, 8, 8), labels=("a", "b", "c"))
TWO = DataSpec("points", (2,), labels=("left", "right"))


class Blobs:
    """Two clouds of points: class 0 around (-1, 0), class 1, three times as often, around (1, 0)."""

    size = 64

    def __call__(self, position: int) -> Batch:
        random = generator("blobs", position)
        y = (torch.rand(self.size, generator=random) < 0.75).long()
        centre = torch.stack([2.0 * y - 1, torch.zeros(self.size)], 1)
        return Batch(centre + 0.2 * torch.randn(self.size, 2, generator=random), y)


class Noise:
    """Images of noise with labels."""

    size = 6

    def __call__(self, position: int) -> Batch:
        random = generator("noise", position)
        return Batch(torch.rand(6, 1, 8, 8, generator=random) * 2 - 1, torch.arange(6) % 3)


def game(name: str, spec: DataSpec, **given: Any) -> Game:
    torch.manual_seed(0)
    return find(name)(spec, **given)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", [(), ("only",)])
def test_labels_are_required_and_the_remedy_is_named(name: str, labels: tuple[str, ...]) -> None:
    said = "no labels" if not labels else "one class, 'only'"
    for spec in (DataSpec("image", (1, 8, 8), labels=labels), DataSpec("points", (2,), labels=labels)):
        with pytest.raises(ValueError, match=said) as refused:
            game(name, spec)
        assert "folder" in str(refused.value) and "--labels FILE.csv" in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_samples_of_each_class_are_where_the_class_is(name: str) -> None:
    playing = game(name, TWO, z_dim=4, lr=1e-3)
    for _ in play(playing, Blobs(), budget=150 * 64, seed=0):
        pass
    z = playing.sampler.latents(200, generator(0))[0]  # type: ignore[union-attr]
    left, right = (playing.generate(z, torch.full((200,), k)) for k in (0, 1))
    assert float((left[:, 0] < 0).float().mean()) > 0.95 and float((right[:, 0] > 0).float().mean()) > 0.95
    assert playing.generate(z, torch.full((200, 2), 0.5)).isfinite().all()


def test_acgan_lowers_its_terms() -> None:
    playing, batches = game("acgan", IMAGES, size="XS", real_class=0.5, fake_class=2.0, asked_class=0.7), Noise()
    round = Round(0, playing.clock(60), batches, 0, torch.device("cpu"))
    round.begin(0, 0)
    terms = playing.moves[0].objective(playing.nets, round)
    x, y = batches(0)[:2]
    assert y is not None
    again = Round(0, playing.clock(60), batches, 0, torch.device("cpu"))
    again.begin(0, 0)
    fake = playing.net("G")(again.draw(playing.sampler.prior), y)  # type: ignore[union-attr]
    D: Any = playing.net("D")
    (a, real), (b, made) = D.both(x), D.both(fake)
    expected = {"loss": softplus(-a).mean() + softplus(b).mean(), "real class": cross_entropy(real, y),
                "fake class": cross_entropy(made, y)}
    assert set(terms) == set(expected)
    for key, value in expected.items():
        assert torch.allclose(terms[key], value, atol=1e-4), key
    whole = playing.moves[0].loss(terms, playing.clock(60))
    assert torch.allclose(whole, terms["loss"] + 0.5 * terms["real class"] + 2 * terms["fake class"])
    assert playing.moves[1].weights == {"class": 0.7}
    assert 0 <= float(round.stats["D/classes"]) <= 1


def test_projection_has_the_papers_parts() -> None:
    playing = game("projection", IMAGES, networks="resnet", size="XS")
    assert playing.moves[0].repeat == 5
    G, D = playing.net("G"), playing.net("D")
    assert type(G).__name__ == "ClassNormed" and type(D).__name__ == "ProjectionCritic"
    normed = [m for m in D.modules() if hasattr(m, "parametrizations")]
    plain = [m for m in D.modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)]
    assert plain and all(m in normed for m in plain)
    for round in play(playing, Noise(), budget=5 * 6 * 2):
        assert not round.skipped


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 48, 64), (4, 5, 7)])
def test_any_shape(name: str, shape: tuple[int, int, int]) -> None:
    playing = game(name, DataSpec("image", shape, labels=("a", "b")), size="XS")
    z, y = playing.sampler.latents(3, generator(0))  # type: ignore[union-attr]
    assert playing.generate(z, y).shape == (3, *shape)
    assert playing.net("D")(torch.zeros(2, *shape), torch.tensor([0, 1])).shape == (2,)
