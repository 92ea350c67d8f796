"""Exploring: what is written for which generator, the same for a seed, and what cannot be explored said in a line."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.cli import run as mintage
from mintage.data import DataSpec
from mintage.runs import moving, product
from mintage.runs.building import build_game
from mintage.runs.console import Console
from mintage.runs.errors import RunError
from mintage.runs.explored_examples import arithmetic_page, pictures_of
from mintage.runs.exploring import Wanted, explore
from mintage.runs.latents import Latents
from mintage.runs.start import Wish, begin

SMALL: dict[str, Any] = {"size": "XS"}


def exported(place: Path, system: str, spec: DataSpec, options: dict[str, Any]) -> Path:
    """A generator/ folder with first weights, without a run."""
    game = build_game(system, options, spec, seed=0, device="cpu", precision="fp32")
    settings = SimpleNamespace(version="0", system=system, spec=spec, options=options)
    run: Any = SimpleNamespace(settings=settings, generator=place, path=place.parent)
    product.export(run, game, {"examples": 0})
    return place


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A variational autoencoder of digits, a few rounds old."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    begin(Wish("digits", "vae", {**SMALL, "z_dim": 4}, batch=16, examples=16 * 30, device="cpu", precision="fp32",
               threads=1, judged=0, saves=1, judgements=1, compile="off", out=str(out)), Console(quiet=True))
    return out


@pytest.fixture(scope="module")
def explored(run: Path) -> Path:
    assert mintage(["explore", str(run), "--arithmetic", "3 - 5 + 8", "--steps", "5"]) == 0
    return run / "explore"


def test_what_a_generator_with_an_encoder_and_labels_gets(explored: Path) -> None:
    names = {path.name for path in explored.iterdir()} - {p.name for p in explored.glob("*.mp4")}
    assert names == {"index.html", "arithmetic.png", "interpolation.png", "interpolation.gif", "grid.png",
                     "truncation.png", "directions.png", "directions.gif", "attributes.png"}
    page = (explored / "index.html").read_text()
    assert all(f"src='{name}'" in page for name in names - {"index.html"})
    with Image.open(explored / "interpolation.gif") as film:
        assert getattr(film, "n_frames", 1) == 60


def test_the_report_links_it(explored: Path) -> None:
    assert "explore/index.html" in (explored.parent / "report.html").read_text()


def test_a_seed_gives_the_same_bytes(explored: Path, run: Path) -> None:
    before = {path.name: path.read_bytes() for path in explored.iterdir()}
    explore(run, Wanted(arithmetic=("3 - 5 + 8",), steps=5))
    assert {path.name: path.read_bytes() for path in explored.iterdir()} == before
    explore(run, Wanted(seed=1, attributes=False))
    assert (explored / "grid.png").read_bytes() != before["grid.png"]
    assert not (explored / "arithmetic.png").exists()


def test_a_sample_is_found_again(run: Path, tmp_path: Path) -> None:
    """Inversion begins at the encoder, ends nearer, and writes latents that make the image."""
    space = Latents(product.load(run), run)
    x = space.make(space.draw(3, "to be found"))
    np.save(tmp_path / "images.npy", ((x[:, 0] + 1) * 127.5).round().numpy().astype(np.uint8))
    explore(run, Wanted(invert=(str(tmp_path / "images.npy"),), attributes=False, steps=60))
    z = torch.from_numpy(np.load(run / "explore" / "inversion.npy"))
    assert z.shape == (3, 4)
    began = space.encode(x)
    assert began is not None
    assert (space.make(z) - x).square().mean() < 0.5 * (space.make(began) - x).square().mean()


def test_one_picture_is_brought_to_the_generators_shape(run: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 30, 3), 200, np.uint8)).save(tmp_path / "one.png")
    space = Latents(product.load(run), run)
    x = pictures_of(space, str(tmp_path / "one.png"))
    assert x.shape == (1, 1, 8, 8) and x.mean().item() == pytest.approx(200 / 127.5 - 1, abs=0.01)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(RunError, match="broken.png"):
        pictures_of(space, str(tmp_path / "broken.png"))


def test_class_names_and_files_that_are_not_there(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for asked, words in (("3 - five", "no class and no file 'five'; classes are 0, 1"), ("3 - - 5", "not a sum")):
        assert mintage(["explore", str(run), "--arithmetic", asked]) == 2
        assert words in capsys.readouterr().err
    assert mintage(["explore", str(run), "--invert", "nothing.png"]) == 2
    assert mintage(["explore", str(run), "--directions", "0"]) == 2


def test_classes_that_the_generator_knows_are_added_as_weights(tmp_path: Path) -> None:
    spec = DataSpec("image", (1, 8, 8), ("a", "b", "c"))
    place = exported(tmp_path / "generator", "r3gan", spec, {**SMALL, "conditional": True, "gamma": 1.0})
    space = Latents(product.load(place), place)
    page = arithmetic_page(space, "a - b + c", 1, 5, 0)
    assert page.name == "arithmetic" and "classes" in page.text
    explore(place, Wanted())
    assert (place / "explore" / "classes.png").exists() and not (place / "explore" / "attributes.png").exists()


def test_styles_are_mixed_where_there_are_styles(tmp_path: Path) -> None:
    place = exported(tmp_path / "generator", "stylegan", DataSpec("image", (3, 8, 8)), {**SMALL, "gamma": 1.0})
    said = explore(place, Wanted(directions=3))
    assert (place / "explore" / "styles.png").exists()
    assert any("principal component of the styles" in line for line in said)


@pytest.mark.parametrize("system", ["dcgan", "autoencoder", "vae"])
def test_first_weights_are_found_through_the_whole_generator(tmp_path: Path, system: str) -> None:
    """The map found by feeding unit vectors is the first layer's own, times what stands before it."""
    place = exported(tmp_path / "generator", system, DataSpec("image", (1, 8, 8)), {**SMALL, "z_dim": 6})
    space = Latents(product.load(place), place)
    A = space.first_map(0)
    assert A is not None
    G = space.nets.G
    weight = (G.first if system == "dcgan" else G.layers[0]).weight
    assert torch.allclose(A, weight, atol=1e-5)
    assert "weights" in space.directions(3, 0)[1]


def test_points_and_images_from_images_are_refused(tmp_path: Path) -> None:
    place = exported(tmp_path / "generator", "gan", DataSpec("points", (2,)), {"width": 16, "depth": 1})
    with pytest.raises(RunError, match="mintage sample"):
        explore(place, Wanted())
    made: Any = SimpleNamespace(game=SimpleNamespace(sampler=SimpleNamespace(given=True)))
    with pytest.raises(RunError, match="mintage translate"):
        Latents(made, place)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_films_hold_their_frames(mode: str) -> None:
    frames = [Image.fromarray(np.full((6, 8) if mode == "L" else (6, 8, 3), 20 * k, np.uint8)) for k in range(7)]
    with Image.open(io.BytesIO(moving.gif(frames))) as film:
        assert getattr(film, "n_frames", 1) == 7 and film.size == (8, 6)
        film.seek(3)
        assert abs(int(np.asarray(film.convert("L"))[0, 0]) - 60) <= 2


def test_a_run_critic_as_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Path) -> None:
    out = tmp_path / "run"
    begin(Wish("digits", "dcgan", SMALL, batch=16, examples=64, device="cpu", precision="fp32", threads=1, judged=0,
               saves=1, judgements=1, compile="off", out=str(out)), Console(quiet=True))
    assert mintage(["features", str(out), "digits", "--out", str(tmp_path / "f.npy")]) == 0
    found, labels = np.load(tmp_path / "f.npy"), np.load(tmp_path / "f-labels.npy")
    assert found.ndim == 2 and len(found) == len(labels) and np.isfinite(found).all()
    capsys.readouterr()
    assert mintage(["features", str(run), "digits", "--out", str(tmp_path / "g.npy")]) == 2
    assert "vae has no critic" in capsys.readouterr().err
