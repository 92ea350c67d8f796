"""The catalogue of measures: every figure of merit that the package knows, by family.

`FAMILIES` need nothing but features, logits or the training examples. `class_families` need labels, `table_families`
the cells of tables; they are made for the data at hand.
"""

from __future__ import annotations

from functools import partial

import torch

from mintage.evaluation.class_families import CLASS_MEASURES
from mintage.evaluation.measure import Family, Measure, Whole
from mintage.evaluation.measures.duplicates import duplicates
from mintage.evaluation.measures.extrapolation import extrapolated_frechet
from mintage.evaluation.measures.frechet import frechet_distance
from mintage.evaluation.measures.inception_score import inception_score
from mintage.evaluation.measures.kernel_distance import Kernel, across, checked, cubic, gaussian, within
from mintage.evaluation.measures.neighbours import copying, precision_recall_density_coverage
from mintage.evaluation.measures.sliced import sliced_wasserstein
from mintage.evaluation.measures.two_sample import classifier_test
from mintage.evaluation.sides import Side
from mintage.evaluation.table_families import TABLE_MEASURES
from mintage.evaluation.wording import number

NEIGHBOURS = 5


def _frechet(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"frechet": frechet_distance(real.features, fake.features)}


def _limit(real: Side, fake: Side, player: Side) -> Whole:
    found, floor = (extrapolated_frechet(real.features, side.features) for side in (fake, player))
    return Whole(found.distance, found.distance - 1.96 * found.error, found.distance + 1.96 * found.error,
                 floor.distance,
                 detail=", ".join(f"{number(value)} at n {sizes[1]:,}"
                                  for sizes, value in zip(found.sizes, found.values, strict=True)))


def _repeats(real: Side, fake: Side, player: Side) -> Whole:
    found = duplicates(fake.features, real.features)
    return Whole(found.twins / found.n, floor=found.twins_expected / found.n, p_value=found.twins_p_value)


def _kernel(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    return {"kernel": _discrepancy(real, fake, "cubic", cubic)}


def _gaussian(real: Side, fake: Side, train: Side | None) -> dict[str, float]:
    width = real.once("width", lambda: typical_distance(real))
    return {"mmd": _discrepancy(real, fake, f"gaussian {width}", gaussian(width))}


def _discrepancy(real: Side, fake: Side, name: str, kernel: Kernel) -> float:
    """The kernel mean discrepancy; what a side has within itself is computed once."""
    a, b = checked(real.features, fake.features)
    own = [side.once(name, partial(within, x, kernel)) for side, x in ((real, a), (fake, b))]
    return float(sum(own) - 2 * across(a, b, kernel))


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
                    "lower", "heusel2017", lambda dim: 5 * dim),), _frechet, also_train=True, smooth=512),
    Family((Measure("frechet_limit", "Fréchet distance, n to infinity",
                    "the same without the bias of finite n, from its figures at n, n/2 .. n/5", "lower", "chong2020",
                    lambda dim: 10 * dim),), whole=_limit, fewest=lambda dim: 10 * dim),
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
                    "as real", "naeem2020")), _neighbourhoods, block=100),
    Family((Measure("sliced", "sliced Wasserstein distance",
                    "how far features are apart along random directions, all quantiles counted", "lower",
                    "karras2018"),), _sliced),
    Family((Measure("two_sample", "two-sample accuracy",
                    "how often a classifier tells samples from real examples on features it has not seen; half where "
                    "it cannot", "lower", "lopezpaz2017", lambda dim: 8 * dim),), _classifier, block=100),
    Family((Measure("repeats", "repeats among samples",
                    "the share of samples that are all but equal to another one: a sign of a small support", "lower",
                    "arora2017", lambda dim: 1000),), whole=_repeats, twin="held-out", fewest=lambda dim: 100),
    Family((Measure("inception_score", "Inception score",
                    "how sure the classes are, and how many: blind to everything else, and to real data", "higher",
                    "salimans2016", lambda dim: 5000),), _inception, frozenset({"logits"})),
    Family((Measure("memorisation", "memorisation ratio",
                    "median distance to the nearest training example, over that of unseen real examples: well below 1 "
                    "are copies", "neither", "meehan2020", lambda dim: 200),
            Measure("near_train", "share next to training examples",
                    "the share of samples nearer to a training example than 99 of 100 unseen real ones are", "lower",
                    "meehan2020", lambda dim: 1000)), _copying, frozenset({"train"}), "held-out", block=100),
)

MEASURES: dict[str, Measure] = {
    measure.name: measure for measure in (*(one for family in FAMILIES for one in family.measures),
                                          *CLASS_MEASURES, *TABLE_MEASURES)}
