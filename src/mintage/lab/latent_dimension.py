"""One latent number is enough in theory; in practice the map is ugly, so raise the latent dimension.

The lecture's theorem: for any random X in R^d there is a measurable phi: [0, 1] -> R^d such that phi(U) has the
distribution of X, with U uniform. A network is continuous, though, so from one number it draws a curve, and to come
near a d-dimensional X the curve must fold through all of it.

Targets of dimension d = 2 and 8: a Gaussian bent by a fixed random wave, X = (V + sin(2 R V)) / c with V ~ N(0, I), R a
random rotation, c so that each coordinate has deviation about 1. Generators differ in the number of uniform latents
alone: 1, 2, 4, 8, 16, 64. Everything else is the same: three hidden layers of 64 on both sides, the non-saturating
cost with R1 (gamma = 0.1), 800 rounds of batches of 512, Adam at twice the rate for D, both rates falling along a
cosine, weights of G averaged.

Measured: the root of the energy distance 2 E|x - y| - E|x - x'| - E|y - y'| of 2,048 samples to as many fresh examples,
and that between two sets of real examples, which is the floor. Expected: one number is at least twice as far off as d
numbers; each step up to d lowers the error; and at d the fall is over but for a fifth of it.

References:
    Foundations of Modern Probability (Kallenberg, 2002), chapter 3: any distribution on a Borel space is the image of
    one uniform number. https://doi.org/10.1007/978-1-4757-4015-8
    Energy statistics: A class of statistics based on distances (Szekely and Rizzo, 2013).
    https://doi.org/10.1016/j.jspi.2013.03.018
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mintage.game import Average, Game, Move, Player, adam, cosine, derive, generator, play
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.lab.streams import Stream
from mintage.latent import uniform
from mintage.networks import MLPDiscriminator, MLPGenerator
from mintage.objectives import energy_kernel, mmd2, non_saturating
from mintage.penalties.catalogue import PENALTIES
from mintage.systems import moves

TARGETS, LATENTS = (2, 8), (1, 2, 4, 8, 16, 64)
ROUNDS, BATCH, RATE, AHEAD, GAMMA, WIDTH, DEPTH = 800, 512, 1e-3, 2.0, 0.1, 64, 3
POINTS, SHOWN = 2048, 1500
GAIN, DONE = 2.0, 0.8


class Result(NamedTuple):
    """The distance of a generator's samples to the target, and some samples of it."""

    distance: float
    samples: list[list[float]]


Runs = dict[tuple[int, int], list[Result]]
"""(d, latents) -> a result a seed."""


def bent(d: int) -> Callable[[int, torch.Generator], Tensor]:
    """Draws of the target: (n, generator) -> x [n, d]."""
    turn = torch.linalg.qr(torch.randn((d, d), generator=generator("bend", d))).Q
    spread = math.sqrt(1 + (1 - math.exp(-8)) / 2)  # var sin(2 v) = (1 - e^-8) / 2; the covariance is left out

    def draw(n: int, g: torch.Generator) -> Tensor:
        v = torch.randn((n, d), generator=g)
        return (v + torch.sin(2 * v @ turn)) / spread

    return draw


def latent_dimension(bench: Bench) -> Outcome:
    """Run the experiment."""
    tasks = [(d, latents, seed, bench.quick) for d in TARGETS for latents in LATENTS for seed in bench.seeds]
    results = bench.map(train, tasks)
    runs: Runs = {(d, latents): [] for d in TARGETS for latents in LATENTS}
    for (d, latents, *_), result in zip(tasks, results, strict=True):
        runs[d, latents].append(result)
    floors = {d: [floor(d, seed) for seed in bench.seeds] for d in TARGETS}
    return Outcome(findings(runs), [_table(runs, floors)], lambda: _figure(runs, floors), READING, bench.seeds)


def train(d: int, latents: int, seed: int, quick: bool = False) -> Result:
    """Play the game for one target and one latent dimension, and measure samples of the averaged G."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("latent dimension", seed))
        nets = {"D": MLPDiscriminator((d,), width=WIDTH, depth=DEPTH),
                "G": MLPGenerator((d,), z_dim=latents, width=WIDTH, depth=DEPTH, activation="leaky_relu")}
    rates = {"D": cosine(AHEAD * RATE, 0), "G": cosine(RATE, 0)}
    budget, prior = Bench(quick=quick).steps(ROUNDS) * BATCH, uniform(latents)
    critic = moves.critic(non_saturating, prior, penalties={"r1": PENALTIES["r1"]})
    game = Game(nets, {name: Player(name, adam(rate, 0.0, 0.99)) for name, rate in rates.items()},
                [Move("D", critic, weights={"r1": GAMMA}), Move("G", moves.generator(non_saturating, prior))],
                sampler=moves.sampler(prior), controllers=[Average("G", half_life=budget / 20)])
    for _ in play(game, Stream(bent(d), BATCH, seed), budget, seed=seed):
        pass
    samples = game.generate(prior(POINTS, generator("fresh latents", seed)))
    return Result(distance(samples, bent(d)(POINTS, generator("fresh", seed))), samples[:SHOWN, :2].tolist())


def distance(x: Tensor, y: Tensor) -> float:
    """The root of the energy distance of two sets of points; above 0 also for two sets of one distribution."""
    return math.sqrt(float(mmd2(x, y, energy_kernel, unbiased=False)))


def floor(d: int, seed: int) -> float:
    """The distance between two sets of real examples."""
    return distance(bent(d)(POINTS, generator("real", seed)), bent(d)(POINTS, generator("fresh", seed)))


def middle(runs: Runs, d: int, latents: int) -> float:
    """The median distance over seeds."""
    return median(result.distance for result in runs[d, latents])


def findings(runs: Runs) -> list[Finding]:
    """One latent number is far off; each step up to d helps; beyond d the fall is over."""
    found = []
    for d in TARGETS:
        error = {latents: middle(runs, d, latents) for latents in LATENTS}
        upto = [latents for latents in LATENTS if latents <= d]
        falls = sum(error[b] < error[a] for a, b in zip(upto, upto[1:], strict=False))
        fall = error[1] - min(error.values())
        found.append(Finding.at_least(f"d = {d}: error of 1 latent number over that of {d} (medians)", GAIN,
                                      error[1] / max(error[d], 1e-12)))
        found.append(Finding.equal(f"d = {d}: steps up to {d} latents that lower the median error", len(upto) - 1,
                                   falls, within=0))
        found.append(Finding.at_least(f"d = {d}: share of the whole fall that is over at {d} latents (medians)", DONE,
                                      (error[1] - error[d]) / max(fall, 1e-12)))
    return found


def _table(runs: Runs, floors: dict[int, list[float]]) -> Table:
    rows = []
    for d, latents in runs:
        each = sorted(result.distance for result in runs[d, latents])
        rows.append((d, latents, median(each), each[0], each[-1], median(floors[d])))
    return Table("The distance of samples to fresh examples, over seeds; floor: of real examples to fresh ones.",
                 ("d", "latents", "median", "least", "most", "floor"), rows)


READING = (
    "One number draws a curve. A generator that has no more folds it through the target as finely as its weights and "
    "this budget allow. Each latent number up to the dimension of the target helps; more of them do no harm and "
    "little good. The theorem is not wrong: it is about measurable maps, and the one it promises is wild at every "
    "scale, where a network is smooth and learns by slopes. Near the floor, which is what two sets of real "
    "examples score, errors differ by the noise of training."
)


def _figure(runs: Runs, floors: dict[int, list[float]]) -> Any:
    figure, axes = panels(4, width=4.0)
    for axis, d, colour in zip(axes[0], TARGETS, COLOURS, strict=False):
        for k in range(len(runs[d, 1])):
            axis.plot(LATENTS, [runs[d, latents][k].distance for latents in LATENTS], "o", color=colour, alpha=0.4,
                      markersize=4, label=None if k else "each seed")
        axis.plot(LATENTS, [middle(runs, d, latents) for latents in LATENTS], color=colour, label="median")
        axis.axhline(median(floors[d]), color="black", linestyle="--", linewidth=1, label="real against real")
        axis.axvline(d, color="black", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", xlabel="latent dimension", ylabel="root of the energy distance", ylim=(0, None))
        axis.set_xticks(LATENTS, [str(latents) for latents in LATENTS])
        axis.minorticks_off()
        axis.set_title(f"target in R^{d}: the error falls up to {d} latents", loc="left", fontsize=10)
        axis.legend(loc="upper right")
    real = bent(2)(SHOWN, generator("shown"))
    for axis, latents in zip(axes[0][2:], (1, 2), strict=True):
        points = torch.tensor(runs[2, latents][0].samples)
        axis.plot(*real.T, ".", rasterized=True, color=COLOURS[6], markersize=2, alpha=0.35, label="real")
        axis.plot(*points.T, ".", rasterized=True, color=COLOURS[0], markersize=2.5, label="generated")
        axis.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xlabel="x_1", ylabel="x_2")
        axis.set_title(("one latent number: a bent curve", "two: the plane")[latents - 1], loc="left", fontsize=10)
    axes[0][2].legend(loc="upper right", markerscale=3)
    return figure
