"""Examples a second of every system at its smallest size, on noise of Fashion-MNIST's shape or of 32 x 32 in colour.

    python benchmarks/rates.py [--threads 2] [--seconds 4] [--only stylegan,progan] [--record]

Activations are bfloat16 where the processor has it, moves are not compiled, batches are each system's own. A growing
system is timed at its last level, one of stages in its first. One run: neighbours on the machine show.
"""

from __future__ import annotations

import argparse
import time
from importlib import import_module

import recording
import torch

from mintage.data import Batch, DataSpec, Given
from mintage.game import Game, Growth, generator, play
from mintage.lab.outcome import Finding, Table
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.start import batch_of, resolve
from mintage.systems import SYSTEMS
from mintage.systems.options import check, options

SHAPES = {"28 x 28": (1, 28, 28), "32 x 32 colour": (3, 32, 32)}
CLASSES, WORDS = 10, 256


class Noise:
    """Batches of noise, made once."""

    def __init__(self, spec: DataSpec, size: int) -> None:
        g, self.size = generator("rates"), size
        given = None if spec.given is None else torch.rand(size, *spec.given.shape, generator=g) * 2 - 1
        self.batch = Batch(torch.rand(size, *spec.shape, generator=g) * 2 - 1,
                           torch.arange(size) % CLASSES, given)

    def __call__(self, position: int) -> Batch:
        return self.batch


def spec_of(system: str, shape: tuple[int, int, int]) -> DataSpec:
    """Labelled images, with what this system makes them from."""
    need = getattr(import_module(f"mintage.systems.{system}"), "GIVEN", None)
    channels, height, width = shape
    given = {"text": Given("text", (WORDS,), encoder="noise"), "reduced": Given("image", (channels, height // 4,
             width // 4)), "paired": Given("image", shape), "unpaired": Given("image", shape, paired=False)}.get(need)
    return DataSpec("image", shape, tuple(map(str, range(CLASSES))), given=given)


def rate(system: str, shape: tuple[int, int, int], seconds: float) -> float:
    """Examples a second, after a first few rounds."""
    spec, size = spec_of(system, shape), batch_of(system)
    wished = {"size": "XS"} if "size" in options(system) else {}
    wished |= {"crop": 24} if system == "srgan" else {}
    chosen, _ = resolve(system, check(system, wished), spec, 60_000, torch.device("cpu"))
    game = build_game(system, chosen, spec, seed=0, device="cpu", precision=machine.precisions(torch.device("cpu"))[0])
    playing: Game = game.current
    playing.controllers = [one for one in playing.controllers if not isinstance(one, Growth)]
    for net in playing.nets.children():
        if isinstance(getattr(net, "level", None), torch.Tensor):
            net.level.fill_(net.grid.levels)  # type: ignore[operator, union-attr]
    began, first = 0.0, 0
    for round in play(playing, Noise(spec, size), 10**9, seed=0):
        if round.index == 2:
            began, first = time.perf_counter(), playing.examples
        if round.index > 2 and time.perf_counter() - began > seconds:
            break
    return (playing.examples - first) / (time.perf_counter() - began)


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--record", action="store_true")
    asked, began = parser.parse_args(), time.perf_counter()
    machine.settle()
    torch.set_num_threads(asked.threads)
    rows: list[list[str | float]] = []
    for system in asked.only.split(",") if asked.only else SYSTEMS:
        rows.append([system, batch_of(system), *(round(rate(system, shape, asked.seconds), 1)
                                                 for shape in SHAPES.values())])
        print(*rows[-1], flush=True)
    if asked.record:
        table = Table(f"Examples a second, smallest size, {asked.threads} threads", ["system", "batch", *SHAPES], rows)
        slowest = min(float(row[2]) for row in rows)
        recording.write("system-rates", "every system of images trains on two cores",
                        [Finding.at_least("slowest system, examples a second at 28 x 28", 1.0, slowest)],
                        command="python benchmarks/rates.py --record", tables=[table],
                        seconds=time.perf_counter() - began, reading=(__doc__ or "").split("\n\n")[2].strip())


if __name__ == "__main__":
    main()
