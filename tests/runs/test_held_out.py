"""Held-out discipline: three disjoint parts by content, and each is looked at only for what it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mintage.cli import run
from mintage.data import Examples
from mintage.evaluation import Assessor, Judge
from mintage.runs import evaluating
from mintage.runs.building import examples_of
from mintage.runs.evaluating import court_for, read
from mintage.runs.folder import Run
from mintage.runs.held_out import ENOUGH, divide
from mintage.runs.judging import Judging

FAST = ["--system", "gan", "--width", "16", "--examples", "32", "--batch", "8", "--precision", "fp32", "--device",
        "cpu", "--judged", "20", "--quiet"]


def pictures(n: int, seed: int = 0) -> Examples:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 1, 3, 3), dtype=np.uint8)
    return Examples.of_images(pixels, "pictures")


def content(examples: Examples) -> set[bytes]:
    return set(map(bytes, examples.digests))


@pytest.fixture(scope="module")
def whole() -> Examples:
    return pictures(24_000)


def test_the_parts_are_disjoint_and_together_all(whole: Examples) -> None:
    train, held_out = whole.split(0.1)
    choosing, testing, note = divide(held_out)
    sets = [content(train), content(choosing), content(testing)]
    assert not note and sum(map(len, sets)) == len(set.union(*sets)) == len(content(whole))
    assert len(choosing) + len(testing) == len(held_out) >= ENOUGH
    assert abs(len(choosing) / len(held_out) - 0.5) < 0.05  # halves, although all have the first bits alike


def test_sides_go_by_content_not_by_order(whole: Examples) -> None:
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(3))
    sides = divide(whole.split(0.1)[1])
    mixed = divide(whole.take(order).split(0.1)[1])
    assert content(sides.choosing) == content(mixed.choosing) and content(sides.testing) == content(mixed.testing)


def test_sides_stay_when_the_data_grow(whole: Examples) -> None:
    more = np.concatenate([whole.gather(torch.arange(len(whole))).x.numpy(), pictures(6000, 1).gather(
        torch.arange(6000)).x.numpy()])
    grown = Examples.of_images(np.rint((more + 1) * 127.5).astype(np.uint8), "grown")
    train, held_out = whole.split(0.1)
    larger_train, larger_held_out = grown.split(0.1)
    before, after = divide(held_out), divide(larger_held_out)
    assert content(train) < content(larger_train)
    assert content(before.choosing) < content(after.choosing) and content(before.testing) < content(after.testing)


def test_copies_of_an_example_fall_on_one_side() -> None:
    one = pictures(9000)
    twice = one.take(torch.arange(2 * len(one)) % len(one))
    train, held_out = twice.split(0.3)
    choosing, testing, _ = divide(held_out)
    for a, b in ((train, choosing), (train, testing), (choosing, testing)):
        assert not content(a) & content(b)
    assert len(testing) == 2 * len(content(testing))


def test_few_are_not_divided_and_that_is_said() -> None:
    held_out = pictures(ENOUGH - 1)
    choosing, testing, note = divide(held_out)
    assert choosing is testing is held_out
    assert "1,999" in note and "2,000" in note


def test_marks_look_at_choosing_and_figures_at_testing(whole: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spy in both courts: what is judged by is never what is tested on, and neither was trained on."""
    train, held_out = whole.split(0.1)
    parts, seen = divide(held_out), dict[str, set[bytes]]()
    settings: Any = type("Settings", (), {"judged": 32, "seed": 0, "device": "cpu"})()

    def judge_of(train: Examples, reference: Examples, *rest: Any, **more: Any) -> None:
        seen["judge"] = content(reference)

    def assessor_of(reference: Examples, learnt: Examples, *rest: Any, **more: Any) -> None:
        seen["assessor"], seen["learnt"] = content(reference), content(learnt)

    monkeypatch.setattr(Judge, "of", judge_of)
    monkeypatch.setattr(evaluating.Assessor, "of", assessor_of)
    assert Judging(settings, train, held_out).judge is None
    court_for(settings, train, held_out, n=32)
    assert seen == {"judge": content(parts.choosing), "assessor": content(parts.testing), "learnt": content(train)}
    assert not seen["judge"] & seen["assessor"] and not (seen["judge"] | seen["assessor"]) & seen["learnt"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    top = tmp_path_factory.mktemp("held-out")
    np.save(top / "bars.npy", np.random.default_rng(0).integers(0, 90, (400, 8, 8), dtype=np.uint8))
    assert run(["train", str(top / "bars.npy"), "--out", str(top / "run"), *FAST]) == 0
    return Run.open(top / "run")


def test_the_product_carries_its_gate(trained: Run) -> None:
    """`export` can refuse by what stands beside the weights, without the data."""
    found = read(trained.path)
    body: dict[str, Any] = json.loads((trained.generator / "generator.json").read_text())
    assert found is not None and found.gate is not None
    assert body["released"] == found.gate.passed and body["reasons"] == found.gate.reasons
    assert body["released"] or body["reasons"]
    assert body["evaluated"] == found.setting.reference
    assert found.gate.lines()[0] in body["verdict_lines"]
    assert found.gate.lines()[0] in (trained.generator / "README.md").read_text()


def test_the_evaluation_is_of_the_held_out_part(trained: Run) -> None:
    """By its digest: the same assessor made from the test part has it, one made from training examples has not."""
    train, held_out = examples_of(trained.settings)
    found = read(trained.path)
    assert found is not None
    made = [Assessor.of(reals, train, n=20) for reals in (divide(held_out).testing, train)]
    digests = [one.of_side(one.real, "").setting.reference for one in made]
    assert digests[0] == found.setting.reference != digests[1]
    assert any("chosen by these same" in note for note in found.setting.notes)  # 40 held out are too few to divide


def test_a_run_evaluated_again_is_held_against_the_same(trained: Run, tmp_path: Path) -> None:
    before = read(trained.path)
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(["evaluate", str(trained.path), "--n", "20", "--seed", seed, "--out", str(tmp_path / name)]) == 0
    a, b, c = (read(tmp_path / name) for name in "abc")
    assert a and b and c and before
    assert a.cards == b.cards and a.cards != c.cards
    assert a.setting.reference == b.setting.reference == c.setting.reference == before.setting.reference
