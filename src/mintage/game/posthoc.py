"""The length of a power average, chosen after the run.

A power average of exponent k after t examples weighs the weights of time tau by the profile

    p(tau) = (k + 1) tau^k / t^(k+1)   on [0, t]

Snapshots of a run are averages with profiles p_i. A sum with coefficients x_i is the average with the profile sum x_i
p_i, and the best for a target p* is the least-squares one, with the closed-form inner products

    <p_a, p_b> = (k_a + 1)(k_b + 1) / (k_a + k_b + 1) (m / t_a)^(k_a) (m / t_b)^(k_b) / max(t_a, t_b)

where m = min(t_a, t_b).

Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024), section 3.2 and appendix C.
https://arxiv.org/abs/2312.02696. Here the coefficients are also held to sum to 1, so weights that stand still are met
exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mintage.game.averages import Snapshot, kappa_of


def reconstruct(snapshots: Sequence[Snapshot], length: float, *, examples: int | None = None) -> Tensor:
    """The averaged weights of any length, from snapshots of a few lengths at several times.

    Args:
        snapshots: of one run (`PowerAverage.snapshots`); the closer their times and the more lengths, the better.
        length: sigma_rel of the average that is wanted.
        examples: the time at which it is wanted; by default that of the last snapshot.

    Returns:
        weights [all of them, flat], for `PowerAverage.show`.

    Raises:
        ValueError: no snapshots, or a time outside theirs.
    """
    if not snapshots:
        raise ValueError("there are no snapshots to reconstruct an average from; take PowerAverage.snapshots now and "
                         "then in the body of the loop")
    times = [shot.examples for shot in snapshots]
    end = max(times) if examples is None else examples
    if not 0 < end <= max(times):
        raise ValueError(f"an average is asked for after {end} examples, and the snapshots were taken after "
                         f"{min(times)} to {max(times)}; the future of a run cannot be reconstructed")
    x = coefficients([(shot.examples, shot.length) for shot in snapshots], (end, length))
    total = torch.zeros_like(snapshots[0].weights, dtype=torch.float64)
    for part, shot in zip(x.tolist(), snapshots, strict=True):
        total += part * shot.weights.double()
    return total.to(snapshots[0].weights.dtype)


def coefficients(given: Sequence[tuple[float, float]], target: tuple[float, float]) -> Tensor:
    """x [n] with sum 1 that brings sum x_i p_i closest to p*, for profiles given as (examples, length).

    The normal equations with a Lagrange multiplier for the sum, in float64. Where two profiles are the same the
    shortest solution is taken.
    """
    n = len(given)
    t = torch.tensor([time for time, _ in [*given, target]], dtype=torch.float64)
    k = torch.tensor([kappa_of(length) for _, length in [*given, target]], dtype=torch.float64)
    products = inner(t[:, None], k[:, None], t[None], k[None]) * t[-1]  # in units of the target's time: of order 1
    system = torch.ones(n + 1, n + 1, dtype=torch.float64)
    system[:n, :n] = products[:n, :n]
    system[n, n] = 0
    right = torch.cat([products[:n, n], torch.ones(1, dtype=torch.float64)])
    return (torch.linalg.pinv(system, hermitian=True, rtol=1e-13) @ right)[:n]


def inner(t_a: Tensor, k_a: Tensor, t_b: Tensor, k_b: Tensor) -> Tensor:
    """<p_a, p_b>, the integral of the product of two profiles; any shapes that broadcast."""
    m = torch.minimum(t_a, t_b)
    common = (k_a + 1) * (k_b + 1) / (k_a + k_b + 1)
    return common * (m / t_a) ** k_a * (m / t_b) ** k_b / torch.maximum(t_a, t_b)
