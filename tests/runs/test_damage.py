"""A newest checkpoint that was cut or changed is noticed, and the one before it is used, with a warning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mintage.runs import checkpoints
from tests.runs.conftest import Machine, state_of

CUTS = [("cut", name, part) for name in ("state.safetensors", "state.json") for part in (0.0, 0.1, 0.5, 0.9, 0.999)]
FLIPS = [("flip", "state.safetensors", k / 20) for k in range(20)] + [("flip", "state.json", k / 8) for k in range(8)]
OTHER = [("missing", "state.json", 0.0), ("missing", "state.safetensors", 0.0)]
CASES = CUTS + FLIPS + OTHER


@pytest.fixture(scope="module")
def stopped(machine: Machine, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run killed after round 14, and the state of the same run never stopped."""
    folder = tmp_path_factory.mktemp("damage")
    assert machine.train(folder / "whole", tiny_data)[0] == 0
    assert machine.train(folder / "run", tiny_data, fault="kill@round:14")[0] == -9
    return folder / "run", state_of(folder / "whole")


def damage(path: Path, how: str, name: str, part: float) -> None:
    file = path / name
    data = bytearray(file.read_bytes())
    place = min(int(part * len(data)), len(data) - 1)
    if how == "missing":
        file.unlink()
    elif how == "cut":
        file.write_bytes(data[:place])
    else:
        data[place] ^= 1 << (place % 8)
        file.write_bytes(data)


def test_there_are_forty_cases() -> None:
    assert len(CASES) == 40


@pytest.mark.parametrize(("how", "name", "part"), CASES)
def test_noticed(stopped: tuple[Path, dict[str, Any]], tmp_path: Path, how: str, name: str, part: float) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(stopped[0] / "checkpoints", folder)
    newest, before = checkpoints.listed(folder)[-1], checkpoints.listed(folder)[-2]
    damage(newest, how, name, part)
    point, warnings = checkpoints.latest(folder)
    assert point is not None and point.path == before
    assert len(warnings) == 1 and newest.name in warnings[0]


def test_continued_from_the_one_before(machine: Machine, stopped: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    for how, name, part in (CUTS[2], FLIPS[7], FLIPS[22]):
        run = tmp_path / f"{how}-{name}-{part}"
        shutil.copytree(stopped[0], run)
        damage(checkpoints.listed(run / "checkpoints")[-1], how, name, part)
        status, output = machine.resume(run)
        assert status == 0 and "damaged" in output
        assert state_of(run) == stopped[1]


def test_never_a_silent_restart(machine: Machine, stopped: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped[0], run)
    for path in checkpoints.listed(run / "checkpoints"):
        damage(path, "cut", "state.safetensors", 0.5)
    status, output = machine.resume(run)
    assert status == 2 and "every checkpoint" in output
