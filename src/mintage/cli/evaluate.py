"""`mintage evaluate RUN`, `mintage evaluate SAMPLES REAL`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.cli.opening import Opening
from mintage.runs.evaluating import evaluate as of_run
from mintage.runs.evaluating import write
from mintage.runs.folder import Run
from mintage.runs.generator_figures import lines_of
from mintage.runs.pairs import open_pair

PLAIN = Opening()


def evaluate(what: str, real: str | None = None, /, *, opening: Opening = PLAIN, out: Path | None = None) -> None:
    """Judge a trained generator against held-out data, or anybody's samples against real ones.

    With one argument, a run: its generator against the examples that neither trained nor chose it. With two, samples
    and real examples: folders, files or names of data. Each figure comes with that of real data, its noise and a card.

    Parameters
    ----------
    what
        The folder of a run, or samples.
    real
        Real examples, which the generator should not have seen.
    out
        A folder for evaluation.json and evaluation.md; the run's, if left out.
    """
    place: Path | None = out
    if real is None:
        opening.refuse_for_runs()
        run = Run.open(what)
        found = of_run(run, n=opening.n, seed=opening.seed, features=opening.features, weights=opening.weights)
        place = out or run.path
    else:
        pair = open_pair(what, real, opening.train, opening.asked())
        found = pair.assessor.of_side(pair.fake, pair.samples, seed=opening.seed)
    for line in [*found.lines(), *lines_of(found.facts)]:
        print(line)
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        write(found, place)
        print(f"written: {place / 'evaluation.json'}, evaluation.md")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return evaluate
