"""Everything that a stranger may give to `mintage evaluate` and `mintage compare`, written by a few lines each."""

from __future__ import annotations

import json
import shutil
import wave
from pathlib import Path

import numpy as np
from PIL import Image

N = 40


def images(folder: Path, seed: int, *, n: int = N, size: tuple[int, int] = (12, 12), colour: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    for k in range(n):
        pixels = random.integers(0, 255, (*size, 3) if colour else size, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}-{k}.png")


def sounds(folder: Path, seed: int, *, n: int = N, rate: int = 8000) -> None:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    for k in range(n):
        x = 8000 * np.sin(np.arange(1600) * random.uniform(0.1, 0.9)) + random.normal(0, 300, 1600)
        with wave.open(str(folder / f"{rate}-{k}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(x.astype("<i2").tobytes())


def table(path: Path, seed: int, *, n: int = N, head: str = "age,income,job", **cells: str) -> None:
    random = np.random.default_rng(seed)
    rows = [[f"{random.normal(40, 9):.4f}", f"{random.normal(9, 2):.4f}", "abc"[k % 3]] for k in range(n)]
    for column, word in cells.items():
        place = ("age", "income", "job").index(column.removesuffix("_once"))
        for row in rows[: 1 if column.endswith("_once") else n]:
            row[place] = word
    width = head.count(",") + 1
    path.write_text("\n".join([head, *(",".join(row[:width]) for row in rows)]) + "\n")


def long_series(path: Path, shift: float) -> None:
    rows = [f"day {k},{np.sin(k / 5 + shift):.4f},{np.cos(k / 7):.4f}" for k in range(80)]
    path.write_text("\n".join(["date,a,b", *rows]) + "\n")


def good_sources(top: Path) -> None:
    """Samples and real examples of every kind."""
    for seed, name in enumerate(("real", "fake", "other")):
        images(top / name, seed)
        sounds(top / f"wav_{name}", seed)
        table(top / f"{name}.csv", seed, n=150)
        np.save(top / f"points_{name}.npy", np.random.default_rng(seed).normal(size=(150, 2)))
        np.save(top / f"series_{name}.npy", 3 * np.random.default_rng(seed).normal(size=(N, 24, 2)))
        np.save(top / f"images_{name}.npy", np.random.default_rng(seed).integers(0, 255, (N, 12, 12), dtype=np.uint8))
        long_series(top / f"long_{name}.csv", float(seed))


def odd_images(top: Path) -> None:
    """Folders that hold none, one, several sizes or broken files, and a copy of another."""
    images(top / "one", 3, n=1)
    images(top / "colour", 4, colour=True)
    images(top / "large", 5, size=(16, 16))
    images(top / "mixed", 6)
    images(top / "mixed", 7, n=10, size=(12, 14))
    for name, broken in (("broken", 10), ("few_broken", 2)):
        images(top / name, 8)
        for k in range(broken):
            (top / name / f"b{k}.png").write_bytes(b"\x89PNG and then nothing")
    shutil.copytree(top / "real", top / "copied")
    (top / "empty").mkdir()
    (top / "texts").mkdir()
    (top / "texts" / "a.txt").write_text("dear diary")
    (top / "notes.txt").write_text("dear diary")
    (top / "weights.pth").write_bytes(b"nothing of the kind")


def odd_rows_and_sounds(top: Path) -> None:
    """Rates that differ, and tables that do not fit."""
    sounds(top / "wav_fast", 4, rate=16000)
    sounds(top / "wav_mixed", 5)
    sounds(top / "wav_mixed", 6, n=9, rate=16000)
    table(top / "nan.csv", 3, income="NaN")
    table(top / "less.csv", 4, head="age,income")
    table(top / "else.csv", 5, head="a,b,c")
    table(top / "word.csv", 6, n=150, income_once="lots")
    table(top / "none.csv", 7, n=0)
    table(top / "few.csv", 8, n=5)
    table(top / "same.csv", 9, job="a")


def odd_arrays(top: Path) -> None:
    """Objects, NaN, and shapes that nothing has."""
    np.save(top / "objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
    np.save(top / "points_nan.npy", np.where(np.arange(300).reshape(150, 2) == 7, np.nan, 1.0))
    np.save(top / "points_3.npy", np.random.default_rng(0).normal(size=(50, 3)))
    np.save(top / "wide.npy", np.random.default_rng(0).uniform(0, 255, (N, 12, 12)))
    np.save(top / "series_nan.npy", np.full((N, 24, 2), np.nan))
    np.save(top / "series_3.npy", 3 * np.random.default_rng(0).normal(size=(N, 24, 3)))
    np.save(top / "five.npy", np.zeros((N, 4, 4, 2, 2)))


def odd_runs(top: Path) -> None:
    """Beside the runs `run0` and `run1`: one that has no checkpoint, and one of other data."""
    shutil.copytree(top / "run0", top / "begun", ignore=shutil.ignore_patterns("round-*", "generator"))
    settings = json.loads((top / "run0" / "settings.json").read_text())
    (top / "strange").mkdir()
    settings["data"]["fingerprint"] = "f" * 64
    (top / "strange" / "settings.json").write_text(json.dumps(settings))
