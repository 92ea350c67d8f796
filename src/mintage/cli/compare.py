"""`mintage compare RUN RUN ...`, `mintage compare SAMPLES SAMPLES ... --real REAL`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.cli.opening import Opening, check_place, in_options
from mintage.runs.comparing import Compared, compare_runs, compare_samples, write
from mintage.runs.errors import RunError
from mintage.runs.folder import Run
from mintage.runs.kinds import is_run

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
    check_place(out)
    if len(what) < 2:
        raise RunError("give two or more runs to compare, as: mintage compare runs/a runs/b; or two or more folders or "
                       "files of samples and real examples, as: mintage compare a b --real REAL")
    with in_options():
        found = _of_runs(what, opening) if real is None else compare_samples(what, real, opening.train,
                                                                             opening.asked(what, real))
    for line in found.lines():
        print(line)
    write(found, out)
    print(f"written: {out / 'comparison.md'}, comparison.json" + (", sheet.png" if found.sheet else ""))


def _of_runs(what: tuple[str, ...], opening: Opening) -> Compared:
    other = next((one for one in what if Path(one).exists() and not is_run(one)), None)
    if other is not None:
        raise RunError(f"{other} is not a run: it has no settings.json, which `mintage train` writes. To compare "
                       "samples, give all as samples, and real examples: mintage compare SAMPLES SAMPLES --real REAL")
    runs = [Run.open(one) for one in what]
    opening.refuse_for_runs()
    return compare_runs(runs, n=opening.n, seed=opening.seed, features=opening.named(), weights=opening.weight_file())


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return compare
