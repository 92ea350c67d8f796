"""The length of a run's average, chosen after the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import mintage
from mintage.cli import run
from mintage.game import PowerAverage, play
from mintage.runs import averages
from mintage.runs.building import batches_of, examples_of, game_of
from mintage.runs.errors import RunError
from mintage.runs.folder import Run

TINY = ["--size", "XS", "--no-conditional", "--examples", "640", "--batch", "4", "--precision", "fp32",
        "--device", "cpu", "--threads", "1", "--judged", "20", "--quiet"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("averages")
    np.save(folder / "data.npy", np.random.default_rng(0).integers(0, 255, (300, 8, 8), dtype=np.uint8))
    assert run(["train", str(folder / "data.npy"), "--out", str(folder / "run"), *TINY]) == 0
    return Run.open(folder / "run")


def test_snapshots_are_left_at_the_marks(trained: Run) -> None:
    shots = averages.snapshots(trained)
    marks = {shot.examples for shot in shots}
    assert {shot.length for shot in shots} == {0.063, 0.126}
    assert marks == set(trained.settings.plan.judge) and max(marks) == 640 and len(shots) == 2 * len(marks)
    taken = sum(path.stat().st_size for path in trained.averages.iterdir())
    assert taken == pytest.approx(averages.room(game_of(trained.settings), len(marks)), rel=0.1)


def test_any_length_is_what_would_have_been_tracked(trained: Run) -> None:
    """The run is played once more with the wanted length tracked; the reconstruction comes as close as it should."""
    settings = trained.settings
    with_it = game_of(settings)
    own = averages.power_average(with_it)
    tracked = PowerAverage("G", lengths=(0.09,))
    tracked.attach(with_it.nets)
    with_it.controllers.append(tracked)
    for _ in play(with_it, batches_of(settings, examples_of(settings)[0]), settings.plan.budget, seed=settings.seed):
        pass
    wanted = tracked.snapshots(640)[0].weights
    found = averages.power_average(averages.at_length(trained, 0.09))
    assert own is not None and found is not None
    got = found.snapshots(640)[0].weights
    apart = (own.snapshots(640)[0].weights - own.snapshots(640)[1].weights).norm()
    assert (got - wanted).norm() < 0.1 * apart
    assert (got - own.snapshots(640)[0].weights).norm() > 0.2 * apart  # and it is not simply a tracked one


def test_a_length_becomes_the_product(trained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = mintage.load(trained.path).sample(8)
    assert run(["average", str(trained.path), "--lengths", "0.03,0.15"]) == 0
    text = capsys.readouterr().out
    assert "0.03" in text and "0.15" in text and "make it the product with" in text
    assert np.array_equal(mintage.load(trained.path).sample(8), before)  # comparing changes nothing
    assert run(["average", str(trained.path), "--length", "0.2"]) == 0
    chosen = mintage.load(trained.path)
    assert chosen.facts["length"] == 0.2 and not np.array_equal(chosen.sample(8), before)
    again = averages.at_length(trained, 0.2)
    z, _ = again.sampler.latents(4, torch.Generator().manual_seed(0))  # type: ignore[union-attr]
    assert torch.equal(again.generate(z), chosen.generate(z))


@pytest.mark.parametrize(("arguments", "said"), [(["--lengths", "long"], "numbers with commas"),
                                                 (["--length", "0.5"], "it lies in (0, 0.2887]"),
                                                 (["--lengths", "0"], "it lies in (0, 0.2887]")])
def test_mistakes_are_one_sentence(trained: Run, arguments: list[str], said: str,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["average", str(trained.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error


def test_a_damaged_snapshot_and_a_run_without_any(trained: Run, tmp_path: Path) -> None:
    path = next(iter(sorted(trained.averages.glob("*.safetensors"))))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RunError, match="is damaged"):
        averages.snapshots(trained)
    path.write_bytes(data)
    np.save(tmp_path / "data.npy", np.random.default_rng(0).integers(0, 255, (100, 8, 8), dtype=np.uint8))
    assert run(["train", str(tmp_path / "data.npy"), "--out", str(tmp_path / "run"), "--system", "gan", "--width", "16",
                "--examples", "32", "--batch", "8", "--precision", "fp32", "--device", "cpu", "--judged", "0",
                "--quiet"]) == 0
    assert not (tmp_path / "run" / "averages").exists()
    with pytest.raises(RunError, match="keeps no power-function average; r3gan does"):
        averages.at_length(Run.open(tmp_path / "run"), 0.1)
