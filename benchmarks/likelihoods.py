"""Likelihoods where the truth is known: annealed importance sampling on linear decoders, and the Parzen window.

Annealing: x = W z + b + sigma e is N(b, W W' + sigma^2 I) exactly. Errors over 40 examples at 2, 10 and 50 latents, and
the sandwich: log p between the lower and the upper bound.

Parzen: on a standard normal in 2 and in 64 dimensions, 10,000 samples of the truth itself; then its wrong ranking:
k-means centroids of training examples score above as many true samples (A Note on the Evaluation of Generative Models,
Theis et al., 2016, https://arxiv.org/abs/1511.01844), on the normal, and on MNIST where it is.

Run: [MINTAGE_DATA=DATA] python benchmarks/likelihoods.py
"""

from __future__ import annotations

import math
import os
import statistics
import time
from pathlib import Path
from typing import Any

import recording
import torch
from torch import Tensor

from mintage.data import open_data
from mintage.evaluation.measures.annealing import annealed_bounds, annealed_likelihood
from mintage.evaluation.measures.parzen import parzen_likelihood
from mintage.lab.outcome import Finding, Table

RESULT = Path(__file__).resolve().parent.parent / "results" / "likelihoods.json"
SIGMAS = tuple(0.1 * 1.12**k for k in range(28))


def draws(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def annealing(d: int, steps: int, seed: int, n: int = 40, sigma: float = 0.7) -> dict[str, Any]:
    """Errors in nats of estimate and bounds for a random decoder of d latents and d outputs."""
    W, b = draws(d, d, seed=10 * seed + 1) / 2 * math.sqrt(10 / d), draws(d, seed=10 * seed + 2)
    truth = torch.distributions.MultivariateNormal(b, W @ W.T + sigma**2 * torch.eye(d, dtype=torch.float64))

    def generate(z: Tensor) -> Tensor:
        return z @ W.T + b

    start = time.process_time()
    bounds = annealed_bounds(generate, draws(n, d, seed=10 * seed + 3), sigma=sigma, steps=steps, seed=seed)
    both = time.process_time() - start
    exact, start = truth.log_prob(bounds.x), time.process_time()
    found = annealed_likelihood(generate, bounds.x, z_dim=d, sigma=sigma, steps=steps, seed=seed + 100)
    seconds, off = round(time.process_time() - start, 2), found - exact
    return {"d": d, "steps": steps, "seed": seed, "chains": 16, "examples": n, "cpu_seconds": seconds,
            "mean_error": float(off.mean()), "mean_absolute_error": float(off.abs().mean()),
            "largest_error": float(off.abs().max()), "lower_minus_exact": float((bounds.lower - exact).mean()),
            "upper_minus_exact": float((bounds.upper - exact).mean()),
            "gap": float((bounds.upper - bounds.lower).mean()), "cpu_seconds_of_bounds": round(both, 2)}


def centroids(x: Tensor, k: int, rounds: int = 15) -> Tensor:
    """k-means centroids [k, d] of x [n, d], begun at the first k examples."""
    c = x[:k].clone()
    for _ in range(rounds):
        near = torch.cat([torch.cdist(part, c).argmin(1) for part in x.split(2_000)])
        counts = near.bincount(minlength=k).clamp(min=1)[:, None]
        c = torch.where(near.bincount(minlength=k)[:, None] > 0, torch.zeros_like(c).index_add_(0, near, x) / counts, c)
    return c


def window(d: int, n: int = 10_000) -> dict[str, Any]:
    """The Parzen window around n true samples of N(0, I), beside the likelihood of the truth on the same examples."""
    samples, validation, test = draws(n, d, seed=1), draws(1_000, d, seed=2), draws(2_000, d, seed=3)
    found = parzen_likelihood(samples, validation, test, sigmas=SIGMAS)
    exact = float((-test.square().sum(1) / 2 - d / 2 * math.log(2 * math.pi)).mean())
    return {"d": d, "samples": n, "parzen": found.nats, "error": found.error, "sigma": found.sigma, "exact": exact,
            "off": found.nats - exact}


def ranking(name: str, train: Tensor, fresh: Tensor, validation: Tensor, test: Tensor, k: int) -> dict[str, Any]:
    """The scores of k true samples, and of k centroids of training examples, which are no samples of it at all."""
    true = parzen_likelihood(fresh[:k], validation, test, sigmas=SIGMAS)
    means = parzen_likelihood(centroids(train, k), validation, test, sigmas=SIGMAS)
    return {"data": name, "k": k, "true_samples": true.nats, "error": true.error, "centroids": means.nats,
            "centroids_error": means.error, "wrong_by": means.nats - true.nats}


def rankings() -> list[dict[str, Any]]:
    normal = ranking("standard normal, 64 dimensions", draws(20_000, 64, seed=4), draws(1_000, 64, seed=5),
                     draws(1_000, 64, seed=6), draws(2_000, 64, seed=7), 1_000)
    if not os.environ.get("MINTAGE_DATA"):
        return [normal]
    train, test = open_data("mnist"), open_data("mnist", split="test")
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(1)

    def pixels(examples: Any, some: Tensor) -> Tensor:
        """In [0, 1], with the rounding filled in by uniform noise."""
        x = examples.gather(some).x.flatten(1) * 127.5 + 127.5
        return ((x.round() + torch.rand(x.shape, generator=g)) / 256).double()

    k = 1_000
    digits = ranking("mnist, pixels in [0, 1]", pixels(train, rows[:20_000]), pixels(train, rows[20_000:21_000]),
                     pixels(train, rows[30_000:31_000]), pixels(test, torch.arange(2_000)), k)
    return [normal, digits]


def main() -> None:
    torch.set_num_threads(1)
    cases = [annealing(d, steps, seed) for d in (2, 10, 50) for steps in (500, 3000) for seed in (0, 1, 2)]
    tell(cases, [window(2), window(64)], rankings())


def tell(cases: list[dict[str, Any]], windows: list[dict[str, Any]], ranks: list[dict[str, Any]]) -> None:
    """Write the record."""
    def median(d: int, field: str) -> float:
        return statistics.median(case[field] for case in cases if case["d"] == d and case["steps"] == 3000)

    findings = [Finding.at_most(f"AIS, linear-Gaussian decoder, d = {d}, 3000 steps: mean absolute error in nats", 0.05,
                                median(d, "mean_absolute_error")) for d in (2, 10)]
    findings += [Finding.at_most("the gap between its upper and lower bound, d = 10, nats", 0.05, median(10, "gap"))]
    keys = ("d", "steps", "seed", "mean_absolute_error", "mean_error", "gap", "cpu_seconds")
    recording.write(
        "likelihoods", "annealed importance sampling finds a known likelihood; Parzen windows do not", findings,
        tables=[Table("AIS, 40 examples, 16 chains", keys, [[case[key] for key in keys] for case in cases]),
                Table("Parzen windows, 10,000 true samples of a normal", ["d", "nats", "exact", "off"],
                      [[w["d"], w["parzen"], w["exact"], w["off"]] for w in windows]),
                Table("Parzen windows rank wrongly: k-means centroids beat true samples",
                      ["data", "k", "true samples", "centroids", "wrong by, nats"],
                      [[r["data"], r["k"], r["true_samples"], r["centroids"], r["wrong_by"]] for r in ranks])],
        seeds=sorted({case["seed"] for case in cases}), command="MINTAGE_DATA=... python benchmarks/likelihoods.py",
        seconds=sum(case["cpu_seconds"] + case["cpu_seconds_of_bounds"] for case in cases))


if __name__ == "__main__":
    main()
