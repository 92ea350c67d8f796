"""A generator of one uniform number learns the quantile function.

X ~ N(0, 1) and Z ~ U(0, 1). Of all maps that turn Z into X only two are monotone, the quantile function and its mirror,

    G(z) = Phi^-1(z)   or   G(z) = Phi^-1(1 - z) = -Phi^-1(z)

A map that folds, say Phi^-1(|2 z - 1|), has the right distribution too, and an infinite spike at each fold; the
adversary would let it pass. That the game ends at a monotone map is the doing of a smooth network that starts without
folds.

G and D are perceptrons of two hidden layers of 64 (SiLU). The units of the first layer start with their bends spread
evenly over (0, 1) for G, too wide to make folds, and over (-4, 4) for D: with the usual start all bend near 0, and D
stays blind to fine differences of density for thousands of rounds. Non-saturating cost with R1 (gamma = 0.05), 4,000
rounds of 2,048 fresh examples, Adam(beta1 = 0, beta2 = 0.99) from 1e-3, eight times that for D, both falling along a
cosine; weights of G averaged.

Measured, the mirror turned round: the mean of |G - Phi^-1| over u in [0.01, 0.99]; the Kolmogorov-Smirnov distance of
10,000 samples from fresh latents, against 1.358 / sqrt(n), which a perfect generator passes 95 times of 100; the
share of steps of a fine grid on which G goes its way. The table also has the distance of G itself,
sup_u |Phi(G(u)) - u|, and what the same latents give through Phi^-1.

References:
    Generative Adversarial Nets (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), eq. 9.
    https://arxiv.org/abs/1801.04406
    Table for Estimating the Goodness of Fit of Empirical Distributions (Smirnov, 1948), where 1.358 is from.
    https://doi.org/10.1214/aoms/1177730256
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.special import ndtr, ndtri

from mintage.game import Average, Game, Move, Player, adam, cosine, derive, generator, play
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.lab.streams import Stream
from mintage.objectives import non_saturating
from mintage.penalties.catalogue import PENALTIES
from mintage.systems import moves

ROUNDS, BATCH, RATE, AHEAD, GAMMA, WIDTH = 4000, 2048, 1e-3, 8.0, 0.05, 64
SAMPLES, CRITICAL = 10_000, 1.358
LEVELS = torch.linspace(0.01, 0.99, 981, dtype=torch.float64)


class Perceptron(nn.Module):
    """Two hidden layers of SiLU units; those of the first bend at points spread evenly over `span`.   [N, 1] -> [N, 1].

    Args:
        sharpness: the size of the first layer's weights; a unit bends within about 4 / sharpness.
    """

    def __init__(self, span: tuple[float, float], sharpness: float, width: int = WIDTH) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(1, width), nn.Linear(width, width), nn.Linear(width, 1)
        slopes = torch.where(nn.init.uniform_(torch.empty(width)) < 0.5, -sharpness, sharpness)
        with torch.no_grad():
            self.first.weight.copy_(slopes[:, None])
            self.first.bias.copy_(-slopes * torch.linspace(*span, width))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.last(nn.functional.silu(self.second(nn.functional.silu(self.first(x)))))


class Critic(Perceptron):
    """The same with one logit for each number.   [N, 1] -> [N]."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().forward(x).squeeze(1)


class Result(NamedTuple):
    """Mean error to the quantile function; KS distance of samples, of the same latents through Phi^-1, and of G itself;
    the share of monotone steps; +1 or -1 for the mirror; G at `LEVELS`, turned round."""

    error: float
    ks: float
    floor: float
    exact: float
    monotone: float
    way: int
    curve: list[float]


def quantile(bench: Bench) -> Outcome:
    """Run the experiment."""
    results = bench.map(learn, [(seed, bench.quick) for seed in bench.seeds])
    return Outcome(findings(results), [_table(bench.seeds, results)], lambda: _figure(results), READING, bench.seeds)


def latent(n: int, g: torch.Generator) -> Tensor:
    """z ~ U(0, 1), [n, 1]."""
    return torch.rand((n, 1), generator=g)


def gaussian(n: int, g: torch.Generator) -> Tensor:
    """x ~ N(0, 1), [n, 1]."""
    return torch.randn((n, 1), generator=g)


def learn(seed: int, quick: bool = False) -> Result:
    """Play the game, then measure the averaged G."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("quantile", seed))
        nets = {"G": Perceptron((0, 1), 4.0), "D": Critic((-4, 4), 3.0)}
    budget = Bench(quick=quick).steps(ROUNDS) * BATCH
    rates = {"D": cosine(AHEAD * RATE, AHEAD * RATE / 100), "G": cosine(RATE, RATE / 100)}
    critic = moves.critic(non_saturating, latent, penalties={"r1": PENALTIES["r1"]})
    game = Game(nets, {name: Player(name, adam(rate, 0.0, 0.99)) for name, rate in rates.items()},
                [Move("D", critic, weights={"r1": GAMMA}), Move("G", moves.generator(non_saturating, latent))],
                sampler=moves.sampler(latent), controllers=[Average("G", half_life=0.15 * budget)])
    for _ in play(game, Stream(gaussian, BATCH, seed), budget, seed=seed):
        pass
    return measure(game.mean_nets.G, seed)


@torch.no_grad()
def measure(G: nn.Module, seed: int) -> Result:
    """G against the quantile function; `seed` of the fresh latents."""
    def of(u: Tensor) -> Tensor:
        return G(u.float()[:, None])[:, 0].double()

    curve, grid, fresh = of(LEVELS), torch.linspace(0, 1, 10_001, dtype=torch.float64), latent(
        SAMPLES, generator("fresh latents", seed))[:, 0].double()
    way = 1 if curve[-1] > curve[0] else -1
    steps = way * of(grid).diff()
    return Result(float((way * curve - ndtri(LEVELS)).abs().mean()), kolmogorov_smirnov(of(fresh)),
                  kolmogorov_smirnov(ndtri(fresh)), float((ndtr(way * of(grid)) - grid).abs().max()),
                  float((steps > 0).double().mean()), way, (way * curve).tolist())


def kolmogorov_smirnov(x: Tensor) -> float:
    """sup_t |F_n(t) - Phi(t)| of the samples x [n]."""
    level, n = ndtr(x.double().sort().values), len(x)
    rank = torch.arange(n, dtype=torch.float64)
    return float(torch.maximum(level - rank / n, (rank + 1) / n - level).max())


def findings(results: Sequence[Result]) -> list[Finding]:
    """Near the quantile function, not told from it, monotone."""
    return [
        Finding.at_most("mean |G - Phi^-1| on [0.01, 0.99] (median)", 0.05, median(r.error for r in results)),
        Finding.at_most("KS distance of 10,000 samples (median); the bound is 1.358 / sqrt(n)",
                        CRITICAL / math.sqrt(SAMPLES), median(r.ks for r in results)),
        Finding.at_least("share of monotone steps (median)", 0.99, median(r.monotone for r in results)),
    ]


def _table(seeds: Sequence[int], results: Sequence[Result]) -> Table:
    rows = [(seed, r.error, r.ks, r.floor, r.exact, r.monotone, "quantile" if r.way > 0 else "mirror")
            for seed, r in zip(seeds, results, strict=True)]
    return Table("For each seed: the mean error; the KS distance of 10,000 samples, of the same latents through "
                 "Phi^-1, and of G itself; the share of monotone steps; which of the two functions.",
                 ("seed", "error", "KS", "KS, Phi^-1", "KS, G", "monotone", "function"), rows)


READING = (
    "The game finds the quantile function, or its mirror as the start decides. Nobody asks for a monotone map, and a "
    "folded one would pass the test of distribution as well: a generator that starts with sharp bends may end there. "
    "The error left is largest at the ends, where Phi^-1 is steep and few examples fall; beyond [0.01, 0.99] a network "
    "with bounded slopes cannot follow it, and the most extreme samples are too tame. A perfect generator has a KS "
    "distance of about 0.008 from 10,000 samples."
)


def _figure(results: Sequence[Result]) -> Any:
    figure, axes = panels(3)
    u, exact = LEVELS.tolist(), ndtri(LEVELS)
    for k, result in enumerate(results):
        first = not k
        curve = torch.tensor(result.curve, dtype=torch.float64)
        axes[0][0].plot(u, curve, color=COLOURS[0], linewidth=3.5, alpha=0.4, label="G, each seed" if first else None)
        axes[0][1].plot(u, curve - exact, color=COLOURS[k % len(COLOURS)])
        coarse = curve[::10]  # G is monotone, so its samples have the density du / dG
        axes[0][2].plot((coarse[1:] + coarse[:-1]) / 2, 0.01 / coarse.diff(), color=COLOURS[0], alpha=0.6,
                        label="G(Z), each seed" if first else None)
    axes[0][0].plot(u, exact, color="black", linestyle="--", linewidth=1.2, label="quantile function")
    axes[0][0].set(xlabel="z", ylabel="G(z)")
    axes[0][0].set_title("the game finds the quantile function", loc="left")
    axes[0][0].legend(loc="upper left")
    axes[0][1].axhline(0, color="black", linewidth=1)
    axes[0][1].set(xlabel="z", ylabel="G(z) - quantile", ylim=(-0.3, 0.3))
    axes[0][1].set_title(f"mean error {median(r.error for r in results):.3f}", loc="left")
    axes[0][2].plot(exact, torch.exp(-exact.square() / 2) / math.sqrt(2 * math.pi), color="black", linestyle="--",
                    linewidth=1.2, label="N(0, 1)")
    axes[0][2].set(xlabel="x", ylabel="density", ylim=(0, None))
    axes[0][2].set_title(f"KS distance of 10,000 samples {median(r.ks for r in results):.4f}", loc="left")
    axes[0][2].legend(loc="upper left")
    return figure
