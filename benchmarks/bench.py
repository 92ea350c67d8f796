"""The table of speed: mintage beside its peers and beside this machine's own ceilings.

    python benchmarks/bench.py [--only dcgan ...] [--threads 1 2] [--seconds 10] [--repeats 5] [--out FILE.json]

With 1 thread the clock is CPU time of each side's process, with 2 the wall (let the machine be quiet). Rows and what
they compare are in `benchmarks/bench/`; every side of a row first shows that it plays the same game.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

from bench import roofline
from bench.pairing import run_row, table, this_machine

ROWS = {"dcgan": "bench.peer_dcgan", "wgan-gp": "bench.peer_wgan_gp", "mlp": "bench.peer_mlp",
        "r3gan": "bench.peer_r3gan", "stylegan2": "bench.peer_stylegan2", "sampling": "bench.sampling"}
"""Modules with one `ROW`, or several `ROWS`."""
ROOFLINE = "roofline"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*ROWS, ROOFLINE], default=[*ROWS, ROOFLINE])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each side")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    written: dict[str, Any] = {"machine": this_machine(max(asked.threads)), "rows": [], "roofline": []}
    for threads in asked.threads:
        for name in asked.only:
            if name == ROOFLINE:
                found = roofline.measure(threads, asked.seconds)
                written[ROOFLINE].append(found)
                print(roofline.table(found), flush=True)
            else:
                module = importlib.import_module(ROWS[name])
                for row in getattr(module, "ROWS", None) or (module.ROW,):
                    record = run_row(row, threads=threads, seconds=asked.seconds, repeats=asked.repeats)
                    written["rows"].append(record)
                    print(table([record]), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
