"""Folders and zips of images: classes, sizes, streaming, and what is said about them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import Batches, DataError, open_data
from tests.data import corpus


def save(path: Path, seed: int, shape: tuple[int, ...] = (32, 32, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(corpus.noise(seed, shape)).save(path)


def same(a, b) -> bool:
    every = torch.arange(len(a))
    return len(a) == len(b) and torch.equal(a.gather(every).x, b.gather(every).x) and a.fingerprint == b.fingerprint


def test_class_folders_are_labels_sorted_by_name(tmp_path: Path) -> None:
    for k, name in enumerate(["dog", "cat", "Ant"]):
        for i in range(3):
            save(tmp_path / name / f"{i}.png", 10 * k + i)
    save(tmp_path / "dog" / "deep" / "x.png", 99)
    examples = open_data(tmp_path)
    assert examples.spec.labels == ("Ant", "cat", "dog") and examples.labels is not None
    assert examples.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 4
    assert "folders within a class folder belong to that class" in examples.notes
    assert np.array_equal(examples.store.pixels[0].permute(1, 2, 0).numpy(), corpus.noise(20))


@pytest.mark.parametrize(("paths", "words"), [
    (["a.png", "cat/b.png"], "1 image lies beside the folders cat"),
    (["train/a.png", "test/b.png"], "parts of one data set"),
    (["all/a.png", "all/b.png"], None),
])
def test_other_layouts_have_no_labels_and_say_why(tmp_path: Path, paths, words) -> None:
    for k, path in enumerate(paths):
        save(tmp_path / path, k)
    examples = open_data(tmp_path)
    assert examples.labels is None and examples.spec.labels == ()
    assert words is None or any(words in note for note in examples.notes)


def test_a_zip_is_read_as_its_folder(tmp_path: Path) -> None:
    for k in range(6):
        save(tmp_path / "data" / f"class{k % 2}" / f"{k}.png", k)
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in sorted((tmp_path / "data").rglob("*.png"), reverse=True):
            archive.write(path, f"wrapped/{path.relative_to(tmp_path / 'data')}")
        archive.writestr("../../escape.png", b"not an image")
        archive.writestr("__MACOSX/._0.png", b"x")
        archive.writestr("wrapped/notes.txt", b"x")
    bigger = tmp_path / "data.zip"
    with pytest.raises(DataError, match=r"1 of 7 .*\.\./\.\./escape.png"):
        open_data(bigger)
    assert not (tmp_path.parent / "escape.png").exists()
    with zipfile.ZipFile(bigger, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((tmp_path / "data").rglob("*.png")):
            archive.write(path, f"wrapped/{path.relative_to(tmp_path / 'data')}")
    assert same(open_data(bigger), open_data(tmp_path / "data"))
    assert same(open_data(bigger, memory_limit=0), open_data(tmp_path / "data"))
    bigger.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(DataError, match="cannot be read as a zip"):
        open_data(bigger)


def test_streamed_images_are_the_same_bits(tmp_path: Path) -> None:
    for k in range(40):
        save(tmp_path / f"c{k % 3}" / f"{k}.png", k, (40 + k, 50, 3))
        Image.fromarray(corpus.noise(k, (300, 200, 3))).save(tmp_path / f"c{k % 3}" / f"{k}.jpg")
    (tmp_path / "c0" / "broken.png").write_bytes(b"")
    held, streamed = open_data(tmp_path), open_data(tmp_path, memory_limit=1000)
    assert any("read from their files" in note for note in streamed.notes) and same(held, streamed)
    for one, other in zip(held.split(0.2), streamed.split(0.2), strict=True):
        assert same(one, other)
    assert torch.equal(Batches(held, 16, 1, flip=True)(70).x, Batches(streamed, 16, 1, flip=True)(70).x)
    with pytest.raises(IndexError):
        streamed.gather(torch.tensor([80]))


def test_a_streamed_file_that_goes_or_changes_is_named(tmp_path: Path) -> None:
    corpus.write_good(tmp_path, 5)
    streamed = open_data(tmp_path, memory_limit=0)
    (tmp_path / "good0001.png").unlink()
    with pytest.raises(DataError, match="good0001.png has gone"):
        streamed.gather(torch.tensor([0, 1]))
    save(tmp_path / "good0003.png", 77)
    os.utime(tmp_path / "good0003.png", ns=(1, 1))
    with pytest.raises(DataError, match="good0003.png has changed"):
        streamed.gather(torch.tensor([3]))
    assert streamed.gather(torch.tensor([0, 2])).x.shape == (2, 3, 32, 32)


@pytest.mark.parametrize(("shapes", "expected"), [
    ([(20, 30, 3)] * 3, (20, 30)),
    ([(128, 128, 3)] * 3, (128, 128)),
    ([(129, 129, 3)] * 3, (64, 64)),
    ([(40, 50, 3), (60, 45, 3), (33, 99, 3)], (32, 32)),
    ([(100, 100, 3)] * 15 + [(3, 3, 3)], (100, 100)),
])
def test_the_size_that_is_chosen(tmp_path: Path, shapes, expected) -> None:
    for k, shape in enumerate(shapes):
        save(tmp_path / f"{k:02d}.png", k, shape)
    assert open_data(tmp_path).spec.shape == (3, *expected)


def test_fits_do_what_they_say(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 200
    for k in range(2):
        (tmp_path / str(k)).with_suffix(".png").parent.mkdir(exist_ok=True)
        Image.fromarray(wide).save(tmp_path / f"{k}.png")
    crop, pad, stretch = (open_data(tmp_path, resolution=(20, 20), fit=fit).store.pixels[0, 0].numpy()
                          for fit in ("crop", "pad", "stretch"))
    assert (crop == 200).all()
    assert (pad[0] == 255).all() and (pad[10] != 255).all() and abs(int(pad[10, 10]) - 200) < 12
    assert stretch[10, 0] < 12 and abs(int(stretch[10, 10]) - 200) < 12


def test_channels_follow_the_images(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1, (32, 32))
    save(tmp_path / "b.png", 2, (32, 32))
    assert open_data(tmp_path).spec.shape == (1, 32, 32)
    assert open_data(tmp_path, channels=3).spec.shape == (3, 32, 32)
    save(tmp_path / "c.png", 3)
    examples = open_data(tmp_path)
    assert examples.spec.shape == (3, 32, 32) and any("grey" in note for note in examples.notes)
    assert open_data(tmp_path, channels=4).spec.shape == (4, 32, 32)


def test_exact_refuses_several_sizes_and_names_the_commonest(tmp_path: Path) -> None:
    """A judge must not resize unasked; asked, it may."""
    for seed in range(5):
        save(tmp_path / f"{seed}.png", seed, (20, 30, 3) if seed < 3 else (32, 32, 3))
    with pytest.raises(DataError, match=r"2 sizes \(3 of 30x20, 2 of 32x32\).*--resolution 30x20"):
        open_data(tmp_path, exact=True)
    assert open_data(tmp_path, exact=True, resolution=(20, 30)).spec.shape == (3, 20, 30)
    assert open_data(tmp_path).spec.shape == (3, 16, 16)


def test_exact_takes_large_images_as_they_are(tmp_path: Path) -> None:
    for seed in range(2):
        save(tmp_path / f"{seed}.png", seed, (140, 200, 3))
    assert open_data(tmp_path, exact=True).spec.shape == (3, 140, 200)
    assert open_data(tmp_path).spec.shape == (3, 64, 64)
