"""What is found on the Dirac-GAN: the golden numbers, findings, tables, and how to read them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from mintage.lab.dirac import MISSING, H
from mintage.lab.outcome import Finding, Table

FAR = 100.0
"""A game beyond this radius has diverged; it is compared until there."""

MARKS = (500, 2_000, 10_000, 50_000, 200_000)
RADII: dict[tuple[str, str], dict[str, float]] = {  # after 500 steps of h = 0.1 from (1, 1), to seven digits
    ("non-saturating", "none"): {"simultaneous": 0.5211083, "alternating": 0.3901872, "extragradient": 0.2667453,
                                 "optimistic": 0.2668962},
    ("non-saturating", "R1 .3"): {"simultaneous": 1.108422e-3, "alternating": 6.182036e-4,
                                  "extragradient": 4.383013e-4, "optimistic": 4.387499e-4},
    ("minimax", "none"): {"simultaneous": 2.179304, "alternating": 1.398941, "extragradient": 0.7808647,
                          "optimistic": 0.7796486},
    ("wasserstein", "none"): {"simultaneous": 17.01603787, "alternating": 1.410258, "extragradient": 0.11756556,
                              "optimistic": 0.1128693},
    ("least-squares -1/1/1", "none"): {"simultaneous": 0.4522289, "alternating": 0.2024983,
                                       "extragradient": 0.0354598, "optimistic": 0.0343713},
}
LIMITS = {"simultaneous": (0.521108331309, 0.450837566987, 0.444403718635, 0.446573729441, 0.449091798546),
          "alternating": (0.390187191329, 0.19998498595, 0.0893991250455, 0.0404399438024, 0.0197490463827)}


class Rest(NamedTuple):
    """One setting at (0, 0): its first eigenvalue, and how far library and theory are apart."""

    objective: str
    setting: str
    eigenvalue: complex
    eigenvalues_off: float
    jacobian_off: float


class Way(NamedTuple):
    """One trajectory: how many rounds were compared, the radius after them, the largest relative deviation."""

    objective: str
    penalty: str
    rule: str
    rounds: int
    radius: float
    off: float


class Held(NamedTuple):
    """A penalty centred at 1 and its weight: the deviation from the recursion, the smallest radius of the last 100
    rounds, and where it comes to rest by theory, if it does."""

    penalty: str
    off: float
    radius: float
    wrong: float | None


Run = tuple[list[float], float]
"""The radius at each step, and the largest relative deviation."""


def findings(rests: list[Rest], ways: list[Way], held: list[Held], radii: dict[str, Run]) -> list[Finding]:
    """All of them."""
    return [*findings_at_rest(rests), *findings_underway(ways), *findings_of_one(held), *findings_in_the_end(radii)]


def slope(radii: list[float]) -> float:
    """d log radius / d log k over the last nineteen twentieths of the steps, by least squares over turns of the orbit.

    The orbit is an ellipse, so the radius is averaged over a turn, 2 pi / (h c) steps with c = 1/2.
    """
    turn = round(4 * math.pi / H)
    starts = range(len(radii) // 20, len(radii) - turn, turn)
    x = torch.tensor([math.log(k + turn / 2) for k in starts], dtype=torch.float64)
    y = torch.tensor([math.log(sum(radii[k:k + turn]) / turn) for k in starts], dtype=torch.float64)
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()) if len(x) > 1 else math.nan


def findings_at_rest(rests: list[Rest]) -> list[Finding]:
    """One a family of settings."""
    found = []
    for family, begins in (("instance noise", "noise "), ("consensus", "consensus "), ("penalties", "")):
        of = [rest for rest in rests if rest.setting.startswith(begins)]
        rests = [rest for rest in rests if rest not in of]
        found += [Finding.at_most(f"eigenvalues, {len(of)} settings of {family}: largest deviation", 1e-9,
                                  max(rest.eigenvalues_off for rest in of)),
                  Finding.at_most(f"Jacobians from rounds of play, {family}: largest deviation", 1e-9,
                                  max(rest.jacobian_off for rest in of))]
    return found


def findings_underway(ways: list[Way]) -> list[Finding]:
    """One a rule, and the golden radii."""
    rules = list(dict.fromkeys(w.rule for w in ways))
    found = [Finding.at_most(f"{rule}, {sum(w.rule == rule for w in ways)} trajectories: largest relative deviation",
                             1e-9, max(w.off for w in ways if w.rule == rule)) for rule in rules]
    off = [abs(w.radius / RADII[w.objective, w.penalty][w.rule] - 1) for w in ways
           if w.rule in RADII.get((w.objective, w.penalty), {})]
    growth = math.sqrt(2) * (1 + H * H) ** 250
    wild = next(w for w in ways if (w.objective, w.penalty, w.rule) == ("wasserstein", "none", "simultaneous"))
    return [*found, Finding.at_most(f"{len(off)} golden radii after 500 rounds, to their digits", 2e-6, max(off)),
            Finding.equal("Wasserstein, simultaneous: sqrt(2) (1 + h^2)^250", growth, wild.radius, within=1e-9,
                          relative=True)]


def findings_of_one(held: list[Held]) -> list[Finding]:
    """WGAN-GP and DRAGAN: as the recursion says, and never at the data."""
    found = []
    for penalty, off, radius, wrong in held:
        found.append(Finding.at_most(f"{penalty}: largest relative deviation", 1e-9, off))
        if wrong is None:
            found.append(Finding.at_least(f"{penalty} circles: smallest radius of the last 100 rounds", 0.5, radius))
        else:
            found.append(Finding.equal(f"{penalty} rests elsewhere, at theta = 2 lambda / d'(0)", wrong, radius,
                                       within=0.01))
    return found


def findings_in_the_end(radii: dict[str, Run]) -> list[Finding]:
    """The long runs."""
    found = []
    for rule, (track, off) in radii.items():
        found.append(Finding.at_most(f"{rule}, {len(track) - 1} rounds: largest relative deviation", 1e-9, off))
        found += [Finding.equal(f"{rule}: radius after {k} rounds", golden, track[k], within=1e-9, relative=True)
                  for k, golden in zip(MARKS, LIMITS[rule], strict=True) if k < len(track)]
    found.append(Finding.equal("alternating: slope of log radius against log k", -0.5, slope(radii["alternating"][0]),
                               within=0.01))
    return found


def tables(rests: list[Rest], ways: list[Way]) -> list[Table]:
    """Eigenvalues (a row an objective, a column a setting) and radii (a column a rule)."""
    settings, rules = list(dict.fromkeys(rest.setting for rest in rests)), list(dict.fromkeys(w.rule for w in ways))
    objectives, penalties = list(dict.fromkeys(w.objective for w in ways)), list(dict.fromkeys(w.penalty for w in ways))
    values = {(rest.objective, rest.setting): written(rest.eigenvalue) for rest in rests}
    radii = {(w.objective, w.penalty, w.rule): f"{w.radius:.7g}" if w.radius <= FAR else f"> {FAR:g} at {w.rounds}"
             for w in ways}
    return [Table("Eigenvalue at (0, 0) of the larger real part, as played", ["objective", *settings],
                  [[name, *(values.get((name, setting), "-") for setting in settings)] for name in objectives]),
            Table("Radius after 500 rounds of h = 0.1 from (1, 1), as played", ["objective", "penalty", *rules],
                  [[name, said, *(radii[name, said, rule] for rule in rules)] for name in objectives
                   for said in penalties])]


def written(value: complex) -> str:
    """-0.15 ± 0.47697i."""
    real = f"{value.real + 0.0:.6g}"
    return f"{real} ± {abs(value.imag):.6g}i" if abs(value.imag) > 1e-6 else real


def reading(ways: list[Way]) -> str:
    """What the figures say, and what they do not."""
    gone = sorted({w.objective for w in ways if w.radius > FAR})
    wild = f" At this step size {', '.join(gone)} left the radius {FAR:g} under some rule." if gone else ""
    left = f" Not compared, because their derivatives are not written down: {', '.join(MISSING)}." if MISSING else ""
    return READING + wild + left


READING = """Without a penalty every eigenvalue lies on the imaginary axis, whatever the objective: relativistic \
pairing and f-divergences change the speed of the circle and not its kind. What happens then is decided by terms that \
eigenvalues do not see: simultaneous non-saturating players end on a limit cycle of radius .449, alternating ones come \
in as k^(-1/2), Wasserstein ones spiral out or stay on an ellipse. R1, R2, the noise penalty of Roth et al., instance \
noise and consensus move the eigenvalues to the left, and too much of a penalty (4) is slow. Instance noise does \
nothing for objectives that are linear in the logits at 0. WGAN-GP and DRAGAN, which want the slope |psi| = 1, never \
come to the data: light ones circle, and heavy ones rest at theta = 2 lambda / d'(0). Least squares with codes 0 and 1 \
wants the logit 1/2 at equilibrium, which a critic without a bias cannot give: its eigenvalues are 0 and -gamma, and \
it does not converge to (0, 0). All of this is local or of two numbers: a network has many more."""
