"""The best discriminator is D* = p_data / (p_data + p_model), and its value tells how far apart the two are.

    V(D) = E_data log D(x) + E_model log(1 - D(x))
    V(D*) = -log 4 + 2 JSD(p_data, p_model),   which is -log 4 where the model is right

Data N(0, 1) and a model that stays at N(mu, 1), so log D* / (1 - D*) = mu^2 / 2 - mu x. D is a plain perceptron (two
hidden layers of 32, leaky rectifiers), which knows nothing of this form: a game of one player, 1,000 rounds of 1,024
fresh examples of each kind, Adam from 3e-3 to 0 along a cosine, weights averaged.

Measured: E |D - D*| under the data and under the model, of which the larger counts, and (V(D) + log 4) / 2. Both
expectations are sums over a fine grid, so the only error left is that of D; the table has V also from 2^20 examples
that no training saw.

References:
    Generative Adversarial Nets (Goodfellow et al., 2014), proposition 1 and theorem 1. https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from mintage.game import Average, Game, Move, Player, Round, Terms, adam, cosine, derive, generator, play
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.lab.streams import Stream
from mintage.latent import normal
from mintage.networks import MLPDiscriminator
from mintage.objectives import logistic_critic

JSD = {0.0: 0.0, 0.5: 0.03031130, 1.0: 0.11142148, 2.0: 0.33683082}
"""mu -> the exact Jensen-Shannon divergence, by quadrature."""

ROUNDS, BATCH, RATE, WIDTH, DEPTH = 1000, 1024, 3e-3, 32, 2
HELD_OUT = 2**20
GRID = torch.linspace(-12, 14, 5201, dtype=torch.float64)
SHOWN = torch.linspace(-4, 6, 401, dtype=torch.float64)

Density = Callable[[Tensor], Tensor]


class Result(NamedTuple):
    """|D - D*| under the data and under the model; the JSD that D's value tells, exactly and from examples; the curve
    D on `SHOWN`."""

    off_data: float
    off_model: float
    jsd: float
    sampled: float
    curve: list[float]


def optimal_discriminator(bench: Bench) -> Outcome:
    """Run the experiment."""
    tasks = [(mu, seed, bench.quick) for mu in JSD for seed in bench.seeds]
    results = bench.map(measure, tasks)
    runs = {mu: [r for (m, *_), r in zip(tasks, results, strict=True) if m == mu] for mu in JSD}
    return Outcome(findings(runs), [_table(runs)], lambda: _figure(runs), READING, bench.seeds)


def density(mean: float, deviation: float = 1.0) -> Density:
    """x -> the density of N(mean, deviation^2)."""
    return lambda x: torch.exp(-((x - mean) / deviation).square() / 2) / (deviation * math.sqrt(2 * math.pi))


def best_logit(mu: float) -> Density:
    """x -> log p_data / p_model = mu^2 / 2 - mu x, whose sigmoid is D*."""
    return lambda x: mu**2 / 2 - mu * x


def expect(f: Density, p: Density) -> float:
    """The integral of p f, by the trapezoid rule on `GRID`; for smooth f exact to rounding."""
    return float(torch.trapezoid(p(GRID) * f(GRID), GRID))


def divergence(logit: Density, mu: float) -> float:
    """(V(D) + log 4) / 2 for the discriminator of these logits: the JSD where it is the best, less elsewhere."""
    value = expect(lambda x: logsigmoid(logit(x)), density(0)) + expect(lambda x: logsigmoid(-logit(x)), density(mu))
    return (value + math.log(4)) / 2


def train(mu: float, seed: int, quick: bool = False) -> nn.Module:
    """D after its game of one player against N(mu, 1), averaged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("optimal discriminator", seed))
        D = MLPDiscriminator((1,), width=WIDTH, depth=DEPTH)

    def objective(nets: Any, round: Round) -> Terms:
        return {"loss": logistic_critic(nets.D(round.batch.x), nets.D(mu + round.draw(normal(1))))}

    budget = Bench(quick=quick).steps(ROUNDS) * BATCH
    game = Game({"D": D}, {"D": Player("D", adam(cosine(RATE, 0)))}, [Move("D", objective)],
                controllers=[Average("D", half_life=budget / 20)])
    for _ in play(game, Stream(lambda n, g: torch.randn((n, 1), generator=g), BATCH, seed), budget, seed=seed):
        pass
    return game.mean_nets.D


def logits_of(D: nn.Module) -> Density:
    """x -> logits, float64 on both sides."""
    return lambda x: D(x.float()[:, None]).double()


def measure(mu: float, seed: int, quick: bool = False) -> Result:
    """Train D and set it beside D*."""
    return compare(train(mu, seed, quick), mu, seed)


@torch.no_grad()
def compare(D: nn.Module, mu: float, seed: int) -> Result:
    """D beside D*, and the divergence its value tells."""
    logit, best = logits_of(D), best_logit(mu)

    def off(x: Tensor) -> Tensor:
        return (logit(x).sigmoid() - best(x).sigmoid()).abs()

    g = generator("held out", seed)
    a, b = (logit(mean + torch.randn(HELD_OUT, generator=g)) for mean in (0.0, mu))
    sampled = float(logsigmoid(a).mean() + logsigmoid(-b).mean() + math.log(4)) / 2
    return Result(expect(off, density(0)), expect(off, density(mu)), divergence(logit, mu), sampled,
                  logit(SHOWN).sigmoid().tolist())


def findings(runs: dict[float, list[Result]]) -> list[Finding]:
    """D against D*, and its value against the exact divergence."""
    found = []
    for mu, results in runs.items():
        worst = median(max(r.off_data, r.off_model) for r in results)
        found.append(Finding.at_most(f"mu = {mu:g}: E |D - D*|, the larger of both supports (median)", 0.02, worst))
    for mu, exact in JSD.items():
        if mu:
            found.append(Finding.equal(f"mu = {mu:g}: JSD that D's value tells (median)", exact,
                                       median(r.jsd for r in runs[mu]), within=0.02, relative=True))
            found.append(Finding.equal(f"mu = {mu:g}: JSD that the value of D* tells", exact,
                                       divergence(best_logit(mu), mu), within=1e-7))
    value = 2 * median(r.jsd for r in runs[0.0]) - math.log(4)
    return [*found, Finding.equal("mu = 0: V(D) where the model is right (median)", -math.log(4), value, within=1e-3)]


def _table(runs: dict[float, list[Result]]) -> Table:
    def row(mu: float, results: Sequence[Result]) -> tuple[float, ...]:
        return (mu, *(median(getattr(r, what) for r in results) for what in ("off_data", "off_model")), JSD[mu],
                *(median(getattr(r, what) for r in results) for what in ("jsd", "sampled")))

    return Table("Medians over seeds: E |D - D*| under the data and under the model; the JSD, exact, and as the "
                 "trained D tells it, by a sum over a grid and from 2^20 fresh examples of each kind.",
                 ("mu", "under data", "under model", "JSD", "by grid", "by examples"),
                 [row(mu, results) for mu, results in runs.items()])


READING = (
    "A perceptron that has seen only examples finds D* where there are examples to see. Its value is always below that "
    "of D*, and by a square of its error, so the divergence it tells is a lower bound that is nearly tight. In the far "
    "tails, where neither the data nor the model puts anything, D is what the network makes of it."
)


def _figure(runs: dict[float, list[Result]]) -> Any:
    figure, axes = panels(2, 2)
    pairs = [mu for mu in runs if mu]
    for axis, mu in zip(axes.flat, pairs, strict=False):
        for mean, colour, name in ((0.0, COLOURS[0], "data"), (mu, COLOURS[1], "model")):
            axis.fill_between(SHOWN, density(mean)(SHOWN), color=colour, alpha=0.25, linewidth=0, label=f"p, {name}")
        for k, result in enumerate(runs[mu]):
            axis.plot(SHOWN, result.curve, color=COLOURS[2], linewidth=3.5, alpha=0.5,
                      label=None if k else "trained D, each seed")
        axis.plot(SHOWN, best_logit(mu)(SHOWN).sigmoid(), color="black", linestyle="--", linewidth=1.2, label="D*")
        worst = median(max(r.off_data, r.off_model) for r in runs[mu])
        axis.set(xlabel="x", ylabel="probability; density", xlim=(-4, 6), ylim=(0, 1.02))
        axis.set_title(f"N(0, 1) against N({mu:g}, 1): D is within {worst:.4f} of D*", loc="left")
    axes[0][0].legend(loc="upper right")
    last = axes[1][1]
    means = [k / 20 for k in range(0, 61)]
    last.plot(means, [divergence(best_logit(mu), mu) for mu in means], color="black", linewidth=1.2, label="exact")
    for k, (mu, results) in enumerate(runs.items()):
        last.plot([mu] * len(results), [r.jsd for r in results], "o", color=COLOURS[2], markersize=5, mfc="none",
                  label=None if k else "(V(D) + log 4) / 2, each seed")
    last.set(xlabel="mu", ylabel="Jensen-Shannon divergence, nats")
    last.set_title("its value tells the divergence", loc="left")
    last.legend(loc="upper left")
    return figure
