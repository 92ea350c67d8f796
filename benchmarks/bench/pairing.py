"""Sides and rows: the same work done several ways, timed in turns.

A side is a process of its own, because the allocator's setting and the number of threads belong to a process. Sides of
a row are started together, warmed up, and then run in turns, one block each in every repeat, so that a neighbour's load
meets all of them alike; a ratio is the median of the ratios within a repeat. With one thread the clock is the process's
own CPU time, with more it is the wall.

Beside each rate stand the operations counted in it (GFLOP/s), their share of the best rate this machine reaches on
convolutions or matrices in that precision (`roofline.best`), and the peak of resident memory. What a side would reach
at the whole of the machine's rate is the ceiling of every ratio.

A side's `make` names a function "module:function" that takes the side's options and returns `play(k)`, which plays k
steps; a side that is no process's work (compile, load) is done by then.
"""

from __future__ import annotations

import importlib
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import torch

from bench.counting import Counter
from mintage.runs import machine

Play = Callable[[int], None]


@dataclass(frozen=True)
class Side:
    """One way to do the work of a row.

    `examples` real examples are seen by a step; `kept` says that freed memory is kept for reuse (`machine.settle`);
    `precision` is that of its largest products; `counted` is False where operations cannot be seen (compiled kernels).
    """

    name: str
    make: str
    examples: int
    kept: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    precision: str = "fp32"
    counted: bool = True


@dataclass(frozen=True)
class Ratio:
    """How many times faster side `over` must be than side `base`, by number of threads; `ceiling` by what was measured
    lever by lever on this kind of machine."""

    over: str
    base: str
    wanted: dict[int, float] = field(default_factory=dict)
    ceiling: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Sides that do the same work. `proof` names a function that returns how far their first losses differ.

    Every `period` steps are alike; `bound` is what the machine's rate is measured on, "convolution" or "matrices".
    """

    name: str
    sides: tuple[Side, ...]
    ratios: tuple[Ratio, ...]
    proof: str = ""
    allowed: float = 1e-4
    unit: str = "img/s"
    period: int = 1
    bound: str = "convolution"


def both_allocators(name: str, make: str, examples: int, precision: str = "fp32", **options: Any) -> tuple[Side, Side]:
    """A peer as it comes, and the same under mintage's allocator setting, so that its gain is not taken for ours."""
    alone = Side(f"{name}, as shipped", make, examples, options=options, precision=precision)
    return alone, replace(alone, name=f"{name}, our allocator", kept=True)


def gained(base: Side, over: Side, ceiling: dict[int, float] | None = None) -> Ratio:
    """What the allocator's setting alone gives a peer; 1.4 and 1.9 were measured on DCGAN."""
    return Ratio(over.name, base.name, ceiling={1: 1.4, 2: 1.9} if ceiling is None else ceiling)


def called(name: str) -> Callable[..., Any]:
    """The function a name "module:function" stands for."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def run_row(row: Row, *, threads: int, seconds: float, repeats: int = 5,
            best: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Prove a row's sides equal, time them, and return its record.

    Args:
        seconds: spent on each side, divided over the repeats.
        best: the machine's own GFLOP/s by "convolution, fp32" and the like (`roofline.best`).

    Raises:
        ValueError: the sides do not compute the same; their times would mean nothing.
    """
    off = _proved(row) if row.proof else None
    if off is not None and not off <= row.allowed:
        raise ValueError(f"the sides of {row.name} differ by {off:.1e} in their first losses; allowed: {row.allowed:g}")
    workers = {side.name: _Worker(side, threads) for side in row.sides}
    try:
        steps = {name: worker.pace(seconds / repeats) for name, worker in workers.items()}
        rates: dict[str, list[float]] = {name: [] for name in workers}
        for repeat in range(repeats):
            order = list(workers) if repeat % 2 else list(reversed(workers))
            for name in order:
                rates[name].append(workers[name].examples * steps[name] / workers[name].timed(steps[name]))
        peaks = {name: worker.asked("peak") for name, worker in workers.items()}
        gflop = {name: worker.asked(row.period) if worker.side.counted else 0.0 for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    return {"row": row.name, "unit": row.unit, "threads": threads, "clock": "cpu" if threads == 1 else "wall",
            "first_losses_differ_by": off, "sides": {name: {
                "rate": statistics.median(values), "each": values, "kept_memory": workers[name].side.kept,
                "peak_memory": int(peaks[name]), "memory_before": workers[name].before,
                **_reached(workers[name].side, row, statistics.median(values), gflop[name], best or {}),
                **_described(workers[name].side)} for name, values in rates.items()},
            "ratios": [_ratio(ratio, rates, threads) for ratio in row.ratios]}


def _reached(side: Side, row: Row, rate: float, gflop: float, best: Mapping[str, float]) -> dict[str, float]:
    """GFLOP a second, its share of the machine's own, and the rate of examples at the whole of it."""
    if not gflop:
        return {}
    each = gflop / row.period / side.examples
    found = {"gflop_each": each, "gflops": rate * each}
    roof = best.get(f"{row.bound}, {side.precision}")
    return found if not roof else found | {"share": rate * each / roof, "at_most": roof / each}


def _ratio(ratio: Ratio, rates: dict[str, list[float]], threads: int) -> dict[str, Any]:
    each = [a / b for a, b in zip(rates[ratio.over], rates[ratio.base], strict=True)]
    wanted = ratio.wanted.get(threads)
    found = statistics.median(each)
    return {"over": ratio.over, "base": ratio.base, "ratio": found, "least": min(each), "most": max(each),
            "wanted": wanted, "ceiling": ratio.ceiling.get(threads), "held": wanted and found >= wanted}


def this_machine(threads: int) -> dict[str, Any]:
    """What to write down beside figures."""
    return {**machine.describe(torch.device("cpu")), "threads": threads, "libc": " ".join(platform.libc_ver()),
            "date": datetime.now(UTC).isoformat(timespec="seconds")}


def _described(side: Side) -> dict[str, Any]:
    return {"options": side.options} if side.options else {}


def _proved(row: Row) -> float:
    """The proof in a process of its own, so that what it loads is not this one's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(_prove, (row.proof,)))


def _prove(name: str) -> float:
    torch.set_num_threads(1)
    return float(called(name)())


class _Worker:
    """A side in its process."""

    def __init__(self, side: Side, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.side, self.examples = side, side.examples
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, side, threads), daemon=True)
        self.process.start()
        theirs.close()
        self.before = int(self.pipe.recv())  # bytes resident before it was built

    def timed(self, steps: int) -> float:
        """Seconds of `steps` steps."""
        return self.asked(("play", steps))

    def asked(self, what: Any) -> float:
        """An answer of the process: seconds of ("play", steps), GFLOP of so many steps, or its "peak" of bytes."""
        self.pipe.send(what)
        return float(self.pipe.recv())

    def pace(self, seconds: float) -> int:
        """How many steps take about so many seconds, found after warming up."""
        self.timed(2)
        steps, took = 1, self.timed(1)
        while took < min(seconds, 0.5):
            steps *= 2
            took = self.timed(steps)
        return max(1, round(steps * seconds / took))

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.terminate()


def _serve(pipe: Connection, side: Side, threads: int) -> None:
    torch.set_num_threads(threads)
    if side.kept:
        machine.settle()
    make, before = called(side.make), machine.memory_peak()
    play: Play = make(**side.options)
    pipe.send(before)
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        if asked == "peak":
            pipe.send(machine.memory_peak())
        else:
            pipe.send(_seconds(play, asked[1], threads) if isinstance(asked, tuple) else _gflop(play, asked))


def _seconds(play: Play, steps: int, threads: int) -> float:
    clock = time.process_time if threads == 1 else time.perf_counter
    began = clock()
    play(steps)
    return clock() - began


def _gflop(play: Play, steps: int) -> float:
    with Counter() as counter:
        play(steps)
    return counter.operations / 1e9
