"""The human test: can people tell samples from real examples? Trials, answers, and a score with its uncertainty.

A trial shows one image, real or fake by the toss of a fair coin; a person says which. Of n answers k are right:

    accuracy = k / n,    p = P(|K - n/2| >= |k - n/2|),   K ~ Binomial(n, 1/2)
    d' = z(H) - z(F),    H = P(said real | real),  F = P(said real | fake),   z = Phi^-1

The coin is tossed anew for each trial. Were there exactly n/2 of each kind, a person sure of some could place the rest
by counting, and one who always says "real" would score exactly 1/2, every time: k would not be binomial. With
independent tosses, whatever somebody says who cannot see a difference is right with chance 1/2, whatever was said
before, so k is exactly binomial for any way of guessing and for any number of persons together. The price is that the
two kinds differ in number, by about sqrt(n).

HYPE: A Benchmark for Human eYe Perceptual Evaluation of Generative Models (Zhou et al., 2019),
https://arxiv.org/abs/1904.01121, calls the share of wrong answers the error rate: 50 % is a generator that cannot be
told from real data, more is one that seems more real than real.
Corrections for extreme proportions and their biasing effects on estimated values of d' (Hautus, 1995), for d'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal, NamedTuple

import torch

from mintage.evaluation.proportions import (
    LEVEL,
    NORMAL,
    POWER,
    Share,
    answers_needed,
    p_of_chance,
    share,
    visible_accuracy,
)
from mintage.evaluation.student import critical

DECIDING = 6  # with fewer answers no result is rarer than 5 % under chance: 2 / 2^5 > 0.05
FEW_PERSONS = 3  # below, their spread is not known


@dataclass(frozen=True)
class Trial:
    """One image to judge: its place in the order, and what it is."""

    index: int
    kind: Literal["real", "fake"]


class Answer(NamedTuple):
    """What was said of a trial, after how many seconds, and for how long the image was shown (0: until answered)."""

    trial: Trial
    said_real: bool
    seconds: float
    shown_ms: int

    @property
    def right(self) -> bool:
        """Whether what was said is so."""
        return self.said_real == (self.trial.kind == "real")


@dataclass(frozen=True)
class HumanScore:
    """How well people told real from fake.

    `fooled` is the share of fakes taken for real, `doubted` that of real ones taken for fake; None where there were
    none. `sensitivity` is d' (0: blind), `bias` the tendency to say "fake" (-(z(H) + z(F)) / 2). `between` is an
    interval of 95 % for the accuracy of people like these; None for fewer than three. `exposures` are the
    accuracies by the time an image was shown, in ms.
    """

    accuracy: Share
    fooled: Share | None
    doubted: Share | None
    p: float
    sensitivity: float
    bias: float
    seconds: float
    persons: int
    between: tuple[float, float] | None
    exposures: tuple[tuple[int, Share], ...]

    @property
    def verdict(self) -> Literal["told apart", "cannot be told from chance", "worse than chance", "too few answers"]:
        """The test at 5 %, in words."""
        if self.accuracy.n < DECIDING:
            return "too few answers"
        if self.p >= LEVEL:
            return "cannot be told from chance"
        return "told apart" if self.accuracy.value > 0.5 else "worse than chance"

    @property
    def reading(self) -> str:
        """What the score says and does not say, in a sentence or two."""
        n = self.accuracy.n
        if self.verdict == "too few answers":
            return f"Too few answers: {n} cannot decide, however they turn out; give at least {DECIDING}, better 50."
        if self.verdict == "told apart":
            return (f"Told apart: right in {_percent(self.accuracy)} of {n} answers, where guessing gives 50 % "
                    f"({_p(self.p)}).")
        if self.verdict == "worse than chance":
            return (f"Worse than chance: right in only {_percent(self.accuracy)} of {n} answers ({_p(self.p)}). The "
                    "kinds were told apart, and taken for one another.")
        seen, often = 100 * visible_accuracy(n), 100 * POWER
        return (f"Cannot be told from chance: right in {_percent(self.accuracy)} of {n} answers ({_p(self.p)}). "
                f"With {n} answers, only an accuracy of {seen:.0f} % or more would be seen {often:.0f} % of the time; "
                f"to see 60 %, give {answers_needed(0.6)}.")

    def lines(self) -> list[str]:
        """The score for reading, one figure a line."""
        out = [self.reading, f"accuracy                  {_interval(self.accuracy)}"]
        for name, part in (("fakes taken for real", self.fooled), ("real taken for fake", self.doubted)):
            out.append(f"{name:25} {_interval(part) if part else 'there were none'}")
        out.append(f"sensitivity d'            {self.sensitivity:.2f} (0: blind; bias to say fake {self.bias:+.2f})")
        out.append(f"median time to answer     {self.seconds:.2f} s")
        if len(self.exposures) > 1:
            out += [f"shown {_shown(ms):19} {_interval(part)}" for ms, part in self.exposures]
        if self.between:
            out.append(f"{self.persons} persons; for people like them the accuracy is {100 * self.between[0]:.0f} to "
                       f"{100 * self.between[1]:.0f} %")
        elif self.persons > 1:
            out.append(f"{self.persons} persons: too few to speak of people in general")
        return out

    def to_json(self) -> dict[str, Any]:
        """A dict that json.dumps accepts, the verdict and the reading with it."""
        shares = {name: part._asdict() if (part := getattr(self, name)) else None
                  for name in ("accuracy", "fooled", "doubted")}
        exposures = [{"shown_ms": ms, **part._asdict()} for ms, part in self.exposures]
        return asdict(self) | shares | {"between": list(self.between) if self.between else None,
                                        "exposures": exposures, "verdict": self.verdict, "reading": self.reading}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> HumanScore:
        """The inverse of to_json."""
        known = {name: value for name, value in values.items() if name not in ("verdict", "reading")}
        for name in ("accuracy", "fooled", "doubted"):
            known[name] = Share(**known[name]) if known[name] else None
        known["between"] = tuple(known["between"]) if known["between"] else None
        known["exposures"] = tuple((each["shown_ms"], Share(**{k: v for k, v in each.items() if k != "shown_ms"}))
                                   for each in known["exposures"])
        return cls(**known)


def trials(n: int, seed: int = 0) -> list[Trial]:
    """n trials, each real or fake by a fair coin of its own.

    Raises:
        ValueError: n below 1.
    """
    if n < 1:
        raise ValueError(f"a human test of {n} trials cannot be; ask for 1 or more, 50 for a first look")
    coins = torch.randint(2, (n,), generator=torch.Generator().manual_seed(seed)).tolist()
    return [Trial(index, "real" if coin else "fake") for index, coin in enumerate(coins)]


def score(answers: Sequence[Answer]) -> HumanScore:
    """The score of one person.

    Raises:
        ValueError: no answers.
    """
    return pool({"": answers})


def pool(people: Mapping[str, Sequence[Answer]]) -> HumanScore:
    """The score of several persons' answers together, by person.

    p and the intervals of the shares take the answers as independent, which they are exactly where nobody can tell.
    Where some can, people differ; `between` then says how well other people would do (see `between_persons`).

    Raises:
        ValueError: no answers at all.
    """
    people = {person: answers for person, answers in people.items() if answers}
    every = [answer for answers in people.values() for answer in answers]
    if not every:
        raise ValueError("there are no answers to score; the test has to be taken first")
    right = sum(answer.right for answer in every)
    fakes = [answer for answer in every if answer.trial.kind == "fake"]
    reals = [answer for answer in every if answer.trial.kind == "real"]
    fooled, doubted = (share(sum(not answer.right for answer in some), len(some)) if some else None
                       for some in (fakes, reals))
    hit = NORMAL.inv_cdf((sum(a.said_real for a in reals) + 0.5) / (len(reals) + 1))
    alarm = NORMAL.inv_cdf((sum(a.said_real for a in fakes) + 0.5) / (len(fakes) + 1))
    times = sorted({answer.shown_ms for answer in every}, key=lambda ms: ms or math.inf)
    groups = {ms: [answer.right for answer in every if answer.shown_ms == ms] for ms in times}
    return HumanScore(share(right, len(every)), fooled, doubted, p_of_chance(right, len(every)), hit - alarm,
                      -(hit + alarm) / 2 + 0.0, float(median(answer.seconds for answer in every)), len(people),
                      between_persons([(sum(a.right for a in answers), len(answers)) for answers in people.values()]),
                      tuple((ms, share(sum(some), len(some))) for ms, some in groups.items()))


def between_persons(counts: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """An interval of 95 % for the accuracy of people, from (right, answered) of m persons; None for m < 3.

    a = sum k_i / sum n_i,    a +- t_(m-1) sqrt(m / (m - 1) sum (k_i - a n_i)^2) / sum n_i
    """
    m, total = len(counts), sum(n for _, n in counts)
    if m < FEW_PERSONS:
        return None
    a = sum(k for k, _ in counts) / total
    spread = math.sqrt(m / (m - 1) * sum((k - a * n) ** 2 for k, n in counts)) / total
    half = critical(m - 1) * spread
    return max(0.0, a - half), min(1.0, a + half)


def _percent(part: Share) -> str:
    return f"{100 * part.value:.0f} %"


def _interval(part: Share) -> str:
    return f"{100 * part.value:.0f} % ({100 * part.low:.0f} to {100 * part.high:.0f} %; {part.k} of {part.n})"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _shown(ms: int) -> str:
    return f"{ms} ms" if ms else "until answered"
