"""The Dirac-GAN: unregularised GANs circle their equilibrium; penalties, noise and better rules make them converge.

Data delta_0, model delta_theta, critic D(x) = psi x: two numbers play a GAN, and everything about it can be known. All
of it is played here by the library's own `Game` and `play`, with its own objectives, penalties and rules, and compared
with the theory written out by hand in plain numbers (`dirac_theory`):

    at rest      the Jacobian of the flow at (0, 0), by autograd of the game's field and from single rounds of `play`;
                 eigenvalues -gamma/2 +- sqrt(gamma^2/4 - c^2)
    underway     500 rounds of h = 0.1 from (1, 1) under every rule; the radius is |(theta, psi)|
    in the end   200,000 rounds of the non-saturating game: simultaneous players stay on a limit cycle, alternating ones
                 come in as k^(-1/2), which no eigenvalue tells

References:
    Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018). https://arxiv.org/abs/1801.04406
    The Numerics of GANs (Mescheder et al., 2017). https://arxiv.org/abs/1705.10461
    Gradient descent GAN optimization is locally stable (Nagarajan and Kolter, 2017). https://arxiv.org/abs/1706.04156
    Training GANs with Optimism (Daskalakis et al., 2018). https://arxiv.org/abs/1711.00141
    A Variational Inequality Perspective on GANs (Gidel et al., 2019). https://arxiv.org/abs/1802.10551
"""

from __future__ import annotations

import math
from typing import Any

import torch

from mintage.game import alternating, consensus, extragradient, optimistic, play, simultaneous
from mintage.game.rules import Rule
from mintage.lab import dirac, dirac_theory
from mintage.lab.bench import Bench
from mintage.lab.dirac import MEANS, OBJECTIVES, H, Weights
from mintage.lab.dirac_figure import figure
from mintage.lab.dirac_findings import FAR, LIMITS, Held, Rest, Way, findings, reading, tables
from mintage.lab.dirac_theory import SLOPES, closed_form, eigenvalues, matrix, walk
from mintage.lab.outcome import Outcome

PULL = 0.5
"""The weight of consensus in the trajectories."""

RULES: dict[str, Rule] = {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient,
                          "optimistic": optimistic, "consensus": consensus(PULL)}

PENALISED: dict[str, tuple[Weights, float]] = {  # weights in the library -> gamma of the theory
    "none": ({}, 0.0), "R1 .3": ({"r1": 0.3}, 0.3), "R2 .3": ({"r2": 0.3}, 0.3),
    "R1 .3 + R2 .3": ({"r1": 0.3, "r2": 0.3}, 0.6), "R1 1": ({"r1": 1.0}, 1.0), "R1 4": ({"r1": 4.0}, 4.0),
    "Roth 2": ({"noise": 2.0}, 1.0)}  # at logits 0 the noise penalty is (R1 + R2) / 4

NOISES = (0.5, 1.0)
PULLS = (0.3, 1.0)
CENTRED = (("wasserstein", "gradient-penalty", 0.3), ("wasserstein", "gradient-penalty", 1.0),
           ("non-saturating", "dragan", 0.3), ("non-saturating", "dragan", 0.5))
"""Light, and as heavy as c, from where on D's slope does not swing through 0 any more."""

Pair = tuple[complex, complex]
STEPS, LONG = 500, 200_000
UNDERWAY = ("none", "R1 .3", "R1 1")

def dirac_gan(bench: Bench) -> Outcome:
    """Run the experiment."""
    rests = [rest for part in bench.map(at_rest, [(name,) for name in OBJECTIVES]) for rest in part]
    ways = [way for part in bench.map(underway, [(name, bench.steps(STEPS)) for name in OBJECTIVES]) for way in part]
    held = [one_centred(*setting, bench.steps(STEPS)) for setting in CENTRED]
    steps = bench.steps(LONG)
    radii = dict(zip(LIMITS, bench.map(long_run, [(rule, steps) for rule in LIMITS]), strict=True))
    return Outcome(findings(rests, ways, held, radii), tables(rests, ways),
                   lambda: figure({rule: track for rule, (track, _) in radii.items()}, bench.steps(STEPS)),
                   reading(ways), (0,))


def at_rest(name: str) -> list[Rest]:
    """An objective under every penalty, noise and consensus."""
    slopes, rests = SLOPES[name], []
    settings: list[tuple[str, dict[str, Any], float]] = [(said, {"penalties": weights}, gamma)
                                                         for said, (weights, gamma) in PENALISED.items()]
    if name not in MEANS:
        settings += [(f"noise {sigma:g}", {"noise": sigma}, sigma * sigma * slopes.curvature) for sigma in NOISES]
    for said, options, gamma in settings:
        make, theory = dirac.of(name, **options), matrix(slopes, gamma)
        exact = dirac.jacobian_by_autograd(make).tolist()
        off = distance(eigenvalues(exact), closed_form(slopes, gamma))
        rests.append(Rest(name, said, eigenvalues(exact)[0], off, apart(dirac.jacobian_by_play(make).tolist(), theory)))
    for weight in PULLS:
        played = dirac.jacobian_by_play(dirac.of(name), consensus(weight)).tolist()
        off = distance(eigenvalues(played), closed_form(slopes, weight=weight))
        rests.append(Rest(name, f"consensus {weight:g}", eigenvalues(played)[0], off,
                          apart(played, matrix(slopes, weight=weight))))
    return rests


def distance(played: Pair, theory: Pair) -> float:
    """Between two pairs of eigenvalues; squared at a double one, which moves as the square root of rounding errors."""
    off = max(abs(a - b) for a, b in zip(played, theory, strict=True))
    return off * off if abs(theory[0] - theory[1]) < 1e-12 else off


def apart(a: Any, b: Any) -> float:
    """The largest difference of two 2 x 2 matrices."""
    return max(abs(a[i][j] - b[i][j]) for i in range(2) for j in range(2))


def underway(name: str, steps: int) -> list[Way]:
    """An objective under every rule, without a penalty and with R1."""
    return [way(name, said, rule, steps) for said in UNDERWAY for rule in RULES]


def way(name: str, said: str, rule: str, steps: int) -> Way:
    """One trajectory through `play`, against the recursion by hand."""
    weights, gamma = PENALISED[said]
    slopes = SLOPES[name]
    v = dirac_theory.pulled(slopes, gamma, PULL) if rule == "consensus" else dirac_theory.field(slopes, gamma)
    hand = walk(v, rule, steps, H, out=FAR)
    game = dirac.game(OBJECTIVES[name], rule=RULES[rule], penalties=weights)
    track = dirac.trajectory(game, len(hand) - 1)[..., 0]
    return Way(name, said, rule, len(hand) - 1, float(track[-1].norm()), deviation(track, hand))


def deviation(track: torch.Tensor, hand: Any) -> float:
    """max over steps of |played - by hand| / |by hand|."""
    by_hand = torch.tensor(hand, dtype=torch.float64)
    return float(((track - by_hand).norm(dim=1) / by_hand.norm(dim=1)).max())


def one_centred(name: str, penalty: str, weight: float, steps: int) -> Held:
    """An objective with a penalty that wants |psi| = 1, simultaneous."""
    slopes = SLOPES[name]
    game = dirac.game(OBJECTIVES[name], rule=simultaneous, penalties={penalty: weight})
    track = dirac.trajectory(game, steps)[..., 0]
    hand = walk(dirac_theory.field(slopes, one=weight), "simultaneous", steps, H)
    wrong = 2 * weight / slopes.at_rest[0] if weight >= math.sqrt(-math.prod(slopes.at_rest)) else None
    return Held(f"{penalty} {weight:g}", deviation(track, hand), float(track[-100:].norm(dim=1).min()), wrong)


def long_run(rule: str, steps: int) -> tuple[list[float], float]:
    """The radius of the non-saturating game at each step, and its largest relative deviation from the recursion."""
    game = dirac.game(OBJECTIVES["non-saturating"], rule=RULES[rule])
    hand = walk(dirac_theory.field(SLOPES["non-saturating"]), rule, steps, H)
    radii, off = [math.hypot(1.0, 1.0)], 0.0
    for _ in play(game, dirac.Zeros(1), steps):
        at = dirac.positions(game)[:, 0].tolist()
        radii.append(math.hypot(*at))
        off = max(off, math.dist(at, hand[game.index]) / math.hypot(*hand[game.index]))
    return radii, off
