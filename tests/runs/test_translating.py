"""Translating: tiles have no seams, images of any size and kind are made or told in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mintage.cli import run as mintage
from mintage.data import DataSpec, Given
from mintage.runs import translating
from mintage.runs.building import build_game
from mintage.runs.errors import RunError
from mintage.runs.product import Generator
from mintage.runs.translating import Translator, cuts, resized, translate
from mintage.systems.options import check

SPECS = {"srgan": DataSpec("image", (3, 32, 32), given=Given("image", (3, 8, 8))),
         "pix2pix": DataSpec("image", (1, 16, 16), given=Given("image", (3, 16, 16))),
         "cyclegan": DataSpec("image", (3, 16, 16), given=Given("image", (1, 16, 16), paired=False)),
         "dcgan": DataSpec("image", (3, 16, 16))}


def trained(system: str, **options: Any) -> Generator:
    game = build_game(system, check(system, {"size": "XS", **options}), SPECS[system], seed=0, device="cpu",
                      precision="fp32")
    with torch.no_grad():
        for parameter in game.current.mean_nets.__dict__.values():
            for weight in parameter.parameters():
                weight.add_(0.01)  # so that borders and biases matter
    return Generator(game, SPECS[system], {"system": system})


def noise(channels: int, height: int, width: int) -> Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_tiles_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translating, "TILE", 24)
    translator, c = Translator(trained("srgan")), noise(3, 61, 50)
    whole = translator.made(c[None])[0]
    parts = list(translating.tiles(61, 50, 24))
    assert len(parts) == 9
    for rows, columns in parts:
        tile = translator.tile(c, rows, columns)
        there = whole[:, 4 * rows.start:4 * rows.stop, 4 * columns.start:4 * columns.stop]
        assert tile.shape == there.shape and float((tile - there).abs().max()) < 1e-4
    assert translator(c).shape == (3, 244, 200) and translator(c).dtype == torch.uint8


def test_a_margin_that_is_too_narrow_has_seams() -> None:
    """The test above can fail: with a third of the reach, it does."""
    translator, c = Translator(trained("srgan")), noise(3, 40, 40)
    whole = translator.made(c[None])[0]
    translator.reach = translator.reach // 3
    tile = translator.tile(c, slice(20, 40), slice(0, 40))
    assert float((tile - whole[:, 80:160]).abs().max()) > 1e-4


@pytest.mark.parametrize(("length", "side"), [(1, 160), (160, 160), (161, 160), (1000, 160), (7, 3)])
def test_cuts_cover_every_place_once(length: int, side: int) -> None:
    pieces = cuts(length, side)
    assert [k for piece in pieces for k in range(piece.start, piece.stop)] == list(range(length))
    sizes = [piece.stop - piece.start for piece in pieces]
    assert max(sizes) <= side and max(sizes) - min(sizes) <= 1


def test_what_looks_at_the_whole_is_brought_to_the_scale_it_knows() -> None:
    quiet = trained("pix2pix", noisy=False)
    translator, own, c = Translator(quiet), Translator(quiet, scale="own"), noise(3, 16, 16)
    assert torch.equal(translator(c), own(c)), "an image of the trained size stays as it is"
    large = resized(c, (64, 48))
    assert translator(large).shape == (1, 64, 48) == own(large).shape and not torch.equal(translator(large), own(large))
    assert translator.size == (16, 16)


def test_the_same_image_gives_the_same_translation() -> None:
    translator, c = Translator(trained("pix2pix")), noise(3, 16, 24)
    assert torch.equal(translator(c), translator(c))


def test_both_directions_of_cyclegan() -> None:
    there, back = Translator(trained("cyclegan")), Translator(trained("cyclegan"), back=True)
    assert (there.channels, back.channels) == (1, 3)
    assert there(noise(1, 20, 31)).shape == (3, 20, 31) and back(noise(3, 20, 31)).shape == (1, 20, 31)
    with pytest.raises(RunError, match="one direction; leave --back out"):
        Translator(trained("pix2pix"), back=True)
    with pytest.raises(RunError, match="mintage sample"):
        Translator(trained("dcgan"))


def test_a_folder_with_everything_in_it(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(source / "a.png")
    Image.fromarray(rng.integers(0, 256, (17, 16), dtype=np.uint8)).save(source / "deep" / "grey.png")
    Image.fromarray(rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)).save(source / "a.webp", lossless=True)
    Image.fromarray(rng.integers(0, 256, (2, 90, 3), dtype=np.uint8)).save(source / "flat.png")
    (source / "broken.jpg").write_bytes(b"no picture")
    (source / "notes.txt").write_text("not looked at")
    done = {one.source.name: one for one in translate(Translator(trained("pix2pix"), scale="own"), source, out)}
    assert set(done) == {"a.png", "a.webp", "grey.png", "flat.png", "broken.jpg"}
    assert "not an image" in done["broken.jpg"].trouble and "8 pixels or more" in done["flat.png"].trouble
    made = {}
    for path in out.rglob("*.png"):
        with Image.open(path) as image:
            made[path.relative_to(out).as_posix()] = (image.size, image.mode)
    assert made == {
        "a.png": ((30, 20), "L"), "a.webp.png": ((30, 20), "L"), "deep/grey.png": ((16, 17), "L")}
    assert not list(out.rglob(".tmp*"))


def test_places_that_cannot_be(tmp_path: Path) -> None:
    translator = Translator(trained("srgan"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no file or folder"):
        list(translate(translator, tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(RunError, match="holds no images"):
        list(translate(translator, tmp_path / "empty", tmp_path / "out"))
    with pytest.raises(RunError, match="more than the"):
        translator(torch.zeros(1).expand(3, 4000, 4000))


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mintage(["translate", str(tmp_path), str(tmp_path)]) == 2
    assert "neither a run nor a generator" in capsys.readouterr().err
