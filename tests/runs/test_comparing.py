"""Comparing: who is whose twin, names that differ, and a sheet of the right size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mintage.data import DataSpec
from mintage.evaluation import Evaluation
from mintage.runs.asked import Asked
from mintage.runs.comparing import HEIGHT, MARGIN, Compared, compare_samples, groups_of, names_of, write
from mintage.runs.errors import RunError


@dataclass(frozen=True)
class Settings:
    """As much of a run's settings as tells methods apart."""

    seed: int = 0
    system: str = "gan"
    options: dict[str, Any] = field(default_factory=dict)
    batch: int = 64
    budget: int = 1000
    minutes: float | None = None
    command: str = "mintage train x --examples 1000"
    patience: int = 0
    precision: str = "fp32"
    fingerprint: str = "f"
    flip: bool = False

    @property
    def plan(self) -> Any:
        return SimpleNamespace(budget=self.budget)

    @property
    def data(self) -> Any:
        return SimpleNamespace(fingerprint=self.fingerprint, flip=self.flip)


ONE = Settings()


def grouped(**runs: Settings) -> dict[str, tuple[str, ...]]:
    return groups_of({name: SimpleNamespace(settings=s) for name, s in runs.items()})  # type: ignore[misc]


def test_runs_that_differ_in_the_seed_are_one_method() -> None:
    found = grouped(a=ONE, b=replace(ONE, seed=1), c=replace(ONE, system="r3gan"), d=replace(ONE, seed=2))
    assert found == {"gan": ("a", "b", "d"), "r3gan": ("c",)}


@pytest.mark.parametrize("change", [{"options": {"width": 3}}, {"batch": 8}, {"budget": 9}, {"patience": 2},
                                    {"precision": "bf16"}, {"flip": True}, {"minutes": 8.0}])
def test_any_other_difference_makes_another_method(change: dict[str, Any]) -> None:
    found = grouped(a=ONE, b=replace(ONE, seed=1), c=replace(ONE, seed=2, **change))
    assert found == {"a and alike": ("a", "b"), "c": ("c",)}


def test_minutes_are_alike_although_they_gave_different_budgets() -> None:
    timed = replace(ONE, minutes=8.0, command="mintage train x --minutes 8")
    assert len(grouped(a=timed, b=replace(timed, seed=1, budget=1040))) == 1
    assert len(grouped(a=timed, b=replace(timed, seed=1, minutes=4.0))) == 2
    unsaid = replace(ONE, command="mintage train x")  # eight minutes, unless said otherwise
    assert len(grouped(a=unsaid, b=replace(unsaid, seed=1, budget=1040))) == 1


def test_the_same_seed_twice_is_no_second_training() -> None:
    """A copied run would halve the noise that a method is thought to have."""
    assert grouped(a=ONE, copy=ONE, b=replace(ONE, seed=1)) == {"gan": ("a", "b")}


def test_names_are_as_short_as_they_can_be() -> None:
    assert names_of([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert names_of([Path("one/a"), Path("two/a"), Path("two/b")]) == ["one/a", "two/a", "two/b"]
    with pytest.raises(RunError, match="runs/../a is given twice"):
        names_of([Path("a"), Path("b"), Path("runs/../a")])
    with pytest.raises(RunError, match="two or more"):
        names_of([Path("a")])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("comparing")
    random = np.random.default_rng(0)
    for name, n, low in (("real", 300, 0), ("good", 260, 0), ("alike", 140, 0), ("dim", 300, 120)):
        np.save(top / f"{name}.npy", random.integers(low, 256, (n, 8, 8), dtype=np.uint8))
    return top


@pytest.fixture(scope="module")
def compared(folder: Path) -> Compared:
    return compare_samples([str(folder / f"{name}.npy") for name in ("good", "alike", "dim")],
                           str(folder / "real.npy"), None, Asked(seed=1))


def test_all_are_judged_by_the_smallest_number(compared: Compared) -> None:
    """On the same real examples in the same order, or the blocks would not be pairs."""
    assert {found.setting.n for found in compared.evaluations.values()} == {140}
    assert len({found.setting.reference for found in compared.evaluations.values()}) == 1
    assert [(c.a, c.b) for c in compared.generators] == [("good.npy", "alike.npy"), ("good.npy", "dim.npy"),
                                                        ("alike.npy", "dim.npy")]


def test_what_differs_is_found_and_what_does_not_is_not(compared: Compared) -> None:
    alike, *others = compared.generators
    assert not alike.differs and "no difference found" in alike.verdict
    assert all(c.differs for c in others)
    assert others[0].verdict.startswith("good.npy is better in")
    told = "\n".join(compared.lines())
    assert "real data" in told and others[0].verdict in told and "several trainings" in told


def test_the_sheet_has_a_strip_for_each(compared: Compared, tmp_path: Path) -> None:
    write(compared, tmp_path)
    with Image.open(tmp_path / "sheet.png") as found:
        strip = found.height // 3 - HEIGHT - MARGIN
        assert found.height == 3 * (strip + HEIGHT + MARGIN)
        assert found.width > 12 * 8 and found.width % 12 < 12 * 4
        pixels = np.asarray(found.convert("L"))
    strips = [pixels[k * (strip + HEIGHT + MARGIN) + HEIGHT:][:strip] for k in range(3)]
    assert all((one[:4] < 255).any() and (one[-4:] < 255).any() for one in strips)  # each fills its place
    assert (strips[2] < 110).mean() < 0.01 < (strips[0] < 110).mean()  # the dim ones are the third
    assert (tmp_path / "comparison.md").read_text().count("## Generators: ") == 3


def test_methods_are_compared_where_each_has_trainings(compared: Compared) -> None:
    """Evaluations stand in for trainings: what is tested is who is grouped with whom, and that it is told."""
    from mintage.runs import comparing

    good, alike, dim = compared.evaluations.values()
    named: dict[str, Evaluation] = {"a1": good, "a2": alike, "b1": dim, "b2": dim}
    found = comparing._compared(named, {"a": ("a1", "a2"), "b": ("b1", "b2")}, None)
    assert [(c.a, c.b, c.of) for c in found.methods] == [("a", "b", "methods")] and len(found.generators) == 6
    assert "## Methods: a and b" in found.markdown() and "several trainings" not in "\n".join(found.lines())
    assert len(found.to_json()["methods"]) == 1


def test_points_have_no_sheet() -> None:
    from mintage.runs.comparing import _sheet

    spec = DataSpec("points", (2,), (), (0.0, 0.0), (1.0, 1.0))
    assert _sheet({"a": torch.zeros(4, 2)}, spec) is None
