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

CHUNK = 1 << 22  # distances held at once: 16 MB of floats


class Neighbourhoods(NamedTuple):
    """The four shares; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


class Memorisation(NamedTuple):
    """Are generated examples nearer to the training set than unseen real ones are?

    ratio = generated / held_out. About 1 is right; well below 1 (under .85, say) means copying; well above 1, that the
    samples lie apart from all real examples.
    """

    ratio: float
    generated: float  # median distance from a generated example to its nearest training example
    held_out: float  # the same from a real example that was held out of training
    counts: tuple[int, int]  # how many generated and held-out examples were counted


def distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of a [n, d] in chunks, each with its distances [m, len(b)] to all of b."""
    step = max(1, CHUNK // max(1, len(b)))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        yield rows, _apart(a[rows], b)


def _apart(a: Tensor, b: Tensor) -> Tensor:
    # Differences, not |a|^2 + |b|^2 - 2ab: that loses half the digits just where distances are small, and copies
    # are what a memorisation test looks for.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def radii(x: Tensor, k: int) -> Tensor:
    """The distance from each row of x [n, d] to its k-th nearest other row -> [n]; ValueError unless 1 <= k < n."""
    if not 1 <= k < len(x):
        raise ValueError(f"k is {k} with {len(x)} examples; allowed are 1 to n - 1. Take more examples or a smaller k.")
    # The row itself is one of its k + 1 nearest, at distance 0, as in the published code.
    return torch.cat([d.kthvalue(k + 1, dim=1).values for _, d in distances(x, x)])


def precision_recall_density_coverage(
    real: Tensor, fake: Tensor, k: int = 5, *, real_radii: Tensor | None = None
) -> Neighbourhoods:
    """The four shares for features real [n, d] and fake [m, d]; memory does not grow with n * m.

    `real_radii` may bring radii(real, k) from an earlier call. They depend on n and m: compare equal ones only.
    """
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
    found = [d.min(1) for _, d in distances(queries, bank)]
    if not found:
        return queries.new_empty(0), torch.empty(0, dtype=torch.long, device=queries.device)
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def copying(generated: Tensor, held_out: Tensor) -> Memorisation:
    """From distances to the nearest training example, of generated [n] and of held-out examples [m].

    When both medians are 0 (data that repeat themselves) the ratio is 1; when only the held-out one is, infinity.
    """
    near, usual = (float(side.cpu().double().quantile(0.5)) for side in (generated, held_out))
    ratio = near / usual if usual > 0 else (1.0 if near == 0 else float("inf"))
    return Memorisation(ratio, near, usual, (len(generated), len(held_out)))


def memorisation(generated: Tensor, held_out: Tensor, train: Tensor) -> Memorisation:
    """The same from features: generated [n, d], held_out [m, d] and train [b, d]; take n = m."""
    return copying(nearest(generated, train)[0], nearest(held_out, train)[0])
