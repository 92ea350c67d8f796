"""Captions in a run and its product: kept, drawn by, and refused where they cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mintage
from mintage.cli.sample import sample
from mintage.runs import product
from mintage.runs.console import Console
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.start import Wish, begin

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (250, 250, 250)}


def captioned(folder: Path) -> Path:
    """Forty flat pictures of four colours, bright and dark, with what they are in captions.csv."""
    folder.mkdir(parents=True)
    rows = []
    for k in range(40):
        name, colour = list(COLOURS.items())[k % 4]
        shade = 1.0 if k % 8 < 4 else 0.5
        pixels = np.tile(np.array(colour) * shade - k // 8, (8, 8, 1)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:02}.png")
        rows.append(f"{k:02}.png,a {'bright' if shade == 1 else 'dark'} {name} square number {k}")
    (folder / "captions.csv").write_text("file,caption\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("captions")
    wish = Wish(str(captioned(place / "data")), "text_to_image", {"size": "XS"}, batch=8, examples=48, device="cpu",
                precision="fp32", compile="off", threads=1, judged=0, out=str(place / "run"))
    return begin(wish, Console(quiet=True))


def test_a_run_keeps_its_encoder_and_captions_held_out(run: Run) -> None:
    for folder in (run.path, run.generator):
        words = json.loads((folder / "captions.json").read_bytes())
        assert words["encoder"] == run.settings.spec.given.encoder and words["captions"]
    assert (run.path / "captions.safetensors").read_bytes() == (run.generator / "captions.safetensors").read_bytes()


def test_the_product_draws_captions_without_the_data(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.generator, tmp_path / "alone")
    made = mintage.load(tmp_path / "alone")
    one, other = made.sample(6, caption="a red square"), made.sample(6, caption="a blue square")
    assert one.shape == (6, 8, 8, 3) and np.array_equal(one, made.sample(6, caption="A red, square!"))
    assert not np.array_equal(one, other)
    held_out = json.loads((tmp_path / "alone" / "captions.json").read_bytes())["captions"]
    every = made.sample(len(held_out) + 1)
    latents, _ = made.game.sampler.latents(product.CHUNK, mintage.game.generator(0, "sample", 0))
    c = made.captions.encoder(held_out)
    again = made.generate(latents[:len(c)], None, c)
    assert np.array_equal(every[:-1], product.to_array(again, made.spec))


def test_what_cannot_be_drawn_is_refused(run: Run, tmp_path: Path) -> None:
    made = mintage.load(run.path)
    with pytest.raises(RunError, match=r"no word of 'xyzzy' .* such as: a "):
        made.sample(2, caption="xyzzy")
    shutil.copytree(run.generator, tmp_path / "alone")
    (tmp_path / "alone" / "captions.safetensors").unlink()
    with pytest.raises(RunError, match="copy the whole folder"):
        mintage.load(tmp_path / "alone")


def test_sample_takes_a_caption(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample(run.path, n=4, caption="a dark green square", out=tmp_path / "x.npy")
    assert np.load(tmp_path / "x.npy").shape == (4, 8, 8, 3) and "4 samples" in capsys.readouterr().out
    sample(run.path, n=4, out=tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as sheet:
        assert sheet.size[0] > 8


def test_captions_are_for_systems_that_read_them(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((40, 8, 8), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None])
    wish = Wish(str(tmp_path / "x.npy"), "dcgan", {"size": "XS"}, batch=8, examples=8, device="cpu", judged=0,
                precision="fp32", compile="off", threads=1, out=str(tmp_path / "run"))
    with pytest.raises(RunError, match="trained without captions"):
        mintage.load(begin(wish, Console(quiet=True)).path).sample(1, caption="a red square")
    with pytest.raises(ValueError, match="not made of image files"):
        begin(Wish(str(tmp_path / "x.npy"), "text_to_image", out=str(tmp_path / "other")), Console(quiet=True))
