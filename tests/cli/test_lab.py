"""`mintage lab`: the list, a run with its record and figure, and its mistakes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from mintage import lab
from mintage.cli import run
from mintage.lab import Bench, Finding, Outcome, Table
from mintage.lab.drawing import panels


def planted(bench: Bench, holds: bool) -> Outcome:
    values = bench.map(pow, [(seed, 2) for seed in bench.seeds])

    def draw():
        figure, axes = panels(2)
        axes[0][0].plot(list(bench.seeds), values)
        return figure

    return Outcome([Finding.equal("a square", 4.0, float(values[-1]), within=0.0 if holds else -1.0),
                    Finding.at_least("a count", 1, bench.steps(1000))],
                   [Table("squares", ["seed", "square"], list(zip(bench.seeds, values, strict=True)))], draw,
                   "Squares.", bench.seeds)


@pytest.fixture(params=[True, False], ids=["holds", "fails"])
def experiment(request, monkeypatch):
    module = types.ModuleType("mintage.lab.planted_one")
    module.planted_one = lambda bench: planted(bench, request.param)
    monkeypatch.setitem(sys.modules, "mintage.lab.planted_one", module)
    monkeypatch.setitem(lab.EXPERIMENTS, "planted-one", "squares are squares")
    return request.param


def test_the_list_says_each_claim(capsys):
    assert run(["lab"]) == 0
    text = capsys.readouterr().out
    assert all(name in text and claim in text for name, claim in lab.EXPERIMENTS.items())


def test_a_run_prints_and_records(experiment, tmp_path: Path, capsys):
    call = ["lab", "planted-one", "--out", str(tmp_path / "out"), "--seeds", "1,2", "--workers", "1"]
    if experiment:
        assert run(call) == 0
    else:
        with pytest.raises(SystemExit) as stop:
            run(call)
        assert stop.value.code == 1
    text = capsys.readouterr().out
    assert "expected" in text and "squares" in text and ("DOES NOT HOLD" in text) is not experiment
    record = json.loads((tmp_path / "out" / "planted-one.json").read_text())
    assert record["row"] == "planted-one" and record["holds"] is experiment and record["seeds"] == [1, 2]
    assert record["measured"] == {"a square": 4.0, "a count": 1000.0}
    assert record["misses"] == ([] if experiment else ["a square"])
    assert record["command"] == "mintage lab planted-one --seeds 1,2" and record["machine"]["torch"]
    assert record["tables"][0]["rows"] == [[1, 1], [2, 4]]
    first = {kind: (tmp_path / "out" / f"planted-one.{kind}").read_bytes() for kind in ("png", "svg")}
    assert first["png"].startswith(b"\x89PNG") and b"<svg" in first["svg"]


def test_quick_records_nothing(experiment, tmp_path: Path, capsys):
    assert run(["lab", "planted-one", "--out", str(tmp_path / "out"), "--quick", "--workers", "1"]) == 0
    assert list((tmp_path / "out").iterdir()) == [] and "nothing is recorded" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "said"), [(["quantil"], "Did you mean 'quantile'?"),
                                                 (["quantile", "--seeds", "a,b"], "whole numbers with commas"),
                                                 (["Dirac_GAN"], "'dirac-gan'")])
def test_mistakes_are_one_sentence(arguments, said, capsys, tmp_path: Path):
    assert run(["lab", *arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_missing_plotting_library_is_said_before_the_work(experiment, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["lab", "planted-one", "--out", str(tmp_path / "out"), "--workers", "1"]) == 2
    assert "pip install 'mintage[lab]'" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert run(["lab", "planted-one", "--out", str(tmp_path / "out"), "--quick", "--workers", "1"]) == 0


def test_the_workers_change_nothing():
    tasks = [(base, 3) for base in range(5)]
    assert Bench(workers=2).map(pow, tasks) == Bench().map(pow, tasks) == [0, 1, 8, 27, 64]
    assert Bench().map(pow, []) == []


def test_findings():
    assert Finding.equal("x", 2.0, 2.09, within=0.05, relative=True).holds
    assert not Finding.equal("x", 2.0, 2.11, within=0.05, relative=True).holds
    assert not Finding.equal("x", 0.0, float("nan"), within=1.0).holds
    assert Finding.at_most("x", 1, 1.0).holds and not Finding.at_most("x", 1, float("nan")).holds
    assert not Finding.at_least("x", 1, 0.999).holds


def test_ctrl_c_ends_it_without_a_traceback(tmp_path: Path):
    """Both workers busy with the trajectories of the Dirac-GAN; the parent is interrupted and all of them end."""
    done = subprocess.Popen([sys.executable, "-m", "mintage", "lab", "dirac-gan", "--workers", "2", "--out",
                             str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.stdout is not None and done.stdout.readline().startswith("dirac-gan")
    assert "done" in done.stdout.readline()
    done.send_signal(signal.SIGINT)
    _, error = done.communicate(timeout=60)
    assert done.returncode == 130 and "Traceback" not in error
