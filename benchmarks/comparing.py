"""How often `mintage compare` finds a difference where there is none: 100 times over, at 5 %.

    python benchmarks/comparing.py [--runs 40] [--work FOLDER]

Three questions, on Fashion-MNIST, with trainings of `gan` that differ in nothing but the seed:

    one generator   one training, sampled twice with different seeds: a difference is an error
    methods         two groups of three trainings each, of one method: a difference is an error
    trainings       two single trainings: the generators do differ, by what a seed does, and it may be seen

Writes results/comparing.json. The data are in the folder that MINTAGE_DATA names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import recording

import mintage
from mintage.evaluation import Evaluation, compare, methods
from mintage.lab.outcome import Finding, Table
from mintage.runs.evaluating import court_of
from mintage.runs.folder import Run

N, REPEATS, EXAMPLES, GROUP = 1000, 100, 30_000, 3


def train(folder: Path, seed: int) -> Run:
    """One short training; one that is there already is used again."""
    path = folder / f"seed-{seed}"
    if not (path / "generator" / "generator.json").exists():
        mintage.train("fmnist", system="gan", examples=EXAMPLES, seed=seed, judged=0, threads=1, precision="fp32",
                      out=path)
    return Run.open(path)


def main() -> None:
    """Train the pool, evaluate, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "mintage-comparing")
    asked = parser.parse_args()
    began = time.perf_counter()
    runs = [train(asked.work, seed) for seed in range(asked.runs)]
    court = court_of(runs[0], n=N)
    single = [court.evaluate(runs[0], seed) for seed in range(1, 2 * REPEATS + 1)]
    same = [compare(a, b) for a, b in zip(single[::2], single[1::2], strict=True)]
    pool = [court.evaluate(run, 1) for run in runs]
    chance = np.random.default_rng(0)
    groups, pairs = [], []
    for _ in range(REPEATS):
        taken = chance.permutation(len(pool))[: 2 * GROUP]
        a, b = ([pool[k] for k in part] for part in (taken[:GROUP], taken[GROUP:]))
        groups.append(methods({"a": a, "b": b})[0])
        pairs.append(compare(pool[taken[0]], pool[taken[1]]))
    found = {
        "one generator": {"no difference": sum(not c.differs for c in same), "of": REPEATS, **_each(same)},
        "methods": {"no difference": sum(not c.differs for c in groups), "of": REPEATS, "trainings a side": GROUP,
                    **_each(groups)},
        "trainings": {"no difference": sum(not c.differs for c in pairs), "of": REPEATS},
        "frechet": {"mean over trainings": float(np.mean([e["frechet"].value for e in pool])),
                    "deviation over trainings": float(np.std([e["frechet"].value for e in pool], ddof=1)),
                    "deviation over samples": float(np.std([e["frechet"].value for e in single], ddof=1)),
                    "stated error": _error(single)},
    }
    tell(found, pool[0].setting.features, len(runs), time.perf_counter() - began)


def tell(found: dict[str, dict[str, Any]], features: str, runs: int, seconds: float) -> None:
    """Write the record."""
    told = "no difference found, times of 100: "
    alone = [[name, found["one generator"]["alone below .05"][name], found["methods"]["alone below .05"].get(name, "")]
             for name in found["one generator"]["alone below .05"]]
    f = found["frechet"]
    recording.write(
        "comparing", "what is no different is seldom called different",
        [Finding.at_least(told + "one generator sampled twice", 93, found["one generator"]["no difference"]),
         Finding.at_least(told + "two groups of three trainings of one method", 93, found["methods"]["no difference"]),
         Finding(told + "two single trainings of one method (two generators, which do differ)", "no bound",
                 found["trainings"]["no difference"], True)],
        tables=[Table("How often each measure alone differs at 5 %, of 100, before the correction for there being many",
                      ["measure", "one generator", "methods"], alone)],
        reading=f"{runs} trainings of gan on Fashion-MNIST, {EXAMPLES:,} examples each, {N:,} samples, features "
                f"{features}. The Fréchet distance is {f['mean over trainings']:.3g} on the average; its deviation is "
                f"{f['deviation over trainings']:.2g} from training to training and {f['deviation over samples']:.2g} "
                f"from one set of samples to another, and cards state an error of {f['stated error']:.2g}.",
        seeds=range(runs), command="MINTAGE_DATA=... python benchmarks/comparing.py", seconds=seconds)


def _each(comparisons: list) -> dict[str, object]:
    """How often each measure alone differs at 5 %, before the correction for there being many."""
    names = [d.measure for d in comparisons[0].differences]
    return {"alone below .05": {name: sum(d.p_value < 0.05 for c in comparisons for d in c.differences
                                          if d.measure == name) for name in names}}


def _error(evaluations: list[Evaluation]) -> float:
    """The mean of the standard errors that the cards state."""
    return float(np.mean([(e["frechet"].spread or 0) / len(e["frechet"].at_blocks) ** 0.5 for e in evaluations]))


if __name__ == "__main__":
    main()
