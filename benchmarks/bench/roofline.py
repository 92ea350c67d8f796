"""The roofline: what this machine reaches on plain products and convolutions, and the share of it a round reaches.

Rates are GFLOP/s, a multiplication and an addition counting as two; of convolutions forward and backward together (both
gradients), batch 32. A round's operations are counted while it is played (`torch.utils.flop_counter`: convolutions and
matrix products, those of double backward passes among them), so what is saved by playing cleverly lowers the count as
well as the time. Its share is its rate over the best bf16 convolution's here. All are timed in turns, in one process
that keeps freed memory.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.counting import Counter
from mintage.data import Batches, Examples
from mintage.game import play
from mintage.runs import machine
from mintage.runs.building import build_game
from mintage.runs.start import batch_of, resolve

BATCH, MATRIX, REPEATS = 32, 2048, 5
CONVOLUTIONS = {"32 x 32 x 128": (128, 32), "64 x 64 x 64": (64, 64), "16 x 16 x 256": (256, 16),
                "8 x 8 x 512": (512, 8)}
ROUNDS = {"r3gan S, 1 x 28 x 28": ("S", (1, 28, 28)), "r3gan S, 3 x 64 x 64": ("S", (3, 64, 64)),
          "r3gan M, 3 x 64 x 64": ("M", (3, 64, 64))}
WANTED = {"r3gan S, 3 x 64 x 64": 0.6}
Work = tuple[Callable[[], Any], float]  # what to run, and its GFLOP


def measure(threads: int, seconds: float) -> dict[str, Any]:
    """Rates and shares, from a process of their own; `seconds` for each rate."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (threads, seconds))


def best(threads: int, seconds: float) -> dict[str, float]:
    """The machine's own best GFLOP/s by "convolution, bf16", "matrices, fp32" and so on; `seconds` for each shape."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_best, (threads, seconds))


def _best(threads: int, seconds: float) -> dict[str, float]:
    torch.set_num_threads(threads)
    machine.settle()
    rates = _timed({**_matrices(), **_convolutions()}, threads, seconds)
    return {f"{kind}, {precision}": max(rate for name, rate in rates.items() if name.startswith(kind)
                                        and precision in name)
            for kind in ("convolution", "matrices") for precision in ("fp32", "bf16")}


def _measured(threads: int, seconds: float) -> dict[str, Any]:
    torch.set_num_threads(threads)
    machine.settle()
    work = {**_matrices(), **_convolutions()}
    rates = _timed(work, threads, seconds)
    best = max(rate for name, rate in rates.items() if name.startswith("conv") and "bf16" in name)
    rounds = {f"{name}, {precision}": _round(size, shape, precision) for name, (size, shape) in ROUNDS.items()
              for precision in machine.precisions(torch.device("cpu"))}
    reached = _timed(rounds, threads, seconds)
    return {"threads": threads, "rates": rates, "best_bf16_convolution": best,
            "rounds": {name: {"gflop": rounds[name][1], "rate": rate, "share": rate / best,
                              "wanted": WANTED.get(name.removesuffix(", bf16"))} for name, rate in reached.items()}}


def table(found: dict[str, Any]) -> str:
    """The measurement as text."""
    lines = [f"{'GFLOP/s':46s} {'threads':>7s} {'rate':>8s}"]
    lines += [f"{name:46s} {found['threads']:7d} {rate:8.0f}" for name, rate in found["rates"].items()]
    for name, of in found["rounds"].items():
        wanted = "" if of["wanted"] is None else f", wanted {of['wanted']:.0%}: " + (
            "held" if of["share"] >= of["wanted"] else "MISSED")
        lines.append(f"{'a round of ' + name:46s} {found['threads']:7d} {of['rate']:8.0f}  {of['share']:.0%} of the "
                     f"best bf16 convolution{wanted}  ({of['gflop']:.1f} GFLOP)")
    return "\n".join(lines)


def _matrices() -> dict[str, Work]:
    work: dict[str, Work] = {}
    for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(MATRIX, MATRIX).to(kind) for _ in range(2))
        work[f"matrices {MATRIX} x {MATRIX}, {name}"] = partial(torch.mm, a, b), 2e-9 * MATRIX**3
        if kind is torch.float32:
            work[f"matrices {MATRIX} x {MATRIX}, {name}, oneDNN"] = partial(_by_onednn, a, b), 2e-9 * MATRIX**3
    return work


def _by_onednn(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.set_float32_matmul_precision("medium")  # torch's other library of products, on some processors the quicker
    torch.mm(a, b)
    torch.set_float32_matmul_precision("highest")


def _convolutions() -> dict[str, Work]:
    work: dict[str, Work] = {}
    layouts = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
    for name, (width, side) in CONVOLUTIONS.items():
        for precision, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            for order, layout in layouts.items():
                conv = nn.Conv2d(width, width, 3, padding=1, bias=False).to(kind).to(memory_format=layout)
                x = torch.randn(BATCH, width, side, side).to(kind).contiguous(memory_format=layout).requires_grad_()
                gflop = 3 * 2e-9 * BATCH * side**2 * width**2 * 9
                work[f"convolution {name}, {precision}, {order}"] = partial(_there_and_back, conv, x), gflop
    return work


def _there_and_back(conv: nn.Conv2d, x: torch.Tensor) -> None:
    y = conv(x)
    torch.autograd.grad(y, [x, conv.weight], y.detach())


def _round(size: str, shape: tuple[int, int, int], precision: str) -> Work:
    """A round of the default system at its own batch size, without labels, and the GFLOP counted in one."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, *shape), dtype=np.uint8)
    data, device = Examples.of_images(pixels, "noise"), torch.device("cpu")
    options, _ = resolve("r3gan", {"size": size}, data.spec, len(data), device)
    game = build_game("r3gan", options, data.spec, seed=0, device=device, precision=precision)
    rounds = play(game, Batches(data, batch_of("r3gan"), 0), 1 << 60)
    next(rounds)
    with Counter() as counter:
        next(rounds)
    return partial(next, rounds), counter.operations / 1e9


def _timed(work: dict[str, Work], threads: int, seconds: float) -> dict[str, float]:
    """Median GFLOP/s of each, in turns."""
    clock = time.process_time if threads == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in work}
    counts: dict[str, int] = {}
    for repeat in range(REPEATS + 1):
        for name, (run, _) in work.items():
            began = clock()
            for _ in range(counts.get(name, 2)):
                run()
            took = (clock() - began) / counts.get(name, 2)
            if repeat:
                times[name].append(took)
            else:
                counts[name] = max(1, round(seconds / REPEATS / max(took, 1e-6)))
    return {name: gflop / statistics.median(times[name]) for name, (_, gflop) in work.items()}
