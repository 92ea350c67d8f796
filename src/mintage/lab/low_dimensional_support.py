"""Disjoint manifolds are easily told apart, and then the generator's gradient dies; noise or Wasserstein restore it.

Real examples lie on a curve c(u), u uniform in [0, 1]; the generator is the same curve moved, G(u) = c(u) + theta, and
has theta to learn, from |theta| = 1. Then, whatever the curve, as long as the two do not touch,

    JSD = log 2 for every theta, so its slope is 0;      W1 = |theta|, so its slope is 1.

(W1: moving every point by theta costs |theta|, and the 1-Lipschitz function <x, theta/|theta|> attains it.)

The curve is a segment of the plane, Arjovsky's two parallel lines, or a random smooth curve of R^64. Three ways:
minimax; minimax with *instance noise* N(0, sigma^2) added to reals and fakes alike, sigma from 1 to 0; Wasserstein with
a gradient penalty. In each the critic first learns alone for 200 rounds while theta waits, so that it is as good as the
theory supposes; then both move, for 500 rounds. A round is five steps of the critic and one of theta, which moves by
plain gradient descent, because Adam would hide how small its gradient is. Measured on fresh examples: the critic's
accuracy (share of reals and fakes on their side of logit 0, for Wasserstein of the middle of the two mean logits),
|dJ_G/dtheta|, and |theta|.

References:
    Towards Principled Methods for Training Generative Adversarial Networks (Arjovsky and Bottou, 2017), theorems 2.1 to
    2.4 and section 3 on noise. https://arxiv.org/abs/1701.04862
    Wasserstein GAN (Arjovsky et al., 2017), example 1. https://arxiv.org/abs/1701.07875
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import torch

from mintage.game import Clock, Game, Move, Player, adam, generator, linear, play, sgd
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.moved_curves import BATCH, critic, mover, nets_at, noisy, reals, uniform
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.objectives import Adversarial, minimax, wasserstein

DIMENSIONS = (2, 64)
WAYS = ("minimax", "minimax with instance noise", "Wasserstein")
ALONE, TOGETHER, CRITIC_STEPS, MARKS, RATE = 200, 500, 5, 56, 0.02
SHIFTS = (0.1, 0.25, 0.5, 1.0, 2.0)
FRESH = 4096

Estimates = dict[tuple[int, float], tuple[float, ...]]
"""(dimensions, |theta|) -> (JSD, W1) as critics tell them."""


class Seen(NamedTuple):
    """After `step` rounds: the critic's accuracy, |gradient in theta|, and |theta|."""

    step: int
    accuracy: float
    gradient: float
    distance: float


def _fading(clock: Clock) -> float:
    """sigma: 1 while the critic is alone, then a line to 0 at nine tenths of the rest."""
    alone = ALONE / (ALONE + TOGETHER)
    return max(0.0, 1 - max(0.0, clock.fraction - alone) / (0.9 * (1 - alone)))


def _rate(clock: Clock) -> float:
    """Of theta: 0 while the critic is alone, then a line from `RATE` to 0."""
    alone = ALONE / (ALONE + TOGETHER)
    return 0.0 if clock.fraction < alone else RATE * (1 - clock.fraction) / (1 - alone)


def learn(d: int, way: str, seed: int, quick: bool = False) -> list[Seen]:
    """The critic alone, then both; what was seen on the way, from the first round on."""
    rounds = Bench(quick=quick).steps(ALONE + TOGETHER)
    loss, sigma = wasserstein if way == "Wasserstein" else minimax, _fading if "noise" in way else linear(0, 0)
    game = Game(nets_at(d, 1.0, seed), {"D": Player("D", adam(1e-3)), "G": Player("G", sgd(_rate))},
                [Move("D", critic(loss, sigma), repeat=CRITIC_STEPS), Move("G", mover(loss, sigma))])
    budget = rounds * CRITIC_STEPS * BATCH
    marks = {max(1, rounds * k // MARKS) for k in range(MARKS + 1)}
    return [look(game, loss, sigma(game.clock(budget)), seed)
            for _ in play(game, reals(d, seed), budget, seed=seed) if game.index in marks]


def look(game: Game, loss: Adversarial, sigma: float, seed: int) -> Seen:
    """Accuracy, gradient and distance on fresh examples."""
    G: Any = game.net("G")
    D, g = game.net("D"), generator("look", seed)
    x, fake = noisy(G.curve(uniform(FRESH, g)), sigma, g), noisy(G(uniform(FRESH, g)), sigma, g)
    a, b = D(x), D(fake)
    (slope,) = torch.autograd.grad(loss.generator(None, b), G.theta)
    threshold = (a.mean() + b.mean()) / 2 if loss is wasserstein else 0.0
    accuracy = ((a > threshold).double().mean() + (b < threshold).double().mean()) / 2
    return Seen(game.index, float(accuracy), float(slope.norm()), float(G.theta.detach().norm()))


def distances(d: int, shift: float, seed: int, quick: bool = False) -> tuple[float, float]:
    """(JSD, W1) of the curve and the curve moved by `shift`, as fresh critics tell them after 1,000 steps each:
    log 2 - J_D / 2 and E D(x) - E D(G(z)), on fresh examples."""
    rounds, told = Bench(quick=quick).steps(1000), []
    for loss in (minimax, wasserstein):
        nets = nets_at(d, shift, seed)
        nets["G"].requires_grad_(False)
        game = Game(nets, {"D": Player("D", adam(1e-3))}, [Move("D", critic(loss, linear(0, 0)))])
        for _ in play(game, reals(d, seed), rounds * BATCH, seed=seed):
            pass
        g = generator("distances", seed)
        with torch.no_grad():
            a, b = nets["D"](nets["G"].curve(uniform(FRESH, g))), nets["D"](nets["G"](uniform(FRESH, g)))
            told.append(float(loss.critic(a, b)))
    return math.log(2) - told[0] / 2, -told[1]


def low_dimensional_support(bench: Bench) -> Outcome:
    """Run the experiment."""
    ways = [(d, way) for d in DIMENSIONS for way in WAYS]
    points = [(d, shift) for d in DIMENSIONS for shift in SHIFTS]
    rows = bench.map(learn, [(*key, seed, bench.quick) for key in ways for seed in bench.seeds])
    told = bench.map(distances, [(*key, seed, bench.quick) for key in points for seed in bench.seeds])
    n = len(bench.seeds)
    runs = {key: rows[k * n:(k + 1) * n] for k, key in enumerate(ways)}
    estimates = {key: tuple(median(one[i] for one in told[k * n:(k + 1) * n]) for i in (0, 1))
                 for k, key in enumerate(points)}
    figures = {key: summary(run) for key, run in runs.items()}
    found = [finding for d in DIMENSIONS for finding in findings(d, figures, estimates)]
    table = Table("Medians over seeds: at the end of the critic's time alone, and at the end.",
                  ("dimensions", "way", "accuracy", "|gradient|", "|theta| at the end"),
                  [(d, way, *figures[d, way]) for d, way in ways])
    return Outcome(found, [table], lambda: _figure(runs, estimates), READING, bench.seeds)


def summary(run: Sequence[Sequence[Seen]]) -> tuple[float, float, float]:
    """Medians over seeds: accuracy and gradient when the critic has learned alone, |theta| in the end."""
    alone = [max((seen for seen in row if seen.step <= ALONE), key=lambda seen: seen.step) for row in run]
    return (median(seen.accuracy for seen in alone), median(seen.gradient for seen in alone),
            median(row[-1].distance for row in run))


def findings(d: int, figures: dict[tuple[int, str], tuple[float, float, float]], estimates: Estimates) -> list[Finding]:
    """What is expected in d dimensions: a dead gradient is under 1 % of W1's slope, a live one over 10 %."""
    where = f"R^{d}, median over seeds"
    plain, noise, distance = (figures[d, way] for way in WAYS)
    jsd = max(abs(estimates[d, shift][0] - math.log(2)) for shift in SHIFTS)
    w1 = max(abs(estimates[d, shift][1] / shift - 1) for shift in SHIFTS)
    return [
        Finding.equal(f"minimax: accuracy of the critic ({where})", 1.0, plain[0], within=1e-3),
        Finding.at_most(f"minimax: |gradient| ({where})", 0.01, plain[1]),
        Finding.at_least(f"minimax: |theta| in the end, from 1: stuck ({where})", 0.9, plain[2]),
        Finding.at_most(f"instance noise: accuracy of the critic ({where})", 0.9, noise[0]),
        Finding.at_least(f"instance noise: |gradient| ({where})", 0.1, noise[1]),
        Finding.at_most(f"instance noise: |theta| in the end ({where})", 0.1, noise[2]),
        Finding.equal(f"Wasserstein: |gradient| ({where})", 1.0, distance[1], within=0.1),
        Finding.at_most(f"Wasserstein: |theta| in the end ({where})", 0.1, distance[2]),
        Finding.at_most(f"JSD that critics tell, farthest from log 2 ({where})", 0.01, jsd),
        Finding.at_most(f"W1 that critics tell, farthest from |theta|, relative ({where})", 0.15, w1),
    ]


READING = (
    "The critic tells the curves apart without error whatever the distance, so the Jensen-Shannon divergence it "
    "estimates is log 2 everywhere and says nothing of where to go. Noise makes the supports overlap: the critic errs, "
    "and the generator follows while the noise fades. The Wasserstein critic separates as well as the first, and its "
    "slope is 1: not accuracy does the harm, but a cost that is flat where accuracy is perfect. Stuck means stuck for "
    "plain gradient descent; Adam divides by the size of the gradient and would creep on. The critic's penalty is no "
    "hard limit, so it tells some per cent too much of W1 at large distances."
)


def _figure(runs: dict[tuple[int, str], list[list[Seen]]], estimates: Estimates) -> Any:
    figure, axes = panels(3, len(DIMENSIONS), height=3.2)
    for row, d in zip(axes, DIMENSIONS, strict=True):
        name = "two parallel segments" if d == 2 else f"a curve in {d} dimensions"
        _distances(row[0], name, [estimates[d, shift] for shift in SHIFTS])
        for colour, way in zip(COLOURS, WAYS, strict=False):
            run = runs[d, way]
            steps = [seen.step for seen in run[0]]
            for axis, what in ((row[1], "gradient"), (row[2], "distance")):
                for one in run:
                    axis.plot(steps, [getattr(seen, what) for seen in one], color=colour, alpha=0.25, linewidth=0.8)
                middle = [median(getattr(one[k], what) for one in run) for k in range(len(steps))]
                axis.plot(steps, middle, color=colour, label=way)
        row[1].set(yscale="log", ylabel="|dJ_G / dθ|")
        row[1].set_title("minimax: the gradient dies", loc="left")
        row[2].set(ylabel="|θ|, distance to the data", ylim=(0, 1.1))
        row[2].set_title("and the generator stays where it is", loc="left")
        for axis in row[1:]:
            axis.axvspan(0, ALONE, color="#f0f0f0", zorder=0)
            axis.set_xlabel("rounds (grey: the critic learns alone)")
        row[2].legend(loc="upper right", bbox_to_anchor=(1, 0.9), frameon=False)
    return figure


def _distances(axis: Any, name: str, told: Sequence[tuple[float, ...]]) -> None:
    shifts = [0.0, *SHIFTS]
    axis.plot(shifts, shifts, color=COLOURS[2])
    axis.plot([0, SHIFTS[-1]], [math.log(2)] * 2, color=COLOURS[0])
    axis.plot(SHIFTS, [each[1] for each in told], "o", color=COLOURS[2], label="W1 = |θ|")
    axis.plot(SHIFTS, [each[0] for each in told], "s", color=COLOURS[0], label="JSD = log 2")
    axis.plot(0, 0, "s", color=COLOURS[0], fillstyle="none")
    axis.set(xlabel="|θ|, distance to the data", ylabel="divergence")
    axis.set_title(f"{name}: JSD is flat, W1 is not", loc="left")
    axis.legend(title="lines: theory; dots: critics", frameon=False)
