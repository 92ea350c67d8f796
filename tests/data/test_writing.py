"""Writing back: exact round trips, and sheets of every kind."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import DataError, DataSpec, contact_sheet, open_data, sheet, to_uint8, write_examples
from mintage.data.stores import to_float
from tests.data import corpus


def test_every_byte_comes_back() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(to_float(every)), every)
    odd = torch.tensor([-7.0, 7.0, float("nan"), 0.0]).view(1, 1, 2, 2)
    assert to_uint8(odd).flatten().tolist() == [0, 255, 0, 128]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_folder_written_and_opened_is_the_same(tmp_path: Path, channels: int) -> None:
    x = to_float(torch.from_numpy(corpus.noise(0, (12, channels, 9, 11))))
    spec = DataSpec("image", (channels, 9, 11))
    write_examples(x, spec, tmp_path / "out")
    back = open_data(tmp_path / "out", channels=channels)
    assert sorted(p.name for p in (tmp_path / "out").iterdir())[:2] == ["000000.png", "000001.png"]
    assert torch.equal(back.gather(torch.arange(12)).x, x)
    write_examples(x, spec, tmp_path / "a.npy")
    assert torch.equal(open_data(tmp_path / "a.npy").gather(torch.arange(12)).x, x)


def test_points_are_written_in_their_own_units(tmp_path: Path) -> None:
    spec = DataSpec("points", (2,), (), (10.0, 0.0), (2.0, 0.5))
    x = torch.tensor([[0.0, 1.0], [-1.0, 0.25]])
    for target in ("p.csv", "folder"):
        write_examples(x, spec, tmp_path / target)
    for path in (tmp_path / "p.csv", tmp_path / "folder" / "points.csv"):
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows == [["x0", "x1"], ["10.0", "0.5"], ["8.0", "0.125"]]
    write_examples(x, spec, tmp_path / "p.npy")
    assert np.load(tmp_path / "p.npy").tolist() == [[10, 0.5], [8, 0.125]]


@pytest.mark.parametrize(("channels", "mode", "width"), [(1, "L", 8), (2, "L", 16), (3, "RGB", 8), (4, "RGB", 8)])
def test_sheets_of_images(channels: int, mode: str, width: int) -> None:
    spec = DataSpec("image", (channels, 6, 8))
    x = to_float(torch.from_numpy(corpus.noise(1, (7, channels, 6, 8))))
    page = sheet(x, spec, columns=3, scale=2, gap=1)
    assert page.mode == mode and page.size == (3 * (2 * width + 1) + 1, 3 * 13 + 1)
    if channels == 3:
        first = np.asarray(page)[1:13:2, 1:17:2]
        assert np.array_equal(first, to_uint8(x)[0].permute(1, 2, 0).numpy())
    assert sheet(x, spec).size[0] <= 700


def test_sheets_of_points_show_where_they_lie() -> None:
    spec = DataSpec("points", (2,), (), (5.0, 5.0), (1.0, 1.0))
    page = np.asarray(sheet(torch.full((50, 2), 1.5), spec)).astype(int)
    dark = np.argwhere(page.sum(2)[40:470, 40:470] < 500) + 40
    assert len(dark) and (abs(dark.mean(0) - [512 * 0.28, 512 * 0.72]) < 15).all()
    one = sheet(torch.zeros(50, 1), DataSpec("points", (1,)))
    assert isinstance(one, Image.Image) and one.size == (512, 512)
    assert sheet(torch.full((3, 2), float("nan")), spec).size == (512, 512)


def test_contact_sheets_are_the_same_for_the_same_seed() -> None:
    digits = open_data("digits")
    a, b, c = (np.asarray(contact_sheet(digits, 20, seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert contact_sheet(open_data("gaussian-1d"), 5, seed=0).size == (512, 512)


@pytest.mark.parametrize(("path", "kind", "words"), [
    ("a.csv", "image", "into a folder or as .npy"),
    ("a.png", "points", "as .csv or .npy"),
])
def test_endings_that_do_not_suit(tmp_path: Path, path: str, kind, words: str) -> None:
    spec = DataSpec(kind, (1, 2, 2) if kind == "image" else (2,))
    with pytest.raises(DataError, match=words):
        write_examples(torch.zeros(1, *spec.shape), spec, tmp_path / path)
    with pytest.raises(DataError, match="received"):
        sheet(torch.zeros(0, *spec.shape), spec)
    with pytest.raises(DataError, match="received"):
        write_examples(torch.zeros(1, 7), spec, tmp_path / "x")
