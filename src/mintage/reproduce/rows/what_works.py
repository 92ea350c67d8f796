"""What works: every objective and every stabiliser alone against one baseline; networks, data, budget, judge the same.

The baseline is the non-saturating game without any help (`reproduce.changes`). Each line changes one thing; the lines
of the two last groups change two, where the field says that they interact. Nothing is tuned for any line: rates are the
baseline's, weights of penalties those of their papers for its kind of data. Six seeds of the baseline, three of the
others.

A line's figure is its distance over the baseline's (see `reproduce.grounds`), the mean of the logarithms over seeds,
with an interval of 95 %. Its noise is the spread of logarithms within lines, of all lines of a ground together, and a
difference is called one where its p-value holds after the correction for all the lines of that ground (Holm).
"""

from __future__ import annotations

from mintage.objectives import ADVERSARIAL
from mintage.reproduce.changes import Change
from mintage.reproduce.grounds import GROUNDS, Played
from mintage.reproduce.row import Arm, Row
from mintage.reproduce.rows.what_works_reading import BASELINE, read
from mintage.systems.stabilisers import STABILISERS

SEEDS, BASE_SEEDS = (0, 1, 2), (0, 1, 2, 3, 4, 5)
WEIGHTS = {"r1": 1.0, "r2": 1.0, "r1 + r2": 1.0, "gradient-penalty": 10.0, "dragan": 10.0, "noise": 1.0,
           "consistency": 10.0, "balanced-consistency": 10.0}
"""Penalty on images -> its weight; on points, whose scale is another, the zero-centred ones have a tenth."""
SMALLER = {"r1", "r2", "r1 + r2", "noise"}
OF_IMAGES = {"consistency", "balanced-consistency"}
CROSSED_LOSSES = ("least-squares", "wasserstein", "hinge", "relativistic-paired")
CROSSED_PENALTIES = ("r1", "r1 + r2", "gradient-penalty")
NORMS = ("spectral", "batch")
ELSEWHERE = {"spectral-norm", "consistency", "balanced-consistency", "unrolled", "two-rates", "critic-steps"}
"""Stabilisers that stand in the table as penalties, norms, or ways to play."""
FEWER: dict[str, tuple[tuple[str, int], ...]] = {"minibatch-discrimination": (("kernels", 20), ("dims", 3))}
"""Stabiliser -> settings for points: with the paper's hundred kernels a batch of 128 would cost fifty baselines."""

Lines = dict[tuple[str, str], Change]
"""(group, line) -> change."""


def penalised(penalty: str, points: bool, **more: str) -> Change:
    """The baseline with a penalty of its usual weight, and what else is changed."""
    weight = WEIGHTS[penalty] / (10 if points and penalty in SMALLER else 1)
    return Change(penalty=penalty, weight=weight, **more)  # type: ignore[arg-type]


def alone(points: bool) -> Lines:
    """One change a line."""
    lines: Lines = {("objective", loss): Change(loss=loss) for loss in ADVERSARIAL if loss != Change().loss}
    lines |= {("penalty", name): penalised(name, points) for name in WEIGHTS if not (points and name in OF_IMAGES)}
    lines |= {("norm", f"{norm} norm"): Change(norm=norm) for norm in NORMS if not (points and norm == "batch")}
    lines |= {("play", "clipped weights"): Change(limit=0.1 if points else 0.05),
              ("play", "2 critic steps"): Change(critic_steps=2), ("play", "5 critic steps"): Change(critic_steps=5),
              ("play", "critic's rate x 4"): Change(critic_rate=4.0),
              ("play", "generator's rate / 4"): Change(rate=0.25),
              ("play", "averaged generator"): Change(average=0.05),
              ("play", "unrolled, 5 of .01"): Change(look_ahead=5, look_rate=0.01)}
    lines |= {("play", "unrolled, 5 of .1"): Change(look_ahead=5)} if points else {}
    lines |= {("play", rule): Change(rule=rule) for rule in ("simultaneous", "extragradient", "optimistic",
                                                             "consensus")}
    return lines | {("stabiliser", name): Change(stabiliser=name, settings=FEWER.get(name, ()) if points else ())
                    for name in STABILISERS if name not in ELSEWHERE}


def crossed(points: bool) -> Lines:
    """Two changes a line: penalty x objective, norm x penalty, norm x objective."""
    lines: Lines = {("penalty x objective", f"{penalty} x {loss}"): penalised(penalty, points, loss=loss)
                    for loss in CROSSED_LOSSES for penalty in CROSSED_PENALTIES}
    norms = [norm for norm in NORMS if not (points and norm == "batch")]
    lines |= {("norm x penalty", f"{norm} norm x {penalty}"): penalised(penalty, points, norm=norm)
              for norm in norms for penalty in CROSSED_PENALTIES}
    return lines | {("norm x objective", f"{norm} norm x {loss}"): Change(loss=loss, norm=norm)
                    for norm in norms for loss in CROSSED_LOSSES}


STACKED = ("relativistic-paired", "wasserstein", "gradient-penalty", "r1", "r1 + r2", "spectral norm", "batch norm",
           "packing", "minibatch-stddev", "minibatch-discrimination", "gradient-penalty x wasserstein",
           "r1 + r2 x relativistic-paired", "averaged generator", "5 critic steps")
"""The lines that are played on stacks of digits too: a training there is three times as long."""


def lines_of(ground: str) -> Lines:
    """The lines of a ground, the baseline first."""
    points = GROUNDS[ground].spec.kind == "points"
    lines: Lines = {("", BASELINE): Change(), **alone(points), **crossed(points)}
    if ground == "stacked-mnist":
        lines = {key: change for key, change in lines.items() if key[1] in (BASELINE, *STACKED)}
    return lines


LINES = {ground: lines_of(ground) for ground in GROUNDS}
ARMS = tuple(Arm(f"{ground}: {name}", Played(ground, change), BASE_SEEDS if name == BASELINE else SEEDS)
             for ground, lines in LINES.items() for (_, name), change in lines.items())
GROUPS = {ground: {name: group for group, name in lines} for ground, lines in LINES.items()}

DECLARED = {"what-works": Row(
    "what-works", "every objective and stabiliser against one baseline: same networks, data, budget and judge", ARMS,
    lambda found: read(found, GROUPS), partial=True)}
