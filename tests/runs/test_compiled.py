"""Compiled moves and rounds in parts as settings of a run: decided by estimate, said, saved, exact on resume."""

from __future__ import annotations

import shutil
import types
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import mintage
from mintage.data import Batches, open_data, order
from mintage.game import Game, Stages
from mintage.game.compiling import compile_moves, unable
from mintage.runs import building, calibration, checkpoints, machine, start, training
from mintage.runs.building import build_game
from mintage.runs.calibration import worth_compiling
from mintage.runs.console import Console
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.settings import Settings
from mintage.runs.training import carry_on
from mintage.systems import SettingError

SMALL: dict[str, Any] = {"system": "gan", "width": 16, "depth": 1, "dropout": 0.0, "batch": 8, "examples": 8 * 12,
                         "device": "cpu", "precision": "fp32", "threads": 1, "judged": 0, "saves": 4}
OPTIONS: dict[str, dict[str, Any]] = {
    "gan": {"width": 16, "depth": 1, "dropout": 0.0}, "r3gan": {"size": "XS", "conditional": False, "gamma": 1.0},
}
HERE = torch.device("cpu")


def points(system: str = "gan", **more: Any) -> tuple[Game | Stages, Batches]:
    data = open_data("ring")
    game = build_game(system, OPTIONS[system], data.spec, seed=0, device="cpu", precision="fp32", **more)
    return game, Batches(data, 8, 0)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are run as they are."""
    as_it_is = partial(compile_moves, make=lambda graph, inputs: graph)
    for module in (calibration, training):
        monkeypatch.setattr(module, "compile_moves", as_it_is)
        monkeypatch.setattr(module.machine, "keep_kernels", lambda: None)
    monkeypatch.setattr(calibration, "unable", lambda device: "")


def decided(examples: float = 1e9, plain: float = 8e3, **more: Any) -> calibration.Compiled:
    game, batches = points(**more)
    return worth_compiling(lambda: game, batches, examples, plain, seconds=0.01)


def test_nothing_is_compiled_where_it_cannot_pay(no_compiler: None) -> None:
    slow, short = decided(plain=80.0), decided(examples=8e3 * 100)
    assert slow.said == "compile: off (a round takes 100 ms, almost all of it in kernels; short rounds gain)"
    assert short.said == "compile: off (100 seconds are too few to pay it back)"
    assert decided(accumulate=2).said == "compile: off (rounds are played in parts)"
    assert slow.moves == short.moves == () and slow.rate == 80.0


def test_what_is_no_faster_is_not_used(no_compiler: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "rate", lambda game, batches, seconds: 1.05 * 8e3)
    found = decided()
    assert found.moves == () and found.rate == 8e3
    assert "8,400 examples a second instead of 8,000 are no clear gain" in found.said
    monkeypatch.setattr(calibration, "rate", lambda game, batches, seconds: 16e3)
    found = decided()
    assert found.moves == (0, 1) and found.rate == 16e3
    assert found.said.startswith("compile: on (D: compiled; G: compiled; 16,000 examples a second instead of 8,000, ")


def test_a_penalty_that_differentiates_by_its_own_means_leaves_its_move_as_it_is() -> None:
    game, batches = points("r3gan")
    assert isinstance(game, Game)
    one, other = compile_moves(game, batches, make=lambda graph, inputs: graph)
    assert one.reason == "its objective differentiates by its own means, as an explicit penalty does"
    assert not other.reason and set(game.compiled) == {1}


def test_without_a_compiler_auto_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "unable", lambda device: "torch's compiler needs a C++ compiler")
    assert decided().said == "compile: off (torch's compiler needs a C++ compiler)"
    run = mintage.train("ring", out=tmp_path / "run", **SMALL)
    assert run.settings.compiled == () and "compile: off (too few rounds to pay it back)" in run.settings.chosen
    with pytest.raises(RunError, match="--compile on: off .torch's compiler needs a C.. compiler.; use --compile auto"):
        mintage.train("ring", out=tmp_path / "other", compile="on", **SMALL)
    assert not (tmp_path / "other").exists()
    with pytest.raises(RunError, match="--compile is 'fast' and may be auto, on, off or graphs"):
        mintage.train("ring", out=tmp_path / "other", compile="fast", **SMALL)


def state_of(run: Run) -> dict[str, torch.Tensor]:
    point, _ = checkpoints.latest(run.checkpoints)
    assert point is not None
    return point.tensors


def resumed(run: Run, folder: Path) -> Run:
    """The run again from its oldest checkpoint."""
    shutil.copytree(run.path, folder)
    again = Run(folder)
    for kept in checkpoints.listed(again.checkpoints)[1:]:
        shutil.rmtree(kept)
    carry_on(again, Console(quiet=True))
    return again


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_compiled_run_resumes_to_the_bit(no_compiler: None, tmp_path: Path) -> None:
    run = mintage.train("ring", out=tmp_path / "run", compile="on", **SMALL)
    assert run.settings.compiled == (0, 1) == Settings.read(run.path / "settings.json").compiled
    assert same(state_of(run), state_of(resumed(run, tmp_path / "again")))


@pytest.mark.filterwarnings("default")  # of torch's compiler about torch
@pytest.mark.skipif(bool(unable(HERE)), reason="no compiler here")
def test_with_torchs_compiler_too_and_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv(machine.KERNELS, str(tmp_path / "kernels"))
    before = threading.active_count()
    run = mintage.train("ring", out=tmp_path / "run", compile="on", **SMALL)
    assert run.settings.compiled == (0, 1)
    assert any(sentence.startswith("compile: on (D: compiled; G: compiled") for sentence in run.settings.chosen)
    assert threading.active_count() == before
    assert same(state_of(run), state_of(resumed(run, tmp_path / "again")))


def test_a_machine_that_cannot_compile_does_not_go_on_otherwise(no_compiler: None, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    run = mintage.train("ring", out=tmp_path / "run", compile="on", **SMALL)

    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(training, "compile_moves", partial(compile_moves, make=broken))
    with pytest.raises(RunError, match=r"begun with compiled moves, and here D: not compiled \(no C\+\+ compiler\)"):
        resumed(run, tmp_path / "again")


def test_kernels_go_with_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Any] = []
    monkeypatch.delenv(machine.KERNELS, raising=False)
    monkeypatch.setattr(machine.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
    monkeypatch.setattr(machine.atexit, "register", lambda *call, **more: registered.append(call))
    machine.keep_kernels()
    machine.keep_kernels()
    assert registered == [(shutil.rmtree, str(tmp_path))]


def test_a_run_in_parts_is_the_run(tmp_path: Path) -> None:
    whole = mintage.train("ring", out=tmp_path / "whole", **SMALL)
    parted = mintage.train("ring", out=tmp_path / "parted", accumulate=4, **SMALL)
    assert parted.settings.accumulate == 4
    one, other = state_of(whole), state_of(parted)
    for name, tensor in one.items():
        assert torch.allclose(tensor.double(), other[name].double(), rtol=1e-3, atol=1e-4), name
    assert same(other, state_of(resumed(parted, tmp_path / "again")))


def test_parts_that_are_not_the_whole_are_refused(tmp_path: Path) -> None:
    asked = SMALL | {"out": tmp_path / "run"}
    with pytest.raises(RunError, match="a batch of 8 is not 3 equal parts; let --batch be a multiple of --accumulate"):
        mintage.train("ring", accumulate=3, **asked)
    with pytest.raises(SettingError, match=r"dcgan is not played with --accumulate 2: .*BatchNorm2d\) mixes"):
        mintage.train("digits", accumulate=2, size="XS",
                      **{k: v for k, v in asked.items() if k not in OPTIONS["gan"]} | {"system": "dcgan"})
    with pytest.raises(RunError, match="--accumulate is 0 and must be at least 1"):
        mintage.train("ring", accumulate=0, **asked)
    assert not (tmp_path / "run").exists()


def test_the_thread_that_fetches_ahead_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    ahead = partial(Batches, ahead=2)
    for module in (start, building):
        monkeypatch.setattr(module, "Batches", ahead)
    monkeypatch.setattr(order, "fetching", lambda store, positions: lambda position: None)
    mintage.train("ring", out=tmp_path / "run", **SMALL)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mintage-prefetch")]


def test_what_was_said_while_opening_is_not_said_again(monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    def opening(data: Any, say: Any) -> Any:
        say("kept")
        return types.SimpleNamespace(notes=["a note", "kept"])

    monkeypatch.setattr(start, "open_examples", opening)
    start.opened(start.Wish("ring"), Console())
    assert capsys.readouterr().out.splitlines() == ["kept", "a note"]


def test_a_way_that_is_far_behind_is_not_watched_to_the_end() -> None:
    game, batches = points()
    assert calibration.rate(game, batches, seconds=60.0, beat=1e12) > 0
    assert game.index == 4
