"""The table of speed: mintage beside its peers and beside this machine's own ceilings.

    python benchmarks/bench.py [--only dcgan ...] [--threads 1 2] [--seconds 10] [--repeats 5] [--out FILE.json]
    python benchmarks/bench.py --record [FILE.json ...]

With 1 thread the clock is CPU time of each side's process, with 2 the wall (let the machine be quiet). Rows and what
they compare are in `benchmarks/bench/`; every side of a row of games first shows that it plays the same game.
`--record` holds what is measured, or what was written to files before, against what was wanted: results/bench.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

import recording
from bench import claims, data, roofline, startup
from bench.pairing import run_row, this_machine
from bench.printing import table

ROWS = {"dcgan": "bench.peer_dcgan", "torchgan": "bench.peer_torchgan", "mimicry-dcgan": "bench.peer_mimicry_dcgan",
        "wgan-gp": "bench.peer_wgan_gp", "sngan": "bench.peer_sngan", "mlp": "bench.peer_mlp",
        "r3gan": "bench.peer_r3gan", "stylegan2": "bench.peer_stylegan2", "ctgan": "bench.peer_ctgan",
        "vae": "bench.peer_vae", "sampling": "bench.sampling"}
"""Modules with one `ROW`, or several `ROWS`."""
OTHERS = ("startup", "data", "roofline")
CEILING_SECONDS = 0.5  # for each shape of convolution and matrix product


def played(name: str, asked: argparse.Namespace, threads: int, best: dict[str, float]) -> list[dict[str, Any]]:
    """The records of a module's rows, printed."""
    module, records = importlib.import_module(ROWS[name]), []
    for row in getattr(module, "ROWS", None) or (module.ROW,):
        records.append(run_row(row, threads=threads, seconds=asked.seconds, repeats=asked.repeats, best=best))
        print(table(records[-1:]), flush=True)
    return records


def measured(name: str, asked: argparse.Namespace, threads: int) -> list[dict[str, Any]]:
    """The records of a measurement that is not of games, printed."""
    if name == "startup":
        found = startup.measure(asked.startup_data, asked.repeats, threads)
        for what, seconds in found["seconds"].items():
            print(f"start-up, {asked.startup_data}: {what:14} {threads} thread(s) {seconds['wall']:6.2f} s wall "
                  f"{seconds['cpu']:6.2f} s CPU", flush=True)
        return [found]
    if name == "data":
        records = []
        for record in data.rows(("28",), (10_000, asked.most_examples), [threads], asked.seconds / 3, asked.repeats):
            records.append(record)
            print(data.table(record), flush=True)
        return records
    found = roofline.measure(threads, asked.seconds / 5)
    print(roofline.table(found), flush=True)
    return [found]


def together(files: list[Path]) -> dict[str, Any]:
    """What several runs of parts of the table wrote, as one."""
    parts = [json.loads(file.read_text()) for file in files]
    return {"seconds": sum(part["seconds"] for part in parts),
            **{name: [one for part in parts for one in part[name]] for name in ("rows", *OTHERS)}}


def record(written: dict[str, Any]) -> None:
    """Hold it against what was wanted, and write the record."""
    recording.write("bench", "the same games, several times faster than their peers play them",
                    claims.findings(written), command="python benchmarks/bench.py --record",
                    seconds=written["seconds"], tables=claims.tables(written), reading=claims.READING)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*ROWS, *OTHERS], default=[*ROWS, *OTHERS])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each side")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--startup-data", default="fmnist", help="what the start-up is measured on")
    parser.add_argument("--most-examples", type=int, default=1_000_000, help="of the larger row of data")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--record", type=Path, nargs="*",
                        help="write results/bench.json, of these files or of this run")
    asked = parser.parse_args()
    if asked.record:
        record(together(asked.record))
        return
    began = time.perf_counter()
    written: dict[str, Any] = {"machine": this_machine(max(asked.threads)), "best": {}, "rows": [],
                               **{name: [] for name in OTHERS}}
    for threads in asked.threads:
        best = roofline.best(threads, CEILING_SECONDS) if set(asked.only) & set(ROWS) else {}
        written["best"][threads] = best
        print(f"{threads} thread(s), this machine's own GFLOP/s: "
              + ", ".join(f"{name} {rate:.0f}" for name, rate in best.items()), flush=True)
        for name in asked.only:
            if name in ROWS:
                written["rows"] += played(name, asked, threads, best)
            else:
                written[name] += measured(name, asked, threads)
    written["seconds"] = time.perf_counter() - began
    if asked.out:
        asked.out.write_text(json.dumps(written, indent=1) + "\n")
    if asked.record is not None:
        record(written)


if __name__ == "__main__":
    main()
