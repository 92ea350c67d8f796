"""The rows of conditioning and inference: their sprites, their classifier, and how they read figures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mintage.data import open_data
from mintage.game import generator
from mintage.reproduce import Found, find
from mintage.reproduce.classifier import classifier
from mintage.reproduce.rows.infogan import OnSprites, scored
from mintage.reproduce.sprites import FACTORS, SPEC, Sprites, draw, factors
from mintage.runs.console import Console


def middle(x: torch.Tensor) -> torch.Tensor:
    """The centre of mass of each sprite [n, 1, 32, 32] -> x and y, [n, 2], in shares of the side."""
    ink, at = (x[:, 0] + 1) / 2, (torch.arange(32) + 0.5) / 32
    mass = ink.sum((1, 2))
    return torch.stack([(ink.sum(1) * at).sum(1) / mass, (ink.sum(2) * at).sum(1) / mass], 1)


def test_sprites_are_where_and_as_large_as_their_factors_say() -> None:
    chosen = factors(100, generator(0))
    x = draw(chosen)
    assert x.shape == (100, *SPEC.shape) and x.unique().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert float((middle(x) - (0.2 + 0.6 * chosen[:, 3:] / 31)).abs().max()) < 0.05
    small, large = (draw(torch.cat([chosen[:, :1], torch.full((100, 1), s), chosen[:, 2:]], 1)) for s in (0, 5))
    ratio = (large + 1).sum((1, 2, 3)) / (small + 1).sum((1, 2, 3))
    assert float(ratio.mean()) == pytest.approx(4, rel=0.1)  # twice as wide and high
    assert float(torch.cat([x[:, :, 0], x[:, :, -1], x[..., 0], x[..., -1]]).max()) == -1  # none touches the rim


def test_factors_are_even_and_turning_by_a_quarter_leaves_the_square() -> None:
    chosen = factors(20_000, generator(1))
    for column, values in zip(chosen.unbind(1), FACTORS.values(), strict=True):
        assert int(column.min()) == 0 and int(column.max()) == values - 1
        assert float(column.float().mean()) == pytest.approx((values - 1) / 2, rel=0.05)
    square = torch.tensor([[0, 5, 3, 16, 16]])
    assert float((draw(square) - draw(square + torch.tensor([0, 0, 10, 0, 0]))).abs().mean()) < 1e-3
    heart = torch.tensor([[2, 5, 3, 16, 16]])
    assert float((draw(heart) - draw(heart + torch.tensor([0, 0, 20, 0, 0]))).abs().mean()) > 0.02


def test_a_stream_of_sprites_is_a_function_of_its_position() -> None:
    stream = Sprites(4, seed=0)
    assert torch.equal(stream(8).x, stream(8).x) and not torch.equal(stream(8).x, stream(12).x)
    assert stream(0).y is None


def test_a_reader_of_the_factors_scores_well_and_a_blind_one_does_not() -> None:
    """Codes of position and size: three factors of five are told, the other two by none."""

    class Reader(torch.nn.Module):
        def both(self, x: torch.Tensor) -> tuple[None, torch.Tensor]:
            ink = (x + 1).sum((1, 2, 3))[:, None]
            return None, torch.cat([torch.zeros(len(x), 2), middle(x), ink], 1)

    class Nets:
        D = Reader()

    found = scored(Nets(), 2, 0, votes=150)
    assert found["x told"] > 0.9 and found["y told"] > 0.9
    assert 0.5 < found["score"] < 0.85


def test_the_classifier_learns_once_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = dict(zip(("train", "test"), open_data("digits").split(0.2), strict=True))
    monkeypatch.setattr("mintage.reproduce.classifier.opened", lambda source, split: parts[split])
    first = classifier(tmp_path, "digits")
    assert first.accuracy > 0.8
    (file,) = tmp_path.iterdir()
    written = file.stat().st_mtime_ns
    classifier.cache_clear()
    again = classifier(tmp_path, "digits")
    assert file.stat().st_mtime_ns == written and again.accuracy == first.accuracy


def test_infogan_on_sprites_is_work(tmp_path: Path) -> None:
    work = OnSprites(128, batch=32, votes=20, options={"size": "XS", "categories": 3, "codes": 2, "noise": 4})
    figures = work.run(tmp_path, 0, 1, Console(quiet=True))
    assert 0 <= figures["score"] <= 1 and {f"{name} told" for name in FACTORS} <= set(figures)
    assert (tmp_path / "samples.npy").exists() and work.missing() == ""


@pytest.mark.parametrize(("name", "cells"), [
    ("conditional", {arm: {0: {"class as asked": 0.97, "worst class": 0.9, "classifier": 0.92, "diverged": 0.0}}
                     for arm in ("cgan", "projection", "acgan")}),
    ("infogan", {"digits": {0: {"error": 0.05}}, "sprites": {0: {"score": 0.7}}}),
    ("bigan", {"bigan": {0: {"nearest code": 0.96, "error": 0.1, "error of another": 0.3}}})])
def test_rows_read_their_figures(name: str, cells: dict[str, dict[int, dict[str, float]]]) -> None:
    row = find(name)
    assert row.read(Found(cells)).holds
    for of_arm in cells.values():
        for figures in of_arm.values():
            for key in figures:
                figures[key] = {"error": 0.5, "error of another": 0.5, "diverged": 1.0}.get(key, 0.1)
    assert not row.read(Found(cells)).holds
    assert row.covers == (name,) and all(arm.work.told() for arm in row.arms)
