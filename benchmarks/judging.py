"""The time and memory that judging takes: 10,000 Fashion-MNIST samples, every measure, as `mintage evaluate` does it.

    python benchmarks/judging.py [--threads 2]

The samples are training images with a little noise, in a .npy file; they are held against the 10,000 test images, with
the 60,000 training images known, so that copies are looked for too. Starts the command as a process of its own, and
takes wall time and the greatest memory from the operating system. Writes results/judging.json. The data are in the
folder that MINTAGE_DATA names.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch

from mintage.data import open_data, to_uint8

N = 10_000
OUT = Path(__file__).resolve().parents[1] / "results" / "judging.json"


def samples(path: Path) -> None:
    """N noisy training images as uint8 [N, H, W]."""
    train = open_data("fmnist")
    g = torch.Generator().manual_seed(0)
    x = train.gather(torch.randperm(len(train), generator=g)[:N]).x
    np.save(path, to_uint8(x + 0.1 * torch.randn(x.shape, generator=g))[:, 0].numpy())


def main() -> None:
    """Run the command and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    with tempfile.TemporaryDirectory() as folder:
        made, out = Path(folder) / "samples.npy", Path(folder) / "out"
        samples(made)
        command = ["evaluate", str(made), "fmnist", "--split", "test", "--train", "fmnist", "--n", str(N), "--out", str(out)]
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "mintage", *command], check=True, text=True, capture_output=True,
                              env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        seconds = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        found = json.loads((out / "evaluation.json").read_text())
    print(done.stdout)
    record = {"what": "10,000 samples against 10,000 test images and 60,000 training images, every measure",
              "seconds": round(seconds, 1), "bound": 90, "memory bytes": memory, "memory bound": 2_000_000_000,
              "measures": [card["measure"] for card in found["cards"]], "threads": threads,
              "date": str(date.today()), "machine": platform.processor() or platform.machine(),
              "command": "python benchmarks/judging.py"}
    OUT.write_text(json.dumps(record, indent=2) + "\n")
    print(f"{seconds:.1f} s, {memory / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
