"""The bad-image corpus: every file is used as it should be, or refused with its reason, quickly."""

from __future__ import annotations

import os
import random
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import DataError, look, open_data
from mintage.data.images import Refused, decode, read_header
from mintage.data.plan import Plan
from tests.data import corpus

PLAN = Plan(32, 32, "crop", 3)


@pytest.mark.parametrize(("name", "make", "reason"), corpus.FILES, ids=[ascii(row[0])[:40] for row in corpus.FILES])
def test_each_file(tmp_path: Path, name, make, reason) -> None:
    corpus.write_good(tmp_path, 10)
    (tmp_path / name).write_bytes(make())
    began = time.process_time()
    examples = open_data(tmp_path, resolution=(32, 32), channels=3)
    assert time.process_time() - began < 5
    if reason is None:
        assert len(examples) == 11 and not examples.rejects
    else:
        assert len(examples) == 10
        [reject] = examples.rejects
        assert reject.reason and reason in reject.reason and "\n" not in reject.reason + reject.file
        reject.file.encode("utf-8")


def test_claims_of_size_are_refused_fast() -> None:
    for side in (9400, 9500, 20000):
        data = corpus.wide_row_claim(side, side)
        began = time.process_time()
        with pytest.raises(Refused, match="pixels"):
            read_header(data)
        assert time.process_time() - began < 0.05


def test_what_special_images_become() -> None:
    by_name = {name: make() for name, make, _ in corpus.FILES}
    deep = decode(by_name["deep.png"], PLAN).pixels
    assert np.array_equal(deep[0], np.rint(np.asarray(corpus.deep()) / 257).astype(np.uint8)) and deep.max() < 255
    assert np.array_equal(decode(by_name["deep.tif"], PLAN).pixels, deep)
    clear = decode(by_name["alpha.png"], PLAN).pixels
    assert (clear[:, :16] == 255).all() and not (clear[:, 16:] == 255).all()
    kept = decode(by_name["alpha.png"], Plan(32, 32, "crop", 4)).pixels
    assert kept.shape == (4, 32, 32) and (kept[3, :16] == 0).all()
    turned = decode(by_name["turned.jpg"], Plan(64, 32, "crop", 3))
    assert (turned.facts.width, turned.facts.height) == (32, 64) and "turned" in turned.facts.remarks
    first = decode(by_name["moving.png"], PLAN)
    assert np.array_equal(first.pixels.transpose(1, 2, 0), corpus.noise(1)) and "frames" in first.facts.remarks
    assert np.array_equal(decode(by_name["really_png.jpg"], PLAN).pixels.transpose(1, 2, 0), corpus.noise(8))


@pytest.mark.parametrize("resolution", [None, (16, 16)])
def test_bad_files_change_no_bit(tmp_path: Path, resolution) -> None:
    for k in range(4):
        corpus.write_good(tmp_path / "a" / f"class{k}", 50, first=100 * k)
        corpus.write_good(tmp_path / "b" / f"class{k}", 50, first=100 * k)
    names = corpus.write_bad(tmp_path / "a" / "class1")
    (tmp_path / "a" / "only_bad").mkdir()
    (tmp_path / "a" / "only_bad" / "x.png").write_bytes(b"no")
    (tmp_path / "a" / "x.png").write_bytes(b"")
    bad, clean = (open_data(tmp_path / side, resolution=resolution) for side in "ab")
    assert len(bad.rejects) == len(names) + 2 and not clean.rejects
    assert bad.fingerprint == clean.fingerprint and bad.spec == clean.spec
    every = torch.arange(len(clean))
    assert torch.equal(bad.gather(every).x, clean.gather(every).x)
    assert torch.equal(bad.gather(every).y, clean.gather(every).y)


def test_what_is_not_a_regular_file_is_listed_and_never_opened(tmp_path: Path) -> None:
    data, outside = tmp_path / "data", tmp_path / "outside"
    corpus.write_good(data, 60)
    corpus.write_good(outside, 5, first=900)
    (data / "loop").symlink_to(data)
    (data / "out").symlink_to(outside)
    (data / "dangling.png").symlink_to(data / "nothing.png")
    (data / "linked.png").symlink_to(outside / "good0000.png")
    os.mkfifo(data / "pipe.jpg")
    (data / "folder.png").mkdir()
    (data / "captions.csv").write_text("a,b\n")
    (data / "Thumbs.db").write_bytes(b"\0")
    (data / ".DS_Store").write_bytes(b"\0")
    examples = open_data(data)
    assert len(examples) == 60
    assert {reject.file: reject.reason.split(";")[0] for reject in examples.rejects} == {
        "dangling.png": "it is a link, and links are not followed",
        "linked.png": "it is a link, and links are not followed",
        "pipe.jpg": "it is not a regular file but a pipe, socket or device",
        "folder.png": "it is a folder with the name of an image",
    }
    [note] = [note for note in examples.notes if "passed over" in note]
    assert "2 links" in note and "1 .csv" in note and "1 .db" in note and "1 hidden" in note


def test_more_than_a_tenth_broken_is_an_error(tmp_path: Path) -> None:
    corpus.write_good(tmp_path, 9)
    (tmp_path / "a.png").write_bytes(b"")
    assert len(open_data(tmp_path)) == 9
    (tmp_path / "b.png").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"2 of 11 image files .* more than one in ten \(a.png: the file is empty"):
        open_data(tmp_path)


def test_all_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match="1 of 1 image files"):
        open_data(tmp_path)


def test_duplicates_and_black_images_are_reported(tmp_path: Path) -> None:
    corpus.write_good(tmp_path, 12)
    for k in range(3):
        Image.new("RGB", (32, 32)).save(tmp_path / f"black{k}.png")
    found = look(open_data(tmp_path))
    assert (found.count, found.duplicates, found.constant) == (15, 2, 3)


def test_mutated_files_never_crash() -> None:
    chance = random.Random(0)
    seeds = [corpus.encoded(corpus.picture(1)), corpus.jpeg(), corpus.animated("GIF"), corpus.palette_alpha(),
             corpus.encoded(corpus.alpha(), "WEBP"), corpus.encoded(corpus.picture(2), "TIFF"),
             corpus.encoded(corpus.deep()), corpus.turned(), corpus.encoded(corpus.picture(3), "BMP")]
    began, used = time.process_time(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trial in range(1500):
            data = bytearray(seeds[trial % len(seeds)])
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            if chance.random() < 0.4:
                del data[chance.randrange(len(data)):]
            try:
                pixels = decode(bytes(data), PLAN).pixels
            except Refused as error:
                assert str(error)
            else:
                used += 1
                assert pixels.shape == (3, 32, 32) and pixels.dtype == np.uint8
    assert time.process_time() - began < 10 and 0 < used < 1500
