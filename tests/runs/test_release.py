"""The product is judged as it was written, says so, and does not leave when it was refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mintage
from mintage.cli import run as command
from mintage.runs.errors import RunError
from mintage.runs.evaluating import read
from mintage.runs.folder import Run
from mintage.runs.release import judged_again, may_leave


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    pixels = np.random.default_rng(0).integers(0, 256, (700, 12, 12), dtype=np.uint8)
    np.save(folder / "noise.npy", pixels)
    return mintage.train(str(folder / "noise.npy"), system="dcgan", size="XS", examples=256, batch=32,
                              precision="fp32", threads=1, judged=64, out=folder / "run").path


def body(folder: Path) -> dict:
    return json.loads((folder / "generator" / "generator.json").read_text())


def test_the_product_says_how_it_was_judged(trained: Path) -> None:
    found = read(trained)
    assert found is not None and found.gate is not None
    assert body(trained)["released"] == found.gate.passed and body(trained)["evaluated"] == found.setting.reference
    card = (trained / "generator" / "README.md").read_text()
    assert "It was not judged" not in card and "Fréchet distance" in card
    assert mintage.load(trained).sample(2).shape == (2, 12, 12)


def test_judging_again_changes_the_figures_and_nothing_else(trained: Path) -> None:
    before, weights = body(trained), (trained / "generator" / "model.safetensors").read_bytes()
    assert command(["evaluate", str(trained), "--n", "64", "--seed", "7"]) == 0
    after = body(trained)
    assert (trained / "generator" / "model.safetensors").read_bytes() == weights
    assert {k: v for k, v in after.items() if before[k] != v}.keys() <= {"verdict_lines", "released", "reasons"}


def test_a_refused_product_does_not_leave(trained: Path) -> None:
    found = read(trained)
    assert found is not None
    gate = found.to_json()["facts"]["gate"]
    broken = {**gate["checks"][0], "name": "exact copies", "passed": False, "says": "9 samples are copies."}
    found.facts["gate"] = {**gate, "passed": False, "checks": [broken], "reasons": ["9 samples are copies."]}
    judged_again(Run.open(trained), found)
    for place in (trained, trained / "generator"):
        with pytest.raises(RunError, match="not to be released: 9 samples are copies"):
            may_leave(place)
    assert may_leave(trained, despite=True) == ["9 samples are copies."]
    with pytest.raises(RunError, match="no generator that could leave"):
        may_leave(trained / "samples")


def test_what_nobody_can_tell_is_said(trained: Path) -> None:
    place = trained / "generator" / "generator.json"
    place.write_text(json.dumps(body(trained) | {"released": None, "reasons": ["too few examples"]}))
    assert may_leave(trained) == ["too few examples"]


def test_likelihoods_and_counterparts(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.load(trained.parent / "noise.npy")[:40]
    np.save(tmp_path / "a.npy", x)
    np.save(tmp_path / "b.npy", np.clip(x.astype(int) + 8, 0, 255).astype(np.uint8))
    assert command(["evaluate", str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "--pairs", "--n", "40"]) == 0
    said = capsys.readouterr().out
    assert "PSNR, dB 30." in said and "SSIM .9" in said.replace("0.9", ".9") and "over 40 pairs" in said
    np.save(tmp_path / "c.npy", x[:30])
    assert command(["evaluate", str(tmp_path / "c.npy"), str(tmp_path / "b.npy"), "--pairs", "--n", "30"]) == 2
    assert "as many images on both sides" in capsys.readouterr().err
    assert command(["evaluate", str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "--likelihood"]) == 2
    assert command(["evaluate", str(trained), "--pairs"]) == 2
