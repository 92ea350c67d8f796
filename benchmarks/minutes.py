"""What systems reach in the same minutes on the same data, in the eyes of a classifier that never met a generator.

    python benchmarks/minutes.py fmnist --minutes 8 --seeds 0 1 --systems r3gan dcgan --work /tmp/minutes
    python benchmarks/minutes.py digits --minutes 4 --systems r3gan --work /tmp/minutes

Each run is a `mintage train` of its own, system after system within a seed, so that a drifting machine treats them
alike. 10 000 samples of its generator (digits: 1 000) are assessed against the test images, which no run has seen.
Written to results/minutes-DATA.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import mintage

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = {"fmnist": 10_000, "digits": 1_000}


def one(data: str, system: str, seed: int, minutes: float, extra: list[str], work: Path) -> dict[str, Any]:
    """Train, sample and assess one run."""
    name = "-".join([data, system, *[word.strip("-") for word in extra], str(seed)])
    out = work / name
    command = [sys.executable, "-m", "mintage", "train", data, "--system", system, "--minutes", f"{minutes:g}",
               "--seed", str(seed), "--out", str(out), *extra]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    samples = work / f"{name}.npy"
    np.save(samples, mintage.load(out).sample(SAMPLES[data], seed=1))
    found = json.loads(subprocess.run([sys.executable, str(ROOT / "benchmarks" / f"{data}_classifier.py"), "assess",
                                       str(samples)], check=True, capture_output=True, text=True).stdout)
    summary = json.loads((out / "summary.json").read_text())
    settings = json.loads((out / "settings.json").read_text())
    return {"system": system, "options": extra, "seed": seed, "seconds": round(seconds, 1),
            "examples": summary["best"]["examples"], "budget": settings["plan"]["budget"],
            "memory_gb": round(summary["memory"] / 1e9, 2), "judge": summary["verdict"]["frechet"],
            "judge_floor": summary["verdict"]["frechet_floor"], **{k: v for k, v in found.items() if k != "file"}}


def table(rows: list[dict[str, Any]]) -> str:
    """Medians over seeds, a system a line."""
    lines = ["| system | seeds | Fréchet distance | floor | confident (real) | class shares | examples | seconds |",
             "|---|---|---|---|---|---|---|---|"]
    for key in dict.fromkeys((row["system"], *row["options"]) for row in rows):
        group = [row for row in rows if (row["system"], *row["options"]) == key]
        each = ", ".join(f"{row['fd']:.2f}" for row in group)
        lines.append(f"| {' '.join(key)} | {len(group)} | {statistics.median(r['fd'] for r in group):.2f} ({each}) "
                     f"| {group[0]['fd_floor']:.2f} | {min(r['confident'] for r in group):.3f} "
                     f"({group[0]['confident_real']:.3f}) | {min(r['class_share_min'] for r in group):.3f} to "
                     f"{max(r['class_share_max'] for r in group):.3f} | {group[0]['budget']:,} "
                     f"| {max(r['seconds'] for r in group):.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=sorted(SAMPLES))
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--systems", nargs="+", default=["r3gan", "dcgan"], help="a system, options joined by commas: "
                        "r3gan,--no-conditional")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder for the runs")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for named in asked.systems:
            system, *extra = named.split(",")
            rows.append(one(asked.data, system, seed, asked.minutes, extra, asked.work))
            print(json.dumps(rows[-1]), flush=True)
    print(table(rows))
    machine = json.loads(next(asked.work.glob("*/settings.json")).read_text())["machine"]
    result = {"claim": f"systems on {asked.data} in {asked.minutes:g} minutes", "date": f"{datetime.now(UTC):%Y-%m-%d}",
              "command": "python " + shlex.join(sys.argv), "machine": machine, "version": mintage.__version__,
              "runs": rows}
    (ROOT / "results").mkdir(exist_ok=True)
    (ROOT / "results" / f"minutes-{asked.data}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
