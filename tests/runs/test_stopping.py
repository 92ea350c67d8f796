"""Signals, full disks, two processes, changed data: nothing is lost, and one sentence says what happened."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mintage.runs import checkpoints
from mintage.runs.folder import Run
from tests.runs.conftest import Machine, state_of


@pytest.fixture(scope="module")
def whole(machine: Machine, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert machine.train(out, tiny_data)[0] == 0
    return state_of(out)


@pytest.mark.parametrize(("action", "code"), [("int", 130), ("term", 143)])
@pytest.mark.parametrize("point", ["round:7", "round:1", "save.before_rename:2", "film.before_rename:3"])
def test_a_signal_finishes_the_round_and_saves(machine: Machine, tiny_data: Path, whole: dict[str, Any], tmp_path: Path,
                                               action: str, code: int, point: str) -> None:
    out = tmp_path / "run"
    status, output = machine.train(out, tiny_data, fault=f"{action}@{point}")
    assert status == code, output
    point_, _ = checkpoints.latest(out / "checkpoints")
    assert point_ is not None
    lines = Run(out).metrics()
    assert max(line["round"] for line in lines) <= point_.scalars["index"]  # nothing after what was saved
    assert machine.resume(out)[0] == 0
    assert state_of(out) == whole


def test_a_disk_that_fills_up_for_a_while(machine: Machine, tiny_data: Path, whole: dict[str, Any],
                                          tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, output = machine.train(out, tiny_data, fault="full@save.bytes:3:0.5,full@append:6:0.5")
    assert status == 0, output
    assert "no checkpoint could be written" in output and "MB" in output and "untouched" in output
    # The save that failed may have been the best; everything that was played is the same.
    played = ("tensors", "scalars", "lines")
    assert {k: state_of(out)[k] for k in played} == {k: whole[k] for k in played}
    assert not list(out.rglob(".tmp-*"))


def test_a_disk_that_stays_full_at_the_end(machine: Machine, tiny_data: Path, whole: dict[str, Any],
                                           tmp_path: Path) -> None:
    out = tmp_path / "run"
    faults = ",".join(f"full@save.bytes:{k}:0.5" for k in range(9, 40))
    status, output = machine.train(out, tiny_data, fault=faults)
    assert status == 2 and "mintage resume" in output
    assert machine.resume(out)[0] == 0
    assert state_of(out) == whole


def test_a_second_process_is_refused(machine: Machine, tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert machine.train(out, tiny_data, fault="kill@round:5")[0] == -9
    with (out / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, output = machine.resume(out)
    assert status == 2 and "another process" in output


def test_changed_data_are_refused(machine: Machine, tiny_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.npy"
    data.write_bytes(tiny_data.read_bytes())
    out = tmp_path / "run"
    assert machine.train(out, data, fault="kill@round:5")[0] == -9
    images = np.load(data)
    images[0, 0, 0] ^= 1
    np.save(data, images)
    status, output = machine.resume(out)
    assert status == 2 and "have changed" in output


def test_a_newer_format_is_refused(machine: Machine, tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert machine.train(out, tiny_data, fault="kill@round:5")[0] == -9
    settings = json.loads((out / "settings.json").read_text())
    (out / "settings.json").write_text(json.dumps(settings | {"format": 99}))
    status, output = machine.resume(out)
    assert status == 2 and "Upgrade" in output


def test_resuming_a_finished_run_changes_nothing(machine: Machine, tiny_data: Path, whole: dict[str, Any],
                                                 tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert machine.train(out, tiny_data)[0] == 0
    assert machine.resume(out)[0] == 0
    assert state_of(out) == whole
