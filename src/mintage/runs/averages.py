"""Averages of a run whose length is chosen after it.

A system that keeps a `PowerAverage` leaves snapshots of it at each mark of the judge,

    averages/round-0000000123.safetensors      a row a length, half precision; examples, lengths and digest beside it

and from them the average of any length is put together, judged, and made the product. Only the lengths the system
tracks are kept while it plays; the rest costs disk, not time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import safetensors.torch
from safetensors import SafetensorError, safe_open

from mintage.evaluation import Evaluation, Verdict
from mintage.game import Game, PowerAverage, Snapshot, Stages, reconstruct
from mintage.runs.building import examples_of, game_of
from mintage.runs.durable import write_file
from mintage.runs.errors import RunError
from mintage.runs.evaluating import court_for
from mintage.runs.folder import Run
from mintage.runs.judging import BANK, Judging, verdict_of
from mintage.runs.labels import shares_of
from mintage.runs.release import produce

LENGTHS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2)


class Tried(NamedTuple):
    """An average of this length at the end of the run, and what the judge says of it (None where it abstains)."""

    length: float
    verdict: Verdict | None


def power_average(game: Game | Stages) -> PowerAverage | None:
    """The power average of the game that is being played, where it keeps one."""
    return next((average for average in game.current.averages() if isinstance(average, PowerAverage)), None)


def room(game: Game | Stages, marks: int) -> int:
    """The bytes of disk that snapshots at so many marks will take."""
    average = power_average(game)
    return 2 * marks * sum(shot.weights.numel() for shot in average.snapshots(0)) if average else 0


def snapshot(run: Run, game: Game | Stages) -> None:
    """Write the averages as they are now. The same round writes the same bytes again."""
    average = power_average(game)
    if average is None or not game.examples:
        return
    shots = average.snapshots(game.examples)
    rows = {f"{shot.length:g}": shot.weights.cpu().half() for shot in shots}
    run.averages.mkdir(exist_ok=True)
    write_file(run.averages / f"round-{game.index:010d}.safetensors",
               safetensors.torch.save(rows, {"examples": str(game.examples)}), point="film")


def snapshots(run: Run) -> list[Snapshot]:
    """What the run left, oldest first.

    Raises:
        RunError: a file that is damaged.
    """
    found = []
    for path in sorted(run.averages.glob("round-*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                examples = int(file.metadata()["examples"])
                found += [Snapshot(examples, float(name), file.get_tensor(name).float()) for name in file.keys()]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path} is damaged ({error}); remove it, the other snapshots are enough") from None
    return found


def compare(run: Run, lengths: Sequence[float] = LENGTHS) -> Iterator[Tried]:
    """The judge's verdict on the average of each length, on the same latents and held-out examples.

    Raises:
        RunError: the run left no snapshots, a length that no average has, or the data changed.
    """
    game = at_length(run, lengths[0])
    judging = Judging(run.settings, *examples_of(run.settings))
    for length in lengths:
        at_length(run, length, game)
        found = judging(game)
        yield Tried(length, verdict_of(found) if found else None)


def choose(run: Run, length: float) -> Evaluation | None:
    """Make the average of this length the product, `generator/`, and judge it as at the end of a training.

    Raises:
        RunError: the run left no snapshots, a length that no average has, or the data changed.
    """
    game = at_length(run, length)
    train, held_out = examples_of(run.settings)
    judging = Judging(run.settings, train, held_out)
    court = None if judging.abstains else court_for(run.settings, train, held_out, n=run.settings.judged, bank=BANK)
    return produce(run, game, {"round": game.index, "examples": game.examples, "length": length,
                               "shares": shares_of(train.labels, len(run.settings.spec.labels))}, court)


def at_length(run: Run, length: float, game: Game | Stages | None = None) -> Game | Stages:
    """The run's game, sampling from the average of this length as it is at the last snapshot."""
    shots = snapshots(run)
    game = game or game_of(run.settings)
    average = power_average(game)
    if average is None or not shots:
        raise RunError(f"{run.path} keeps no snapshots of its averages: {run.settings.system} "
                       + ("has been trained by an older mintage, or has not reached its first mark" if average else
                          "with these options keeps no power-function average; r3gan does"))
    try:
        average.show(reconstruct(shots, length).to(game.current.device))
    except ValueError as error:
        raise RunError(str(error)) from None
    return game


def lengths_of(text: str) -> list[float]:
    """Lengths from 0.03,0.05.

    Raises:
        RunError: anything else.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RunError(f"lengths are {text!r}; give numbers with commas between, as 0.03,0.05") from None
