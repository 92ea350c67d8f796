"""How the rate of training grows: with the batch, the resolution, the width, the number of examples, the threads.

    python benchmarks/growth.py [--only batch ...] [--seconds 2] [--repeats 5] [--threads 1] [--out FILE.json]

Images are drawn at random: speed only. Each value of a scale is a game of its own; all of a scale take turns, and the
medians over the repeats are told. With 1 thread the clock is CPU time, with more the wall. `growth` is the slope of
log(rate) over log(value) from the first to the last value: 0 where the rate does not depend on it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mintage.data import Batches, Examples
from mintage.game import Round, play
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.start import resolve
from mintage.systems.options import check


class Point(NamedTuple):
    """One game: what is trained, and how."""

    system: str = "r3gan"
    size: str = "S"
    side: int = 32
    batch: int = 64
    examples: int = 2_000
    threads: int = 1
    precision: str = "fp32"


SCALES: dict[str, tuple[str, list[Any]]] = {
    "batch": ("batch", [8, 16, 32, 64, 128, 256]),
    "resolution": ("side", [16, 32, 64, 128]),
    "width": ("size", ["XS", "S", "M"]),
    "examples": ("examples", [1_000, 10_000, 100_000, 1_000_000]),
    "threads": ("threads", [1, 2]),
}


def playing(point: Point) -> tuple[Iterator[Round], int]:
    """A game of this kind being played, and its weights."""
    torch.set_num_threads(point.threads)
    pixels = np.random.default_rng(0).integers(0, 256, (point.examples, 3, point.side, point.side), dtype=np.uint8)
    data = Examples.of_images(pixels, "noise")
    options, _ = resolve(point.system, check(point.system, {"size": point.size}), data.spec, len(data),
                         torch.device("cpu"))
    game = build_game(point.system, options, data.spec, seed=0, device="cpu", precision=point.precision)
    weights = sum(p.numel() for p in game.current.nets.parameters())
    return play(game, Batches(data, point.batch, 0), 1 << 60), weights


def rate(rounds: Iterator[Round], point: Point, seconds: float) -> float:
    """Examples a second, over about so many seconds and three rounds or more."""
    torch.set_num_threads(point.threads)
    clock: Callable[[], float] = time.process_time if point.threads == 1 else time.perf_counter
    seen, began = 0, clock()
    while seen < 3 * point.batch or clock() - began < seconds:
        seen += next(rounds).examples
    return seen / (clock() - began)


def scale(name: str, base: Point, seconds: float, repeats: int) -> dict[str, Any]:
    """The rates along one scale."""
    field, values = SCALES[name]
    points = [base._replace(**{field: value}) for value in values]
    if name == "examples":  # a million small images fit into memory
        points = [point._replace(side=8) for point in points]
    games = [playing(point) for point in points]
    for rounds, _ in games:
        next(rounds)
    rates = [[rate(rounds, point, seconds) for (rounds, _), point in zip(games, points, strict=True)]
             for _ in range(repeats)]
    found = [statistics.median(column) for column in zip(*rates, strict=True)]
    numbers = [value if isinstance(value, int) else games[k][1] for k, value in enumerate(values)]
    growth = math.log(found[-1] / found[0]) / math.log(numbers[-1] / numbers[0])
    return {"scale": name, "values": values, "weights": [weights for _, weights in games],
            "examples_a_second": [round(one, 1) for one in found], "growth": round(growth, 3), "base": base._asdict()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SCALES), default=list(SCALES))
    parser.add_argument("--system", default="r3gan")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each value and repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    machine.settle()
    base = Point(system=asked.system, threads=asked.threads, precision=asked.precision)
    found = []
    for name in asked.only:
        one = scale(name, base, asked.seconds, asked.repeats)
        found.append(one)
        pairs = "  ".join(f"{value}: {speed:,.0f}" for value, speed in
                          zip(one["values"], one["examples_a_second"], strict=True))
        print(f"{name:11} examples/s  {pairs}   growth {one['growth']:+.2f}", flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"machine": machine.describe(torch.device("cpu")), "load": os.getloadavg()[0],
                                         "scales": found}, indent=1))


if __name__ == "__main__":
    main()
