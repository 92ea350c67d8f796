"""The small parts of a run: marks, options, charts, the report's sentences, events, roll-back, the product."""

from __future__ import annotations

import json
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mintage
from mintage.data import DataSpec
from mintage.game import Average, Game, Move, Player, Sampler, sgd
from mintage.runs import building, checkpoints
from mintage.runs.charts import line_chart, short, smooth
from mintage.runs.console import Console, clock
from mintage.runs.errors import RunError
from mintage.runs.events import write_events
from mintage.runs.folder import Run
from mintage.runs.plan import crossed, make_plan
from mintage.runs.report import page
from mintage.runs.start import Wish, begin

SMALL = {"batch": 8, "device": "cpu", "precision": "fp32", "threads": 1, "judged": 20}


@pytest.fixture(scope="module")
def run(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small finished run."""
    out = tmp_path_factory.mktemp("p") / "run"
    return mintage.train(tiny_data, system="gan", width=16, examples=320, out=out, **SMALL)


def test_marks_are_on_the_clock_and_end_with_it() -> None:
    plan = make_plan(100_000, 64)
    assert plan.film[0] == 0 and plan.film[-1] == plan.judge[-1] == 100_000
    assert 6_400 in plan.film and 64_000 in plan.film  # rounds 100 and 1 000
    assert list(plan.film) == sorted(set(plan.film)) and len(plan.judge) == 10
    assert make_plan(10, 64).budget == 64
    passed = [k for k in range(0, 100_000, 64) if crossed(plan.judge, k, k + 64)]
    assert len(passed) == 10


def test_the_run_holds_what_it_should(run: Run) -> None:
    for name in ("settings.json", "metrics.jsonl", "summary.json", "report.html", "generator/model.safetensors",
                 "generator/generator.json", "generator/README.md", "samples/best.png", "samples/neighbours.png"):
        assert (run.path / name).stat().st_size > 0, name
    assert not list(run.path.rglob(".tmp-*"))
    kept = checkpoints.listed(run.checkpoints)
    assert 2 <= len(kept) <= 3 and checkpoints.best(run.checkpoints) in kept


def test_the_generator_alone_samples_the_same(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(run.generator, moved)
    ours, theirs = mintage.load(run), mintage.load(moved)
    assert np.array_equal(ours.sample(9, seed=3), theirs.sample(9, seed=3))
    assert not np.array_equal(ours.sample(9, seed=3), ours.sample(9, seed=4))
    assert np.array_equal(ours.sample(300, seed=3)[:9], ours.sample(9, seed=3))
    text = (moved / "generator.json").read_text() + (moved / "README.md").read_text()
    assert str(run.path) not in text and run.settings.data.source not in text


def test_a_damaged_generator_is_refused(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(run.generator, moved)
    data = bytearray((moved / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (moved / "model.safetensors").write_bytes(data)
    with pytest.raises(RunError, match="SHA-256"):
        mintage.load(moved)


def test_unlabelled_generators_refuse_labels(run: Run) -> None:
    with pytest.raises(RunError, match="without labels"):
        mintage.load(run).sample(2, label="cat")
    with pytest.raises(RunError, match="at least 1"):
        mintage.load(run).sample(0)


def test_the_report_stands_alone(run: Run) -> None:
    text = page(run)
    assert "http://" not in text and "https://" not in text and "src='data:image/png;base64," in text
    for part in ("The film", "Nearest training examples", "Judgement", "real data", "Losses", "mintage.load"):
        assert part in text
    assert ">nan<" not in text and "None%" not in text


def test_a_hostile_name_is_escaped(tiny_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "<script>alert(1)<"
    made = mintage.train(tiny_data, system="gan", width=16, examples=32, out=out, **SMALL)
    assert "<script>alert" not in made.report.read_text()



def test_charts_cope_with_odd_series() -> None:
    assert "Nothing" in line_chart({}, across="x")
    assert "Nothing" in line_chart({"a": [(1, float("nan"))]}, across="x")
    assert "polyline" in line_chart({"flat": [(1, 2.0), (2, 2.0)]}, across="x", logarithmic=True)
    narrow = line_chart({"a": [(1, 2.2), (2, 3.1)]}, across="x", logarithmic=True)
    assert narrow.count("class='grid'") >= 3  # no 1, 2 or 5 lies between
    assert "&lt;b&gt;" in line_chart({"<b>": [(1, 1.0), (2, 3.0)]}, across="x")
    assert smooth([(1, 1.0), (2, 3.0), (3, 5.0)], 2) == [(2, 2.0), (3, 5.0)]
    assert [short(n) for n in (0.0, 1234.0, 2e6, 0.5)] == ["0", "1.23k", "2M", "0.5"]
    assert [clock(n) for n in (5, 65, 4000, float("inf"))] == ["5 s", "1 min 05 s", "1 h 06 min", "?"]


def test_events_need_tensorboard_and_hold_the_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RunError, match=r"mintage\[tensorboard\]"):
        write_events(run)
    written: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None: ...
        def add_scalar(self, name: str, value: float, step: int) -> None: written.append((name, value, step))
        def close(self) -> None: ...

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    write_events(run)
    names = {name for name, _, _ in written}
    assert {"D/loss", "G/loss", "judge/frechet"} <= names


def poisoned(after: int, rounds: int) -> Any:
    """A system whose loss is not a number in some rounds, keyed by the draws: other draws are healthy."""

    class Net(torch.nn.Module):
        def __init__(self, out: tuple[int, ...]) -> None:
            super().__init__()
            self.w, self.out = torch.nn.Parameter(torch.zeros(1)), out

        def forward(self, z: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            return (z.mean(1, keepdim=True) * self.w).expand(len(z), 64).reshape(len(z), *self.out)

    def build(spec: DataSpec, **options: Any) -> Game:
        def objective(nets: Any, round: Any) -> dict[str, torch.Tensor]:
            bad = after <= round.index < after + rounds
            bad = bad and build.first_seed in (None, round.seed)  # type: ignore[attr-defined]
            if bad and build.first_seed is None:  # type: ignore[attr-defined]
                build.first_seed = round.seed  # type: ignore[attr-defined]
            return {"loss": (nets.G.w - 1).square().sum() * (float("nan") if bad else 1.0)}

        return Game({"G": Net(spec.shape)}, {"G": Player("G", sgd(0.1))}, [Move("G", objective)],
                    sampler=Sampler(lambda n, g: torch.randn(n, 4, generator=g), lambda nets, z, y: nets.G(z)),
                    controllers=[Average("G", half_life=1.0)])

    build.first_seed = None  # type: ignore[attr-defined]
    return build


@pytest.mark.parametrize(("rounds", "said"), [(2, "was undone"), (9, "rolled back to round")])
def test_rounds_that_are_not_finite(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str], rounds: int, said: str) -> None:
    monkeypatch.setattr(building, "find", lambda name: poisoned_system)
    poisoned_system = poisoned(10, rounds)
    wish = Wish(str(tiny_data), "gan", {}, examples=8 * 24, out=str(tmp_path / "run"), saves=6, **SMALL)
    run = begin(wish, Console(quiet=True))
    assert said in capsys.readouterr().err
    point, _ = checkpoints.latest(run.checkpoints)
    assert point is not None and point.scalars["index"] == 24
    assert all(bool(t.isfinite().all()) for t in point.tensors.values())
    assert point.scalars["skipped"] == (2 if rounds == 2 else 0) and point.scalars["reseeded"] == (rounds == 9)


def test_a_run_that_diverges_for_good_says_so(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = poisoned(10, 10**6)
    monkeypatch.setattr(building, "find", lambda name: system)

    class Always:
        def __eq__(self, other: object) -> bool:
            return True

    system.first_seed = Always()
    wish = Wish(str(tiny_data), "gan", {}, examples=8 * 24, out=str(tmp_path / "run"), saves=6, **SMALL)
    with pytest.raises(RunError, match="diverged"):
        begin(wish, Console(quiet=True))


def test_padding_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data.npy"
    np.save(data, np.random.default_rng(0).integers(0, 255, (60, 25, 18), dtype=np.uint8))
    made = mintage.train(data, size="XS", examples=32, out=tmp_path / "run", **{**SMALL, "judged": 0})
    assert any("padded" in sentence for sentence in made.settings.chosen)
    assert mintage.load(made).sample(2).shape == (2, 25, 18)


def test_settings_round_trip(run: Run) -> None:
    again = Run.open(run.path).settings
    assert again == run.settings
    assert json.loads((run.path / "settings.json").read_text())["format"] == 1
