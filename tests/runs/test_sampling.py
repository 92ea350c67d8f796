"""Sampling: any number in little memory, the same samples whatever they are written to, and never half a file."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.cli import run as mintage
from mintage.data import DataError, DataSpec, open_data, written
from mintage.runs import product
from mintage.runs.building import build_game
from mintage.runs.errors import RunError

SPECS = {"grey": DataSpec("image", (1, 8, 8)), "colour": DataSpec("image", (3, 8, 8), ("a", "b", "c")),
         "points": DataSpec("points", (2,), (), (10.0, 0.0), (2.0, 0.5))}
N = 2 * product.CHUNK + 7


def made(kind: str, device: str = "cpu", precision: str = "fp32") -> product.Generator:
    options = {"size": "XS", "conditional": kind == "colour", "gamma": 1.0}
    game = build_game("r3gan", options, SPECS[kind], seed=0, device=device, precision=precision)
    return product.Generator(game, SPECS[kind], {})


@pytest.fixture(scope="module", params=list(SPECS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator/ folder, without a run."""
    path = tmp_path_factory.mktemp("product") / "generator"
    settings = SimpleNamespace(version="0", system="r3gan", spec=SPECS[kind],
                               options={"size": "XS", "conditional": kind == "colour", "gamma": 1.0})
    run: Any = SimpleNamespace(settings=settings, generator=path, path=path.parent)
    product.export(run, made(kind).game, {"examples": 0})
    return path


# -- which samples -----------------------------------------------------------------------------------------------------

def test_samples_are_those_of_the_latents_in_order(kind: str) -> None:
    """The definition, longhand: draw 250 latents keyed by the number of the first, pass them through the networks."""
    generator = made(kind)
    found = torch.cat(list(generator.stream(N, seed=5)))
    sampler, start = generator.game.sampler, product.CHUNK
    z, y = sampler.latents(product.CHUNK, product.generator(5, "sample", start))  # type: ignore[union-attr]
    expected = generator.generate(z, None if y is None else (y + start) % 3)
    assert torch.equal(found[start:2 * start], expected) and len(found) == N


def test_ready_is_stream_rounded(kind: str) -> None:
    generator = made(kind)
    plain, ready = (torch.cat(list(way(N, seed=1))) for way in (generator.stream, generator.ready))
    array = generator.sample(N, seed=1)
    assert ready.dtype == (torch.float32 if kind == "points" else torch.uint8)
    assert np.array_equal(product.to_array(plain, generator.spec), product.to_array(ready, generator.spec))
    assert np.array_equal(array, product.to_array(plain, generator.spec)) and array.flags.c_contiguous
    if kind == "colour":
        only = made(kind).sample(40, seed=1, label="b")
        assert not np.array_equal(only, array[:40])


def test_draws_passed_together_are_the_same_draws(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU several draws go through the networks at once: the same samples, up to rounding."""
    one = made(kind).sample(N, seed=2).astype(float)
    monkeypatch.setitem(product.AT_ONCE, "cpu", 2)
    chunks = [len(x) for x in made(kind).ready(N, seed=2)]
    together = made(kind).sample(N, seed=2).astype(float)
    assert chunks == [2 * product.CHUNK, 7] and np.abs(one - together).max() <= (1e-4 if kind == "points" else 1)


def test_precision_is_exact_unless_asked_for(folder: Path) -> None:
    auto, exact = (product.load(folder, precision=p).sample(60) for p in ("auto", "fp32"))
    assert np.array_equal(auto, exact) and product.load(folder).game.current.precision == "fp32"
    rough = product.load(folder, precision="bf16")
    assert rough.game.current.precision == "bf16"
    off = np.abs(rough.sample(60).astype(float) - exact)
    assert 0 < off.mean() < (1.5 if exact.dtype == np.uint8 else 0.1)
    with pytest.raises(RunError, match="auto, fp32 or bf16"):
        product.load(folder, precision="fp16")
    with pytest.raises(RunError, match="not one of auto, cpu"):
        product.load(folder, device="abacus")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_samples_the_same_up_to_rounding(kind: str) -> None:
    cpu, gpu = made(kind).sample(N, seed=3).astype(float), made(kind, "cuda").sample(N, seed=3).astype(float)
    assert np.abs(cpu - gpu).mean() < 0.5


# -- what is written ---------------------------------------------------------------------------------------------------

def test_every_way_of_writing_holds_the_same_samples(folder: Path, kind: str, tmp_path: Path) -> None:
    expected = product.load(folder).sample(300, seed=4)
    names = ["a.npy", "many"] + (["p.csv"] if kind == "points" else [])
    for name in names:
        assert mintage(["sample", str(folder), "-n", "300", "--seed", "4", "--out", str(tmp_path / name)]) == 0
    np.save(tmp_path / "whole.npy", expected)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    if kind == "points":
        for file in (tmp_path / "p.csv", tmp_path / "many" / "points.csv"):
            rows = list(csv.reader(file.read_text().splitlines()))
            assert np.array_equal(np.array(rows[1:], dtype=np.float32), expected)
        return
    files = sorted((tmp_path / "many").iterdir())
    assert [file.name for file in files] == [f"{k:06d}.png" for k in range(300)]
    assert np.array_equal(np.stack([np.asarray(Image.open(file)) for file in files]), expected)
    examples = open_data(tmp_path / "many")
    assert examples.spec.shape == SPECS[kind].shape and not examples.rejects


def test_a_folder_that_is_there_is_added_to(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("stays")
    generator = made("grey")
    for seed in (0, 1):
        with written(tmp_path / "out", generator.spec, 5) as add:
            for x in generator.ready(5, seed=seed):
                add(x)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{k:06d}.png" for k in range(5)] + ["mine.txt"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "000003.png")), generator.sample(5, seed=1)[3])


@pytest.mark.parametrize("name", ["a.npy", "pictures"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", [False, True])
def test_an_interrupted_writing_leaves_what_was_there(tmp_path: Path, name: str, error: type, before: bool) -> None:
    generator, path = made("grey"), tmp_path / name
    if before:
        with written(path, generator.spec, 3) as add:
            add(torch.zeros(3, 1, 8, 8))
    held = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(error), written(path, generator.spec, 1000) as add:
        for k, x in enumerate(generator.ready(1000)):
            add(x)
            if k == 1:
                raise error
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == held
    assert len(list(tmp_path.iterdir())) == before


def test_an_error_of_the_writing_threads_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(rows: np.ndarray) -> Iterator[bytes]:
        raise OSError(28, "No space left on device")
        yield b""

    monkeypatch.setattr("mintage.data.writing.encode", full)
    with pytest.raises(OSError, match="No space"), written(tmp_path / "out", SPECS["grey"], 2_000) as add:
        for _ in range(2):
            add(torch.zeros(1_000, 1, 8, 8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("sent", "words"), [(torch.zeros(3, 1, 8, 8), "4 examples were to be written, and 3 came"),
                                             (torch.zeros(4, 1, 9, 8), "received")])
def test_what_came_otherwise_than_said(tmp_path: Path, sent: torch.Tensor, words: str) -> None:
    with pytest.raises(DataError, match=words), written(tmp_path / "a.npy", SPECS["grey"], 4) as add:
        add(sent)
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_too_large_is_refused_before_anything_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "load", lambda *given, **more: made("grey"))
    monkeypatch.setattr(product.Generator, "stream", None)
    assert mintage(["sample", str(tmp_path), "-n", "10001"]) == 2
    assert "too large to look at" in capsys.readouterr().err


def test_memory_does_not_grow_with_the_number(tmp_path: Path) -> None:
    """Peaks of what Python and NumPy allocate, for 1 and for 16 chunks; the array itself is not held."""
    generator = made("grey")
    peaks = []
    for n in (product.CHUNK, 16 * product.CHUNK):
        tracemalloc.start()
        with written(tmp_path / "a.npy", generator.spec, n) as add:
            for x in generator.ready(n):
                add(x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 60_000 < 16 * product.CHUNK * 64
