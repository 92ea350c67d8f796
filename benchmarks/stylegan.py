"""StyleGAN2's generator at 64 x 64, forward and backward: mintage's against the textbook form with the same weights.

    python benchmarks/stylegan.py [--repeats 7] [--record]

The textbook form has weights for each example and one group an example (`bench.peer_stylegan2`, per-sample). Float32,
batch 8, one thread, processor time, sides in turns, medians; the outputs are compared first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import recording
import torch
from bench.peer_stylegan2 import BATCH, FORMS, Theirs, networks
from torch import Tensor

from mintage.lab.outcome import Finding, Table

WANTED, CLOSE = 1.5, 1e-4


def seconds(make: Callable[[Tensor], Tensor], z: Tensor) -> float:
    """Processor seconds of x = make(z) and of the gradient of its mean square."""
    began = time.process_time()
    make(z).square().mean().backward()
    return time.process_time() - began


def main() -> None:
    """Print and keep the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--record", action="store_true")
    given, began = parser.parse_args(), time.perf_counter()
    torch.set_num_threads(1)
    G, D = networks()
    theirs = Theirs(G, D, FORMS["per-sample"])
    z = torch.randn(BATCH, G.z_dim, generator=torch.Generator().manual_seed(1))
    G.eval()
    with torch.no_grad():
        off = float((G(z) - theirs.make(z, drawn=False)).abs().max())
    sides = {"mintage": lambda z: G(z), "textbook": lambda z: theirs.make(z, drawn=False)}
    took: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(given.repeats + 1):
        for name, make in sides.items():
            spent = seconds(make, z)
            took[name] += [spent] if turn else []  # the first of each warms up
    ratio = median(b / a for a, b in zip(*took.values(), strict=True))
    findings = [Finding.at_least("textbook's time over mintage's, forward and backward, median of pairs", WANTED,
                                 ratio),
                Finding.at_most("largest difference of their outputs", CLOSE, off)]
    table = Table("Processor seconds, medians", ["form", "seconds"],
                  [[name, round(median(times), 3)] for name, times in took.items()])
    if given.record:
        recording.write("stylegan-speed", "StyleGAN2's generator is the textbook's, in less time", findings,
                        command="python benchmarks/stylegan.py --record", tables=[table],
                        seconds=time.perf_counter() - began)
    else:
        print(findings, table)



if __name__ == "__main__":
    main()
