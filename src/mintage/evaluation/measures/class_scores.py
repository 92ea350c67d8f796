"""Scores by classes, for samples with labels or a classifier of them. Features f [n, d], labels y [n] in 0 .. K - 1.

    classification accuracy score   a classifier trained on samples and their labels, tested on real examples
    label agreement                 a classifier trained on real examples, tested on samples and their labels
    class histogram                 how often each class comes, beside how often in real examples
    intra-class Fréchet             the mean over classes of the distance between samples and reals of that class

Classification Accuracy Score for Conditional Generative Models (Ravuri and Vinyals, 2019),
https://arxiv.org/abs/1905.10887; cGANs with Projection Discriminator (Miyato and Koyama, 2018), which names the last,
https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64, frechet_distance

RIDGE, STEPS, MEMORY, SMALL = 1e-3, 200, 10, 1e-4


@dataclass(frozen=True)
class Classifier:
    """Multinomial logistic regression on standardised features: logits = [(f - mean) / deviation, 1] W, float64.

    W [d + 1, K] minimises the mean cross entropy + ridge |W|^2 / 2, the last row (the offsets) free of the penalty.
    A class without training examples has probability 0.
    """

    weight: Tensor
    mean: Tensor
    deviation: Tensor
    seen: Tensor  # [K], which classes had examples

    @classmethod
    def fit(cls, features: Tensor, labels: Tensor, classes: int, *, ridge: float = RIDGE) -> Classifier:
        """From features [n, d] and labels [n]: no chance in it, the same answer each time.

        Raises:
            ValueError: one class only, labels outside 0 .. classes - 1, other shapes, values not finite, ridge <= 0.
        """
        if not ridge > 0:
            raise ValueError(f"ridge is {ridge}; allowed are numbers above 0, {RIDGE} is usual")
        f, y = _checked(features, labels, classes)
        mean, deviation = f.mean(0), f.std(0, correction=0)
        deviation = torch.where(deviation > 1e-9 * (1 + mean.abs()), deviation, 1)  # a constant feature tells nothing
        target = torch.nn.functional.one_hot(y, classes).bool()
        seen = target.any(0)
        if int(seen.sum()) < 2:
            raise ValueError(f"a classifier needs examples of two classes or more; received {int(seen.sum())} of "
                             f"{classes}")
        return cls(_minimised((f - mean) / deviation, target, seen, ridge), mean, deviation, seen)

    def probabilities(self, features: Tensor) -> Tensor:
        """p(y | f) for features [n, d] -> [n, K], float64, rows that add to 1."""
        f = (float64(features).to(self.mean.device) - self.mean) / self.deviation
        return (f @ self.weight[:-1] + self.weight[-1]).masked_fill(~self.seen, -math.inf).softmax(1)

    def labels(self, features: Tensor) -> Tensor:
        """The likeliest class of each of features [n, d] -> [n]."""
        return self.probabilities(features).argmax(1)


def _checked(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    if features.ndim != 2 or labels.shape != features.shape[:1] or not len(labels):
        raise ValueError(f"classes need features [n, d] and one label for each [n]; received {tuple(features.shape)} "
                         f"and {tuple(labels.shape)}")
    if labels.is_floating_point() or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}; received {labels.dtype} from "
                         f"{labels.min()} to {labels.max()}")
    if not bool(torch.isfinite(features).all()):
        raise ValueError("features hold NaN or infinite values; look at the samples they were computed from")
    f = float64(features)
    return f, labels.to(f.device).long()


def _minimised(x: Tensor, target: Tensor, seen: Tensor, ridge: float) -> Tensor:
    """L-BFGS (Nocedal, 1980) on the cross entropy, in the basis where a bound of its curvature is the identity.

    H <= I / 2 (x) X'X / n + ridge (Multinomial logistic regression algorithm, Böhning, 1992). Correlated features are
    what makes this problem slow, and that basis has none.
    """
    values, vectors = torch.linalg.eigh(x.T @ x / (2 * len(x)))
    basis = vectors * (values.clamp(min=0) + ridge).rsqrt()
    # Offsets are free of the penalty, and apart from the rest of the bound, since features are centred.
    x = torch.cat([x @ basis, x.new_full((len(x), 1), 2**0.5)], 1)
    penalty = torch.cat([ridge * basis.square().sum(0), x.new_zeros(1)])[:, None]

    def loss(w: Tensor) -> tuple[float, Tensor]:
        log_p = (x @ w).masked_fill(~seen, -math.inf).log_softmax(1)
        value = -log_p[target].mean() + (penalty * w * w).sum() / 2
        return float(value), x.T @ (log_p.exp() - target.to(x.dtype)) / len(x) + penalty * w

    w = x.new_zeros(x.shape[1], target.shape[1])
    value, slope = loss(w)
    enough, past = SMALL * float(slope.norm()), list[tuple[Tensor, Tensor]]()
    for _ in range(STEPS):
        way, length = -_newton(slope, past), 1.0
        downhill = float((way * slope).sum())
        while (after := loss(w + length * way))[0] > value + 1e-4 * length * downhill and length > 1e-6:
            length /= 2
        if after[0] >= value:  # as low as rounding lets us go
            break
        past = [*past, (length * way, after[1] - slope)][-MEMORY:]
        w, (value, slope) = w + length * way, after
        if float(slope.norm()) < enough:
            break
    return torch.cat([basis @ w[:-1], w[-1:] * 2**0.5])


def _newton(slope: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
    """About H^-1 slope, from the last steps s and changes of slope y."""
    q, parts = slope, list[Tensor]()
    for s, y in reversed(past):
        parts.append((s * q).sum() / (s * y).sum())
        q = q - parts[-1] * y
    if past:
        s, y = past[-1]
        q = q * (s * y).sum() / y.square().sum()
    for (s, y), part in zip(past, reversed(parts), strict=True):
        q = q + s * (part - (y * q).sum() / (s * y).sum())
    return q


class Accuracy(NamedTuple):
    """A share of n that was right, its standard error, the same for real examples (the floor), and of each class."""

    accuracy: float
    error: float
    real: float
    each: Tensor  # [K], NaN for a class that did not come
    n: int


def _right(model: Classifier, features: Tensor, labels: Tensor) -> Tensor:
    f, y = _checked(features, labels, len(model.seen))
    return (model.labels(f) == y).double()


def _accuracy(right: Tensor, labels: Tensor, classes: int, real: float) -> Accuracy:
    share, y = float(right.mean()), labels.to(right.device).long()
    each = right.new_zeros(classes).index_add(0, y, right) / torch.bincount(y, minlength=classes)
    return Accuracy(share, math.sqrt(share * (1 - share) / len(y)), real, each, len(y))


def classification_accuracy_score(
    fake: tuple[Tensor, Tensor], train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], classes: int, *,
    seed: int = 0,
) -> Accuracy:
    """Trained on fake, tested on real: how much of what tells the classes apart do the samples hold?

    Each set is (features [n, d], labels [n]). `real` is the accuracy on `test` after training on as many of `train` as
    there are samples: the score of a perfect generator. `test` must not have trained the generator.
    """
    n = min(len(fake[1]), len(train[1]))
    order = torch.randperm(len(train[1]), generator=torch.Generator().manual_seed(seed))[:n]
    features, labels = (part[order.to(part.device)] for part in train)
    real = float(_right(Classifier.fit(features, labels, classes), *test).mean())
    return _accuracy(_right(Classifier.fit(*fake, classes), *test), test[1], classes, real)


def label_agreement(
    model: Classifier, fake: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor]
) -> Accuracy:
    """Do samples show the class they were asked for, in the eyes of a classifier fitted to real training examples?

    Each set is (features [n, d], labels [n]); `real` is the classifier's accuracy on `held_out`.
    """
    real = float(_right(model, *held_out).mean())
    return _accuracy(_right(model, *fake), fake[1], len(model.seen), real)


class Histogram(NamedTuple):
    """Total variation from 0 to 1, the p-value of "one histogram" by chi-square, and both counts [K]."""

    distance: float
    p_value: float
    counts: Tensor
    real: Tensor


def class_histogram(labels: Tensor, real: Tensor, classes: int) -> Histogram:
    """Between labels [n] and real [m], as a classifier gave them to both: sum over classes of |p - q| / 2.

    Two finite sets of one kind are apart too, by about sqrt(K (1/n + 1/m) / 2 pi): read the p-value.
    """
    sides = [_checked(y[:, None].double(), y, classes)[1].cpu() for y in (labels, real)]
    counts = torch.stack([torch.bincount(y, minlength=classes) for y in sides]).double()
    total = counts.sum(1, keepdim=True)
    shares, came = counts / total, counts.sum(0) > 0
    expected = (total * counts.sum(0) / total.sum())[:, came]
    statistic, freedom = ((counts[:, came] - expected).square() / expected).sum(), int(came.sum()) - 1
    p = float(torch.special.gammaincc(statistic.new_tensor(freedom / 2), statistic / 2)) if freedom else 1.0
    return Histogram(float((shares[0] - shares[1]).abs().sum() / 2), p, counts[0].long(), counts[1].long())


class IntraClass(NamedTuple):
    """The mean distance, that of each class that was compared, and the classes left out for want of examples."""

    distance: float
    each: dict[int, float]
    left_out: tuple[int, ...]


def intra_class_frechet(
    real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], classes: int, *, least: int | None = None
) -> IntraClass:
    """The mean over classes of the Fréchet distance; each set is (features [n, d], labels [n]).

    A class needs `least` examples on both sides, d + 1 unless told. Its bias is that of the smaller sets.

    Raises:
        ValueError: no class has enough.
    """
    sides = [_checked(*side, classes) for side in (real, fake)]
    need = max(2, least or sides[0][0].shape[1] + 1)
    each = {k: frechet_distance(*parts) for k in range(classes)
            if min(map(len, parts := [f[y == k] for f, y in sides])) >= need}
    if not each:
        raise ValueError(f"no class has {need} examples on both sides; more examples are needed")
    return IntraClass(sum(each.values()) / len(each), each, tuple(k for k in range(classes) if k not in each))
