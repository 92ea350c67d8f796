"""Every adversarial objective on the ring of 8 Gaussians: modes, share of high quality, seconds.

The same networks, rates and budget for all (`COMMON`): MLPs of width 64, three hidden layers, two normal latents, 2,000
rounds of 128, Adam(0, .99) from 1e-3, and a critic that sees waves of the point. Two columns:

    common penalty  R1 + R2 on every objective, with a weight that falls from .5 to .005
    as in its paper the same without that penalty, and with the constraint the objective's own paper needs, if any

Nothing is tuned for any objective. Below the objectives stand three terms that are added to another objective, here to
the non-saturating one with the common penalty: feature matching on the critic's last hidden layer; information about
a code of 8 classes, read back by a network Q of the generator's; the class of a point, told by a network Q of the
critic's (the reals' classes are known there, and samples are asked for evenly by class).

References:
    objectives: see `mintage.objectives`, each function with its paper
    protocol: VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import torch
from torch import Tensor

from mintage.data import toy
from mintage.evaluation.measures.neighbours import nearest
from mintage.game import Average, Game, Move, Objective, Player, Round, Terms, derive, geometric, returns
from mintage.lab.bench import Bench
from mintage.lab.drawing import COLOURS, panels
from mintage.lab.mixtures import Score, Setting, both, learn, networks, scored, stepping
from mintage.lab.outcome import Finding, Outcome, Table
from mintage.latent import Prior, normal
from mintage.networks import MLP, MLPGenerator
from mintage.objectives import (
    ADVERSARIAL,
    auxiliary_class,
    categorical_information,
    feature_matching,
    non_saturating,
)
from mintage.systems import moves

RING, MODES, COVERED = "ring", 8, 7
COMMON = Setting(rounds=2000, batch=128, z_dim=2, width=64, depth=3, width_G=64, depth_G=3, critic="waves", lr_D=1e-3,
                 lr_G=1e-3, beta1=0.0, beta2=0.99, decays=True, penalty="r1 + r2", gamma=(0.5, 0.005), average=0.02)
BARE = replace(COMMON, penalty="")
HELD = replace(COMMON, penalty="gradient-penalty", gamma=(10.0, 10.0))
NEEDS = {"wasserstein": ("gradient penalty", HELD), "hinge": ("spectral norm", replace(BARE, critic="spectral waves"))}
"""Objective -> the constraint of its paper; every MMD needs a gradient penalty as well."""
TERMS = ("feature matching", "information", "auxiliary class")

Rows = dict[tuple[str, int], list[Score]]
"""(objective or term, column) -> its score for each seed."""


def in_its_paper(objective: str) -> tuple[str, Setting]:
    """The constraint of an objective's paper in words, and the setting with it."""
    if objective.startswith("mmd"):
        return "gradient penalty", HELD
    return NEEDS.get(objective, ("none", BARE))


def run(objective: str, column: int, seed: int, quick: bool) -> Score:
    """One objective or added term, in column 0 (common penalty) or 1 (as in its paper), with one seed."""
    rounds = Bench(quick=quick).steps(COMMON.rounds)
    if objective in TERMS:
        return scored(with_term(objective, seed), RING, seed, rounds * COMMON.batch, COMMON.batch)
    setting = in_its_paper(objective)[1] if column else COMMON
    return learn(replace(setting, loss=ADVERSARIAL[objective]), RING, seed, rounds)


def classes(x: Tensor) -> Tensor:
    """The mode each point is of, [N]."""
    return nearest(x.double(), torch.from_numpy(toy(RING).standardised()[0]))[1]


def with_term(term: str, seed: int) -> Game:
    """The non-saturating game with the common penalty and one added term.

    For information and classes G(z, c) takes a class c, and Q(x) [N, 8] tells it from the point.
    """
    prior, nets = normal(COMMON.z_dim), networks(COMMON, seed)
    owner = {"information": "G", "auxiliary class": "D"}.get(term)
    if owner:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive("classes", seed))
            nets |= {"G": MLPGenerator((2,), z_dim=COMMON.z_dim, classes=MODES, width=COMMON.width_G,
                                       depth=COMMON.depth_G),
                     "Q": MLP(2, MODES, width=COMMON.width)}
    D, G = sides(term, prior)
    owned = {name: (name, "Q") if name == owner else (name,) for name in ("D", "G")}
    return Game(
        nets,
        {name: Player(owned[name], stepping(COMMON, COMMON.lr_D)) for name in ("D", "G")},
        [Move("D", D, weights={"penalty": geometric(*COMMON.gamma)}), Move("G", G)],
        sampler=moves.sampler(prior, MODES if owner else 0),
        controllers=[Average("G", half_life=moves.share_of_budget(COMMON.average))],
    )


def sides(term: str, prior: Prior) -> tuple[Objective, Objective]:
    """What D and G lower: the non-saturating loss, D the penalty too, and the term where it is theirs."""

    def pair(nets: Any, round: Round) -> tuple[Tensor, Tensor, Tensor | None]:
        """Reals, fakes, and the classes of both or the code of the fakes."""
        x, code = round.batch.x, None
        if term == "auxiliary class":
            code = classes(x)
        if term == "information":
            code = torch.randint(MODES, (len(x),), generator=round.generator("code"))
        return x, nets.G(round.draw(prior), code), code

    @returns("loss", "penalty", *(["term"] if term == "auxiliary class" else []))
    def D(nets: Any, round: Round) -> Terms:
        x, fake, code = pair(nets, round)
        terms = {"loss": non_saturating.critic(nets.D(x), nets.D(fake)),
                 "penalty": both(nets.D, x, fake, None, round.generator("penalty"))}
        if term == "auxiliary class" and code is not None:
            terms["term"] = auxiliary_class(nets.Q(x), code) + auxiliary_class(nets.Q(fake), code)
        return terms

    @returns("loss", "term")
    def G(nets: Any, round: Round) -> Terms:
        x, fake, code = pair(nets, round)
        if code is None:
            added = feature_matching(nets.D.features(x), nets.D.features(fake))
        else:
            added = (categorical_information if term == "information" else auxiliary_class)(nets.Q(fake), code)
        return {"loss": non_saturating.generator(None, nets.D(fake)), "term": added}

    return D, G


def objectives_on_the_ring(bench: Bench) -> Outcome:
    """Run the experiment."""
    tasks = [(name, column, seed, bench.quick) for name in ADVERSARIAL for column in (0, 1) for seed in bench.seeds]
    tasks += [(term, 0, seed, bench.quick) for term in TERMS for seed in bench.seeds]
    rows: Rows = {}
    for (name, column, _, _), one in zip(tasks, bench.map(run, tasks), strict=True):
        rows.setdefault((name, column), []).append(one)
    return Outcome(findings(rows), [table(rows)], lambda: figure(rows), reading(rows), bench.seeds)


def findings(rows: Rows) -> list[Finding]:
    """None diverges, and each covers 7 of 8 modes with the common penalty."""
    runs = [one for row in rows.values() for one in row]
    found = [Finding.at_most("processor minutes for the whole table, shared by two cores", 20,
                             sum(one.seconds for one in runs) / 60 / 2),
             Finding.at_most(f"runs of {len(runs)} that were not finite", 0, sum(not one.finite for one in runs))]
    return found + [Finding.at_least(f"{name}: modes of {MODES} with the common penalty, median", COVERED,
                                     _median(rows[name, 0], "covered")) for name in [*ADVERSARIAL, *TERMS]]


def table(rows: Rows) -> Table:
    """All objectives and added terms, medians over seeds."""
    header = ["objective", "modes of 8", "high quality %", "seconds", "as in its paper: constraint", "modes of 8",
              "high quality %", "seconds"]
    return Table("Objectives on the ring: R1 + R2 on all, and as in their papers (medians over seeds)", header,
                 [[name, *_cells(rows[name, 0]), in_its_paper(name)[0], *_cells(rows[name, 1])] for name in ADVERSARIAL]
                 + [[f"non-saturating + {term}", *_cells(rows[term, 0]), "", "", "", ""] for term in TERMS])


def _cells(scores: Sequence[Score]) -> list[float | str]:
    broken = sum(not one.finite for one in scores)
    return [_median(scores, "covered") if not broken else f"{broken} of {len(scores)} broke",
            round(100 * _median(scores, "high_quality"), 1), round(_median(scores, "seconds"), 1)]


def reading(rows: Rows) -> str:
    """What the table says, and what it does not."""
    short = [name for name in ADVERSARIAL if _median(rows[name, 0], "covered") < COVERED]
    alone = [name for name in ADVERSARIAL if _median(rows[name, 1], "covered") < COVERED]
    return (f"With the common penalty fewer than {COVERED} modes are covered by: {', '.join(short) or 'none'}; as in "
            f"their papers by: {', '.join(alone) or 'none'}. One weight of the penalty is not the same constraint on "
            "every objective: their logits have different scales, so the quality column compares this setting, not the "
            "objectives at their best. Covering is measured after 2,000 rounds. Seconds are processor time of one "
            "thread.")


def _median(scores: Sequence[Score], what: str) -> float:
    return float(median(getattr(one, what) for one in scores))


def figure(rows: Rows) -> Any:
    """High quality and modes of every objective, in both columns."""
    names = [*ADVERSARIAL, *TERMS]
    drawn, axes = panels(2, width=5.2, height=6.2, sharey=True)
    for axis, what, scale in ((axes[0][0], "covered", 1.0), (axes[0][1], "high_quality", 100.0)):
        for column, marker, label in ((1, "s", "as in its paper"), (0, "o", "common penalty R1 + R2")):
            there = [k for k, name in enumerate(names) if (name, column) in rows]
            for k in there:
                every = [scale * getattr(one, what) for one in rows[names[k], column]]
                axis.plot(every, [k] * len(every), marker, color=COLOURS[column], alpha=0.3, ms=4)
            axis.plot([scale * _median(rows[names[k], column], what) for k in there], there, marker,
                      color=COLOURS[column], ms=7, label=label)
    axes[0][0].set(title="Modes covered", xlabel="modes of 8", xlim=(-0.3, 8.3), yticks=range(len(names)),
                   yticklabels=names)
    axes[0][0].invert_yaxis()
    axes[0][1].set(title="Samples within 3 sigma of a mode", xlabel="% of 2,500 (large: median; small: each seed)",
                   xlim=(-3, 103))
    axes[0][1].axvline(98.9, color="#5b5b5b", lw=0.8, ls=":", label="a perfect sampler")
    axes[0][1].legend(loc="lower center", frameon=False)
    return drawn
