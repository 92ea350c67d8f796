"""Test errors on MNIST of `semi_supervised`, learnt with a few labels.

    python benchmarks/semi_supervised.py --minutes 5 --seeds 0 1 2 --threads 1

Trains on the 60,000 training digits, of which 10 a class keep their labels, for so many minutes of processor time, and
counts the errors of the averaged critic on the 10,000 test digits at each tenth of the budget. The budget in examples
comes from a short trial, so that schedules and averages know it. Written to results/semi-supervised-mnist.json, or to
--out.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import mintage
from mintage.data import Batches, Examples, open_data
from mintage.game import Game, derive, play
from mintage.runs.building import build_game
from mintage.systems.options import check
from mintage.systems.semi_supervised import BATCH, classify

EXPECTED, TRIAL = 300, 5.0  # errors of 10,000; seconds
ROOT = Path(__file__).resolve().parent.parent


def build(train: Examples, seed: int, asked: argparse.Namespace) -> Game:
    """The game, fresh for this seed."""
    options = check("semi_supervised", {"labels_per_class": asked.labels})
    game = build_game("semi_supervised", options, train.spec, seed=seed, device=asked.device, precision=asked.precision)
    if not isinstance(game, Game):
        raise TypeError("semi_supervised is one game")
    return game


def clock(device: str) -> float:
    """Processor seconds of this process; wall seconds where another device does the work."""
    return time.process_time() if device == "cpu" else time.perf_counter()


def examples_a_second(train: Examples, batches: Batches, seed: int, asked: argparse.Namespace) -> float:
    """From a short trial."""
    game, start, warm = build(train, seed, asked), 0.0, 20
    for round in play(game, batches, 10**9, seed=seed):
        if round.index == warm:
            start = clock(asked.device)
        if round.index > warm and clock(asked.device) - start > TRIAL:
            break
    return (game.examples - (warm + 1) * batches.size) / (clock(asked.device) - start)


def one(train: Examples, test: Examples, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Train one seed, counting test errors at each tenth."""
    batches = Batches(train.to(torch.device(asked.device)), BATCH, derive(seed, "order"))
    budget = int(60 * asked.minutes * examples_a_second(train, batches, seed, asked)) // BATCH * BATCH
    digits = test.gather(torch.arange(len(test)))
    x, y = digits.x, torch.as_tensor(digits.y)
    game, spent = build(train, seed, asked), 0.0
    marks: list[dict[str, Any]] = []
    start = clock(asked.device)
    for round in play(game, batches, budget, seed=seed):
        if (game.examples * 10 // budget) > len(marks):
            spent += clock(asked.device) - start
            marks.append({"examples": game.examples, "errors": int((classify(game, x) != y).sum()),
                          "seconds": round_to(spent)} | {k: round_to(float(v)) for k, v in round.stats.items()})
            print(f"seed {seed}: {json.dumps(marks[-1])}", flush=True)
            start = clock(asked.device)
    return {"seed": seed, "budget": budget, "errors": marks[-1]["errors"], "seconds": marks[-1]["seconds"],
            "marks": marks}


def round_to(number: float) -> float:
    """Four digits are enough to read."""
    return float(f"{number:.4g}")


def main() -> None:
    """Run the seeds, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--labels", type=int, default=10, help="labels of each class; 0 for all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "semi-supervised-mnist.json")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    train, test = open_data("mnist"), open_data("mnist", split="test")
    runs = [one(train, test, seed, asked) for seed in asked.seeds]
    median = statistics.median(run["errors"] for run in runs)
    print(f"expected at most {EXPECTED} errors of {len(test):,}; median of {len(runs)} seeds: {median:g}")
    record = {"claim": "errors on the test digits of MNIST with few labels", "expected": EXPECTED, "measured": median,
              "date": f"{datetime.now(UTC):%Y-%m-%d}", "command": "python " + shlex.join(sys.argv),
              "version": mintage.__version__, "threads": asked.threads, "device": asked.device, "runs": runs}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
