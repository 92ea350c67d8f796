"""How much of a training round is not spent in networks and optimizers; how long a start takes; peak memory.

    python benchmarks/overhead.py fmnist

The same networks and optimizers are driven by `play` with everything a run does between rounds (data, averages, the
finite check, the ledger, logging), and by a longhand loop that does nothing but forward, backward and step on batches
made beforehand. Rounds alternate in blocks; medians. The share is 1 - longhand / play.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from mintage.data import Batches, open_data
from mintage.game import Round, play
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.start import batch_of, resolve
from mintage.systems.options import check

BLOCK, BLOCKS = 20, 9


class Held:
    """A handful of batches made beforehand."""

    def __init__(self, batches: Batches) -> None:
        self.size, self.made = batches.size, [batches(k * batches.size) for k in range(8)]

    def __call__(self, position: int) -> Any:
        return self.made[position // self.size % 8]


def share(data: str, system: str, precision: str) -> dict[str, float]:
    """Milliseconds a round, both ways."""
    device = torch.device("cpu")
    train, _ = open_data(data).split(0.1)
    options, _ = resolve(system, check(system, {}), train.spec, len(train), device)
    batches = Batches(train, batch_of(system), 0)

    def build() -> Any:
        return build_game(system, options, train.spec, seed=0, device=device, precision=precision)

    whole, bare, held = build(), build(), Held(batches)
    rounds = play(whole, batches, 10**9)
    line = {}
    times: dict[str, list[float]] = {"play": [], "longhand": []}
    for block in range(BLOCKS):
        start = time.perf_counter()
        for _ in range(BLOCK):
            round = next(rounds)
        line = {name: float(value) for name, value in round.stats.items()}
        times["play"].append((time.perf_counter() - start) / BLOCK * 1e3)
        start = time.perf_counter()
        for index in range(block * BLOCK, (block + 1) * BLOCK):
            step = Round(index, bare.clock(10**9), held, 0, device)
            for number, move in enumerate(bare.moves):
                if move.due(index):
                    bare.begin(step, number, 0)
                    longhand(bare, move, step)
            bare.index += 1
        times["longhand"].append((time.perf_counter() - start) / BLOCK * 1e3)
    found = {name: statistics.median(values[1:]) for name, values in times.items()}
    return {**found, "share": 1 - found["longhand"] / found["play"], "terms": len(line)}


def longhand(game: Any, move: Any, step: Round) -> None:
    """Forward, backward, step and the networks' own projection, and nothing else."""
    with game.moving(move.player), game.autocast():
        terms = move.objective(game.nets, step)
    loss = move.loss(terms, step.clock)
    for parameter in game.parameters[move.player]:
        parameter.grad = None
    loss.backward()
    game.optimizers[move.player].step()
    player = game.players[move.player]
    if player.project is not None:
        for name in player.nets:
            player.project(game.net(name))


def start(data: str) -> dict[str, float]:
    """Seconds from the start of the process to the end of its first round, and the peak memory of a short run."""
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "mintage", "train", data, "--out", f"{folder}/run", "--quiet"],
                           env={**os.environ, "MINTAGE_FAULT": "kill@round:1"}, check=False)
            seconds.append(time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "mintage", "train", data, "--out", f"{folder}/run", "--quiet",
                        "--examples", "20000"], check=True)
        memory = json.loads(Path(folder, "run", "summary.json").read_text())["memory"]
    return {"seconds_to_first_round": statistics.median(seconds), "peak_memory_gb": memory / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--systems", nargs="+", default=["r3gan", "dcgan"])
    asked = parser.parse_args()
    machine.settle()
    for system in asked.systems:
        for precision in machine.precisions(torch.device("cpu")):
            print(json.dumps({"system": system, "precision": precision, **share(asked.data, system, precision)}))
    print(json.dumps(start(asked.data)))


if __name__ == "__main__":
    main()
