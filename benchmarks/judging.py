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
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import recording
import torch

from mintage.data import open_data, to_uint8
from mintage.lab.outcome import Finding

N = 10_000


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
        command = ["evaluate", str(made), "fmnist", "--split", "test", "--train", "fmnist", "--n", str(N),
                   "--out", str(out)]
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "mintage", *command], check=True, text=True, capture_output=True,
                              env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        seconds = time.perf_counter() - began
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        found = json.loads((out / "evaluation.json").read_text())
    print(done.stdout)
    recording.write(
        "judging", "10,000 samples are judged by every measure in a minute and a half, and in 2 GB",
        [Finding.at_most("seconds, 10,000 samples of Fashion-MNIST, every measure, copies looked for", 90, seconds),
         Finding.at_most("peak memory, GB", 2, memory / 1e9)],
        reading=f"Measures: {', '.join(card['measure'] for card in found['cards'])}, and the gate. Process start, "
                f"imports and data included; {threads} threads.",
        command="MINTAGE_DATA=... python benchmarks/judging.py", seconds=seconds)


if __name__ == "__main__":
    main()
