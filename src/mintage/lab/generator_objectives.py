"""Three costs of the generator, where a sample is likely fake and where it is good.

    J_G = E log(1 - D(G(z)))           minimax
    J_G = -E log D(G(z))               the non-saturating heuristic
    J_G = -E exp(logit D(G(z)))        maximum likelihood; exp(logit D) = D / (1 - D)

(The lecture halves them all.) It says: where a sample is likely fake, minimax and maximum likelihood are flat; under
the best discriminator, maximum likelihood has the gradient of the likelihood; and it takes that gradient from the few
good samples, so its variance is high.

Data N(0, 1), model G(z) = theta + s z with z ~ N(0, 1), and the best discriminator of the two. Then

    KL(p_data | p_model) = log s + (1 + theta^2) / (2 s^2) - 1/2
    its gradient         = (theta / s^2,  1 / s - (1 + theta^2) / s^3)   in (theta, s)

Measured: the slope of each cost in the logit; the gradient in (theta, s), by a sum over a grid of z and from 2^20
draws; the share of the gradient (the sum of its size over samples) that the tenth of samples with the highest
D(G(z)) carries; and var / mean^2 of one sample's gradient in theta, which is how many samples it takes until noise
and gradient are of one size. For s = 1 theory knows the last two of maximum likelihood: Phi(|theta| - 1.2816) and
exp(theta^2) - 1. The same is asked of a trained discriminator, that of `optimal-discriminator` at mu = 2.

References:
    On Distinguishability Criteria for Estimating Generative Models (Goodfellow, 2014), https://arxiv.org/abs/1412.6515
    NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 3.2 and figure 16.
    https://arxiv.org/abs/1701.00160
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mintage.game import generator
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.optimal_discriminator import density, logits_of, train
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.objectives import Adversarial, maximum_likelihood, minimax, non_saturating

COSTS: dict[str, Adversarial] = {"minimax": minimax, "non-saturating": non_saturating,
                                 "maximum likelihood": maximum_likelihood}
FAKE, FAR = 1e-4, 2.0
FAMILY = [(theta, s) for s in (0.75, 1.0, 1.5) for theta in (-1.0, 0.0, 0.5, 2.0)]
THETAS = [k / 2 for k in range(1, 11)]
DRAWS, MINIBATCH, TOP = 2**20, 64, 0.1
GRID = torch.linspace(-30, 30, 60001, dtype=torch.float64)

Logit = Callable[[Tensor], Tensor]


class Spread(NamedTuple):
    """Of the gradient in theta: the share the best tenth of samples carries; var / mean^2 of a sample; the middle size
    among minibatches of 64; the mean over all draws, in theta and in s."""

    share: float
    noise: float
    typical: float
    theta: float
    s: float


def generator_objectives(bench: Bench) -> Outcome:
    """Run the experiment."""
    draws = DRAWS // 64 if bench.quick else DRAWS
    best = {(theta, cost): [spread(COSTS[cost], best_logit(theta, 1.0), theta, seed, draws) for seed in bench.seeds]
            for theta in THETAS for cost in COSTS}
    trained = bench.map(under_trained, [(seed, bench.quick, draws) for seed in bench.seeds])
    exact = {point: grid_gradient(maximum_likelihood, *point) for point in FAMILY}
    return Outcome(findings(exact, best, trained), tables(exact, best, trained), lambda: _figure(best), READING,
                   bench.seeds)


def best_logit(theta: float, s: float) -> Logit:
    """x -> log p_data / p_model for data N(0, 1) and the model N(theta, s^2)."""
    return lambda x: (((x - theta) / s).square() - x.square()) / 2 + math.log(s)


def likelihood_gradient(theta: float, s: float) -> tuple[float, float]:
    """The gradient of KL(p_data | p_model) in (theta, s)."""
    return theta / s**2, 1 / s - (1 + theta**2) / s**3


def slopes(cost: Adversarial, b: Tensor) -> Tensor:
    """What each sample's logit b [N] adds to the slope of the cost: d J_G / d b, with J_G the mean over N, times N."""
    b = b.detach().requires_grad_()
    (found,) = torch.autograd.grad(cost.generator(None, b), b)
    return len(b) * found


def pulls(cost: Adversarial, logit: Logit, x: Tensor) -> Tensor:
    """What each sample x [N] adds to the gradient that reaches the generator: (d J_G / d b) (d b / d x)."""
    x = x.detach().requires_grad_()
    b = logit(x)
    (found,) = torch.autograd.grad(b.sum(), x)
    return slopes(cost, b) * found


def grid_gradient(cost: Adversarial, theta: float, s: float) -> tuple[float, float]:
    """The gradient of a cost in (theta, s) under the best discriminator, by the trapezoid rule over z."""
    weighed = density(0)(GRID) * pulls(cost, best_logit(theta, s), theta + s * GRID)
    return float(torch.trapezoid(weighed, GRID)), float(torch.trapezoid(weighed * GRID, GRID))


def spread(cost: Adversarial, logit: Logit, theta: float, seed: int, draws: int) -> Spread:
    """How the gradient in theta at s = 1 is spread over samples, from so many draws."""
    z = torch.randn(draws, generator=generator("draws", seed), dtype=torch.float64)
    x = theta + z
    pull = pulls(cost, logit, x)
    with torch.no_grad():
        good = logit(x).topk(round(TOP * draws)).indices
    share = pull[good].abs().sum() / pull.abs().sum()
    typical = pull[:draws - draws % MINIBATCH].view(-1, MINIBATCH).mean(1).abs().median()
    return Spread(float(share), float(pull.var() / pull.mean().square()), float(typical), float(pull.mean()),
                  float((pull * z).mean()))


def under_trained(seed: int, quick: bool, draws: int) -> dict[str, Spread]:
    """The spread of each cost's gradient under a discriminator that was trained against N(2, 1)."""
    logit = logits_of(train(FAR, seed, quick).requires_grad_(False))
    return {name: spread(cost, logit, FAR, seed, draws) for name, cost in COSTS.items()}


def likelihood_share(theta: float) -> float:
    """The share of the best tenth in the maximum likelihood gradient: Phi(|theta| - Phi^-1(0.9)), for s = 1.

    There D / (1 - D) is log-normal over the model's samples, with sigma = |theta|, and every sample pulls alike.
    """
    edge = torch.special.ndtri(torch.tensor(1 - TOP, dtype=torch.float64))
    return float(torch.special.ndtr(abs(theta) - edge))


Exact = dict[tuple[float, float], tuple[float, float]]
Best = dict[tuple[float, str], list[Spread]]


def findings(exact: Exact, best: Best, trained: Sequence[dict[str, Spread]]) -> list[Finding]:
    """The lecture's four statements."""
    logit = torch.tensor([math.log(FAKE / (1 - FAKE))], dtype=torch.float64)
    at_fake = {name: float(slopes(cost, logit).abs()) for name, cost in COSTS.items()}
    found = [Finding.equal(f"{name}: slope in the logit at D(G(z)) = {FAKE:g}", expected, at_fake[name], within=1e-9)
             for name, expected in zip(COSTS, (FAKE, 1 - FAKE, FAKE / (1 - FAKE)), strict=True)]
    worst = max(abs(a - b) for point, pair in exact.items()
                for a, b in zip(pair, likelihood_gradient(*point), strict=True))
    found.append(Finding.at_most("maximum likelihood against the KL gradient: largest difference in (theta, s)", 1e-3,
                                 worst))
    near = median(spread.theta for spread in best[0.5, "maximum likelihood"])
    found.append(Finding.equal("the same from 2^20 draws, theta = 0.5 (median)", 0.5, near, within=1e-3))

    def middle(name: str, what: str) -> float:
        return median(getattr(spread, what) for spread in best[FAR, name])

    found.append(Finding.equal("maximum likelihood, theta = 2: share of the best tenth (median)",
                               likelihood_share(FAR), middle("maximum likelihood", "share"), within=0.01))
    found.append(Finding.at_most("non-saturating, theta = 2: share of the best tenth (median)", TOP,
                                 middle("non-saturating", "share")))
    ratio = middle("maximum likelihood", "noise") / middle("non-saturating", "noise")
    found.append(Finding.at_least("theta = 2: var / mean^2 of maximum likelihood over non-saturating (median)", 100,
                                  ratio))
    share = median(run["maximum likelihood"].share for run in trained)
    return [*found, Finding.at_least("maximum likelihood, trained D: share of the best tenth (median)", 0.5, share)]


def tables(exact: Exact, best: Best, trained: Sequence[dict[str, Spread]]) -> list[Table]:
    """The gradients on the family, and how they are spread over samples."""
    rows = [(theta, s, *pair, *likelihood_gradient(theta, s)) for (theta, s), pair in exact.items()]
    agree = Table("Under the best discriminator, by a sum over a grid: the gradient of the maximum likelihood cost and "
                  "that of KL(p_data | p_model).", ("theta", "s", "J_G, theta", "J_G, s", "KL, theta", "KL, s"), rows)

    def row(under: str, theta: float, name: str, seen: Sequence[Spread]) -> tuple[str | float, ...]:
        return (under, theta, name, *(median(getattr(s, what) for s in seen) for what in Spread._fields[:4]))

    spreads = [row("best", theta, name, best[theta, name]) for theta in (0.5, 1.0, FAR, 4.0) for name in COSTS]
    spreads += [row("trained", FAR, name, [run[name] for run in trained]) for name in COSTS]
    return [agree, Table("Medians over seeds, s = 1, 2^20 draws: the share of the gradient the best tenth of samples "
                         "carries, var / mean^2 of one sample, the middle size among minibatches of 64, the mean.",
                         ("D", "theta", "cost", "share", "var / mean^2", "minibatch", "mean"), spreads)]


READING = (
    "On average maximum likelihood is not flat at all: its mean gradient is theta, however far the model is. But where "
    "theta is 4 that mean is made by samples so rare that most minibatches see none of them, and what a minibatch "
    "shows is a small part of it. Minimax is flat on average too. The heuristic pulls on the samples that need it, and "
    "its noise stays small however bad the model is; but its gradient is not that of a divergence one would choose. "
    "From draws, the figures of maximum likelihood beyond theta = 3 are themselves underestimates, for the same reason."
)


def _figure(best: Best) -> Any:
    figure, axes = panels(2, 2)
    colours = dict(zip(COSTS, COLOURS, strict=False))
    b = torch.linspace(-9.2, 4.6, 400, dtype=torch.float64)
    for name, cost in COSTS.items():
        heights = [float(cost.generator(None, one[None])) / 2 for one in b]
        axes[0][0].plot(b.sigmoid(), heights, color=colours[name], label=name)
        axes[0][1].plot(b.sigmoid(), slopes(cost, b).abs(), color=colours[name])
    axes[0][0].set(xlabel="D(G(z))", ylabel="cost of one sample, halved", ylim=(-8, 5))
    axes[0][0].set_title("two of three costs are flat where a sample is likely fake", loc="left", fontsize=10)
    axes[0][0].legend(loc="lower left")
    axes[0][1].set(xlabel="D(G(z))", ylabel="|slope in the logit of D|", xscale="log", yscale="log", ylim=(3e-5, 1e2))
    axes[0][1].set_title("at D(G(z)) = 0.0001 their slope is 0.0001", loc="left", fontsize=10)
    for name in COSTS:
        typical = [median(s.typical for s in best[theta, name]) for theta in THETAS]
        share = [100 * median(s.share for s in best[theta, name]) for theta in THETAS]
        axes[1][0].plot(THETAS, typical, color=colours[name])
        axes[1][1].plot(THETAS, share, color=colours[name])
    axes[1][0].plot(THETAS, THETAS, color="black", linestyle="--", linewidth=1, label="gradient of the likelihood: "
                    "the mean\nof maximum likelihood")
    axes[1][0].set(xlabel="theta: how far the model is", ylabel="|gradient|, middle minibatch of 64")
    axes[1][0].set_title("far away, a minibatch learns by the heuristic only", loc="left", fontsize=10)
    axes[1][0].legend(loc="upper left")
    axes[1][1].axhline(100 * TOP, color="black", linewidth=0.8, linestyle=":")
    axes[1][1].set(xlabel="theta: how far the model is", ylabel="% of the gradient from the best tenth", ylim=(0, 105))
    axes[1][1].set_title("maximum likelihood learns from its few good samples", loc="left", fontsize=10)
    return figure
