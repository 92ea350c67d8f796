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
import json
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

import mintage
from mintage.evaluation import Evaluation, compare, methods
from mintage.runs.evaluating import court_of
from mintage.runs.folder import Run

N, REPEATS, EXAMPLES, GROUP = 1000, 100, 30_000, 3
OUT = Path(__file__).resolve().parents[1] / "results" / "comparing.json"


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
    trained = time.perf_counter() - began
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
    OUT.write_text(json.dumps({"what": __doc__.splitlines()[0] if __doc__ else "", "n": N, "runs": len(runs),
                               "found": found, "features": pool[0].setting.features, "measures": len(pool[0].cards),
                               "seconds": {"training": round(trained), "all": round(time.perf_counter() - began)},
                               "date": str(date.today()), "machine": platform.processor() or platform.machine(),
                               "command": "python benchmarks/comparing.py"}, indent=2) + "\n")
    print(json.dumps(found, indent=2))


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
