"""The theory of the Dirac-GAN written out by hand, in plain numbers: what the library is compared with.

With u = psi theta the logit of the fake, D lowers d(u) + gamma/2 psi^2 + lambda (|psi| - 1)^2 and G lowers g(u):

    v_theta = psi g'(u),   v_psi = theta d'(u) + gamma psi + 2 lambda (|psi| - 1) sign psi

At (0, 0), without lambda, the flow -v has the Jacobian A = -[[0, g'], [d', gamma]] in the order (theta, psi), and

    eigenvalues      -gamma/2 +- sqrt(gamma^2/4 - c^2),   c^2 = -g'(0) d'(0)
    instance noise   gamma = sigma^2 times the curvature of D's loss in its logits at 0
    consensus        A - weight A^T A;   -weight c^2 +- ic   where d' = -g' = c

Nothing here comes from the library.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

Number = Callable[[float], float]
Field = Callable[[float, float], tuple[float, float]]
Matrix = tuple[tuple[float, float], tuple[float, float]]


def sigmoid(u: float) -> float:
    """1 / (1 + e^-u)."""
    return 1 / (1 + math.exp(-u)) if u >= 0 else math.exp(u) / (1 + math.exp(u))


def bell(u: float) -> float:
    """The slope of the sigmoid."""
    return sigmoid(u) * sigmoid(-u)


def sech2(u: float) -> float:
    """1 - tanh(u)^2."""
    return 1 - math.tanh(u) ** 2


class Slopes(NamedTuple):
    """d', d'', g', g'' as functions of u, and the curvature of D's loss on noisy reals and fakes at logits 0."""

    d: Number
    dd: Number
    g: Number
    gg: Number
    curvature: float

    @property
    def at_rest(self) -> tuple[float, float]:
        """(d'(0), g'(0))."""
        return self.d(0.0), self.g(0.0)


SLOPES: dict[str, Slopes] = {
    "minimax": Slopes(sigmoid, bell, lambda u: -sigmoid(u), lambda u: -bell(u), 0.5),
    "non-saturating": Slopes(sigmoid, bell, lambda u: -sigmoid(-u), bell, 0.5),
    "maximum-likelihood": Slopes(sigmoid, bell, lambda u: -math.exp(u), lambda u: -math.exp(u), 0.5),
    "least-squares -1/1/1": Slopes(lambda u: u + 1, lambda u: 1.0, lambda u: u - 1, lambda u: 1.0, 2.0),
    "least-squares": Slopes(lambda u: u, lambda u: 1.0, lambda u: u - 1, lambda u: 1.0, 2.0),
    "wasserstein": Slopes(lambda u: 1.0, lambda u: 0.0, lambda u: -1.0, lambda u: 0.0, 0.0),
    "hinge": Slopes(lambda u: float(u > -1), lambda u: 0.0, lambda u: -1.0, lambda u: 0.0, 0.0),
    "relativistic-paired": Slopes(sigmoid, bell, lambda u: -sigmoid(-u), bell, 0.5),
    "relativistic-average": Slopes(lambda u: 2 * sigmoid(u), lambda u: 2 * bell(u), lambda u: -2 * sigmoid(-u),
                                   lambda u: 2 * bell(u), 0.5),
    "f-kl": Slopes(lambda u: math.exp(u - 1), lambda u: math.exp(u - 1), lambda u: -1.0, lambda u: 0.0, math.exp(-1)),
    "f-reverse-kl": Slopes(lambda u: 1.0, lambda u: 0.0, lambda u: -math.exp(-u), lambda u: math.exp(-u), 1.0),
    "f-pearson": Slopes(lambda u: u / 2 + 1, lambda u: 0.5, lambda u: -1.0, lambda u: 0.0, 0.5),
    "f-squared-hellinger": Slopes(math.exp, math.exp, lambda u: -math.exp(-u), lambda u: math.exp(-u), 2.0),
    "f-jensen-shannon": Slopes(sigmoid, bell, lambda u: -sigmoid(-u), bell, 0.5),
    "f-gan": Slopes(sigmoid, bell, lambda u: -sigmoid(-u), bell, 0.5),
    "f-total-variation": Slopes(lambda u: sech2(u) / 2, lambda u: -math.tanh(u) * sech2(u), lambda u: -sech2(u) / 2,
                                lambda u: math.tanh(u) * sech2(u), 0.0),
}
"""Of each objective of the library, by hand."""


def matrix(slopes: Slopes, gamma: float = 0.0, weight: float = 0.0) -> Matrix:
    """A, or A - weight A^T A for consensus."""
    d, g = slopes.at_rest
    a, b, c, e = 0.0, -g, -d, -gamma
    return ((a - weight * (a * a + c * c), b - weight * (a * b + c * e)),
            (c - weight * (a * b + c * e), e - weight * (b * b + e * e)))


def eigenvalues(m: Sequence[Sequence[float]]) -> tuple[complex, complex]:
    """Of a real 2 x 2 matrix, the one of the larger real part (or the upper one) first."""
    half, determinant = (m[0][0] + m[1][1]) / 2, m[0][0] * m[1][1] - m[0][1] * m[1][0]
    root = cmath.sqrt(half * half - determinant)
    return half + root, half - root


def closed_form(slopes: Slopes, gamma: float = 0.0, weight: float = 0.0) -> tuple[complex, complex]:
    """-gamma/2 +- sqrt(gamma^2/4 - c^2); for consensus without a penalty the roots of
    l^2 + weight (d'^2 + g'^2) l + weight^2 d'^2 g'^2 + c^2."""
    d, g = slopes.at_rest
    drag = weight * (d * d + g * g) if weight else gamma
    root = cmath.sqrt(drag * drag / 4 - (weight * d * g) ** 2 + d * g)
    return -drag / 2 + root, -drag / 2 - root


def field(slopes: Slopes, gamma: float = 0.0, one: float = 0.0) -> Field:
    """(theta, psi) -> (v_theta, v_psi); `one` is lambda, the weight of (|psi| - 1)^2."""

    def v(theta: float, psi: float) -> tuple[float, float]:
        u = psi * theta
        centred = 2 * one * (abs(psi) - 1) * math.copysign(1, psi) if one else 0.0
        return psi * slopes.g(u), theta * slopes.d(u) + gamma * psi + centred

    return v


def pulled(slopes: Slopes, gamma: float, weight: float) -> Field:
    """v + weight J^T v, the field of consensus."""
    plain = field(slopes, gamma)

    def v(theta: float, psi: float) -> tuple[float, float]:
        u = psi * theta
        a, b = plain(theta, psi)
        across = slopes.g(u) + u * slopes.gg(u)
        back = slopes.d(u) + u * slopes.dd(u)
        return (a + weight * (psi * psi * slopes.gg(u) * a + back * b),
                b + weight * (across * a + (theta * theta * slopes.dd(u) + gamma) * b))

    return v


def walk(v: Field, rule: str, steps: int, h: float, start: tuple[float, float] = (1.0, 1.0),
         out: float = math.inf) -> list[tuple[float, float]]:
    """Where a rule stands after 0, 1, ... `steps` steps; it ends early beyond the radius `out`.

    `rule` is one of `STEPS`.
    """
    (theta, psi), step = start, STEPS[rule]
    track, last = [start], v(theta, psi)
    for _ in range(steps):
        if math.hypot(theta, psi) > out:
            break
        now = v(theta, psi)
        theta, psi = step(v, h, theta, psi, now, last)
        last = now
        track.append((theta, psi))
    return track


Pair = tuple[float, float]


def _simultaneous(v: Field, h: float, theta: float, psi: float, now: Pair, last: Pair) -> Pair:
    return theta - h * now[0], psi - h * now[1]


def _alternating(v: Field, h: float, theta: float, psi: float, now: Pair, last: Pair) -> Pair:
    psi = psi - h * now[1]
    return theta - h * v(theta, psi)[0], psi


def _extragradient(v: Field, h: float, theta: float, psi: float, now: Pair, last: Pair) -> Pair:
    ahead = v(theta - h * now[0], psi - h * now[1])
    return theta - h * ahead[0], psi - h * ahead[1]


def _optimistic(v: Field, h: float, theta: float, psi: float, now: Pair, last: Pair) -> Pair:
    return theta - h * (2 * now[0] - last[0]), psi - h * (2 * now[1] - last[1])


STEPS = {"simultaneous": _simultaneous, "alternating": _alternating, "extragradient": _extragradient,
         "optimistic": _optimistic, "consensus": _simultaneous}
