"""The table of speed on a GPU, in under eight minutes: rates, shares of the device's own bf16 matrix rate, memory, what
compiling and recorded graphs give, and the quality reached in minutes.

    python benchmarks/gpu.py [--device cuda] [--minutes 5] [--limit 470]
    python benchmarks/gpu.py --device cpu --quick      # a tiny version of the same, to see that it runs

Rates are of whole rounds through `mintage.game.play`, bf16 where the device has it, on noise held on the device, with a
wait for the device at both ends. The operations of a round are counted while one is played (`bench/counting.py`); over
the seconds and the measured matrix rate they give the share (MFU). A round left as it is is timed at several batches;
compiled and recorded rounds at the best of them, each in a process of its own, as far as the time goes. Then one
`mintage train fmnist --minutes 5` (MINTAGE_DATA); its judge's Fréchet distances at 1, 2 and 5 minutes from the start of
its process are those of a run under way, whose schedules end at 5. Written to results/gpu.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bench.counting import Counter
from bench.gpu_cases import CASES, QUICK, made
from recording import write

from mintage.game import play
from mintage.game.compiling import compile_moves
from mintage.game.graphs import graph_moves
from mintage.lab.outcome import Finding, Table
from mintage.runs import machine

FOREVER, WARM, WANTED = 1 << 60, 4, 0.5
HEADER = ("game", "round", "batch", "img/s", "GFLOP a round", "share of matrix rate", "peak GB", "seconds to make")
NO_GPU = "there is no CUDA device here (torch.cuda.is_available() is false); --device cpu --quick tries the script"


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(run: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Seconds of one run, over about `seconds` of them."""
    for _ in range(WARM):
        run()
    wait(device)
    began, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - began < seconds:
        run()
        count += 1
        if count % 8 == 0:
            wait(device)
    wait(device)
    return (time.perf_counter() - began) / count


def matrix_rate(device: torch.device, side: int, seconds: float) -> float:
    """FLOP/s of a bf16 product of two square matrices."""
    a, b = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))
    return 2 * side**3 / timed(lambda: torch.mm(a, b), device, seconds)


def rounds(name: str, kind: str, batch: int, device: torch.device, seconds: float, quick: bool) -> dict[str, Any]:
    """What rounds of a case do: plain, compiled or recorded."""
    game, batches = made(name, device, batch, quick)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began, said = time.perf_counter(), ""
    if kind != "plain":
        said = "; ".join(map(str, (graph_moves if kind == "recorded" else compile_moves)(game, batches)))
        if not game.compiled:
            return {"game": name, "round": kind, "batch": batch, "why": said}
    took = time.perf_counter() - began if kind != "plain" else 0.0
    going = play(game, batches, FOREVER)
    next(going)
    operations = 0
    if kind == "plain":
        with Counter() as counter:
            next(going)
        operations = counter.operations
    each = timed(lambda: next(going), device, seconds)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else machine.memory_peak()
    return {"game": name, "round": kind, "batch": batch, "rate": batch / each, "operations": operations, "each": each,
            "peak": peak, "seconds": took, "why": said}


def tried(name: str, batch: int, device: torch.device, seconds: float, quick: bool) -> dict[str, Any]:
    """Plain rounds; a batch that does not fit says so."""
    try:
        return rounds(name, "plain", batch, device, seconds, quick)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return {"game": name, "round": "plain", "batch": batch, "why": "out of memory"}


def apart(name: str, kind: str, batch: int, asked: argparse.Namespace, left: float) -> dict[str, Any]:
    """Compiled or recorded rounds, in a process of their own that may take the time that is left."""
    command = [sys.executable, __file__, "--one", name, "--kind", kind, "--batch", str(batch), "--device", asked.device,
               "--seconds", str(asked.seconds), *(["--quick"] if asked.quick else [])]
    missed = {"game": name, "round": kind, "batch": batch}
    if left < 15:
        return missed | {"why": "no time was left"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left, check=False)
    except subprocess.TimeoutExpired:
        return missed | {"why": f"not done within the {left:.0f} seconds left"}
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 and lines else missed | {"why": done.stderr.strip()[-300:]}


def quality(data: str, minutes: float, device: str) -> list[list[str | int | float]]:
    """Rows: minutes from the start of the process, examples seen, Fréchet distance, that of real data."""
    with tempfile.TemporaryDirectory() as folder:
        out, began = Path(folder, "run"), time.time()
        subprocess.run([sys.executable, "-m", "mintage", "train", data, "--minutes", f"{minutes:g}", "--device", device,
                        "--quiet", "--out", str(out)], check=True, timeout=60 * minutes + 120)
        start = os.path.getmtime(out / "settings.json") - began
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    marks = [line for line in lines if "judge" in line]
    rows: list[list[str | int | float]] = []
    for asked in (minutes / 5, 2 * minutes / 5, minutes):
        known = [mark for mark in marks if start + mark["seconds"] <= 60 * asked + 5]
        rows += [[f"{asked:g}", mark["examples"], round(mark["judge"]["frechet"], 3),
                  round(mark["judge"]["frechet_floor"], 3)] for mark in known[-1:]]
    return rows


def measure(asked: argparse.Namespace, device: torch.device) -> tuple[list[Finding], list[Table]]:
    """All of it, in the order of what matters."""
    end = time.perf_counter() + asked.limit
    cases, side = (QUICK, 512) if asked.quick else (CASES, 8192)
    ceiling = matrix_rate(device, side, asked.seconds)
    found = [tried(name, batch, device, asked.seconds, asked.quick)
             for name, (_, _, _, batches) in cases.items() for batch in batches]
    best = {name: max((one for one in found if one["game"] == name and "rate" in one), key=lambda one: one["rate"],
                      default=None) for name in cases}
    marks = quality("digits" if asked.quick else "fmnist", asked.minutes, asked.device)
    kinds = ("compiled",) if device.type == "cpu" else ("recorded", "compiled")
    for kind in kinds:
        for name, plain in best.items():
            if plain is not None:
                found.append(apart(name, kind, plain["batch"], asked, end - time.perf_counter()))
                found[-1]["operations"] = plain["operations"]
    rows = [[one["game"], one["round"], one["batch"], *_figures(one, ceiling)] for one in found]
    device_name = str(machine.describe(device)["name"])
    findings = [Finding("device", "any", device_name, True),
                Finding("bf16 matrix rate, TFLOP/s", "measured", round(ceiling / 1e12, 3), True)]
    for name in (name for name in cases if name.startswith("r3gan") and ("64" in name or asked.quick)):
        share = max((one["operations"] * one["rate"] / one["batch"] / ceiling for one in found
                     if one["game"] == name and "rate" in one), default=0.0)
        findings.append(Finding.at_least(f"{name}: share of the matrix rate, best round", WANTED, round(share, 3)))
    return findings, [Table("Rounds", HEADER, rows),
                      Table("Quality on the way", ("minutes", "examples", "Fréchet distance", "of real data"), marks)]


def _figures(one: dict[str, Any], ceiling: float) -> list[str | int | float]:
    if "rate" not in one:
        return [one["why"], "", "", "", ""]
    share = one["operations"] * one["rate"] / one["batch"] / ceiling
    return [round(one["rate"], 1), round(one["operations"] / 1e9, 1), round(share, 3), round(one["peak"] / 1e9, 2),
            round(one["seconds"], 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny, and nothing is written")
    parser.add_argument("--seconds", type=float, help="for each rate")
    parser.add_argument("--minutes", type=float, help="of the training")
    parser.add_argument("--limit", type=float, help="seconds for all of it")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.seconds = asked.seconds or (0.2 if asked.quick else 2.0)
    asked.minutes = asked.minutes or (0.1 if asked.quick else 5.0)
    asked.limit = asked.limit or (50.0 if asked.quick else 470.0)
    device = torch.device(asked.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        raise SystemExit(2)
    machine.settle()
    if asked.one:
        print(json.dumps(rounds(asked.one, asked.kind, asked.batch, device, asked.seconds, asked.quick)))
        return
    began = time.perf_counter()
    findings, tables = measure(asked, device)
    for table in tables:
        print("\n".join([table.title, "  ".join(table.header), *("  ".join(map(str, row)) for row in table.rows), ""]))
    if asked.quick:
        print(f"{time.perf_counter() - began:.0f} s; nothing is written")
        return
    write("gpu", "a round of the 64-px default reaches half of the device's own bf16 matrix rate at its best batch",
          findings, command="python benchmarks/gpu.py", seconds=time.perf_counter() - began, tables=tables,
          reading="One device, one run; the distances are those of a run under way, one seed.")


if __name__ == "__main__":
    main()
