"""Sides and rows: the same work done several ways, timed in turns.

A side is a process of its own, because the allocator's setting and the number of threads belong to a process. Sides of
a row are started together, warmed up, and then run in turns, one block each in every repeat, so that a neighbour's load
meets all of them alike; a ratio is the median of the ratios within a repeat. With one thread the clock is the process's
own CPU time, with more it is the wall.

A side's `make` names a function "module:function" that takes the side's options and returns `play(k)`, which plays k
steps; a side that is no process's work (compile, load) is done by then.
"""

from __future__ import annotations

import importlib
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import torch

from mintage.runs import machine

Play = Callable[[int], None]


@dataclass(frozen=True)
class Side:
    """One way to do the work of a row.

    `examples` real examples are seen by a step; `kept` says that freed memory is kept for reuse (`machine.settle`).
    """

    name: str
    make: str
    examples: int
    kept: bool = False
    options: dict[str, Any] = field(default_factory=dict)


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
    """Sides that do the same work. `proof` names a function that returns how far their first losses differ."""

    name: str
    sides: tuple[Side, ...]
    ratios: tuple[Ratio, ...]
    proof: str = ""
    allowed: float = 1e-4
    unit: str = "img/s"


def called(name: str) -> Callable[..., Any]:
    """The function a name "module:function" stands for."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def run_row(row: Row, *, threads: int, seconds: float, repeats: int = 5) -> dict[str, Any]:
    """Prove a row's sides equal, time them, and return its record.

    `seconds` are spent on each side, divided over the repeats.

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
        peaks = {name: worker.peak() for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    return {"row": row.name, "unit": row.unit, "threads": threads, "clock": "cpu" if threads == 1 else "wall",
            "first_losses_differ_by": off, "sides": {name: {
                "rate": statistics.median(values), "each": values, "kept_memory": workers[name].side.kept,
                "peak_memory": peaks[name], **_described(workers[name].side)} for name, values in rates.items()},
            "ratios": [_ratio(ratio, rates, threads) for ratio in row.ratios]}


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


def table(records: list[dict[str, Any]]) -> str:
    """The records of rows, as one table in text."""
    lines = [f"{'row':34s} {'side':30s} {'threads':>7s} {'rate':>9s}   {'spread':>13s} {'MB':>6s}"]
    for record in records:
        for name, side in record["sides"].items():
            spread = f"{min(side['each']):.0f}-{max(side['each']):.0f}"
            lines.append(f"{record['row']:34s} {name:30s} {record['threads']:7d} {side['rate']:9.1f}   {spread:>13s} "
                         f"{side['peak_memory'] / 1e6:6.0f}  {record['unit']}")
        for ratio in record["ratios"]:
            wanted = "" if ratio["wanted"] is None else f"wanted {ratio['wanted']:.2f}, " + (
                "held" if ratio["held"] else "MISSED")
            ceiling = "" if ratio["ceiling"] is None else f"ceiling {ratio['ceiling']:.2f}"
            lines.append(f"    {ratio['over']} / {ratio['base']}: {ratio['ratio']:.2f} "
                         f"({ratio['least']:.2f}-{ratio['most']:.2f})  {wanted}  {ceiling}".rstrip())
        if record["first_losses_differ_by"] is not None:
            lines.append(f"    the same game: first losses differ by {record['first_losses_differ_by']:.1e}")
    return "\n".join(lines)


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
        self.pipe.recv()  # built

    def timed(self, steps: int) -> float:
        """Seconds of `steps` steps."""
        self.pipe.send(steps)
        return float(self.pipe.recv())

    def pace(self, seconds: float) -> int:
        """How many steps take about so many seconds, found after warming up."""
        self.timed(2)
        steps, took = 1, self.timed(1)
        while took < min(seconds, 0.5):
            steps *= 2
            took = self.timed(steps)
        return max(1, round(steps * seconds / took))

    def peak(self) -> int:
        """The largest resident memory so far, bytes."""
        self.pipe.send(0)
        return int(self.pipe.recv())

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
    play: Play = called(side.make)(**side.options)
    clock = time.process_time if threads == 1 else time.perf_counter
    pipe.send("built")
    while True:
        try:
            steps = pipe.recv()
        except EOFError:
            return
        if not steps:
            pipe.send(machine.memory_peak())
            continue
        began = clock()
        play(steps)
        pipe.send(clock() - began)
