"""`mintage lab [NAME]`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mintage.lab import EXPERIMENTS, LabError, Outcome, find
from mintage.lab.drawing import styled


def lab(name: str | None = None, /, *, seeds: str = "0,1,2", out: Path = Path("results"), workers: int | None = None,
        quick: bool = False) -> None:
    """List the experiments with the claim each tests, or run one.

    A run prints expected, measured and whether it holds, and writes NAME.json, NAME.png and NAME.svg. The exit status
    is 0 where every finding holds and 1 where one does not.

    Parameters
    ----------
    name
        An experiment, or "all".
    seeds
        Seeds, as 0,1,2.
    out
        Folder for the record and the figure.
    workers
        Processes, one thread each; by default one a core.
    quick
        A hundredth of the work, to see that it runs: nothing is written into the records.
    """
    if name is None:
        width = max(map(len, EXPERIMENTS))
        print("\n".join(f"{key:{width}}  {claim}" for key, claim in EXPERIMENTS.items()))
        return
    names, numbers = list(EXPERIMENTS) if name == "all" else [name], _seeds(seeds)
    for each in names:
        find(each)
    if not quick:
        styled()  # a figure that cannot be drawn is said before the work, not after it
    held = [_run(each, numbers, out, workers, quick) for each in names]
    if not all(held):
        raise SystemExit(1)


def _run(name: str, seeds: list[int], out: Path, workers: int | None, quick: bool) -> bool:
    import torch

    from mintage.lab.bench import Bench, cores

    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{name}: {EXPERIMENTS[name]}")
    began = time.perf_counter()
    bench = Bench(seeds, workers or cores(), quick, lambda text: print(f"  {text}", flush=True))
    outcome = find(name)(bench)
    seconds = time.perf_counter() - began
    print(told(outcome))
    if quick:
        print(f"quick: nothing is recorded, {seconds:.0f} s")
        return True
    for path in _write(name, outcome, seconds, out, seeds):
        print(f"written: {path}")
    print(f"{'holds' if outcome.holds else 'does not hold'}, {seconds:.0f} s")
    return outcome.holds


def _write(name: str, outcome: Outcome, seconds: float, out: Path, seeds: list[int]) -> list[Path]:
    import torch

    from mintage import __version__
    from mintage.lab.record import draw, record
    from mintage.runs.durable import write_json
    from mintage.runs.machine import describe

    given = [] if seeds == [0, 1, 2] else ["--seeds", ",".join(map(str, seeds))]
    command = shlex.join(["mintage", "lab", name, *given])
    made = record(name, EXPERIMENTS[name], outcome, command=command, seconds=seconds,
                  machine=describe(torch.device("cpu")), version=__version__)
    write_json(out / f"{name}.json", made)
    return [out / f"{name}.json", *draw(outcome, out, name)]


def told(outcome: Outcome) -> str:
    """The findings as a table for the terminal, and what they say."""
    rows = [("", "expected", "measured", "")]
    rows += [(f.what, f.expected, _short(f.measured), "holds" if f.holds else "DOES NOT HOLD")
             for f in outcome.findings]
    parts = [grid(rows)]
    for table in outcome.tables:
        parts.append(f"{table.title}\n" + grid([table.header, *([_short(cell) for cell in row] for row in table.rows)]))
    return "\n\n".join([*parts, *([outcome.reading] if outcome.reading else [])])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise LabError(f"seeds are {text!r}; give whole numbers with commas between, as 0,1,2")
    return [int(part) for part in parts]


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return lab
