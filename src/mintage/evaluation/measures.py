"""Measures: every figure of merit that the package knows, by family; each family is computed in one go.

A `Measure` says how its figure is read. A `Family` computes the figures of one or more measures from three sides (see
`sides`): `of(real, fake, train)` -> {name: figure}. Figures of a family depend on how many examples stand on each side,
so they are compared only at equal n, and always beside the figure of real data at that n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from mintage.evaluation.frechet import frechet_distance
from mintage.evaluation.inception_score import inception_score
from mintage.evaluation.kernel_distance import gaussian, mmd2
from mintage.evaluation.neighbours import copying, precision_recall_density_coverage
from mintage.evaluation.sides import Side
from mintage.evaluation.sliced import sliced_wasserstein
from mintage.evaluation.two_sample import classifier_test

Better = Literal["lower", "higher", "as real"]
Twin = Literal["train", "held-out"]
Of = Callable[[Side, Side, Side | None], Mapping[str, float]]
NEIGHBOURS = 5


@dataclass(frozen=True)
class Measure:
    """How a figure is read: its title, what it says, which way is better, and the fewest examples it needs."""

    name: str
    title: str
    says: str
    better: Better
    source: str
    least: Callable[[int], int] = lambda dim: 500  # of the number of features


@dataclass(frozen=True)
class Family:
    """Measures that are computed together, and what they need beside features.

    `twin` says who plays the samples where the figure of real data is wanted: training examples, or other held-out
    ones (for measures of copying, which training examples would fail by definition).
    """

    measures: tuple[Measure, ...]
    of: Of
    needs: frozenset[str] = frozenset()  # of: train, logits, labels
    twin: Twin = "train"
    also_train: bool = False  # whether it is computed against the training examples too

    def fits(self, real: Side, fake: Side, train: Side | None) -> bool:
        """Whether these sides have what the family needs."""
        have = {"train": train is not None and real.near is not None and fake.near is not None,
                "logits": fake.logits is not None, "labels": fake.labels is not None and real.labels is not None}
        return all(have[need] for need in self.needs)


def _frechet(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"frechet": frechet_distance(real.features, fake.features)}


def _kernel(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"kernel": mmd2(real.features, fake.features)}


def _gaussian(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"mmd": mmd2(real.features, fake.features, gaussian(typical_distance(real)))}


def typical_distance(side: Side, most: int = 500) -> float:
    """The median distance between two of the first examples: the width of the Gaussian kernel."""
    x = side.features[:most].double()
    apart = torch.cdist(x, x)
    return max(float(apart[torch.ones_like(apart).triu(1).bool()].median()), 1e-12)


def _neighbourhoods(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    k = min(NEIGHBOURS, len(real) - 1, len(fake) - 1)
    return precision_recall_density_coverage(real.features, fake.features, k)._asdict()


def _sliced(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"sliced": sliced_wasserstein(real.features, fake.features, directions=128)}


def _classifier(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"two_sample": classifier_test(real.features, fake.features).accuracy}


def _inception(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    if fake.logits is None:
        return {}
    return {"inception_score": inception_score(fake.logits, parts=10 if len(fake) >= 5000 else 1).score}


def _copying(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    if real.near is None or fake.near is None:
        return {}
    close = float(real.near.double().quantile(0.01))
    return {"memorisation": copying(fake.near, real.near).ratio,
            "near_train": float((fake.near.double() <= close).double().mean())}


FAMILIES: tuple[Family, ...] = (
    Family((Measure("frechet", "Fréchet distance",
                    "how far mean and covariance of the features are apart; FID where the features are Inception's",
                    "lower", "heusel2017", lambda dim: 5 * dim),), _frechet, also_train=True),
    Family((Measure("kernel", "kernel distance (KID)",
                    "a kernel mean discrepancy, cubic kernel, without bias: 0 in the mean for a perfect generator",
                    "lower", "binkowski2018"),), _kernel, also_train=True),
    Family((Measure("mmd", "MMD, Gaussian kernel",
                    "a kernel mean discrepancy that sees every difference, at the scale of typical distances", "lower",
                    "gretton2012"),), _gaussian),
    Family((Measure("precision", "precision", "the share of samples that lie among real examples: fidelity", "as real",
                    "kynkaanniemi2019", lambda dim: 1000),
            Measure("recall", "recall", "the share of real examples that lie among samples: diversity", "as real",
                    "kynkaanniemi2019", lambda dim: 1000),
            Measure("density", "density", "how many real neighbourhoods hold a sample: fidelity, robust to outliers",
                    "as real", "naeem2020"),
            Measure("coverage", "coverage", "the share of real neighbourhoods that hold a sample: diversity, robust",
                    "as real", "naeem2020")), _neighbourhoods),
    Family((Measure("sliced", "sliced Wasserstein distance",
                    "how far features are apart along random directions, all quantiles counted", "lower",
                    "karras2018"),), _sliced),
    Family((Measure("two_sample", "two-sample accuracy",
                    "how often a classifier tells samples from real examples on features it has not seen; half where "
                    "it cannot", "lower", "lopezpaz2017", lambda dim: 8 * dim),), _classifier),
    Family((Measure("inception_score", "Inception score",
                    "how sure the classes are, and how many: blind to everything else, and to real data", "higher",
                    "salimans2016", lambda dim: 5000),), _inception, frozenset({"logits"})),
    Family((Measure("memorisation", "memorisation ratio",
                    "median distance to the nearest training example, over that of unseen real examples: well below 1 "
                    "are copies", "as real", "meehan2020", lambda dim: 200),
            Measure("near_train", "share next to training examples",
                    "the share of samples nearer to a training example than 99 of 100 unseen real ones are", "as real",
                    "meehan2020", lambda dim: 1000)), _copying, frozenset({"train"}), "held-out"),
)

MEASURES: dict[str, Measure] = {measure.name: measure for family in FAMILIES for measure in family.measures}
