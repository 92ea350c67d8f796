"""What a run leaves open and the machine decides: precision, threads, how many examples fit into the minutes, and
whether moves get kernels of their own. A short trial, once; what it finds is written into the settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mintage.data import Batches, DataSpec
from mintage.game import Game, Stages
from mintage.runs import machine
from mintage.runs.calibration import AGAIN, ROUNDS, Compiled, Way, fastest, rate, with_graphs, worth_compiling
from mintage.runs.console import clock
from mintage.runs.errors import RunError
from mintage.runs.judging import Judging

if TYPE_CHECKING:
    from mintage.runs.start import Wish

MINUTES = 8.0
TRIAL = 0.2  # seconds
DRAWING = 4.0  # seconds for sheets, checkpoints and the report
NOT_TRIED = "compile: off (too few rounds to pay it back)"


def measure(wish: Wish, build: Callable[[str], Game | Stages], batches: Batches, device: torch.device,
             judging: Judging, began: float, spec: DataSpec) -> tuple[Way, int, tuple[int, ...], list[str]]:
    """Precision, threads, budget and the compiled moves: as asked, or from a short trial on this machine."""
    precisions, threads = _open(wish, device, spec)
    if wish.examples is not None and len(precisions) * len(threads) == 1 and not _may_compile(wish, batches):
        torch.set_num_threads(threads[0])
        return Way(precisions[0], threads[0]), wish.examples, (), [NOT_TRIED] if wish.compile == "auto" else []
    way, rates = fastest(build, batches, precisions, threads, seconds=TRIAL)
    said = []
    if len(rates) > 1:
        compared = ", ".join(f"{tried} {found:,.0f}" for tried, found in rates.items())
        said.append(f"computing in {way} (examples a second in a short trial: {compared})")
    minutes = MINUTES if wish.minutes is None else wish.minutes
    if wish.examples is not None:
        quick = _compiled(wish, lambda: build(way.precision), batches, wish.examples, rates[way])
        return way, wish.examples, quick.moves, [*said, *([quick.said] if quick.said else [])]
    sure = rate(build(way.precision), batches, seconds=2 * TRIAL)
    quick = _compiled(wish, lambda: build(way.precision), batches, 60 * minutes * sure, sure)
    sure, said = quick.rate, [*said, *([quick.said] if quick.said else [])]
    cost = judging.estimate(build(way.precision), wish.judgements)
    left = minutes * 60 - (time.perf_counter() - began) - cost - DRAWING - (AGAIN if quick.moves else 0.0)
    budget = max(batches.size, int(sure * max(left, 1.0)) // batches.size * batches.size)
    said.append(f"budget: {budget:,} examples ({minutes:g} minutes at {sure:,.0f} examples a second, less "
                f"{clock(minutes * 60 - left)} for starting, judging and drawing); fixed from here on")
    return way, budget, quick.moves, said


def _compiled(wish: Wish, build: Callable[[], Game | Stages], batches: Batches, examples: float,
              plain: float) -> Compiled:
    """The compiled moves as asked, or where they pay.

    Raises:
        RunError: compiling was asked for, and nothing can be compiled.
    """
    if wish.compile == "off":
        return Compiled((), plain, "")
    if wish.compile == "graphs":
        found = with_graphs(build, batches, plain, seconds=TRIAL)
    else:
        found = worth_compiling(build, batches, examples, plain, seconds=TRIAL, must=wish.compile == "on")
    if wish.compile != "auto" and not found.moves:
        raise RunError(f"--compile {wish.compile}: {found.said.partition(': ')[2]}; use --compile auto or off")
    return found


def _open(wish: Wish, device: torch.device, spec: DataSpec) -> tuple[list[str], list[int]]:
    """The precisions and numbers of threads that the user left open, best guess first."""
    allowed = machine.precisions(device) if spec.kind == "image" else ["fp32"]
    every = torch.get_num_threads()
    threads = [every, 1] if device.type == "cpu" and every > 1 else [every]
    return allowed if wish.precision == "auto" else [wish.precision], [wish.threads] if wish.threads else threads


def _may_compile(wish: Wish, batches: Batches) -> bool:
    """Whether compiling is to be tried for a run of a known number of examples."""
    few = wish.examples is not None and wish.examples < ROUNDS * batches.size
    return wish.compile in ("on", "graphs") or (wish.compile == "auto" and not few)
