"""The judge of stacked MNIST on a perfect sampler: balanced stacks of test digits, which its classifier never learnt.

For each n and seed: modes and KL from the classifier's readings, KL from the true labels of the same stacks, and the
floor at that n. Beyond what n allows, the classifier's confusions could add an excess: it is the mean difference
between the two KLs, and its expectation at large n follows from the confusion matrix of the test digits.

Run: MINTAGE_DATA=DATA python benchmarks/stacked_floor.py [--seeds 10]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import recording
import torch
from torch import Tensor

from mintage.data import open_data
from mintage.data.stacked import stacked
from mintage.evaluation.features.digit_net import DIGEST, read_digits
from mintage.evaluation.measures.stacked import CONFIDENT, floor_at, modes_of_counts, read_stacks
from mintage.lab.outcome import Finding, Table

RESULT = Path(__file__).resolve().parent.parent / "results" / "stacked-floor.json"
SIZES = (10_000, 26_000)
PART = 5_000


def one(n: int, seed: int) -> dict[str, Any]:
    """A perfect sampler of n stacks, judged by classifier and by labels."""
    stacks = stacked(open_data("mnist", split="test"), n, seed, balanced=True)
    start = time.perf_counter()
    reads = [read_stacks(stacks.gather(rows).x) for rows in torch.arange(n).split(PART)]
    seconds = time.perf_counter() - start
    classes, sure = (torch.cat(part) for part in zip(*reads, strict=True))
    found = modes_of_counts(classes.bincount(minlength=1000), None, float((sure >= CONFIDENT).double().mean()))
    true = modes_of_counts(stacks.labels.bincount(minlength=1000))
    return {"n": n, "seed": seed, "modes": found.modes, "kl": found.kl, "excess": found.excess,
            "deviations": found.excess / found.floor_sd, "kl_by_labels": true.kl, "reverse": found.reverse,
            "confident": found.confident, "stacks_right": float((classes == stacks.labels).double().mean()),
            "seconds": round(seconds, 1)}


def confusion() -> tuple[Tensor, float]:
    """P(read as j | digit i) over the test digits, and the share read rightly."""
    test = open_data("mnist", split="test")
    batch = test.gather(torch.arange(len(test)))
    read = read_digits(batch.x).argmax(1)
    table = torch.zeros(10, 10, dtype=torch.float64).index_put_((batch.y, read), torch.ones(1).double(), True)
    return table / table.sum(1, keepdim=True), float((read == batch.y).double().mean())


def summary(runs: list[dict[str, Any]], n: int) -> dict[str, Any]:
    floor, mine = floor_at(n), [run for run in runs if run["n"] == n]
    kl = torch.tensor([run["kl"] for run in mine])
    by_labels = torch.tensor([run["kl_by_labels"] for run in mine])
    furthest = max(abs(run["deviations"]) for run in mine)
    return {"n": n, "seeds": len(mine), "floor": floor.kl, "floor_sd": floor.sd, "kl_mean": float(kl.mean()),
            "kl_sd": float(kl.std()), "excess_mean": float(kl.mean()) - floor.kl,
            "excess_mean_error": floor.sd / len(mine) ** 0.5, "largest_deviations": furthest,
            "classifier_adds": float((kl - by_labels).mean()), "modes_least": min(run["modes"] for run in mine)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    a = parser.parse_args()
    torch.set_num_threads(1)
    table, accuracy = confusion()
    seen = table.mean(0)  # of uniform digits
    # three independent channels: the KL of the product is three times that of one
    excess = 3 * float((seen * (10 * seen).log()).sum())
    runs = [one(n, seed) for n in SIZES for seed in range(a.seeds)]
    tell([summary(runs, n) for n in SIZES], accuracy, excess, a.seeds, sum(run["seconds"] for run in runs))


def tell(rows: list[dict[str, Any]], accuracy: float, excess: float, seeds: int, seconds: float) -> None:
    """Write the record."""
    findings = [Finding.at_least("the classifier of digits, share of test digits right", 0.99, accuracy)]
    for row in rows:
        findings += [Finding.equal(f"KL of a perfect sampler, n = {row['n']:,}, mean of {seeds} seeds (its floor)",
                                   row["floor"], row["kl_mean"], within=2 * row["floor_sd"] / seeds**0.5),
                     Finding.at_most(f"the seed farthest from the floor, n = {row['n']:,}, in deviations", 3,
                                     row["largest_deviations"])]
    header = ["n", "floor", "its deviation", "KL, mean", "KL, deviation", "added by the classifier's errors"]
    keys = ("n", "floor", "floor_sd", "kl_mean", "kl_sd", "classifier_adds")
    recording.write(
        "stacked-floor", "a perfect sampler of stacked MNIST, as the judge sees it, scores the floor", findings,
        tables=[Table("Balanced stacks of test digits", header, [[row[key] for key in keys] for row in rows])],
        reading=f"By its confusion matrix the classifier adds {excess:.2g} nats at any n. The classifier is "
                f"digits_v1 ({DIGEST[:12]}), trained on MNIST's training digits only.",
        seeds=range(seeds), command="MINTAGE_DATA=... python benchmarks/stacked_floor.py", seconds=seconds)


if __name__ == "__main__":
    main()
