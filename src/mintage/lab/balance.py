"""How strong the critic should be against the generator, and whether weakening it or smoothing its labels is better.

The lecture: usually the discriminator wins, and it should, because the theory assumes a perfect one; it is usually the
larger network; running it more often sometimes works better, with no real consensus; do not limit it to keep it from
being too smart, but smooth its labels.

Set-up: the ring of eight Gaussians, multilayer perceptrons of three hidden layers, the generator 64 wide with two
latents, the non-saturating game, Adam(5e-4, .5), batches of 128, 1,200 rounds; the rate was chosen on a seed that is
not reported, so that the plain game finds most modes. Swept: k in 1, 2, 5 moves of the critic a round, and its width,
1/4 to 4 times the generator's. Against the plain game (k = 1, equal widths) also: one-sided label smoothing,

    D lowers  E [.9 s(-a) + .1 s(a)] + E s(b),      a = D(x), b = D(G(z)), s(t) = log(1 + e^t),

and the critic weakened by a factor of four in three ways: width, learning rate, or moves (one in every fourth round).

Measured: the sliced Wasserstein distance to fresh examples (in units of the data's deviation; 64 directions, 2,048
points), modes, and high-quality share, each the mean of five readings over the last fifth of the training; at equal
generator rounds, and at equal cost: multiply-adds as the plain game makes them in its 1,200 rounds, a backward pass
counted as two forward. The critic wins where it is right about a fresh example, real or fake.

References:
    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4. https://arxiv.org/abs/1606.03498
    NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), sections 4.2 and 5.2.
    https://arxiv.org/abs/1701.00160
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mintage.data import toy
from mintage.evaluation.measures.modes import modes
from mintage.game import Game, Move, Player, adam, derive, generator, play
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.lab.streams import Stream
from mintage.latent import normal
from mintage.networks import MLPDiscriminator, MLPGenerator
from mintage.networks.macs import macs
from mintage.objectives import Adversarial, non_saturating
from mintage.systems import moves

MOVES, RATIOS = (1, 2, 5), (0.25, 0.5, 1.0, 2.0, 4.0)
TOY, WIDTH, Z_DIM, BATCH, ROUNDS, RATE, POINTS = "ring", 64, 2, 128, 1200, 5e-4, 2048


class Setting(NamedTuple):
    """The critic: moves a round (below 1: one in 1/k rounds), ratios of width and rate to the generator's, label."""

    k: float = 1
    ratio: float = 1.0
    rate: float = 1.0
    label: float = 1.0


class Quality(NamedTuple):
    """Sliced Wasserstein distance, modes of 8, high-quality share."""

    distance: float
    covered: float
    share: float


class Result(NamedTuple):
    """Quality at equal rounds and at equal cost, and the share of examples the critic is right about."""

    rounds: Quality
    cost: Quality
    wins: float


PLAIN, SMOOTH = Setting(), Setting(label=0.9)
WEAK = {"a quarter of the width": Setting(ratio=0.25), "a quarter of the learning rate": Setting(rate=0.25),
        "a quarter of the moves": Setting(k=0.25)}
SWEEP = [Setting(k, ratio) for k in MOVES for ratio in RATIOS]
SETTINGS = [*SWEEP, SMOOTH, *(setting for setting in WEAK.values() if setting not in SWEEP)]


def smoothed(label: float) -> Adversarial:
    """The non-saturating game with the target of reals at `label` rather than 1; fakes keep 0."""

    def critic(a: Tensor, b: Tensor) -> Tensor:
        return (label * softplus(-a) + (1 - label) * softplus(a)).mean() + softplus(b).mean()

    return Adversarial(critic, non_saturating.generator, source="salimans2016")


def game_of(setting: Setting, seed: int) -> Game:
    """The game of a setting; generators of one seed start alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("balance", seed))
        nets = {"G": MLPGenerator((2,), z_dim=Z_DIM, width=WIDTH),
                "D": MLPDiscriminator((2,), width=round(WIDTH * setting.ratio))}
    loss, prior, k = smoothed(setting.label), normal(Z_DIM), setting.k
    critic = Move("D", moves.critic(loss, prior), repeat=max(1, round(k)), every=max(1, round(1 / k)))
    return Game(nets, {"D": Player("D", adam(RATE * setting.rate)), "G": Player("G", adam(RATE))},
                [critic, Move("G", moves.generator(loss, prior))], sampler=moves.sampler(prior))


def cost(setting: Setting) -> float:
    """Multiply-adds of a round for each example of a batch: with forward passes of g and d,
    k (g + 3 * 2 d) for the critic's moves and 3 g + 2 d for the generator's."""
    game = game_of(setting, 0)
    g, d = macs(game.net("G"), torch.zeros(1, Z_DIM)), macs(game.net("D"), torch.zeros(1, 2))
    return setting.k * (g + 6 * d) + 3 * g + 2 * d


def train(setting: Setting, seed: int, quick: bool = False) -> Result:
    """Play a setting as long as the longer of equal rounds and equal cost asks, and read its quality at both."""
    rounds = Bench(quick=quick).steps(ROUNDS)
    afford = max(1, round(rounds * cost(PLAIN) / cost(setting)))
    last = {point: {max(1, round(point * part)) for part in (0.8, 0.85, 0.9, 0.95, 1)} for point in (rounds, afford)}
    tenths = {max(1, rounds * k // 10) for k in range(1, 11)}
    game, per_round = game_of(setting, seed), max(1, round(setting.k)) * BATCH
    seen, wins = {}, []
    for _ in play(game, Stream(reals, BATCH, seed), max(rounds, afford) * per_round, seed=seed):
        if any(game.index in marks for marks in last.values()):
            seen[game.index] = quality(game, seed)
        if game.index in tenths:
            wins.append(accuracy(game, seed))
    ends = [Quality(*map(fmean, zip(*(seen[mark] for mark in last[point]), strict=True))) for point in (rounds, afford)]
    return Result(ends[0], ends[1], fmean(wins))


def reals(n: int, g: torch.Generator) -> Tensor:
    """n fresh points of the ring of eight, standardised."""
    centres, sigma = toy(TOY).standardised()
    which = torch.randint(len(centres), (n,), generator=g)
    return torch.from_numpy(centres).float()[which] + sigma * torch.randn((n, 2), generator=g)


def quality(game: Game, seed: int) -> Quality:
    """Of 2,048 samples, against as many fresh examples; the same at every reading."""
    g = generator("quality", seed)
    x, fake = reals(POINTS, g), game.generate(normal(Z_DIM)(POINTS, g))
    centres, sigma = toy(TOY).standardised()
    found = modes(fake, torch.from_numpy(centres), sigma)
    return Quality(sliced(x, fake), found.covered, found.high_quality)


def sliced(x: Tensor, y: Tensor, directions: int = 64) -> float:
    """Mean over directions v, evenly on the half circle, of W1(<x, v>, <y, v>).   x, y [N, 2].

    In one dimension W1 of two samples of N points is the mean distance of their sorted points.
    """
    turn = torch.arange(directions) * (math.pi / directions)
    v = torch.stack([turn.cos(), turn.sin()])
    return float(((x @ v).sort(0).values - (y @ v).sort(0).values).abs().mean())


@torch.no_grad()
def accuracy(game: Game, seed: int) -> float:
    """The share of fresh examples, half of them real, that the critic is right about."""
    g = generator("accuracy", seed, game.index)
    D = game.net("D")
    a, b = D(reals(POINTS, g)), D(game.generate(normal(Z_DIM)(POINTS, g)))
    return float(((a > 0).double().mean() + (b < 0).double().mean()) / 2)


def balance(bench: Bench) -> Outcome:
    """Run the experiment."""
    n = len(bench.seeds)
    rows = bench.map(train, [(setting, seed, bench.quick) for setting in SETTINGS for seed in bench.seeds])
    runs = {setting: middle(rows[k * n:(k + 1) * n]) for k, setting in enumerate(SETTINGS)}
    return Outcome(findings(runs), [_table(runs)], lambda: _figure(runs), _reading(runs), bench.seeds)


def middle(rows: Sequence[Result]) -> Result:
    """The median over seeds of each figure."""

    rounds, cost = (Quality(*map(median, zip(*parts, strict=True))) for parts in list(zip(*rows, strict=True))[:2])
    return Result(rounds, cost, median(row.wins for row in rows))


def findings(runs: dict[Setting, Result]) -> list[Finding]:
    """The lecture's claims, at equal generator rounds unless they say otherwise; medians over seeds."""
    plain, small, large = runs[PLAIN], runs[Setting(ratio=0.25)], runs[Setting(ratio=4.0)]
    rounds = sum(runs[Setting(5, ratio)].rounds.distance < runs[Setting(1, ratio)].rounds.distance for ratio in RATIOS)
    cheap = sum(runs[Setting(5, ratio)].cost.distance < runs[Setting(1, ratio)].cost.distance for ratio in RATIOS)
    smooth = runs[SMOOTH].rounds.distance
    return [
        Finding.at_least("the critic usually wins: share it is right about, plain game", 0.5, plain.wins),
        Finding.at_least("the critic usually wins: settings of 15 where its share is over 1/2", len(SWEEP) / 2,
                         sum(runs[setting].wins > 0.5 for setting in SWEEP)),
        Finding.at_most("a larger critic helps: distance, width 4 over width 1/4", 1.0,
                        large.rounds.distance / small.rounds.distance),
        Finding.at_most("a critic larger than the generator helps: distance, width 4 over width 1", 1.0,
                        large.rounds.distance / plain.rounds.distance),
        Finding.at_least("more critic moves sometimes help: widths of 5 where k = 5 beats k = 1", 1, rounds),
        Finding.at_most("but not always, at equal cost: widths of 5 where k = 5 beats k = 1", 4, cheap),
        *[Finding.at_most(f"smooth rather than weaken: distance, smoothed over {name}", 1.0,
                          smooth / runs[setting].rounds.distance) for name, setting in WEAK.items()],
        Finding.at_least("smooth rather than weaken, at equal cost: ways of weakening of 3 that smoothing beats", 3,
                         sum(runs[SMOOTH].cost.distance < runs[setting].cost.distance for setting in WEAK.values())),
    ]


def _table(runs: dict[Setting, Result]) -> Table:
    rows = [(setting.k, setting.ratio, setting.rate, setting.label, *run.rounds, *run.cost, run.wins)
            for setting, run in runs.items()]
    return Table("Medians over seeds, at equal generator rounds and at equal cost (multiply-adds).",
                 ("k", "width", "rate", "label", "distance", "modes", "quality", "distance, equal cost", "modes",
                  "quality", "critic right"), [tuple(round(cell, 4) for cell in row) for row in rows])


def _reading(runs: dict[Setting, Result]) -> str:
    """What held and what did not."""
    best = {at: min(SWEEP, key=lambda setting: getattr(runs[setting], at).distance) for at in ("rounds", "cost")}
    named = {at: f"k = {it.k}, width {it.ratio:g} ({getattr(runs[it], at).distance:.2f})" for at, it in best.items()}
    small, half, large = (runs[Setting(ratio=ratio)].cost.distance for ratio in (0.25, 0.5, 4.0))
    return (
        f"The best of the sweep is {named['rounds']} at equal rounds and {named['cost']} at equal cost: strength can "
        "come from width or from moves, and past enough of it more of either stops helping, which is the lecture's "
        "lack of consensus. That larger critics help is true of equal rounds only. A critic pays for its width every "
        f"round: at equal cost, k = 1, width 4 is at {large:.2f}, width 1/4 at {small:.2f}, width 1/2 at {half:.2f}; "
        f"the plain game is at {runs[PLAIN].cost.distance:.2f}, smoothed labels at {runs[SMOOTH].cost.distance:.2f}. "
        "So smoothing is better than a critic four times weaker, but half the width, given the rounds it saves, may be "
        "better still. The games are short: this is speed of learning as much as where it ends. One toy, one "
        "optimizer, three seeds that differ."
    )


def _figure(runs: dict[Setting, Result]) -> Any:
    figure, axes = panels(3)
    for axis, at, title in ((axes[0][0], "rounds", "equal rounds: a weak critic loses"),
                            (axes[0][1], "cost", "equal cost: a wide critic is dear")):
        for k in MOVES:
            axis.plot(RATIOS, [getattr(runs[Setting(k, ratio)], at).distance for ratio in RATIOS], "o-",
                      label=f"{k} critic move{'s' * (k > 1)} a round")
        axis.set_xscale("log", base=2)
        axis.set_xticks(RATIOS, ["1/4", "1/2", "1", "2", "4"])
        axis.set(xlabel="width of the critic / of the generator", ylabel="sliced Wasserstein distance", ylim=(0, None))
        axis.set_title(title, loc="left")
    axes[0][0].legend(frameon=False)
    bars = {"plain": PLAIN, "labels of reals at 0.9": SMOOTH, **WEAK}
    heights = [runs[setting].rounds.distance for setting in bars.values()]
    axes[0][2].barh(list(bars), heights, color=[COLOURS[0], COLOURS[2], *[COLOURS[1]] * len(WEAK)])
    axes[0][2].invert_yaxis()
    axes[0][2].set_axisbelow(True)
    axes[0][2].set(xlabel="sliced Wasserstein distance (lower is better)")
    axes[0][2].set_title("smooth labels, not a weak critic", loc="left")
    return figure
