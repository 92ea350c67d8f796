"""The judgement in a report: marks of the training, figures of the product with their readings, and the release."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest

from mintage.cli import run
from mintage.evaluation.wording import number
from mintage.runs.evaluating import read, write
from mintage.runs.folder import Run
from mintage.runs.generator_figures import lines_of
from mintage.runs.judgement import judgement

FAST = ["--system", "gan", "--width", "16", "--examples", "32", "--batch", "8", "--precision", "fp32", "--device",
        "cpu", "--judged", "20", "--quiet"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on toy points, whose modes are known."""
    out = tmp_path_factory.mktemp("judgement") / "run"
    assert run(["train", "ring", "--out", str(out), *FAST]) == 0
    return out


def test_the_report_shows_figures_and_release(trained: Path) -> None:
    found = read(trained)
    assert found is not None and found.gate is not None
    page = (trained / "report.html").read_text()
    section = judgement(Run.open(trained))
    assert section in page
    for card in found.cards:
        assert escape(card.about.title) in section and escape(number(card.value)) in section
        assert escape(card.reading) in section
    assert escape(found.gate.lines()[0]) in section
    assert "During training" in section and "chose the checkpoint" in section


def test_modes_of_toy_data_are_counted(trained: Path) -> None:
    found = read(trained)
    assert found is not None
    modes = found.facts["modes"]
    assert 0 <= modes["covered"] <= modes["of"] == 8 and modes["n"] == 10_000
    assert f"{modes['covered']} of 8 modes" in judgement(Run.open(trained))


def test_a_run_that_was_not_judged_says_so(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").unlink()
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("judge", None)
    (tmp_path / "run" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "Nothing has been judged" in judgement(Run.open(tmp_path / "run"))


def test_without_an_evaluation_the_marks_remain(trained: Path, tmp_path: Path) -> None:
    """As after a crash before the end, or where an older mintage wrote it."""
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_text('{"format": 1, "damaged": ')
    section = judgement(Run.open(tmp_path / "run"))
    assert "During training" in section and "The generator" not in section


def test_what_it_says_cannot_break_the_page(trained: Path, tmp_path: Path) -> None:
    found = read(trained)
    assert found is not None
    shutil.copytree(trained, tmp_path / "run")
    setting = replace(found.setting, samples="<script>alert(1)</script>", notes=("<b>bold</b>",))
    write(replace(found, setting=setting), tmp_path / "run")
    section = judgement(Run.open(tmp_path / "run"))
    assert "<script" not in section and "<b>" not in section and "&lt;b&gt;bold" in section


def test_lines_of_figures() -> None:
    assert lines_of({}) == []
    length = {"mean": 1234.5, "error": 67.0, "n": 1000, "features": "small"}
    stacks = {"modes": 950, "kl": 0.5, "n": 10_000, "floor_modes": 1000.0, "floor": 0.05, "floor_sd": 0.002}
    shown = lines_of({"path_length": length, "stacked_modes": stacks})
    assert "1,234 +- 67 (1,000 paths" in shown[0] and "950 of 1000 stacks, KL 0.5000" in shown[1]


def test_an_image_generator_has_a_path_length(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 90, (200, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "bars.npy", pixels)
    assert run(["train", str(tmp_path / "bars.npy"), "--out", str(tmp_path / "run"), *FAST]) == 0
    found = read(tmp_path / "run")
    assert found is not None and found.facts["path_length"]["mean"] > 0 and found.facts["path_length"]["n"] == 1000
    assert "perceptual path length" in judgement(Run.open(tmp_path / "run"))
