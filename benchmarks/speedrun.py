"""Time to quality on Fashion-MNIST: what a system reaches in so many minutes of this machine, from process start.

    python benchmarks/speedrun.py budget --work W --minutes 5 30 --systems r3gan dcgan wgan_gp     (a quiet machine)
    python benchmarks/speedrun.py run --work W --minutes 5 --seeds 0 1 2 --systems r3gan [--shared]
    python benchmarks/speedrun.py record --work W

`run` trains with `mintage train --minutes`, takes 10 000 samples of the product and holds them against the 10 000 test
images, which no run has seen: Fréchet distance in the shipped frozen features, and in those of a classifier trained for
this purpose only. A run that is finished is not made again, so a list of runs can be gone on with after any stop.

On a machine that does other work as well, minutes say nothing. There, `budget` first asks `mintage train` on the quiet
machine, with all threads, how many examples fit into the minutes (it measures its rate, and takes off what starting,
judging and drawing cost), and `run --shared` then trains on as many examples, in one thread. Results are alike; only
the order of sums differs. A system may bring options, joined by commas: r3gan,--lr,0.01.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import recording

import mintage
from mintage.lab.outcome import Finding, Table

HERE = Path(__file__).resolve().parent
N = 10_000
PEERS = {"dcgan": 30 / 4.4, "wgan_gp": 30 / 2.6}
"""Minutes of ours that give a classic at least what its peer's own loop gives it in 30 (ratios: results/bench.json)."""
DEFAULT = "r3gan"


def key(system: str, minutes: float) -> str:
    return f"{system}-{minutes:g}"


def budgets(systems: list[str], minutes: list[float], work: Path) -> None:
    """Examples that fit into the minutes, as `mintage train` says before its first round; it is stopped there."""
    place = work / "budgets.json"
    found: dict[str, int] = json.loads(place.read_text()) if place.exists() else {}
    for system in systems:
        for each in minutes:
            rates = [_budget(system, each, work / "budget") for _ in range(3)]
            found[key(system, each)] = int(statistics.median(rates))
            print(key(system, each), rates, flush=True)
    place.write_text(json.dumps(found, indent=1) + "\n")


def _budget(system: str, minutes: float, out: Path) -> int:
    name, *options = system.split(",")
    shutil.rmtree(out, ignore_errors=True)
    with subprocess.Popen([sys.executable, "-u", "-m", "mintage", "train", "fmnist", "--system", name, "--minutes",
                           f"{minutes:g}", "--out", str(out), *options], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        for line in running.stdout or ():
            if said := re.search(r"budget: ([\d,]+) examples", line):
                running.kill()
                return int(said[1].replace(",", ""))
    raise SystemExit(f"mintage train --system {name} ended without saying its budget")


def run(system: str, minutes: float, seed: int, work: Path, shared: bool) -> None:
    """Train, sample and judge once; what is already there is left."""
    folder = work / f"{key(system, minutes)}-{seed}"
    if (folder / "speedrun.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    name, *options = system.split(",")
    command = [sys.executable, "-m", "mintage", "train", "fmnist", "--system", name, "--seed", str(seed), "--out",
               str(folder), *options]
    if shared:
        budget = json.loads((work / "budgets.json").read_text())[key(system, minutes)]
        command += ["--examples", str(budget), "--threads", "1", "--precision", "bf16"]
    else:
        command += ["--minutes", f"{minutes:g}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    samples = folder / "speedrun.npy"
    np.save(samples, mintage.load(folder).sample(N, seed=1))
    subprocess.run([sys.executable, "-m", "mintage", "evaluate", str(samples), "fmnist", "--split", "test", "--n",
                    str(N), "--out", str(folder / "test")], check=True, stdout=subprocess.DEVNULL)
    classified = json.loads(subprocess.run([sys.executable, str(HERE / "fmnist_classifier.py"), "assess", str(samples)],
                                           check=True, capture_output=True, text=True).stdout)
    samples.unlink()
    cards = {card["measure"]: card for card in json.loads((folder / "test" / "evaluation.json").read_text())["cards"]}
    settings = json.loads((folder / "settings.json").read_text())
    row = {"system": system, "minutes": minutes, "seed": seed, "seconds": round(seconds, 1), "shared": shared,
           "examples": settings["plan"]["budget"], "cards": cards,
           "classifier": {name: value for name, value in classified.items() if name != "file"}}
    (folder / "speedrun.json").write_text(json.dumps(row) + "\n")
    print(system, minutes, seed, cards["frechet"]["value"], flush=True)


def rows(work: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(work.glob("*/speedrun.json"))]


def record(work: Path) -> None:
    """The table and what it was to show, as results/speedrun-fmnist.json."""
    found = rows(work)
    groups: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["system"], row["minutes"]), []).append(row)
    order = sorted(groups, key=lambda group: (group[0] != DEFAULT, group))
    middle = {group: statistics.median(_frechet(row) for row in groups[group]) for group in order}
    floor = statistics.median(_frechet(row, "floor") for row in found)
    table = Table("Time to quality", ("system", "minutes", "seeds", "Fréchet distance, shipped features",
                                      "classifier's features", "recognised", "examples"),
                  [[system, f"{minutes:g}", str(len(group)),
                    f"{middle[system, minutes]:.3f} ({', '.join(f'{_frechet(row):.3f}' for row in group)})",
                    f"{statistics.median(row['classifier']['fd'] for row in group):.3f}",
                    f"{statistics.median(row['classifier']['confident'] for row in group):.3f}",
                    f"{group[0]['examples']:,}"]
                   for (system, minutes), group in ((each, groups[each]) for each in order)])
    longest = {peer: max((minutes for system, minutes in order if system == peer and minutes >= least), default=None)
               for peer, least in PEERS.items()}
    findings = []
    for peer, minutes in longest.items():
        if minutes is not None and (DEFAULT, 5) in middle:
            findings += [Finding.at_most(f"Fréchet distance of {DEFAULT} at 5 minutes, against {peer} at {minutes:g}",
                                         middle[peer, minutes], middle[DEFAULT, 5]),
                         Finding.at_most(f"half-way from {peer} at {minutes:g} minutes to real data, at 5 minutes",
                                         (middle[peer, minutes] + floor) / 2, middle[DEFAULT, 5])]
    recording.write("speedrun-fmnist", "the default in five minutes is better than the classics in thirty", findings,
                    command="MINTAGE_DATA=... python benchmarks/speedrun.py record --work WORK",
                    seconds=sum(row["seconds"] for row in found),
                    tables=[table], seeds=sorted({row["seed"] for row in found}),
                    reading=f"Real data against real data: {floor:.3f}. Medians over seeds. The classics' minutes are "
                            "those of mintage in which they see what their peers' own loops give them in 30; dcgan "
                            "at 8 minutes, more than that, stands in minutes-fmnist. "
                            + ("Runs marked shared were trained on the examples that fit into the minutes on the quiet "
                               "machine, in one thread." if any(row["shared"] for row in found) else ""))


def _frechet(row: dict[str, Any], which: str = "value") -> float:
    return float(row["cards"]["frechet"][which])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("budget", "run", "record"))
    parser.add_argument("--work", type=Path, required=True, help="a folder for the runs")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--systems", nargs="+", default=[DEFAULT])
    parser.add_argument("--shared", action="store_true", help="examples of `budget`, one thread")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    if asked.what == "record":
        record(asked.work)
    elif asked.what == "budget":
        budgets(asked.systems, asked.minutes, asked.work)
    else:
        for minutes in asked.minutes:
            for seed in asked.seeds:
                for system in asked.systems:
                    run(system, minutes, seed, asked.work, asked.shared)


if __name__ == "__main__":
    main()
