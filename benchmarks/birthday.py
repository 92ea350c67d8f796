"""Does the birthday test find the size of a finite set? Uniform choices of N = 10^3 to 10^5 things, 100 tests each.

    python benchmarks/birthday.py [--repeats 100] [--out results/birthday.json]

Two ways of taking the samples: one batch of as many as make 40 pairs (about 9 sqrt(N)), and five batches of 4 sqrt(N),
pairs counted within batches only. A test is right if its estimate is within a factor of 1.5 of N.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import statistics
import time
from pathlib import Path

import torch

import mintage
from mintage.evaluation.measures.birthday import ENOUGH, Support, pooled, samples_needed, support_size

SIZES, FACTOR, BATCHES = (10**3, 10**4, 10**5), 1.5, 5


def batch(size: int, n: int, generator: torch.Generator) -> Support:
    return support_size(torch.randint(size, (n, 1), generator=generator).float())


def row(size: int, way: str, found: list[Support]) -> dict[str, float | int | str]:
    right = sum(size / FACTOR <= each.size <= FACTOR * size for each in found)
    held = sum(each.low <= size <= each.high for each in found)
    return {"N": size, "way": way, "samples": found[0].n, "pairs": statistics.mean(each.pairs for each in found),
            "median estimate": statistics.median(each.size for each in found),
            "share within 1.5x": right / len(found), "share of intervals that hold N": held / len(found)}


def measure(repeats: int) -> list[dict[str, float | int | str]]:
    rows = []
    for size in SIZES:
        generators = [torch.Generator().manual_seed(seed) for seed in range(repeats)]
        one = [batch(size, samples_needed(size), g) for g in generators]
        several = [pooled([batch(size, math.ceil(4 * size**0.5), g) for _ in range(BATCHES)]) for g in generators]
        rows += [row(size, "one batch", one), row(size, f"{BATCHES} batches of 4 sqrt(N)", several)]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("results/birthday.json"))
    asked = parser.parse_args()
    start = time.perf_counter()
    rows = measure(asked.repeats)
    expected = {f"share within 1.5x, N = {each['N']}, {each['way']}": "≥ 0.95" for each in rows}
    measured = {what: each["share within 1.5x"] for what, each in zip(expected, rows, strict=True)}
    misses = [what for what, value in measured.items() if float(value) < 0.95]
    header = list(rows[0])
    found = {
        "row": "birthday", "claim": "the birthday test finds the size of a finite set within a factor of 1.5",
        "expected": expected, "measured": measured, "holds": not misses, "misses": misses,
        "tables": [{"title": "estimates", "header": header, "rows": [list(each.values()) for each in rows]}],
        "reading": f"With {ENOUGH} pairs the estimate is within a factor of 1.5 in 19 of 20 tests or more. What counts "
                   "is the number of pairs, not how the samples were batched.",
        "seeds": [0, asked.repeats - 1], "command": "python benchmarks/birthday.py",
        "seconds": round(time.perf_counter() - start, 1), "version": mintage.__version__,
        "date": datetime.date.today().isoformat(),
    }
    asked.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for each in rows:
        print(each)


if __name__ == "__main__":
    main()
