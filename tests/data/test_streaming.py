"""Batches fetched ahead, decoded images kept on disk, arrays that stay on disk: the same bits, faster or smaller."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import Batches, DataError, Examples, decoded, open_data, preflight
from mintage.data.disk_rows import DiskRows
from mintage.data.prefetch import Prefetch
from mintage.data.streaming import Streamed, in_threads
from tests.data import corpus


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, that keeps small folders too."""
    monkeypatch.setenv("MINTAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoded, "LEAST_FILES", 1)
    return tmp_path / "cache"


def folder(path: Path, n: int = 40, broken: bool = False) -> Path:
    for k in range(n):
        (path / f"c{k % 3}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(corpus.noise(k, (12, 14, 3))).save(path / f"c{k % 3}" / f"{k:02d}.png")
    if broken:
        (path / "c0" / "broken.png").write_bytes(b"not a picture")
    return path


def same(a: Examples, b: Examples) -> bool:
    every = torch.arange(len(a))
    alike = a.labels is b.labels is None or torch.equal(a.labels, b.labels)  # type: ignore[arg-type]
    return (len(a) == len(b) and torch.equal(a.gather(every).x, b.gather(every).x) and a.fingerprint == b.fingerprint
            and bool(alike) and a.rejects == b.rejects)


def threads_of_ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("mintage-prefetch")]


# -- fetched ahead -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [Streamed, DiskRows])
def test_batches_do_not_know_of_prefetching(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, kind) -> None:
    path = folder(tmp_path / "data")
    held = open_data(path)
    if kind is Streamed:
        monkeypatch.setenv("MINTAGE_CACHE", "off")
    elsewhere = open_data(path, memory_limit=0)
    assert isinstance(elsewhere.store, kind) and same(held, elsewhere)
    plain, ahead = Batches(held, 16, 1, flip=True), Batches(elsewhere, 16, 1, flip=True)
    positions = [*range(0, 16 * 12, 16), 70, 70, 86, 102, 5, 0, 16, 32, 48]  # in order, resumed, repeated, back again
    for position in positions:
        one, other = plain(position), ahead(position)
        assert torch.equal(one.x, other.x) and torch.equal(one.y, other.y)  # type: ignore[arg-type]
    assert threads_of_ours()
    ahead.close()
    assert not threads_of_ours() and torch.equal(ahead(32).x, plain(32).x)
    assert Batches(elsewhere, 16, 1, ahead=0)._prefetch is None and Batches(held, 16, 1)._prefetch is None


def test_what_comes_next_is_made_while_this_is_used() -> None:
    made: list[tuple[int, str]] = []

    def fetch(position: int) -> int:
        made.append((position, threading.current_thread().name))
        return position * 10

    prefetch = Prefetch(fetch, 4, 3)
    assert prefetch(8) == 80 and prefetch(12) == 120
    deadline = time.monotonic() + 5
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.001)
    names = dict(made)
    assert sorted(names) == [8, 12, 16, 20, 24] and len(made) == 5
    assert all(names[later].startswith("mintage-prefetch") for later in (16, 20, 24)) and names[12] == "MainThread"
    assert prefetch(16) == 160 and len(prefetch._made) <= 3
    assert prefetch(100) == 1000 and not prefetch._made  # elsewhere: nothing of it is wanted any more
    prefetch.close()


def test_an_error_comes_when_its_batch_is_asked_for() -> None:
    def fetch(position: int) -> int:
        if position == 3:
            raise DataError("the third is broken")
        return position

    prefetch = Prefetch(fetch, 1, 4)
    assert [prefetch(k) for k in (0, 1, 2)] == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(DataError, match="third"):
            prefetch(3)
    assert prefetch(4) == 4
    prefetch.close()


def test_the_thread_ends_with_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINTAGE_CACHE", "off")
    batches = Batches(open_data(folder(tmp_path / "data"), memory_limit=0), 8, 0)
    for k in range(3):
        batches(8 * k)
    assert threads_of_ours()
    del batches
    gc.collect()
    deadline = time.monotonic() + 5
    while threads_of_ours() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads_of_ours()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_fetches_for_itself() -> None:
    prefetch = Prefetch(lambda k: k, 1, 2)
    for k in range(3):
        prefetch(k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        os._exit(0 if [prefetch(k) for k in (3, 4, 5)] == [3, 4, 5] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    prefetch.close()


def test_warnings_of_decoders_are_kept_from_the_user_and_others_are_not() -> None:
    before = list(warnings.filters)
    assert list(in_threads(lambda k: k + 1, range(5))) == [1, 2, 3, 4, 5]
    list(in_threads(lambda k: k, range(2)))
    assert len(warnings.filters) <= len(before) + 1
    with pytest.raises(UserWarning, match="ours"):
        list(in_threads(lambda k: warnings.warn("ours", stacklevel=1), range(1)))


# -- decoded once ------------------------------------------------------------------------------------------------------

def entries(cache: Path) -> list[Path]:
    return sorted((cache / "decoded").iterdir()) if (cache / "decoded").exists() else []


@pytest.mark.parametrize("limit", [None, 0])
def test_a_folder_is_decoded_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, limit) -> None:
    path = folder(tmp_path / "data", broken=True)
    monkeypatch.setenv("MINTAGE_CACHE", "OFF")
    plain = open_data(path, memory_limit=limit)
    monkeypatch.setenv("MINTAGE_CACHE", str(cache))
    said: list[str] = []
    first = open_data(path, memory_limit=limit, say=said.append)
    assert len(entries(cache)) == 1 and "MB" in said[0] and said[0] in first.notes
    decoding: list[int] = []
    monkeypatch.setattr(preflight, "_decoded", lambda *given: decoding.append(1))
    again = open_data(path, memory_limit=limit)
    assert not decoding and same(plain, first) and same(plain, again) and any("taken from" in n for n in again.notes)
    assert isinstance(again.store, DiskRows) == (limit == 0) and again.rejects[0].file == "c0/broken.png"
    for one, other in zip(plain.split(0.2), again.split(0.2), strict=True):
        assert torch.equal(one.gather(torch.arange(len(one))).x, other.gather(torch.arange(len(other))).x)


def test_a_zip_is_decoded_once(tmp_path: Path, cache: Path) -> None:
    path = folder(tmp_path / "data")
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for file in sorted(path.rglob("*.png")):
            archive.write(file, file.relative_to(path))
    first, again = open_data(tmp_path / "data.zip"), open_data(tmp_path / "data.zip", memory_limit=0)
    assert same(first, again) and isinstance(again.store, DiskRows) and len(entries(cache)) == 1


def test_other_wishes_and_other_files_are_decoded_anew(tmp_path: Path, cache: Path) -> None:
    path = folder(tmp_path / "data")
    first = open_data(path)
    assert open_data(path, resolution=(8, 8)).spec.shape == (3, 8, 8) and len(entries(cache)) == 2
    state = (path / "c1" / "01.png").stat()
    Image.fromarray(corpus.noise(1, (12, 14, 3))[::-1]).save(path / "c1" / "01.png")
    os.truncate(path / "c1" / "01.png", state.st_size) if (path / "c1" / "01.png").stat().st_size > state.st_size else 0
    os.utime(path / "c1" / "01.png", ns=(state.st_atime_ns, state.st_mtime_ns))  # a change that hides its time
    changed = open_data(path)
    assert changed.fingerprint != first.fingerprint or changed.rejects
    assert len(entries(cache)) == 2  # what was kept of the folder as it was is gone


@pytest.mark.parametrize("damage", ["index.json", "pixels.npy", "digests.npy", "which.npy", "content"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, cache: Path, damage: str) -> None:
    path = folder(tmp_path / "data")
    first = open_data(path, memory_limit=0)
    entry, = entries(cache)
    if damage == "content":
        with open(entry / "pixels.npy", "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(bytes([255 - int(first.store.fetch(torch.tensor([39]))[0, -1, -1, -1])]))  # type: ignore[attr-defined]
    else:
        os.truncate(entry / damage, (entry / damage).stat().st_size // 2)
    assert same(open_data(path, memory_limit=0), open_data(path)) and entries(cache) == [entry]
    assert open_data(path).fingerprint == first.fingerprint
    assert json.loads((entry / "index.json").read_bytes())["format"] == 1


def test_nothing_is_kept_of_little_or_where_the_disk_is_short(tmp_path: Path, cache: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "data")
    monkeypatch.setattr(decoded, "SPARE", 2**60)
    examples = open_data(path, memory_limit=0)
    assert not entries(cache) and isinstance(examples.store, Streamed)
    assert any("are left alone" in note for note in examples.notes)
    monkeypatch.setattr(decoded, "SPARE", 0)
    monkeypatch.setattr(decoded, "LEAST_FILES", 41)
    assert isinstance(open_data(path, memory_limit=0).store, Streamed) and not entries(cache)
    (cache / "decoded").rmdir()
    (cache / "decoded").write_text("in the way")
    monkeypatch.setattr(decoded, "LEAST_FILES", 1)
    assert any("cannot be written" in note for note in open_data(path).notes)


def test_an_interrupted_decoding_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "data")

    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(preflight, "_decoded", stop)
        with pytest.raises(KeyboardInterrupt):
            open_data(path)
    assert not entries(cache)
    (cache / "decoded" / ".tmp-of-another-1").mkdir()
    os.utime(cache / "decoded" / ".tmp-of-another-1", (1, 1))
    open_data(path)
    assert len(entries(cache)) == 1


# -- arrays ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(30, 6, 5), (30, 6, 5, 3), (30, 3, 6, 5), (30, 1, 6, 5)])
def test_a_large_array_stays_on_disk(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", corpus.noise(0, shape))
    held, left = open_data(tmp_path / "a.npy"), open_data(tmp_path / "a.npy", memory_limit=0)
    assert isinstance(left.store, DiskRows) and not isinstance(held.store, DiskRows)
    assert same(held, left) and same(held.split(0.3)[1], left.split(0.3)[1])
    order = torch.tensor([3, 3, 29, 0])
    assert torch.equal(held.gather(order).x, left.gather(order).x)
    with pytest.raises(DataError, match="used as they are"):
        open_data(tmp_path / "a.npy", memory_limit=0, resolution=(4, 4))
    with pytest.raises(IndexError):
        left.gather(torch.tensor([30]))


def test_an_array_cut_short_while_it_is_read_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", corpus.noise(0, (30, 6, 5)))
    left = open_data(tmp_path / "a.npy", memory_limit=0)
    os.truncate(tmp_path / "a.npy", 200)
    with pytest.raises(DataError, match="a.npy has been cut short"):
        left.gather(torch.tensor([29]))


def test_floats_are_converted_in_stretches_as_they_were_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((50, 4, 4), dtype=np.float32)
    np.save(tmp_path / "a.npy", values)
    whole = open_data(tmp_path / "a.npy")
    monkeypatch.setattr("mintage.data.arrays.STRETCH", 7)
    assert same(whole, open_data(tmp_path / "a.npy"))
    assert np.array_equal(whole.store.pixels[:, 0].numpy(), np.rint(values * 255.0))  # type: ignore[attr-defined]


def test_decoding_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from mintage.data import preflight

    now = iter(range(0, 1000, 4))
    monkeypatch.setattr(preflight.time, "monotonic", lambda: float(next(now)))
    said: list[str] = []
    assert list(preflight.told(iter("abcdefg"), 7, said.append)) == list("abcdefg")
    assert said == ["decoded 3 of 7 images", "decoded 6 of 7 images"]
    assert list(preflight.told(iter("abc"), 3, None)) == list("abc")
