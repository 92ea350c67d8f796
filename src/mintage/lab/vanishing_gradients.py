"""The better the discriminator, the smaller the gradient that the minimax generator learns from.

    J_G = E log(1 - D(G(z)))   minimax             the gradient vanishes as D approaches its optimum
    J_G = -E log D(G(z))       non-saturating      it does not, and its variance grows
    J_G = -E D(G(z))           Wasserstein         it does not, with a critic held to slope 1

The figure of Arjovsky and Bottou redrawn. A DCGAN is trained for 1, 10 and 25 epochs. Then G is frozen and a fresh
discriminator is trained against it; as it improves, |dJ_G/dw_G| is measured on the same 256 latents, as the mean of
four minibatches, and so is the variance of a minibatch's gradient, the sum over all weights.

Set-up: Fashion-MNIST, its first 6,400 images brought to 16 x 16 (an epoch is as many draws: 100 rounds), DCGAN of size
XS, batches of 64, Adam(2e-4, .5), and the paper's 4,000 steps of D. The Wasserstein critic is the same network without
batch norm, because its penalty, (|dD/dx| - 1)^2 between reals and fakes with weight 10, needs logits of one example
each; it makes 1,000 steps, having settled by then.

References:
    Towards Principled Methods for Training Generative Adversarial Networks (Arjovsky and Bottou, 2017), theorems 2.4
    and 2.6, figures 2 and 3. https://arxiv.org/abs/1701.04862
    Improved Training of Wasserstein GANs (Gulrajani et al., 2017), eq. 3. https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mintage.data import DataError, open_data
from mintage.game import Game, Move, Player, Round, Terms, adam, derive, generator, play
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.outcome import Finding, LabError, Outcome, Table
from mintage.lab.streams import Stream
from mintage.latent import normal
from mintage.networks import DCGANDiscriminator, DCGANGenerator
from mintage.objectives import Adversarial, minimax, non_saturating, wasserstein
from mintage.penalties import gradient_penalty
from mintage.systems import moves

EPOCHS = (1, 10, 25)
COSTS: dict[str, Adversarial] = {"minimax": minimax, "non-saturating": non_saturating, "Wasserstein": wasserstein}
IMAGES, SIDE, BATCH, Z_DIM, MARKS = 6400, (16, 16), 64, 100, 40
STEPS, HELD_STEPS = 4000, 1000
MINIBATCHES, PENALTY = 4, 10.0


class Seen(NamedTuple):
    """At `step` of D: |gradient| of a cost, the variance of a minibatch's gradient, D's mean logit on fakes."""

    step: int
    norm: float
    variance: float
    logit: float


Curves = dict[tuple[int, str], list[Seen]]
"""(epochs of G, cost) -> what was seen as D was trained."""


def vanishing_gradients(bench: Bench) -> Outcome:
    """Run the experiment."""
    data = images()
    runs: list[Curves] = bench.map(curves, [(data, seed, bench.quick) for seed in bench.seeds])
    lost = {key: median(orders_lost(run[key]) for run in runs) for key in runs[0]}
    grown = {key: median(math.log10(_late(run[key], "variance") / _early(run[key], "variance")) for run in runs)
             for key in runs[0]}
    return Outcome(findings(lost, grown), [_table(lost, grown)], lambda: _figure(runs, lost), READING, bench.seeds)


def images() -> Tensor:
    """The first 10,000 images of Fashion-MNIST, float [N, 1, 28, 28] in [-1, 1].

    Raises:
        LabError: they are not there.
    """
    try:
        examples = open_data("fmnist", resolution=SIDE)
    except DataError as missing:
        raise LabError(f"vanishing-gradients trains on Fashion-MNIST: {missing}") from missing
    return examples.gather(torch.arange(min(IMAGES, len(examples)))).x


def curves(data: Tensor, seed: int, quick: bool = False) -> Curves:
    """Train a DCGAN, stop at each of `EPOCHS`, and there train fresh critics against the frozen generator."""
    bench = Bench(quick=quick)

    def draw(n: int, g: torch.Generator) -> Tensor:
        return data[torch.randint(len(data), (n,), generator=g)]

    stream = Stream(draw, BATCH, seed)
    seen: Curves = {}
    for epochs, frozen in zip(EPOCHS, generators(stream, seed, bench), strict=True):
        for critics in (("minimax", "non-saturating"), ("Wasserstein",)):
            for cost, row in against(frozen, critics, stream, derive(seed, epochs), bench).items():
                seen[epochs, cost] = row
    return seen


def generators(stream: Stream, seed: int, bench: Bench) -> list[nn.Module]:
    """G after each of `EPOCHS` epochs, frozen, in evaluation mode."""
    prior = normal(Z_DIM)
    nets = fresh({"G": DCGANGenerator, "D": DCGANDiscriminator}, seed)
    game = Game(nets, {name: Player(name, adam()) for name in nets},
                [Move("D", moves.critic(non_saturating, prior)), Move("G", moves.generator(non_saturating, prior))])
    stops = [bench.steps(epochs * IMAGES // BATCH) for epochs in EPOCHS]
    kept: list[nn.Module] = []
    for _ in play(game, stream, stops[-1] * BATCH, seed=seed):
        while len(kept) < len(stops) and game.index >= stops[len(kept)]:
            kept.append(copy.deepcopy(nets["G"]).eval().requires_grad_(False))
    return kept


def fresh(kinds: dict[str, Any], seed: int, **options: Any) -> dict[str, nn.Module]:
    """New networks of size XS for the images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive("nets", seed))
        return {name: kind((1, *SIDE), size="XS", **options) for name, kind in kinds.items()}


def against(frozen: nn.Module, costs: Sequence[str], stream: Stream, seed: int, bench: Bench) -> dict[str, list[Seen]]:
    """Train one fresh D against the frozen generator, and measure each of `costs` of G as it improves."""
    held = costs == ("Wasserstein",)
    steps = bench.steps(HELD_STEPS if held else STEPS)
    nets = {"G": frozen, **fresh({"D": DCGANDiscriminator}, seed, batch_norm=not held)}
    objective = held_critic if held else moves.critic(non_saturating, normal(Z_DIM))
    game = Game(nets, {"D": Player("D", adam())}, [Move("D", objective)])
    z = normal(Z_DIM)(MINIBATCHES * BATCH, generator("measured", seed))
    marks = {1, 2, 5, 10, 20, *(steps * k // MARKS for k in range(1, MARKS + 1))}
    seen: dict[str, list[Seen]] = {cost: [] for cost in costs}
    for _ in play(game, stream, steps * BATCH, seed=seed):
        if game.index in marks:
            for cost in costs:
                seen[cost].append(gradient(nets["G"], nets["D"], COSTS[cost], z, game.index))
    return seen


def held_critic(nets: Any, round: Round) -> Terms:
    """E D(G(z)) - E D(x) + 10 E (|dD/dx| - 1)^2, the last at u x + (1 - u) G(z), u uniform for each example."""
    x, fake = round.batch.x, moves.generate(nets, round.draw(normal(Z_DIM)), None)
    penalty = gradient_penalty(nets.D, x, fake, generator=round.generator("between"))
    return {"loss": wasserstein.critic(nets.D(x), nets.D(fake)), "penalty": PENALTY * penalty}


def gradient(frozen: nn.Module, critic: nn.Module, cost: Adversarial, z: Tensor, step: int) -> Seen:
    """The gradient of a cost in G's weights: the norm of its mean over minibatches, and its variance between them."""
    weights = {name: weight.detach().clone().requires_grad_() for name, weight in frozen.named_parameters()}
    rows, logits = [], []
    for part in z.split(BATCH):
        fake_logits = critic(functional_call(frozen, weights, (part,)))
        found = torch.autograd.grad(cost.generator(None, fake_logits), list(weights.values()))
        rows.append(torch.cat([g.flatten() for g in found]).double())
        logits.append(fake_logits.detach())
    stacked = torch.stack(rows)
    return Seen(step, float(stacked.mean(0).norm()), float(stacked.var(0).sum()), float(torch.cat(logits).mean()))


def _early(row: Sequence[Seen], what: str) -> float:
    """The median over the first five marks."""
    return median(getattr(seen, what) for seen in row[:5])


def _late(row: Sequence[Seen], what: str) -> float:
    """The median over the last five marks."""
    return median(getattr(seen, what) for seen in row[-5:])


def orders_lost(row: Sequence[Seen]) -> float:
    """log10 of the largest norm over the norm at the end; below 0.1 where the gradient ends at its largest."""
    return math.log10(max(seen.norm for seen in row) / _late(row, "norm"))


def findings(lost: dict[tuple[int, str], float], grown: dict[tuple[int, str], float]) -> list[Finding]:
    """What the lecture and the paper say of each cost."""
    found = [Finding.at_least(f"minimax: orders of magnitude lost, G of {_age(epochs)} (median)", 2.0,
                              lost[epochs, "minimax"]) for epochs in EPOCHS]
    for cost in ("non-saturating", "Wasserstein"):
        worst = max(lost[epochs, cost] for epochs in EPOCHS)
        found.append(Finding.at_most(f"{cost}: orders of magnitude lost, most of any G (median)", 1.0, worst))
    least = min(grown[epochs, "non-saturating"] for epochs in EPOCHS)
    found.append(Finding.at_least("non-saturating: orders its variance grows by, least of any G (median)", 1.0, least))
    return found


def _age(epochs: int) -> str:
    return f"{epochs} epoch{'s' * (epochs > 1)}"


def _table(lost: dict[tuple[int, str], float], grown: dict[tuple[int, str], float]) -> Table:
    return Table("Medians over seeds, in orders of magnitude: the norm lost, from its largest to the end; the variance "
                 "grown, from the first five marks to the last.",
                 ("epochs of G", "cost of G", "lost", "variance grown"),
                 [(*key, lost[key], grown[key]) for key in lost])


READING = (
    "Minimax loses most of its gradient, and soonest, where G is youngest: early in training, as the lecture warns. "
    "Samples of an older G are harder to tell from data: D errs for longer, its gradient falls later, by less, and "
    "unevenly from mark to mark; it has not levelled off at the end. The paper saw up to five orders in as many steps, "
    "of larger networks. The non-saturating gradient does not vanish: it grows, and its variance with it, so that a "
    "step is large and of unsure direction. The penalised Wasserstein critic gains its gradient as it learns, and then "
    "keeps it. The three costs are in units of their own: compare shapes, not heights."
)


def _figure(runs: Sequence[Curves], lost: dict[tuple[int, str], float]) -> Any:
    figure, axes = panels(len(COSTS), sharey=True)
    titles = {"minimax": f"minimax: {lost[1, 'minimax']:.1f} orders lost (G of 1 epoch)",
              "non-saturating": "non-saturating: grows, and so does its spread",
              "Wasserstein": "Wasserstein, penalised critic: stays"}
    for axis, cost in zip(axes[0], COSTS, strict=True):
        for colour, epochs in zip(COLOURS, EPOCHS, strict=False):
            rows = [run[epochs, cost] for run in runs]
            steps = [seen.step for seen in rows[0]]
            for row in rows:
                axis.plot(steps, [seen.norm for seen in row], color=colour, alpha=0.25, linewidth=0.8)
            middle = [median(row[k].norm for row in rows) for k in range(len(steps))]
            axis.plot(steps, middle, color=colour, label=f"G of {_age(epochs)}")
            if cost == "non-saturating":
                spread = [median(row[k].variance for row in rows) ** 0.5 for k in range(len(steps))]
                axis.plot(steps, spread, ":", color=colour, label=None if epochs > 1 else "deviation of a minibatch")
        axis.set(yscale="log", xlabel="training steps of D, G frozen")
        axis.set_title(titles[cost], loc="left")
    axes[0][0].set_ylabel("|dJ_G / dw_G|")
    axes[0][0].legend(loc="lower left", frameon=False)
    axes[0][1].legend(loc="lower right", frameon=False)
    return figure
