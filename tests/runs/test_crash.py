"""Killed at any moment and continued equals never killed, bit for bit.

Kills are by event, not by time: after each round, at byte fractions of a checkpoint's write, at each point of its
protocol, and twice in a row. The same tests must reject two broken twins of the library.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.runs.conftest import ROUNDS, TINY, Machine, state_of

SYSTEMS = sorted(TINY)
FRACTIONS = (0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999)
PROTOCOL = ("save.begin", "save.after_file", "save.before_rename", "save.after_rename", "save.before_prune",
            "save.after_prune", "film.before_rename", "film.after_rename")
LATE = ("generator.before_rename", "generator.after_rename", "generator.bytes")
KILLED = -9


@pytest.fixture(scope="module")
def whole(machine: Machine, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state of each system's run that nothing ever stopped."""
    states = {}
    for system in SYSTEMS:
        out = tmp_path_factory.mktemp(system) / "run"
        status, output = machine.train(out, tiny_data, system)
        assert status == 0, output
        states[system] = state_of(out)
    return states


def killed_and_continued(machine: Machine, data: Path, out: Path, system: str, faults: list[str],
                         twin: str | None = None) -> Any:
    """Train under the first fault, resume under the others, resume to the end; the state, or what went wrong."""
    status, output = machine.train(out, data, system, fault=faults[0], twin=twin)
    assert status == KILLED, f"{faults[0]} did not strike: {status} {output}"
    for fault in faults[1:]:
        status, output = machine.resume(out, fault=fault, twin=twin)
        assert status == KILLED, f"{fault} did not strike: {status} {output}"
    status, output = machine.resume(out, twin=twin)
    state = state_of(out) if status == 0 else output
    shutil.rmtree(out)
    return state


@pytest.mark.parametrize("system", SYSTEMS)
def test_killed_after_each_round(machine: Machine, tiny_data: Path, whole: dict[str, Any], tmp_path: Path,
                                 system: str) -> None:
    for number in range(1, ROUNDS + 1):
        state = killed_and_continued(machine, tiny_data, tmp_path / "run", system, [f"kill@round:{number}"])
        assert state == whole[system], f"after round {number}"


@pytest.mark.parametrize("system", SYSTEMS)
def test_killed_inside_a_checkpoint(machine: Machine, tiny_data: Path, whole: dict[str, Any], tmp_path: Path,
                                    system: str) -> None:
    faults = [f"kill@save.bytes:{1 + 2 * (k % 3)}:{fraction}" for k, fraction in enumerate(FRACTIONS)]
    faults += ["kill@save.bytes:4:0.5", *(f"kill@{point}:2" for point in PROTOCOL)]
    faults += [f"kill@{point}:1" for point in LATE] + ["kill@append:5:0.5"]
    for fault in faults:
        assert killed_and_continued(machine, tiny_data, tmp_path / "run", system, [fault]) == whole[system], fault


@pytest.mark.parametrize("system", SYSTEMS)
def test_killed_twice_in_a_row(machine: Machine, tiny_data: Path, whole: dict[str, Any], tmp_path: Path,
                               system: str) -> None:
    for pair in (["kill@round:6", "kill@round:7"], ["kill@round:9", "kill@save.bytes:1:0.5"],
                 ["kill@save.bytes:3:0.5", "kill@save.before_rename:1"], ["kill@round:2", "kill@film.before_rename:1"],
                 ["kill@save.after_rename:2", "kill@round:14"]):
        assert killed_and_continued(machine, tiny_data, tmp_path / "run", system, pair) == whole[system], pair


def test_an_in_place_writer_is_noticed(machine: Machine, tiny_data: Path, whole: dict[str, Any],
                                       tmp_path: Path) -> None:
    lost = [killed_and_continued(machine, tiny_data, tmp_path / "run", "gan", [f"kill@save.bytes:3:{f}"],
                                 twin="in-place") != whole["gan"] for f in FRACTIONS[:-1]]
    assert all(lost)


def test_a_resume_without_optimizers_is_noticed(machine: Machine, tiny_data: Path, whole: dict[str, Any],
                                                tmp_path: Path) -> None:
    for number in (5, 11, 18):
        state = killed_and_continued(machine, tiny_data, tmp_path / "run", "gan", [f"kill@round:{number}"],
                                     twin="forgetful")
        assert state != whole["gan"], f"after round {number}"
