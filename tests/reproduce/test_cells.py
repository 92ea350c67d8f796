"""A row through the whole machinery: cells that are kept, a kill in between, the record, the sheet, the list."""

from __future__ import annotations

import json
import math
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mintage import reproduce
from mintage.cli import run
from mintage.lab import LabError
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.reproduce import Arm, Row
from mintage.reproduce.cells import Cells, held
from mintage.reproduce.mission import Claim, claims, state
from mintage.reproduce.recording import outcome_of, write
from mintage.reproduce.training import Training
from mintage.runs.console import Console
from mintage.runs.errors import Interrupted
from mintage.runs.folder import Run

QUIET = Console(quiet=True)


class Squares:
    """Work that squares its seed, and notes how often it was done."""

    def __init__(self, offset: float = 0.0, reason: str = "", stop_at: int = -1) -> None:
        self.offset, self.reason, self.stop_at, self.done = offset, reason, stop_at, list[int]()

    def missing(self) -> str:
        return self.reason

    def told(self):
        return {"offset": self.offset}

    def measures(self):
        return ("square",)

    def run(self, folder, seed, threads, console):
        if seed == self.stop_at:
            raise KeyboardInterrupt
        self.done.append(seed)
        np.save(folder / "samples.npy", np.full((3, 4, 4), seed, np.uint8))
        return {"square": seed**2 + self.offset, "lost": math.nan, "seconds": 1.0}


def read(found):
    plain = found.median("plain", "square")
    return Outcome([Finding.at_most("the median square", 4, plain)],
                   [Table("squares", ["arm", "median"], [[arm, found.median(arm, "square")] for arm in found.cells])],
                   seeds=(1, 2, 3))


def row(plain: Squares, other: Squares, **more) -> Row:
    return Row("squares", "squares are squares", (Arm("plain", plain), Arm("other arm", other)), read,
               seeds=(1, 2, 3), **more)


def plant(monkeypatch, declared: Row) -> None:
    module = types.ModuleType("mintage.reproduce.rows.planted")
    module.DECLARED = {"squares": declared}
    monkeypatch.setitem(sys.modules, "mintage.reproduce.rows.planted", module)
    monkeypatch.setitem(reproduce.ROWS, "squares", "planted")


def call(tmp_path: Path, *more: str) -> int:
    return run(["reproduce", "squares", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), *more])


def test_the_first_seed_of_all_arms_comes_before_the_second():
    cells = row(Squares(), Squares(1.0)).cells()
    assert [(arm.name, seed) for arm, seed in cells[:3]] == [("plain", 1), ("other arm", 1), ("plain", 2)]
    assert len(cells) == 6


def test_a_row_is_told_and_recorded(monkeypatch, tmp_path, capsys):
    plant(monkeypatch, row(Squares(), Squares(1.0)))
    assert call(tmp_path) == 0
    text = capsys.readouterr().out
    assert "≤ 4" in text and "holds" in text and "6 of 6" in text
    record = json.loads((tmp_path / "out" / "squares.json").read_text())
    assert record["row"] == "squares" and record["holds"] is True and record["seeds"] == [1, 2, 3]
    assert record["measured"] == {"the median square": 4.0} and record["command"] == "mintage reproduce squares"
    assert [cell["figures"]["square"] for cell in record["cells"]] == [1.0, 2.0, 4.0, 5.0, 9.0, 10.0]
    assert all("lost" not in cell["figures"] for cell in record["cells"]) and record["seconds"] == 6.0
    with Image.open(tmp_path / "out" / "squares.png") as page:
        assert page.width > 200 and np.asarray(page.convert("L")).min() <= 3


def test_what_misses_exits_with_one(monkeypatch, tmp_path):
    plant(monkeypatch, row(Squares(5.0), Squares(1.0)))
    with pytest.raises(SystemExit) as stop:
        call(tmp_path)
    assert stop.value.code == 1
    assert json.loads((tmp_path / "out" / "squares.json").read_text())["misses"] == ["the median square"]


def test_a_kill_and_going_on_give_the_same_record(monkeypatch, tmp_path, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    plant(monkeypatch, row(Squares(), Squares(1.0)))
    assert call(whole) == 0
    stopped = Squares(1.0, stop_at=2)
    plant(monkeypatch, row(Squares(), stopped))
    with pytest.raises(SystemExit) as stop:
        call(parts)
    assert stop.value.code == 130
    assert not (parts / "out").exists()
    left, again = Squares(), Squares(1.0)
    plant(monkeypatch, row(left, again))
    assert call(parts) == 0
    assert left.done == [3] and again.done == [2, 3]
    one, two = (json.loads((place / "out" / "squares.json").read_text()) for place in (whole, parts))
    assert one == two


def test_some_arms_alone_are_not_recorded_unless_a_part_is_of_use(monkeypatch, tmp_path, capsys):
    plant(monkeypatch, row(Squares(), Squares(1.0)))
    assert call(tmp_path, "--only", "plain") == 0
    assert "3 of 6 runs are not there yet; nothing is recorded" in capsys.readouterr().out
    plant(monkeypatch, row(Squares(), Squares(1.0), partial=True))
    assert call(tmp_path, "--only", "plain") == 0
    record = json.loads((tmp_path / "out" / "squares.json").read_text())
    assert len(record["cells"]) == 3 and record["absent"] == {"other arm": "not run"}


def test_other_settings_have_other_cells(tmp_path):
    one, two = Squares(), Squares()
    Cells(row(one, Squares(1.0)), tmp_path).do(lambda text: None, QUIET)
    Cells(row(two, Squares(2.0)), tmp_path).do(lambda text: None, QUIET)
    assert one.done == [1, 2, 3] and two.done == []
    assert len(list(tmp_path.glob("squares/other-arm-*"))) == 2


def test_a_measure_that_is_new_is_measured(tmp_path):
    work = Squares()
    cells = Cells(row(work, Squares(1.0)), tmp_path)
    cells.do(lambda text: None, QUIET)
    work.measures = lambda: ("square", "root")  # type: ignore[method-assign]
    assert len(cells.missing()) == 3


def test_a_cell_belongs_to_one_process(tmp_path):
    cells = Cells(row(Squares(), Squares(1.0)), tmp_path)
    with held(cells.folder(*cells.every[0])) as mine:
        assert mine
        said: list[str] = []
        cells.do(said.append, QUIET)
    assert len(cells.missing()) == 1 and not any("plain, seed 1" in text for text in said)


def test_an_arm_that_cannot_be_done_is_left_out_with_its_reason(monkeypatch, tmp_path, capsys):
    plant(monkeypatch, row(Squares(), Squares(1.0, reason="the system other is not built yet")))
    assert call(tmp_path) == 0
    assert "left out: other arm: the system other is not built yet" in capsys.readouterr().out
    plant(monkeypatch, row(Squares(reason="no data here"), Squares(1.0, reason="no data here")))
    assert call(tmp_path / "two") == 2
    assert "squares cannot be reproduced here: no data here" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "sentence"), [
    (["gann"], "Did you mean 'gan'?"), (["gan", "--seeds", "x"], "give whole numbers"),
    (["gan", "--only", "zzz"], "no arm of gan begins with 'zzz'")])
def test_mistakes_are_one_sentence(words, sentence, capsys, tmp_path):
    assert run(["reproduce", *words, "--work", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err


def test_data_that_are_not_here_are_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("MINTAGE_DATA", raising=False)
    assert run(["reproduce", "gan", "--work", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "mnist is not part of mintage" in said and "MINTAGE_DATA" in said and not list(tmp_path.iterdir())


# -- a run as a cell -------------------------------------------------------------------------------------------------

def weights(run: Run, seed: int) -> dict[str, float]:
    import mintage

    return {"mean": float(np.abs(mintage.load(run).sample(16, seed=seed)).mean())}


TINY = Training("gan", "digits", 640, (weights,), {"width": 16, "depth": 1}, batch=32, judged=0)


def test_a_training_that_is_stopped_goes_on_to_the_same_figures(monkeypatch, tmp_path):
    threads = torch.get_num_threads()
    try:
        whole = TINY.run(tmp_path / "whole", 0, 1, QUIET)
        monkeypatch.setenv("MINTAGE_FAULT", "int@round:7")
        with pytest.raises(Interrupted):
            TINY.run(tmp_path / "parts", 0, 1, QUIET)
        monkeypatch.delenv("MINTAGE_FAULT")
        parts = TINY.run(tmp_path / "parts", 0, 1, QUIET)
    finally:
        torch.set_num_threads(threads)
    assert parts | {"seconds": 0} == whole | {"seconds": 0} and whole["diverged"] == 0
    assert np.load(tmp_path / "parts" / "samples.npy").shape == (20, 8, 8)


def test_a_system_or_an_option_that_is_not_there_is_said():
    assert "is not built yet" in replace(TINY, system="begun").missing()
    assert "no option 'widht'" in replace(TINY, options={"widht": 3}).missing()
    assert TINY.missing() == ""


# -- the list --------------------------------------------------------------------------------------------------------

def test_the_list_has_every_claim_once(capsys):
    names = [claim.name for claim in claims()]
    assert len(set(names)) == len(names) == 52
    assert run(["reproduce", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in names) and "mintage lab quantile" in text


@pytest.mark.parametrize(("record", "word"), [
    ({"holds": True, "measured": {"a": 1}, "misses": [], "date": "2026-01-01"}, "holds"),
    ({"holds": False, "measured": {"a": 1}, "misses": ["a"]}, "does not hold"), (None, "not run")])
def test_a_state_is_what_the_record_says(record, word, tmp_path):
    if record:
        (tmp_path / "quantile.json").write_text(json.dumps(record))
    assert state(Claim("quantile", "A", "", ("quantile",)), tmp_path).word == word


def test_a_claim_without_a_system_is_not_built(tmp_path):
    assert state(Claim("srgan", "C", ""), tmp_path).word == "not built"


def test_every_row_is_declared_and_answers_what_it_says():
    by = {name: claim for claim in claims() for name in claim.by}
    for name in reproduce.ROWS:
        declared = reproduce.find(name)
        assert declared.name == name and declared.arms and declared.claim
        assert name in by or name == "what-works", name
    with pytest.raises(LabError, match="two arms"):
        Row("x", "", (Arm("a", Squares()), Arm("a", Squares())), read)


def test_a_record_is_written_with_the_arms_that_are_absent(tmp_path):
    cells = Cells(row(Squares(), Squares(1.0, reason="not built")), tmp_path)
    cells.do(lambda text: None, QUIET)
    write(cells, outcome_of(cells), tmp_path / "out", command="x")
    assert json.loads((tmp_path / "out" / "squares.json").read_text())["absent"] == {"other arm": "not built"}


def test_what_is_there_so_far_is_recorded_as_unfinished_and_nothing_is_trained(monkeypatch, tmp_path, capsys):
    work = Squares()
    plant(monkeypatch, row(work, Squares(1.0)))
    assert call(tmp_path, "--only", "plain") == 0
    assert work.done == [1, 2, 3]
    assert call(tmp_path, "--so-far") == 0
    assert work.done == [1, 2, 3] and "so far it holds" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "squares.json").read_text())
    assert record["left"] == 3 and record["seeds"] == [1, 2, 3]
    (tmp_path / "out" / "gan.json").write_bytes((tmp_path / "out" / "squares.json").read_bytes())
    now = state(Claim("gan", "A", "", ("gan",)), tmp_path / "out")
    assert now.word == "unfinished" and now.note.startswith("3 runs are not there yet; so far 0 of ")
