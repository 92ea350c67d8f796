"""Batches of real examples from everywhere they may be kept: rate, share of a training round, memory.

    PYTHONPATH=benchmarks python -m bench.data [--threads 1] [--seconds 3] [--repeats 5] [--examples 1000 1000000]
        [--place FOLDER] [--out FILE.json]

A batch is 64 images gathered, cast to [-1, 1] and flipped. Places: *memory* (uint8, the base of every ratio), *map* (a
NumPy memory map, indexed; not what mintage does), *file* (one .npy left on disk), *shards*, each fetched ahead by a
thread unless it says *no thread*; and for folders of PNG files, which take long to make, up to 10,000: *folder*
(decoded at every batch), the same *no thread*, *kept* (decoded once, read from the cache).

Every place is a process of its own; with 1 thread the clock is CPU time, the fetching thread's too, else the wall. The
round is r3gan's, size S in float32, from the same process and clock. Memory is how much more of it is resident after
reading an epoch, or 200,000 examples, than after the first ten batches. What is written is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.pairing import this_machine
from mintage.data import Batches, Examples, open_data, write_shards, written
from mintage.data.spec import DataSpec
from mintage.data.writing import rounded
from mintage.game import play
from mintage.runs import machine
from mintage.runs.building import build_game

SHAPES = {"28": (1, 28, 28), "32": (3, 32, 32)}
BATCH, STRETCH, READ, MOST_FILES, ROUNDS = 64, 20_000, 200_000, 10_000, 4
REPEATS = 5
PLACES = ("memory", "map", "file", "file, no thread", "shards", "shards, no thread")
FOLDERS = ("folder", "folder, no thread", "kept")
Step = Callable[[int], object]


def parts(n: int, shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """n images: smooth ones, so that PNG has something to compress."""
    random = np.random.default_rng(0)
    for start in range(0, n, STRETCH):
        count = min(STRETCH, n - start)
        noise = random.integers(0, 16, (count, *shape), dtype=np.uint8)
        yield noise + random.integers(0, 240, (count, shape[0], 1, 1), dtype=np.uint8)


def prepare(place: Path, n: int, shape: tuple[int, int, int]) -> None:
    """The files all places read."""
    write_shards(parts(n, shape), place / "shards")
    spec = DataSpec("image", shape)
    with written(place / "images.npy", spec, n) as add:
        for part in parts(n, shape):
            add(torch.from_numpy(part))
    if n <= MOST_FILES:
        with written(place / "pictures", spec, n) as add:
            for part in parts(n, shape):
                add(rounded(torch.from_numpy(part)))


class Mapped:
    """A memory map indexed by NumPy, as a store."""

    ahead = 0

    def __init__(self, path: Path) -> None:
        self.array = np.load(path, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.array)

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        rows = torch.from_numpy(self.array[indices.numpy()])
        return (rows / 127.5).sub_(1.0).view(len(rows), -1, *self.array.shape[1:3])


def examples_of(kind: str, place: Path) -> Examples:
    """The examples of a place."""
    os.environ["MINTAGE_CACHE"] = str(place / "cache") if kind == "kept" else "off"
    if kind == "memory":
        return open_data(place / "shards", memory_limit=1 << 40)
    if kind == "map":
        whole = open_data(place / "shards")
        store: Any = Mapped(place / "images.npy")
        return Examples(whole.spec, "map", store, whole.digests)
    name = "shards" if kind.startswith("shards") else "pictures" if kind in FOLDERS else "images.npy"
    return open_data(place / name, memory_limit=0)


def resident() -> int:
    """Bytes of memory this process has now; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def measure(kind: str, place: Path, threads: int, seconds: float, repeats: int) -> dict[str, Any]:
    """One place, in this process."""
    torch.set_num_threads(threads)
    machine.settle()
    began = time.perf_counter()
    examples = examples_of(kind, place)
    opened = time.perf_counter() - began
    clock = time.process_time if threads == 1 else time.perf_counter
    batches = Batches(examples, BATCH, 0, flip=True, ahead=0 if kind.endswith("no thread") else None)
    for k in range(10):
        batches(k * BATCH)
    before = resident()
    for k in range(10, min(READ, len(examples)) // BATCH):
        batches(k * BATCH)
    grown = resident() - before
    each, at = [], 0
    for _ in range(repeats):
        start, first = clock(), at
        while clock() - start < seconds / repeats:
            batches(at)
            at += BATCH
        each.append((at - first) / (clock() - start))
    batches.close()
    return {"opened_in": opened, "grown": grown, "rate": statistics.median(each), "each": each,
            "round": round_rate(examples, batches, clock)}


def round_rate(examples: Examples, batches: Batches, clock: Callable[[], float]) -> dict[str, float]:
    """Examples a second of r3gan's rounds fed by these batches, and by one batch made beforehand, in turns."""
    batch, found = batches(0), {"fed": [], "bare": []}

    class Held:
        size = BATCH

        def __call__(self, position: int) -> Any:
            return batch

    options = {"size": "S", "conditional": False, "gamma": 1.0}
    games = {name: play(build_game("r3gan", options, examples.spec, seed=0, device="cpu", precision="fp32"), source,
                        1 << 60) for name, source in (("fed", batches), ("bare", Held()))}
    for repeat in range(REPEATS + 1):
        for name, rounds in games.items():
            start = clock()
            for _ in range(ROUNDS):
                next(rounds)
            if repeat:
                found[name].append(ROUNDS * BATCH / (clock() - start))
    batches.close()
    return {"fed": statistics.median(found["fed"]), "bare": statistics.median(found["bare"]),
            "ratio": statistics.median([a / b for a, b in zip(found["fed"], found["bare"], strict=True)])}


def apart(kind: str, place: Path, threads: int, seconds: float, repeats: int) -> dict[str, Any]:
    """`measure` in a process of its own."""
    sys.stderr.write(f"    {kind} ...\n")
    given = json.dumps([kind, str(place), threads, seconds, repeats])
    done = subprocess.run([sys.executable, "-m", "bench.data", "--one", given], check=True, capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
    return json.loads(done.stdout)


def rows(shapes: Sequence[str], examples: Sequence[int], threads: Sequence[int], seconds: float, repeats: int,
         place: str | Path | None = None) -> Iterator[dict[str, Any]]:
    """One record for each shape, number of examples and number of threads; `seconds` for each place."""
    for shape in shapes:
        for n in examples:
            here = Path(tempfile.mkdtemp(prefix="mintage-bench-", dir=place))
            try:
                prepare(here, n, SHAPES[shape])
                for number in threads:
                    kinds = PLACES + (FOLDERS if n <= MOST_FILES else ())
                    found = {kind: apart(kind, here, number, seconds, repeats) for kind in kinds}
                    yield {"shape": shape, "examples": n, "threads": number, "places": found}
            finally:
                shutil.rmtree(here, ignore_errors=True)


def table(record: dict[str, Any]) -> str:
    """One size's places, as text. `batch`: microseconds of a batch; `share`: of a bare round; `fed`: rounds with these
    batches over rounds with one made beforehand; `grown`: memory in MB."""
    lines = [f"{record['shape']} px, {record['examples']:,} examples, {record['threads']} thread(s)",
             f"    {'place':20s} {'opened':>8s} {'img/s':>10s} {'of memory':>9s} {'batch':>8s} {'share':>7s} "
             f"{'fed':>6s} {'grown':>6s}"]
    base = record["places"]["memory"]["rate"]
    for kind, found in record["places"].items():
        lines.append(f"    {kind:20s} {found['opened_in']:6.2f} s {found['rate']:10,.0f} {found['rate'] / base:9.2f} "
                     f"{BATCH / found['rate'] * 1e6:5.0f} us {found['round']['bare'] / found['rate']:7.2%} "
                     f"{found['round']['ratio']:6.3f} {found['grown'] / 1e6:6.0f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each place")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--examples", nargs="+", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--place", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        kind, where, *rest = json.loads(asked.one)
        sys.stdout.write(json.dumps(measure(kind, Path(where), *rest)))
        return
    written_down: dict[str, Any] = {"machine": this_machine(max(asked.threads)), "rows": []}
    for row in rows(asked.shapes, asked.examples, asked.threads, asked.seconds, asked.repeats, asked.place):
        written_down["rows"].append(row)
        print(table(row), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(written_down, indent=1) + "\n")


if __name__ == "__main__":
    main()
