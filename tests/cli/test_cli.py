"""The command line as a stranger meets it: every mistake is one sentence with a remedy, and nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mintage.cli import VERBS, run

FAST = ["--examples", "32", "--batch", "8", "--precision", "fp32", "--device", "cpu", "--judged", "20"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.npy"
    np.save(path, np.random.default_rng(0).integers(0, 255, (200, 8, 8), dtype=np.uint8))
    return path


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "mintage", "--help"], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
    assert all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"mintage {verb}" in text and len(text) > 100


def test_help_shows_the_options_of_the_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--system", "gan", "--help"]) == 0
    assert "--critic-steps" in capsys.readouterr().out


def test_train_sample_evaluate_report_resume(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run(["train", str(data), "--system", "gan", "--width", "16", "--out", str(out), *FAST]) == 0
    assert str(out / "report.html") in capsys.readouterr().out
    assert run(["sample", str(out), "-n", "12", "--out", str(tmp_path / "s.png")]) == 0
    assert run(["sample", str(out), "-n", "12", "--out", str(tmp_path / "s.npy")]) == 0
    assert np.load(tmp_path / "s.npy").shape[0] == 12
    assert run(["evaluate", str(out), "--n", "20"]) == 0
    (out / "report.html").unlink()
    assert run(["report", str(out)]) == 0 and (out / "report.html").exists()
    assert run(["resume", str(out)]) == 0
    assert run(["inspect", str(data), "--sheet", str(tmp_path / "c.png")]) == 0 and (tmp_path / "c.png").exists()
    assert run(["systems"]) == 0 and run(["systems", "gan"]) == 0


MISTAKES = {
    "no such path": (["train", "no/such/folder"], ["no/such/folder"]),
    "a name misspelt": (["train", "digts"], ["digits"]),
    "no such system": (["train", "digits", "--system", "dcgn"], ["dcgn", "dcgan"]),
    "no such option": (["train", "{data}", "--widht", "3", "--system", "gan"], ["width"]),
    "option of another system": (["train", "{data}", "--critic-steps", "3"], ["critic-steps"]),
    "wrong type": (["train", "{data}", "--batch", "many"], ["batch", "many"]),
    "out of bounds": (["train", "{data}", "--batch", "0"], ["--batch", "at least 1"]),
    "parts of nothing": (["train", "{data}", "--accumulate", "0"], ["--accumulate", "at least 1"]),
    "unequal parts": (["train", "{data}", "--system", "gan", "--batch", "8", "--accumulate", "3", "--examples", "8"],
                      ["8 is not 3 equal parts", "multiple of"]),
    "parts and batch norm": (["train", "{data}", "--system", "dcgan", "--size", "XS", "--accumulate", "2"],
                             ["--accumulate 2", "mixes the examples"]),
    "neither on nor off": (["train", "{data}", "--compile", "maybe"], ["--compile", "maybe"]),
    "negative rate": (["train", "{data}", "--system", "gan", "--lr", "-1"], ["lr", "above 0"]),
    "two budgets": (["train", "{data}", "--minutes", "1", "--examples", "9"], ["--minutes", "--examples"]),
    "bad resolution": (["train", "{data}", "--resolution", "big"], ["WIDTHxHEIGHT"]),
    "no such device": (["train", "{data}", "--device", "tpu"], ["auto, cpu, cuda, mps"]),
    "empty folder": (["train", "{empty}"], ["{empty}"]),
    "a text file": (["train", "{text}"], ["notes.txt"]),
    "folder of text": (["train", "{texts}"], ["{texts}"]),
    "one example": (["train", "{one}"], ["at least"]),
    "output is a file": (["train", "{data}", "--out", "{text}"], ["--out"]),
    "output cannot be written": (["train", "{data}", "--out", "/proc/nothing/run"], ["cannot be written", "--out"]),
    "output is not empty": (["train", "{data}", "--out", "{texts}"], ["not empty", "--out"]),
    "not a run": (["resume", "{texts}"], ["is not a run"]),
    "no run there": (["resume", "{empty}/nothing"], ["there is no run"]),
    "sample of no run": (["sample", "{texts}"], ["neither a run nor a generator"]),
    "evaluate no run": (["evaluate", "{texts}"], ["is not a run"]),
    "report of no run": (["report", "{texts}"], ["is not a run"]),
    "inspect nothing": (["inspect", "{empty}"], ["{empty}"]),
    "no such verb": (["trian", "digits"], ["train"]),
    "no data given": (["train"], ["DATA"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(name: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"data": data, "empty": tmp_path / "empty", "text": tmp_path / "notes.txt", "texts": tmp_path / "texts",
              "one": tmp_path / "one.npy"}
    places["empty"].mkdir()
    places["texts"].mkdir()
    places["text"].write_text("dear diary")
    (places["texts"] / "a.txt").write_text("dear diary")
    np.save(places["one"], np.zeros((1, 8, 8), np.uint8))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    arguments, expected = MISTAKES[name]
    status = run([a.format(**places) for a in arguments])
    said = capsys.readouterr().err
    assert status == 2
    assert "Traceback" not in said and said.count("\n") == 1 and len(said) < 400, said
    for part in expected:
        assert part.format(**places) in said, said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this machine does not let tests mount a small disk")
    try:
        status = run(["train", str(data), "--system", "gan", "--out", str(disk / "run"), *FAST])
        said = capsys.readouterr().err
        assert status == 2 and "MB free" in said and "--out" in said
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)
