"""From the start of the process to the end of the first round of training, and where that time goes.

    python benchmarks/bench/startup.py fmnist [--repeats 5] [--threads 2] [--out FILE.json]

The verb is `mintage train DATA` with its defaults, ended from outside after its first round. Wall seconds and CPU
seconds, medians. Beside them: a bare `import torch`, below which nothing that uses it can come.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DYNAMO = "import sys; import mintage.cli.train; print([m for m in ('torch._dynamo', 'sympy') if m in sys.modules])"


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process of its own."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(data: str, repeats: int, threads: int | None) -> dict[str, Any]:
    """Medians over fresh processes; the two commands take turns."""
    environment = {**os.environ, "MINTAGE_FAULT": "kill@round:1"}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    found: dict[str, list[tuple[float, float]]] = {"first round": [], "import torch": []}
    for _ in range(repeats + 1):  # the first fills the caches of the disk
        with tempfile.TemporaryDirectory() as folder:
            train = [sys.executable, "-m", "mintage", "train", data, "--out", f"{folder}/run", "--quiet"]
            found["first round"].append(timed(train, environment))
            if not Path(folder, "run", "settings.json").exists():
                raise SystemExit(f"the run did not begin: {' '.join(train)}")
        found["import torch"].append(timed([sys.executable, "-c", "import torch"], environment))
    seconds = {name: {"wall": statistics.median(w for w, _ in times[1:]),
                      "cpu": statistics.median(c for _, c in times[1:]),
                      "walls": [round(w, 3) for w, _ in times[1:]]} for name, times in found.items()}
    return {"data": data, "threads": threads, "repeats": repeats, "load": os.getloadavg()[0], "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found = measure(asked.data, asked.repeats, asked.threads)
    for name, seconds in found["seconds"].items():
        print(f"{name:14} {seconds['wall']:6.2f} s wall  {seconds['cpu']:6.2f} s CPU")
    print(f"imported too early: {subprocess.check_output([sys.executable, '-c', DYNAMO], text=True).strip()}")
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
