"""What every system must pass, whatever it is: a new row in SYSTEMS is tested here without a line more."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch

from mintage.data import Batch, DataSpec, Given
from mintage.game import Game, Stages, generator, play
from mintage.lab.streams import Stream
from mintage.runs.building import build_game
from mintage.runs.start import resolve
from mintage.systems import SYSTEMS, SettingError, find
from mintage.systems.options import check, options

SPECS = {
    "grey 28x28": DataSpec("image", (1, 28, 28)),
    "colour 8x8": DataSpec("image", (3, 8, 8)),
    "opacity 12x20": DataSpec("image", (4, 12, 20), labels=("a", "b", "c")),
    "two channels 33x17": DataSpec("image", (2, 33, 17)),
    "points": DataSpec("points", (2,), centre=(0.0, 0.0), scale=(1.0, 1.0)),
    "labelled points": DataSpec("points", (3,), labels=("a", "b")),
}
SMALL: dict[str, dict[str, Any]] = {"gan": {"width": 16, "depth": 1}, "dcgan": {"size": "XS"}, "r3gan": {"size": "XS"},
                                    "wgan_gp": {"size": "XS", "critic_steps": 2},
                                    "wgan": {"size": "XS", "critic_steps": 2}, "lsgan": {"size": "XS"},
                                    "sngan": {"size": "XS"}, "dragan": {"size": "XS"}, "fgan": {"size": "XS"},
                                    "mmd_gan": {"size": "XS", "critic_steps": 2}, "gmmn": {"width": 16, "depth": 1},
                                    "unrolled_gan": {"size": "XS", "steps": 1}, "pacgan": {"size": "XS"},
                                    "improved_gan": {"size": "XS"}, "semi_supervised": {"width": 16},
                                    "cgan": {"size": "XS"}, "projection": {"size": "XS"}, "acgan": {"size": "XS"},
                                    "infogan": {"size": "XS", "categories": 3, "noise": 8},
                                    "bigan": {"size": "XS", "width": 32},
                                    "vae": {"size": "XS"}, "autoencoder": {"size": "XS"},
                                    "stylegan": {"size": "XS"}, "progan": {"size": "XS"},
                                    "pix2pix": {"size": "XS"}, "cyclegan": {"size": "XS"},
                                    "srgan": {"size": "XS", "crop": 8},
                                    "text_to_image": {"size": "XS"}}

# A loss that sees only differences of logits leaves the critic's constant free, so that it gets no gradient; so does
# a hinge while all logits are inside the margin.
CONSTANT = ("D.last.bias", "D.net.last.bias")
FREE: dict[str, tuple[str, ...]] = {"wgan_gp": CONSTANT, "wgan": CONSTANT, "mmd_gan": CONSTANT, "sngan": CONSTANT,
                                   "r3gan": CONSTANT,
                                   "projection": ("D.critic.last.bias", "D.critic.net.last.bias")}

LABELLED = {"semi_supervised", "cgan", "projection", "acgan"}

IMAGES = ("dcgan", "stylegan", "progan", "pix2pix", "cyclegan", "srgan", "text_to_image")


class Noise:
    """Batches of noise, as a function of the position."""

    def __init__(self, spec: DataSpec, size: int = 4) -> None:
        self.spec, self.size = spec, size

    def __call__(self, position: int) -> Batch:
        random = generator("noise", position)
        y = torch.randint(len(self.spec.labels), (self.size,), generator=random) if self.spec.labels else None
        return Batch(torch.rand(self.size, *self.spec.shape, generator=random) * 2 - 1, y,
                     given(self.spec, self.size, position))


def given(spec: DataSpec, n: int, key: int = 0) -> torch.Tensor | None:
    """Noise in the place of what n examples are made from, where they are."""
    if spec.given is None:
        return None
    return torch.rand(n, *spec.given.shape, generator=generator("given", key)) * 2 - 1


def with_given(system: str, spec: DataSpec) -> DataSpec:
    """The spec with what this system makes examples from: images of another number of channels, or sentences."""
    need = getattr(import_module(f"mintage.systems.{system}"), "GIVEN", None)
    if need is None:
        return spec
    if need == "text" or spec.kind != "image":
        return replace(spec, given=Given("text", (6,), encoder="noise"))
    channels, height, width = spec.shape
    shape = (channels, -(-height // 4), -(-width // 4)) if need == "reduced" else (channels % 4 + 1, height, width)
    return replace(spec, given=Given("image", shape, paired=need != "unpaired"))


def fits(system: str, spec: DataSpec) -> bool:
    """DCGAN refuses points, as a test below checks; what learns from labels refuses examples without."""
    return (spec.kind == "image" or system not in IMAGES) and (bool(spec.labels) or system not in LABELLED)


def home(system: str) -> DataSpec:
    """The first of the specs that a system can be built for."""
    return with_given(system, next(spec for spec in SPECS.values() if fits(system, spec)))


def built(system: str, spec: DataSpec, seed: int = 0, precision: str = "fp32") -> Game | Stages:
    spec = with_given(system, spec)
    chosen, _ = resolve(system, check(system, SMALL.get(system, {})), spec, 1000, torch.device("cpu"))
    return build_game(system, chosen, spec, seed=seed, device="cpu", precision=precision)


CASES = [(system, name) for system in SYSTEMS for name, spec in SPECS.items() if fits(system, spec)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_builds_by_default(system: str) -> None:
    spec = home(system)
    chosen, _ = resolve(system, check(system, {}), spec, 1000, torch.device("cpu"))
    game = build_game(system, chosen, spec, seed=0, device="cpu", precision="fp32")
    x = game.generate(*game.sampler.latents(3, generator(0)), given(spec, 3))
    assert x.shape == (3, *spec.shape) and bool(x.isfinite().all())


@pytest.mark.parametrize(("system", "name"), CASES)
def test_finite_rounds_that_move_every_parameter(system: str, name: str) -> None:
    spec = with_given(system, SPECS[name])
    game = built(system, spec)
    playing = game.current if isinstance(game, Stages) else game
    before = {key: p.detach().clone() for key, p in playing.nets.named_parameters()}
    for round in play(game, Noise(spec), budget=8 * 4, seed=1):
        assert not round.skipped
        assert all(bool(value.isfinite()) for value in round.stats.values())
    still = [key for key, p in playing.nets.named_parameters()
             if torch.equal(p, before[key]) and key not in FREE.get(system, ())]
    assert not still


@pytest.mark.parametrize(("system", "name"), CASES)
def test_samples_of_the_right_shape(system: str, name: str) -> None:
    spec = with_given(system, SPECS[name])
    game = built(system, spec)
    z, y = game.sampler.latents(5, generator(0))
    c = given(spec, 5)
    x = game.generate(z, y, c)
    assert x.shape == (5, *spec.shape) and x.dtype == torch.float32
    assert torch.equal(x, game.generate(z, y, c))


@pytest.mark.parametrize("system", SYSTEMS)
def test_resumes_bit_for_bit(system: str) -> None:
    spec = with_given(system, SPECS["opacity 12x20"])
    whole = built(system, spec)
    for _ in play(whole, Noise(spec), budget=7 * 4, seed=3):
        pass
    for stop in (1, 4):
        first = built(system, spec)
        for round in play(first, Noise(spec), budget=7 * 4, seed=3):
            if round.index + 1 == stop:
                break
        second = built(system, spec, seed=99)
        second.load({name: t.clone() for name, t in first.tensors().items()}, first.scalars())
        for _ in play(second, Noise(spec), budget=7 * 4, seed=3):
            pass
        assert second.scalars() == whole.scalars()
        for name, tensor in whole.tensors().items():
            assert torch.equal(tensor, second.tensors()[name]), name


@pytest.mark.parametrize("system", SYSTEMS)
def test_plays_in_bf16(system: str) -> None:
    spec = home(system)
    game = built(system, spec, precision="bf16")
    for round in play(game, Noise(spec), budget=3 * 4):
        assert not round.skipped
    assert all(p.dtype == torch.float32 for p in game.tensors().values() if p.is_floating_point())


@pytest.mark.parametrize("system", [s for s in SYSTEMS if not fits(s, SPECS["points"])])
def test_points_are_refused_by_image_systems(system: str) -> None:
    with pytest.raises(SettingError, match="gan"):
        built(system, SPECS["points"])


@pytest.mark.parametrize("system", SYSTEMS)
def test_documented(system: str) -> None:
    text = inspect.getdoc(find(system)) or ""
    for section in ("References", "Differences from the paper", "Expect", "Run", "Args"):
        assert section in text, f"{system}'s docstring has no section {section!r}"
    assert re.search(r"https://", text) and re.search(r"(19|20)\d\d", text)
    for option in options(system).values():
        assert option.help, f"--{option.name} of {system} has no help"


@pytest.mark.parametrize("system", SYSTEMS)
def test_options_are_checked(system: str) -> None:
    with pytest.raises(SettingError, match="has no option 'no_such'"):
        check(system, {"no_such": 1})
    name, option = next((n, o) for n, o in options(system).items() if o.type in (int, float))
    with pytest.raises(SettingError, match=name):
        check(system, {name: -1})
    with pytest.raises(SettingError, match=name):
        check(system, {name: "many"})
    with pytest.raises(SettingError, match="Did you mean"):
        check(system, {name + "s": option.default})


def test_unknown_system_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'dcgan'"):
        find("dc-gan")


def test_the_critic_is_watched() -> None:
    """D/wins in every adversarial system; D/sign, what ADA reads, only where the critic's zero means something."""
    spec = DataSpec("points", (2,))
    stream = Stream(lambda n, g: torch.randn(n, 2, generator=g), 16, 0)
    for system, given, names in (("gan", {"width": 16}, {"D/wins", "D/sign"}),
                                   ("r3gan", {"conditional": False, "gamma": 0.1, "lr": 1e-3}, {"D/wins"})):
        stats = next(iter(play(find(system)(spec, **given), stream, 16))).stats
        assert {name for name in stats if name in ("D/wins", "D/sign")} == names
        assert 0 <= float(stats["D/wins"]) <= 1
