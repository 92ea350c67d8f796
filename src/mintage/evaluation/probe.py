"""A linear probe: what a linear map can read from features, from a few labels.

Features f [N, d], standardised by the training examples to g; labels y [N] of 0..K-1; T [N, K] their one-hot rows.

    W = (G^T G + s I)^-1 G^T (T - mean T),   scores(f) = g W + mean T,   the class is the largest score.

s is chosen among a grid by leaving each training example out, for which ridge regression has a closed form: with the
hat matrix H of the fit, the residual of the left-out example is e_i / (1 - H_ii). So no label beside the few is used.

Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.10 and eq. 7.64.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

STRENGTHS = tuple(10.0 ** (k / 2) for k in range(-8, 13))


class Probe(NamedTuple):
    """A fitted probe: `scores` and `classes` of other features; s, and the share right of the examples left out."""

    centre: Tensor
    scale: Tensor
    weight: Tensor
    constant: Tensor
    strength: float
    left_out: float

    def scores(self, features: Tensor) -> Tensor:
        """[N, K], about the share of each class.   features [N, ...]."""
        flat = features.flatten(1).double().cpu()
        return (flat - self.centre) / self.scale @ self.weight + self.constant

    def classes(self, features: Tensor) -> Tensor:
        """The class of the largest score, [N] int64."""
        return self.scores(features).argmax(1)

    def accuracy(self, features: Tensor, y: Tensor, at_once: int = 5000) -> float:
        """The share of examples whose class is found."""
        parts = zip(features.split(at_once), y.cpu().split(at_once), strict=True)
        return sum(int((self.classes(f) == t).sum()) for f, t in parts) / len(y)


def linear_probe(features: Tensor, y: Tensor, classes: int, strengths: tuple[float, ...] = STRENGTHS) -> Probe:
    """The probe of features [N, ...] with labels y [N] of 0..classes-1.

    The cost is that of a singular value decomposition of [N, d], whichever side is longer.

    Args:
        strengths: candidates for s, in units of the mean square of a singular value.

    Raises:
        ValueError: not as many labels as features, a label out of range, fewer than two examples.
    """
    flat, y = features.flatten(1).double().cpu(), y.cpu()
    if len(flat) != len(y) or len(y) < 2 or y.ndim != 1 or int(y.min()) < 0 or int(y.max()) >= classes:
        raise ValueError(f"a probe of {classes} classes needs two or more features and as many labels from 0 to "
                         f"{classes - 1}; received {len(flat)} and {list(y.shape)}")
    centre = flat.mean(0)
    spread = flat.std(0, correction=0)
    scale = torch.where(spread > 1e-8 * spread.amax().clamp(min=1e-30), spread, 1.0)
    targets = torch.nn.functional.one_hot(y, classes).double()
    constant = targets.mean(0)
    U, S, V = torch.linalg.svd((flat - centre) / scale, full_matrices=False)
    seen, goal = U.T @ (targets - constant), targets - constant
    unit = float(S.square().mean().clamp(min=1e-30))
    best: tuple[tuple[float, float], float] | None = None
    for strength in strengths:
        shrunk = S.square() / (S.square() + strength * unit)
        kept = 1 - (U.square() @ shrunk + 1 / len(y))
        residual = (goal - U @ (shrunk[:, None] * seen)) / kept.clamp(min=1e-9)[:, None]
        right = float(((targets - residual).argmax(1) == y).double().mean())
        found = (right, -float(residual.square().mean()))
        if best is None or found > best[0]:
            best = found, strength
    (right, _), strength = best if best is not None else ((0.0, 0.0), 1.0)
    weight = V.T @ ((S / (S.square() + strength * unit))[:, None] * seen)
    return Probe(centre, scale, weight, constant, strength, right)


def few_of_each(y: Tensor, each: int, generator: torch.Generator) -> Tensor:
    """Indices of `each` examples of every class of y [N], drawn without replacement; the classes in order.

    Raises:
        ValueError: a class has fewer.
    """
    chosen = []
    for k in y.unique().tolist():
        own = torch.nonzero(y == k)[:, 0]
        if len(own) < each:
            raise ValueError(f"class {k} has {len(own)} examples and {each} were asked for")
        chosen.append(own[torch.randperm(len(own), generator=generator)[:each]])
    return torch.cat(chosen)
