"""`mintage compare RUN RUN ...`, `mintage compare SAMPLES SAMPLES ... --real REAL`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.cli.opening import Opening
from mintage.runs.comparing import compare_runs, compare_samples, write
from mintage.runs.errors import RunError
from mintage.runs.folder import Run

PLAIN = Opening()


def compare(*what: str, real: str | None = None, opening: Opening = PLAIN, out: Path = Path("comparison")) -> None:
    """Say whether generators differ, in what, and how surely: a table, p-values and samples side by side.

    Runs on the same data are compared on the same held-out examples. Runs that differ in nothing but the seed are
    trainings of one method; with two or more of each, the methods are compared as well as the generators.

    Parameters
    ----------
    what
        Two or more runs, or with --real two or more folders or files of samples.
    real
        Real examples, where samples are given instead of runs.
    out
        A folder for comparison.json, comparison.md and sheet.png.
    """
    if len(what) < 2:
        raise RunError("give two or more runs to compare, as: mintage compare runs/a runs/b")
    if real is not None:
        found = compare_samples(what, real, opening.train, opening.asked())
    else:
        opening.refuse_for_runs()
        found = compare_runs([Run.open(one) for one in what], n=opening.n, seed=opening.seed,
                             features=opening.features, weights=opening.weights)
    for line in found.lines():
        print(line)
    write(found, out)
    print(f"written: {out / 'comparison.md'}, comparison.json" + (", sheet.png" if found.sheet else ""))


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return compare
