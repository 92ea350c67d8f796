"""How long `mintage translate` takes with srgan for one image of 512 x 512, in how much memory, and whether tiles show.

    python benchmarks/translating.py [--size S] [--side 512] [--threads 2] [--precision fp32]

The weights are those at the start, since time and seams do not depend on training.
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from mintage.data import DataSpec, Given
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.product import Generator
from mintage.runs.translating import Translator, tiles
from mintage.systems.options import check


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="S")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--seams", action="store_true", help="compare with the whole made at once, which takes memory")
    asked = parser.parse_args()
    machine.settle()
    torch.set_num_threads(asked.threads)
    spec = DataSpec("image", (3, 96, 96), given=Given("image", (3, 24, 24)))
    game = build_game("srgan", check("srgan", {"size": asked.size}), spec, seed=0, device="cpu",
                      precision=asked.precision)
    translator = Translator(Generator(game, spec, {"system": "srgan"}))
    c = torch.rand(3, asked.side, asked.side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    took = []
    for _ in range(2):
        began = time.perf_counter()
        made = translator(c)
        took.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"srgan {asked.size}, {asked.precision}, {asked.threads} threads: {asked.side} x {asked.side} -> "
          f"{made.shape[1]} x {made.shape[2]} in {min(took):.2f} s (first {took[0]:.2f} s), peak {peak:.2f} GiB, "
          f"margin {translator.reach}")
    if asked.seams:
        whole = translator.made(c[None])[0]
        off = max(float((translator.tile(c, rows, columns)
                         - whole[:, 4 * rows.start:4 * rows.stop, 4 * columns.start:4 * columns.stop]).abs().max())
                  for rows, columns in tiles(asked.side, asked.side))
        print(f"tiles against the whole: {off:.1e} at most")


if __name__ == "__main__":
    main()
