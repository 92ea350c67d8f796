"""What examples are made from, as it is opened: partners by name, halves, arrays, other sets, captions; and labels."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import Batches, DataError, open_data
from mintage.data.givens import open_given
from mintage.data.labels import with_labels
from mintage.data.text_encoder import TextEncoder, Texts
from tests.data import corpus


def save(path: Path, value: int, shape: tuple[int, ...] = (8, 8, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def values(x: torch.Tensor) -> list[int]:
    return [round((float(one.mean()) + 1) * 127.5) for one in x]


def pairs(examples) -> list[tuple[int, int]]:
    batch = examples.gather(torch.arange(len(examples)))
    return list(zip(values(batch.x), values(batch.c), strict=True))


def given(data: Path | str, what: Path | str | None, need: str = "paired", **options):
    opened = open_data(str(data), **options)
    return open_given(opened, str(data), None if what is None else str(what), need, **options)


def test_partners_are_found_by_path_without_ending_and_the_lonely_are_listed(tmp_path: Path) -> None:
    for k in range(12):
        save(tmp_path / "x" / "deep" / f"{k}.png", 10 + k)
        if k != 3:
            save(tmp_path / "c" / "deep" / f"{k}.bmp", 100 + k, (16, 16))
    save(tmp_path / "c" / "deep" / "extra.png", 200, (16, 16))
    found = given(tmp_path / "x", tmp_path / "c")
    assert sorted(pairs(found)) == [(10 + k, 100 + k) for k in range(12) if k != 3]
    assert found.spec.given.shape == (1, 8, 8) and found.spec.given.paired and found.spec.shape == (3, 8, 8)
    reasons = {one.file: one.reason for one in found.rejects}
    assert "no partner" in reasons["deep/3.png"] and any("extra.png" in name for name in reasons)
    assert any("11 pairs; 2 images without a partner left out" in note for note in found.notes)
    train, held_out = found.split(0.3)
    assert all(c - x == 90 for part in (train, held_out) for x, c in pairs(part))
    assert found.fingerprint == given(tmp_path / "x", tmp_path / "c").fingerprint
    save(tmp_path / "c" / "deep" / "0.bmp", 77, (16, 16))
    assert found.fingerprint != given(tmp_path / "x", tmp_path / "c").fingerprint


def test_a_broken_partner_is_named_with_its_reason(tmp_path: Path) -> None:
    for k in range(20):
        save(tmp_path / "x" / f"{k:02}.png", k)
        save(tmp_path / "c" / f"{k:02}.png", 100 + k)
    (tmp_path / "c" / "07.png").write_bytes(b"")
    found = given(tmp_path / "x", tmp_path / "c")
    assert len(found) == 19
    assert any(one.file == "07.png" and "0 bytes" in one.reason for one in found.rejects)


def test_pairs_by_last_part_where_folders_differ_and_of_zips(tmp_path: Path) -> None:
    for k, kind in enumerate(["a", "b", "a", "b"]):
        save(tmp_path / "x" / kind / f"{k}.png", k)
        save(tmp_path / "flat" / f"{k}.png", 50 + k)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for path in (tmp_path / "flat").iterdir():
            archive.write(path, f"wrapped/{path.name}")
    for what in ("flat", "c.zip"):
        found = given(tmp_path / "x", tmp_path / what)
        assert sorted(pairs(found)) == [(k, 50 + k) for k in range(4)] and found.spec.labels == ("a", "b")


def test_no_partner_at_all_is_refused_with_names_of_both(tmp_path: Path) -> None:
    save(tmp_path / "x" / "one.png", 1)
    save(tmp_path / "c" / "two.png", 2)
    with pytest.raises(DataError, match=r"one\.png and two\.png; rename one side"):
        given(tmp_path / "x", tmp_path / "c")
    with pytest.raises(DataError, match="--given FOLDER.*left or right"):
        given(tmp_path / "x", None)
    with pytest.raises(DataError, match="points"):
        given("ring", tmp_path / "x")


@pytest.mark.parametrize("side", ["left", "right"])
def test_pictures_side_by_side_are_cut_in_the_middle(tmp_path: Path, side: str) -> None:
    for k in range(3):
        parts = (32, 10 + k), (1, 255), (32, 110 + k)
        wide = np.concatenate([np.full((24, width, 3), value) for width, value in parts], 1)
        (tmp_path / "x").mkdir(exist_ok=True)
        Image.fromarray(wide.astype(np.uint8)).save(tmp_path / "x" / f"{k}.png")
    found = given(tmp_path / "x", side, resolution=(16, 16))
    expected = [(110 + k, 10 + k) if side == "left" else (10 + k, 110 + k) for k in range(3)]
    assert pairs(found) == expected and found.spec.shape == found.spec.given.shape == (3, 16, 16)
    arrays = np.concatenate([np.full((4, 8, 8), 10), np.full((4, 8, 8), 110)], 2).astype(np.uint8)
    np.save(tmp_path / "wide.npy", arrays)
    found = given(tmp_path / "wide.npy", side)
    assert pairs(found) == [(110, 10) if side == "left" else (10, 110)] * 4 and found.spec.shape == (1, 8, 8)


def test_the_given_half_is_the_half_of_the_named_side_to_the_last_pixel(tmp_path: Path) -> None:
    pixels = corpus.noise(0, (8, 16, 3))
    (tmp_path / "x" / "kind").mkdir(parents=True)
    (tmp_path / "x" / "other").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "x" / "kind" / "0.png")
    Image.fromarray(pixels[::-1]).save(tmp_path / "x" / "other" / "1.png")
    batch = (examples := given(tmp_path / "x", "right")).gather(torch.tensor([0]))
    assert np.array_equal(((batch.c[0] + 1) * 127.5).round().byte().permute(1, 2, 0), pixels[:, 8:])
    assert np.array_equal(((batch.x[0] + 1) * 127.5).round().byte().permute(1, 2, 0), pixels[:, :8])
    assert examples.spec.labels == ("kind", "other") and examples.labels.tolist() == [0, 1]


def test_arrays_in_one_file_are_paired_by_their_order(tmp_path: Path) -> None:
    photo, mask = corpus.noise(1, (5, 8, 8, 3)), corpus.noise(2, (5, 8, 8))
    np.savez(tmp_path / "both.npz", photo=photo, mask=mask, few=mask[:3], y=np.arange(5))
    examples = given(f"{tmp_path}/both.npz:photo", f"{tmp_path}/both.npz:mask")
    batch = examples.gather(torch.arange(5))
    assert np.array_equal(((batch.x + 1) * 127.5).round().byte().permute(0, 2, 3, 1), photo)
    assert np.array_equal(((batch.c + 1) * 127.5).round().byte()[:, 0], mask)
    assert examples.labels.tolist() == [0, 1, 2, 3, 4]
    assert open_data(f"{tmp_path}/both.npz:few").labels is None
    with pytest.raises(DataError, match="did you mean 'photo'"):
        open_data(f"{tmp_path}/both.npz:foto")
    with pytest.raises(DataError, match="both must have as many"):
        given(f"{tmp_path}/both.npz:photo", f"{tmp_path}/both.npz:few")


def test_unpaired_sides_have_their_own_counts_and_channels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", corpus.noise(1, (9, 8, 8, 3)))
    for k in range(4):
        save(tmp_path / "b" / f"{k}.png", k, (30, 40))
    examples = given(tmp_path / "a.npy", tmp_path / "b", "unpaired")
    assert not examples.spec.given.paired and examples.spec.given.shape == (1, 8, 8)
    batch = Batches(examples, 6, 0)(0)
    assert batch.x.shape == (6, 3, 8, 8) and batch.c.shape == (6, 1, 8, 8)


def test_one_class_may_be_the_other_side(tmp_path: Path) -> None:
    for k in range(9):
        save(tmp_path / ("cat" if k % 3 else "dog") / f"{k}.png", 10 + k)
    examples = given(tmp_path, "class:dog", "unpaired")
    assert values(examples.gather(torch.arange(6)).x) == [11, 12, 14, 15, 17, 18] and examples.labels is None
    assert values(examples.origins.read(torch.arange(3))) == [10, 13, 16] and not examples.spec.given.paired
    with pytest.raises(DataError, match=r"no class 'dig': it has cat, dog; did you mean 'dog'"):
        given(tmp_path, "class:dig", "unpaired")
    with pytest.raises(DataError, match="no labels"):
        given(tmp_path / "cat", "class:dog", "unpaired")


def captioned(folder: Path, count: int = 6) -> list[str]:
    kinds = ["a red heart", "smiling cat", "flag of France", "a small house", "two cats", "a broken heart"]
    for k in range(count):
        save(folder / "png" / f"{k}.png", k)
    return kinds[:count]


@pytest.mark.parametrize("way", ["csv", "tsv", "jsonl", "txt", "zip", "semicolon", "given folder"])
def test_captions_are_found_wherever_they_may_lie(tmp_path: Path, way: str) -> None:
    folder, what, data = tmp_path / "x", None, tmp_path / "x"
    texts = captioned(folder)
    if way in ("csv", "zip"):
        rows = "".join(f'png/{k}.png,"{text}",kind\n' for k, text in enumerate(texts))
        (folder / "captions.csv").write_text("file,caption,category\n" + rows)
    elif way in ("tsv", "semicolon"):
        mark = "\t" if way == "tsv" else ";"
        what = tmp_path / f"said.{'tsv' if way == 'tsv' else 'csv'}"
        what.write_text(f"which{mark}what\n" + "".join(f"{k}{mark}{text}\n" for k, text in enumerate(texts)))
    elif way == "jsonl":
        lines = [{"file_name": f"{k}.png", "text": [text, "another"], "n": k} for k, text in enumerate(texts)]
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    else:
        place = tmp_path / "texts" if way == "given folder" else folder / "png"
        place.mkdir(exist_ok=True)
        what = place if way == "given folder" else None
        for k, text in enumerate(texts):
            (place / f"{k}.txt").write_text(f"\n{text}\nanother\n")
    if way == "zip":
        data = tmp_path / "x.zip"
        with zipfile.ZipFile(data, "w") as archive:
            for path in folder.rglob("*.*"):
                archive.write(path, f"top/{path.relative_to(folder)}")
    examples = given(data, what, "text")
    assert examples.origins.store.texts == texts and examples.spec.given.kind == "text"
    batch = examples.gather(torch.arange(6))
    assert torch.equal(batch.c, examples.origins.store.encoder(texts)) and values(batch.x) == list(range(6))
    assert any("several captions" in note for note in examples.notes) == (way in ("jsonl", "txt", "given folder"))
    assert examples.take(torch.tensor([4, 1])).origins.store.texts == [texts[4], texts[1]]


def test_missing_captions_are_left_out_and_none_is_refused(tmp_path: Path) -> None:
    captioned(tmp_path / "x")
    with pytest.raises(DataError, match=r"has no captions.*--given FILE\.csv.*\.txt"):
        given(tmp_path / "x", None, "text")
    table = tmp_path / "said.csv"
    table.write_text("file,caption\n0.png,a heart\n1.png,\n2.png,a cat\nother.png,a dog\n")
    examples = given(tmp_path / "x", table, "text")
    assert examples.origins.store.texts == ["a heart", "a cat"]
    assert {one.file for one in examples.rejects} == {f"png/{k}.png" for k in (1, 3, 4, 5)}
    table.write_text("file,caption\nother.png,a dog\n")
    with pytest.raises(DataError, match=r"no row of .* names other\.png, and the images are png/0\.png"):
        given(tmp_path / "x", table, "text")
    table.write_text("file,one,two\n0.png,a,b\n1.png,b,c\n")
    with pytest.raises(DataError, match="no column of captions.*:COLUMN"):
        given(tmp_path / "x", table, "text")
    assert given(tmp_path / "x", f"{table}:two", "text").origins.store.texts == ["b", "c"]
    with pytest.raises(DataError, match="belong to files by name"):
        given("digits", table, "text")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_and_hidden_files_beside_images_are_not_read(tmp_path: Path) -> None:
    captioned(tmp_path / "x", 2)
    (tmp_path / "secret").write_text("file,caption\n0.png,secret\n1.png,secret\n")
    (tmp_path / "x" / "captions.csv").symlink_to(tmp_path / "secret")
    (tmp_path / "x" / ".captions.csv").write_text("file,caption\n0.png,secret\n1.png,secret\n")
    with pytest.raises(DataError, match="has no captions"):
        given(tmp_path / "x", None, "text")


def test_the_encoder_tells_captions_apart_and_places_unseen_ones() -> None:
    colours, things = ["red", "green", "blue", "yellow"], ["heart", "cat", "house", "boat", "tree"]
    texts = [f"a {colour} {thing}" for colour in colours for thing in things if (colour, thing) != ("red", "boat")]
    encoder = TextEncoder.fit(texts, 24)
    again = TextEncoder.fit(texts[::-1], 24)
    assert encoder.name == again.name and torch.equal(encoder(texts), again(texts))
    c = encoder(texts)
    assert torch.allclose(c.norm(dim=1), torch.ones(len(texts)), atol=1e-5)
    near = (encoder(["red boat", "The RED  boat!", "a yelow tree"]) @ c.T).topk(8).indices
    shared = [sum(word in texts[k] for word in ("red", "boat")) for k in near[0].tolist()[:6]]
    assert min(shared) == 1 and texts[near[2, 0]] == "a yellow tree"
    assert torch.equal(encoder(["red boat"]), encoder(["Red, boat!"]))
    assert torch.equal(encoder(["xyzzy", ""]), torch.zeros(2, 24))
    kept = TextEncoder(**{name: array.clone() for name, array in encoder.arrays().items()})
    assert torch.equal(kept(texts), c) and kept.name == encoder.name
    with pytest.raises(DataError, match="no caption has a letter"):
        TextEncoder.fit(["!!", ""])
    assert isinstance(Texts(texts, encoder).take(torch.tensor([1])), Texts)


def test_labels_of_a_table(tmp_path: Path) -> None:
    captioned(tmp_path / "x")
    table = tmp_path / "x" / "kinds.csv"
    table.write_text("image,kind,size\n0.png,cat,1\n1.png,ant,1\n2.png,?,2\n3.png,cat,2\n4.png,ant,3\n")
    data = str(tmp_path / "x")
    for text in (f"{table}:kind", "kinds.csv:kind"):
        found = with_labels(examples := open_data(data), data, text)
        assert found.spec.labels == ("ant", "cat") and found.labels.tolist() == [1, 0, 1, 0]
        assert values(found.gather(torch.arange(4)).x) == [0, 1, 3, 4]
        assert {one.file for one in found.rejects} == {"png/2.png", "png/5.png"}
        assert found.fingerprint != examples.fingerprint
    with pytest.raises(DataError, match="say which holds the labels"):
        with_labels(examples, data, "kinds.csv")
    with pytest.raises(DataError, match="did you mean 'kind'"):
        with_labels(examples, data, "kinds.csv:kinds")
    with pytest.raises(DataError, match=r"there is no table kind\.csv; .*kinds\.csv"):
        with_labels(examples, data, "kind.csv")
    with pytest.raises(DataError, match="labels of a table belong to files"):
        with_labels(open_data("digits"), "digits", str(table))
    again = with_labels(examples, data, "kinds.csv:size")
    assert again.spec.labels == ("1", "2", "3") and with_labels(again, data, "kinds.csv:kind").spec.labels == (
        "ant", "cat")


def test_too_many_labels_are_refused(tmp_path: Path) -> None:
    from mintage.data import labels
    captioned(tmp_path / "x")
    table = tmp_path / "n.csv"
    table.write_text("file,label\n" + "".join(f"{k}.png,w{k}\n" for k in range(6)))
    labels.MOST_CLASSES, most = 5, labels.MOST_CLASSES
    try:
        with pytest.raises(DataError, match="6 different labels; at most 5"):
            with_labels(open_data(str(tmp_path / "x")), str(tmp_path / "x"), str(table))
    finally:
        labels.MOST_CLASSES = most
