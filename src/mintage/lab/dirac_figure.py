"""The figure of the Dirac-GAN: five panels in the plane of theta and psi, dot to square, and the radius in time."""

from __future__ import annotations

from typing import Any

from mintage.game import alternating, consensus, extragradient, optimistic, simultaneous
from mintage.game.rules import Rule
from mintage.lab import dirac
from mintage.lab.dirac import OBJECTIVES, Start
from mintage.lab.drawing import panels

Path = tuple[str, str, Rule, dict[str, float], Start]
"""(label, objective, rule, penalties, start)."""

ONE: Start = (1.0, 1.0)
NS, W = "non-saturating", "wasserstein"

PANELS: list[tuple[str, int, list[Path]]] = [
    ("No penalty, simultaneous: a limit cycle", 6, [
        ("from (1, 1)", NS, simultaneous, {}, ONE), ("from (.05, .05)", NS, simultaneous, {}, (0.05, 0.05))]),
    ("No penalty, alternating: in, but as $k^{-1/2}$", 2, [
        ("from (1, 1)", NS, alternating, {}, ONE)]),
    ("R1 makes the equilibrium attract", 1, [
        (rf"$\gamma$ = {gamma:g}", NS, alternating, {"r1": gamma}, ONE) for gamma in (0.3, 1.0, 4.0)]),
    ("Better rules spiral in without a penalty", 1, [
        ("extragradient", W, extragradient, {}, ONE), ("optimistic", W, optimistic, {}, ONE),
        ("consensus .5", W, consensus(0.5), {}, ONE)]),
    ("Wasserstein: out, round, or to rest elsewhere", 1, [
        ("simultaneous", W, simultaneous, {}, ONE), ("alternating", W, alternating, {}, ONE),
        ("WGAN-GP .3", W, simultaneous, {"gradient-penalty": 0.3}, ONE),
        ("WGAN-GP 1", W, simultaneous, {"gradient-penalty": 1.0}, ONE)]),
]


def figure(radii: dict[str, list[float]], steps: int) -> Any:
    """Draw; the trajectories are played anew, `steps` rounds times the panel's share.

    Args:
        radii: of the long runs, rule -> radius at each step.
        steps: 500, or fewer to try.
    """
    drawn, axes = panels(3, 2, width=4.2, height=3.9)
    for axis, (title, times, paths) in zip(axes.flat, PANELS, strict=False):
        for label, name, rule, penalties, start in paths:
            made = dirac.game(OBJECTIVES[name], [start], rule=rule, penalties=penalties)
            track = dirac.trajectory(made, steps * times)[..., 0]
            dashes = (0, (6, 6)) if rule is optimistic else "-"  # it covers extragradient
            (line,) = axis.plot(track[:, 0], track[:, 1], label=label, linewidth=0.9, linestyle=dashes)
            axis.plot(*track[0], "o", color="#333333", markersize=3)
            axis.plot(*track[-1], "s", color=line.get_color(), markersize=3.5)
        axis.plot(0, 0, "+", color="black", markersize=10)
        axis.set(title=title, xlabel=r"$\theta$, the model", ylabel=r"$\psi$, the critic's slope", aspect="equal")
        reach = 5.0 if "Wasserstein" in title else 1.6
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach))
        axis.legend(loc="lower left", fontsize=8, framealpha=0.95)
    last = axes[1][2]
    for kind, run in radii.items():
        marks = sorted({max(1, round(len(run) ** (i / 400))) for i in range(401)} & set(range(len(run))))
        last.plot(marks, [run[k] for k in marks], label=kind)
    ends = radii["alternating"]
    last.plot([100, len(ends)], [ends[-1] * (len(ends) / 100) ** 0.5, ends[-1]], "k:", linewidth=1, label=r"$k^{-1/2}$")
    last.set(title="Non-saturating, for long: .449, or $k^{-1/2}$", xscale="log", yscale="log", xlabel="rounds k",
             ylabel=r"radius $|(\theta, \psi)|$", xlim=(10, len(ends)))
    last.legend(loc="lower left", fontsize=8)
    return drawn
