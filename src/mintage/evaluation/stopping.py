"""When to stop, and which checkpoint to keep: the marks of a run, with the noise of the measure considered.

Notation: mark k is a lower-is-better value v_k with standard error e_k, after t_k examples. A level is the weighted
mean of `patience` marks in a row, so that its error is known: the least of many noisy marks is less than the truth (the
winner's curse), the mean of some is not.

    gain = (best level before the last p marks) - (level of the last p marks),      e^2 = e_before^2 + e_last^2

The run improves while gain > z e, gets worse when gain < -z' e, and otherwise no longer improves. Which of the windows
before is the best is itself a choice by noise: the bias of that minimum is found by redrawing the windows' noise, and
taken off. Stated errors are those of a measure on one checkpoint; a game swings between checkpoints as well, so errors
are enlarged to the scatter of each mark about the line between its neighbours.

By simulation of 20 marks with patience 5: of runs that fall as t^-.5 or faster under noise of 5 %, or as t^-.3 under
3 %, at most 1 in 100 is called off at any of its marks. Of runs that do not fall, 7 % of calls say improving (12 %
where errors are not stated) and 1 % (4 %) getting worse; 97 in 100 are called off by mark 13, three after the earliest.

Choosing follows Simultaneous Confidence Intervals for All Distances from the "Best" (Hsu, 1981, Ann. Statist. 9):
every mark that is not above the least by more than noise allows stays, and the set holds the truly best one at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

PATIENCE = 5
IMPROVING, WORSENING = 1.3, 2.3  # z and z'; the rates that follow from them are in tests/evaluation/test_stopping.py
POWERS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
REDRAWS = 400
LEVEL = 0.9  # of intervals
ENOUGH = 8  # marks from which the scatter is told; before, errors that are not stated are taken for 5 %


class Mark(NamedTuple):
    """A lower-is-better value after so many examples, and its standard error; None where it is not known."""

    examples: int
    value: float
    error: float | None = None


class Gain(NamedTuple):
    """What training on is expected to take off the value, and a 90 % interval of it."""

    value: float
    low: float
    high: float


class Progress(NamedTuple):
    """What the marks say.

    `best` is the index of the lowest mark and `value` its value; `since` its examples, `marks_since` the marks after
    it. `confidence` is the probability of the call, improving or not, by the noise of the two levels compared. `gain`
    is None without a budget, or with fewer than four marks.
    """

    best: int
    value: float
    improving: bool
    worsening: bool
    since: int
    marks_since: int
    confidence: float
    gain: Gain | None
    advice: str


class Choice(NamedTuple):
    """The index of the lowest mark, and of all that cannot be told from it, itself among them, from low to high."""

    best: int
    alike: tuple[int, ...]


def progress(marks: Sequence[Mark], *, patience: int = PATIENCE, budget: int | None = None, name: str = "the measure",
             seed: int = 0) -> Progress:
    """Whether a run still improves, from its marks in order.

    Args:
        patience: marks to a level, 2 or more. With fewer than 2 patience marks it is too early to say: improving.
        budget: examples at which training would end, for the expected gain.
        name: of the measure, for the sentence.

    Raises:
        ValueError: no marks, marks out of order, or values or errors that are not finite.
    """
    t, v, e = _read(marks)
    if patience < 2:
        raise ValueError(f"patience is {patience}; a level needs 2 marks or more")
    best = int(v.argmin())
    gain = expected_gain(marks, budget, seed=seed) if budget is not None and len(marks) >= 4 else None
    if len(marks) < 2 * patience:
        said = f"Too early to say: {len(marks)} marks of {name}, {2 * patience} are needed."
        return Progress(best, float(v[best]), True, False, int(t[best]), len(v) - 1 - best, 0.5, gain, said)
    fall, error = _fall(v, e, patience, seed)
    z = fall / error if error > 0 else math.copysign(math.inf, fall) if fall else 0.0
    improving, worsening = z > IMPROVING, z < -WORSENING
    sure = NormalDist().cdf(z if improving else -z)
    found = Progress(best, float(v[best]), improving, worsening, int(t[best]), len(v) - 1 - best, sure, gain, "")
    return found._replace(advice=_advice(found, fall, error, patience, budget, name))


def choose_best(marks: Sequence[Mark], *, confidence: float = 0.95) -> Choice:
    """The best checkpoint, and those that cannot be told from it.

    Mark k stays when v_k - v_min <= q sqrt(e_k^2 + e_min^2), q the one-sided normal quantile at
    1 - (1 - confidence) / (n - 1), for n marks.
    """
    _, v, e = _read(marks)
    best = int(v.argmin())
    q = NormalDist().inv_cdf(1 - (1 - confidence) / max(1, len(v) - 1))
    near = v - v[best] <= q * np.sqrt(e**2 + e[best] ** 2)
    return Choice(best, tuple(int(k) for k in np.argsort(v, kind="stable") if near[k]))


def expected_gain(marks: Sequence[Mark], budget: int, *, seed: int = 0) -> Gain:
    """What training on from the last mark to `budget` examples is expected to take off the value.

    a + b t^-c is fitted to the marks of the last seven eighths of the run by weighted least squares for each c of
    POWERS; the fits count by exp(-chi^2 / 2), and the interval is that of their mixture. A gain is at least 0 (the best
    checkpoint stays), and at most the value where values are positive.

    Raises:
        ValueError: fewer than four marks, or marks that are wrong in themselves.
    """
    t, v, e = _read(marks)
    if len(v) < 4:
        raise ValueError(f"expected_gain: received {len(v)} marks; a curve is fitted to 4 or more")
    late = (t >= t[-1] / 8) & (t > 0)
    late[-4:] = t[-4:] > 0
    t, v, e = t[late] / t[-1], v[late], np.maximum(e[late], 1e-12 * max(1e-300, float(np.abs(v).max())))
    end, g, draws, fits = max(1.0, budget / float(marks[-1].examples)), np.random.default_rng(seed), [], []
    for c in POWERS:
        X = np.stack([np.ones_like(t), t**-c], 1) / e[:, None]
        inverse = np.linalg.pinv(X.T @ X)
        ab = inverse @ X.T @ (v / e)
        fits.append(float((((v / e) - X @ ab) ** 2).sum()))
        draws.append((ab[1] + math.sqrt(max(0.0, inverse[1, 1])) * g.standard_normal(REDRAWS)) * (1 - end**-c))
    weights = np.exp(-(np.array(fits) - min(fits)) / 2)
    gains = np.concatenate(draws).clip(0, max(0.0, float(v[-1])) if v.min() >= 0 else None)
    order, mass = np.argsort(gains), np.repeat(weights / weights.sum() / REDRAWS, REDRAWS)
    below = mass[order].cumsum()
    low, middle, high = (float(gains[order][min(len(gains) - 1, int(np.searchsorted(below, q)))])
                         for q in ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
    return Gain(middle, low, high)


def _read(marks: Sequence[Mark]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """t, v and honest errors e, each [n]."""
    if not len(marks):
        raise ValueError("there are no marks; judge at least one checkpoint")
    t, v = np.array([float(mark.examples) for mark in marks]), np.array([float(mark.value) for mark in marks])
    if not np.isfinite(v).all() or (np.diff(t) <= 0).any() or t[0] < 0:
        raise ValueError(f"marks must have finite values and examples that rise from one to the next, received "
                         f"{[(mark.examples, mark.value) for mark in marks][:6]}; leave out those that failed")
    known = [mark.error for mark in marks if mark.error is not None]
    if any(not math.isfinite(one) or one < 0 for one in known):
        raise ValueError(f"errors must be 0 or more and finite, received {known[:6]}; give None where not known")
    return t, v, _errors(t, v, known if len(known) == len(marks) else None)


def _errors(t: np.ndarray, v: np.ndarray, known: list[float] | None) -> np.ndarray:
    """Stated errors, enlarged to the scatter; without any, the scatter in proportion to positive values."""
    shape = np.array(known) if known else v.copy() if v.min() > 0 else np.ones_like(v)
    if len(v) < ENOUGH:
        return shape if known else 0.05 * np.abs(shape)
    w = (t[2:] - t[1:-1]) / (t[2:] - t[:-2])
    off = v[1:-1] - w * v[:-2] - (1 - w) * v[2:]
    sd = np.sqrt(shape[1:-1] ** 2 + (w * shape[:-2]) ** 2 + ((1 - w) * shape[2:]) ** 2)
    ratio = np.abs(off[sd > 0] / sd[sd > 0])
    scatter = float(np.median(ratio)) / 0.6745 if len(ratio) else 0.0
    return shape * (max(1.0, scatter) if known else scatter)


def _level(v: np.ndarray, e: np.ndarray) -> tuple[float, float]:
    """The weighted mean of marks and its error."""
    w = np.ones_like(e) if e.min() <= 0 else e**-2
    w = w / w.sum()
    return float(w @ v), float(np.sqrt((w**2) @ e**2))


def _fall(v: np.ndarray, e: np.ndarray, p: int, seed: int) -> tuple[float, float]:
    """How much lower the level of the last p marks is than the best before, rid of the bias of choosing, and its error.

    The bias of the least of the windows before is E min (m + noise) - min m, at levels m shrunk towards the best by
    what their noise explains: with m as found, the bias would be taken for a difference and too little taken off.
    """
    last, last_error = _level(v[-p:], e[-p:])
    starts = range(len(v) - 2 * p + 1)
    levels = np.array([_level(v[s : s + p], e[s : s + p]) for s in starts])
    best = int(levels[:, 0].argmin())
    excess = levels[:, 0] - levels[best, 0]
    m = np.where(excess > 2 * np.hypot(levels[:, 1], levels[best, 1]), excess, 0.0)
    noise = np.random.default_rng(seed).standard_normal((REDRAWS, len(v))) * e
    sums = np.cumsum(np.pad(noise, ((0, 0), (1, 0))), 1)
    means = np.stack([(sums[:, s + p] - sums[:, s]) / p for s in starts], 1)
    bias = float((m + means).min(1).mean())
    return float(levels[best, 0] - bias - last), math.hypot(levels[best, 1], last_error)


def _advice(p: Progress, fall: float, error: float, patience: int, budget: int | None, name: str) -> str:
    by = f"over the last {patience} marks by {abs(fall):.3g} (error {error:.2g})"
    if p.improving:
        more = "" if p.gain is None or budget is None else (
            f"; training on to {budget:,} examples should take off {p.gain.value:.3g} more ({p.gain.low:.2g} to "
            f"{p.gain.high:.2g})")
        return f"Still improving: {name} fell {by}{more}. Train on."
    keep = f"keep the checkpoint at {p.since:,} examples, the best of those marked"
    if p.worsening:
        return f"Getting worse since about {p.since:,} examples: {name} rose {by}. Stop, and {keep}."
    more = "" if p.gain is None or budget is None else (
        f" Training on to {budget:,} examples should take off {p.gain.value:.2g} ({p.gain.low:.2g} to "
        f"{p.gain.high:.2g}).")
    went = "fell" if fall >= 0 else "rose"
    return f"No longer improving: {name} {went} {by}, which noise explains.{more} Stop, and {keep}."
