"""Neighbours: fidelity and diversity from who lies near whom. Distances are Euclidean, between rows of features.

Notation: r_i and f_j are real and fake features, R_i the distance from r_i to its k-th nearest other real, B_i the ball
around r_i of that radius; F_j likewise among the fakes.

    precision = share of fakes inside any B_i            recall   = share of reals inside any fake's ball
    density   = mean over fakes of (balls B_i that hold it) / k
    coverage  = share of reals with a fake inside B_i

Improved Precision and Recall Metric for Assessing Generative Models (Kynkäänniemi et al., 2019,
https://arxiv.org/abs/1904.06991); Reliable Fidelity and Diversity Metrics for Generative Models (Naeem et al., 2020,
https://arxiv.org/abs/2002.09797), whose definitions these are, strict inequality at the rim included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

CHUNK = 1 << 21  # distances held at once: 16 MB in float64
CLOSE = 1e-6  # of |a|^2 + |b|^2: squared distances below it are computed again from differences


class Neighbourhoods(NamedTuple):
    """The four shares; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


class Memorisation(NamedTuple):
    """Are generated examples nearer to the training set than unseen real ones are?

    ratio = generated / held_out. About 1 is right; well below 1 (under .85, say) means copying, or samples that crowd
    where data lie dense (`copies` tells them apart); well above 1, that the
    samples lie apart from all real examples.
    """

    ratio: float
    generated: float  # median distance from a generated example to its nearest training example
    held_out: float  # the same from a real example that was held out of training
    counts: tuple[int, int]  # how many generated and held-out examples were counted


def distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a [n, d] in chunks, each with its distances [m, len(b)] to all of b, without gradients.

    |a - b|^2 = |a|^2 + |b|^2 - 2 <a, b> by matrix products in float64, about the mean of b, returned in a's own type.
    This form has an error of about 1e-15 (|a|^2 + |b|^2), too much just where distances are small, and copies are
    what a memorisation test looks for: below CLOSE (|a|^2 + |b|^2) the differences themselves are squared and added.
    So equal rows are at distance 0, and all others right to 1e-8. Memory does not grow with n * m, but do write what is
    kept of a chunk into a tensor made beforehand: small ones, made between chunks, break the heap into pieces.

    Raises:
        ValueError: not [n, d] and [m, d].
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"distances are between features [n, d] and [m, d] of one extractor; received "
                         f"{tuple(a.shape)} and {tuple(b.shape)}")
    a, b = a.detach(), b.detach()
    step = max(1, CHUNK // max(1, len(b)))
    centred = None if a.device.type == "mps" or not len(b) else _Centred.at(b)  # MPS has no float64
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        yield rows, _direct(a[rows], b) if centred is None else centred.apart(a[rows], b)


def _direct(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


class _Centred(NamedTuple):
    """Rows b [m, d] about their mean [d], seen as [d, m], and their squared lengths [m], float64."""

    mean: Tensor
    transposed: Tensor
    squares: Tensor

    @classmethod
    def at(cls, b: Tensor) -> _Centred:
        mean = b.mean(0, dtype=torch.float64)
        wide = b - mean
        return cls(mean, wide.T, torch.linalg.vector_norm(wide, dim=1).square())

    def apart(self, a: Tensor, b: Tensor) -> Tensor:
        wide = a.double() - self.mean
        squares = wide.square().sum(1)
        d2 = torch.addmm(self.squares, wide, self.transposed, alpha=-2).add_(squares[:, None])
        found = d2.to(a.dtype).sqrt_()
        bound = 3 * CLOSE * squares  # rows that near have lengths that near, so a's alone will do
        if bool((d2.amin(1) > bound).all()):  # false for NaN too: that is looked at again
            return found
        i, j = (~(d2 > bound[:, None])).nonzero(as_tuple=True)
        if 8 * len(i) > d2.numel():  # a collapsed set, all rows alike, or one not finite
            return _direct(a.double(), b.double()).to(a.dtype)
        for part in torch.arange(len(i), device=a.device).split(max(1, CHUNK // max(1, a.shape[1]))):
            gap = a[i[part]].double() - b[j[part]].double()
            found[i[part], j[part]] = gap.norm(dim=1).to(a.dtype)
        return found


def radii(x: Tensor, k: int) -> Tensor:
    """The distance from each row of x [n, d] to its k-th nearest other row -> [n]; ValueError unless 1 <= k < n."""
    if not 1 <= k < len(x):
        raise ValueError(f"k is {k} with {len(x)} examples; allowed are 1 to n - 1. Take more examples or a smaller k.")
    found = x.new_empty(len(x))
    for rows, d in distances(x, x):
        # The row itself is one of its k + 1 nearest, at distance 0, as in the published code.
        found[rows] = d.topk(k + 1, dim=1, largest=False).values[:, -1]
    return found


def precision_recall_density_coverage(
    real: Tensor, fake: Tensor, k: int = 5, *, real_radii: Tensor | None = None
) -> Neighbourhoods:
    """The four shares for features real [n, d] and fake [m, d]; memory does not grow with n * m.

    `real_radii` may bring radii(real, k) from an earlier call. They depend on n and m: compare equal ones only.

    Raises:
        ValueError: k not below n and m, features of another dimension, or values not finite.
    """
    _finite(real, fake)
    around_real = radii(real, k) if real_radii is None else real_radii
    around_fake = radii(fake, k)
    held = torch.zeros(len(fake), dtype=torch.long, device=real.device)
    reached, covered = 0, 0
    for rows, d in distances(real, fake):
        inside = d < around_real[rows, None]
        held += inside.sum(0)
        reached += int((d < around_fake).any(1).sum())
        covered += int((d.min(1).values < around_real[rows]).sum())
    n, m = len(real), len(fake)
    return Neighbourhoods(
        precision=int((held > 0).sum()) / m,
        recall=reached / n,
        density=int(held.sum()) / (k * m),
        coverage=covered / n,
    )


def nearest(queries: Tensor, bank: Tensor) -> tuple[Tensor, Tensor]:
    """For each query [n, d] the nearest row of the bank [m, d]: distances [n] and indices [n]."""
    if len(bank) == 0:
        raise ValueError("nearest: the bank is empty; give at least one example to compare with.")
    found = queries.new_empty(len(queries))
    where = torch.empty(len(queries), dtype=torch.long, device=queries.device)
    for rows, d in distances(queries, bank):
        found[rows], where[rows] = d.min(1)
    return found, where


def copying(generated: Tensor, held_out: Tensor) -> Memorisation:
    """From distances to the nearest training example, of generated [n] and of held-out examples [m].

    When both medians are 0 (data that repeat themselves) the ratio is 1; when only the held-out one is, infinity.
    """
    near, usual = (float(side.cpu().double().quantile(0.5)) for side in (generated, held_out))
    ratio = near / usual if usual > 0 else (1.0 if near == 0 else float("inf"))
    return Memorisation(ratio, near, usual, (len(generated), len(held_out)))


def memorisation(generated: Tensor, held_out: Tensor, train: Tensor) -> Memorisation:
    """The same from features: generated [n, d], held_out [m, d] and train [b, d]; take n = m.

    Raises:
        ValueError: an empty set, features of another dimension, or values not finite.
    """
    if not len(generated) or not len(held_out):
        raise ValueError(f"memorisation needs examples of each kind; received {len(generated)} generated and "
                         f"{len(held_out)} held out")
    _finite(generated, held_out, train)
    return copying(nearest(generated, train)[0], nearest(held_out, train)[0])


def _finite(*sets: Tensor) -> None:
    if not all(bool(torch.isfinite(x).all()) for x in sets):
        raise ValueError("features hold NaN or infinite values; look at the samples they were computed from")
