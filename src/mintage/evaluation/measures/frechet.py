"""The Fréchet distance between two sets of features, each summed up by its mean m and covariance C.

    d(a, b) = |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

It is the squared 2-Wasserstein distance of two normals with those moments; with Inception features it is called FID
(GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, Heusel et al., 2017,
https://arxiv.org/abs/1706.08500). It is biased upwards at small n, by more for more features: compare only equal n,
and read it beside its floor, the distance between real sets of that size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def float64(x: Tensor) -> Tensor:
    """x in float64 where it is, or on the CPU where the device has no such numbers (Apple's GPUs)."""
    return (x.cpu() if x.device.type == "mps" else x).double()


@dataclass(frozen=True)
class Moments:
    """How many, their mean [d], and the sum of outer products about it [d, d]; float64, memory independent of n."""

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def empty(cls, dim: int, device: torch.device | str = "cpu") -> Moments:
        """Nothing yet: the start of a sum."""
        zeros = torch.zeros((dim, dim), dtype=torch.float64, device=device)
        return cls(0, zeros.new_zeros(dim), zeros)

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """Of features [n, d], n >= 1, any float type; ValueError for another shape or for values not finite."""
        if features.ndim != 2 or len(features) == 0:
            raise ValueError(f"moments need features [n, d] with n >= 1, received shape {tuple(features.shape)}.")
        f = float64(features)
        mean = f.mean(0)
        scatter = (f - mean).T @ (f - mean)
        if not bool(torch.isfinite(scatter).all()):
            raise ValueError("features hold NaN or infinite values; look at the samples they were computed from.")
        return cls(len(f), mean, scatter)

    def merge(self, other: Moments) -> Moments:
        """Of both sets together, exactly (Chan, Golub and LeVeque, 1979): order and batch sizes do not matter."""
        if self.mean.shape != other.mean.shape:
            raise ValueError(f"cannot merge moments of {len(self.mean)} and {len(other.mean)} features.")
        n = self.count + other.count
        if n == 0:
            return self
        gap = other.mean - self.mean
        scatter = self.scatter + other.scatter + torch.outer(gap, gap) * (self.count * other.count / n)
        return Moments(n, self.mean + gap * (other.count / n), scatter)

    def add(self, features: Tensor) -> Moments:
        """With a further batch of features [n, d]."""
        return self.merge(Moments.of(features))

    @property
    def covariance(self) -> Tensor:
        """Unbiased, over n - 1, [d, d]; ValueError below two examples."""
        if self.count < 2:
            raise ValueError(f"a covariance needs 2 or more examples, there are {self.count}.")
        return self.scatter / (self.count - 1)


def frechet(mean_a: Tensor, covariance_a: Tensor, mean_b: Tensor, covariance_b: Tensor) -> float:
    """The distance from means [d] and covariances [d, d], in float64 and by symmetric eigenproblems only.

    tr (C_a C_b)^(1/2) is the sum of the singular values of C_a^(1/2) C_b^(1/2), which is well defined for
    covariances without full rank. The result is 0 or above; below the rounding error of the traces it is 0.
    """
    ma, ca, mb, cb = (t.double() for t in (mean_a, covariance_a, mean_b, covariance_b))
    # Singular values, not square roots of eigenvalues of the product: those turn an error of e into one of sqrt(e).
    cross = torch.linalg.svdvals(_root(ca) @ _root(cb)).sum()
    gap, traces = (ma - mb).square().sum(), ca.trace() + cb.trace()
    distance = float(gap + traces - 2 * cross)
    rounding = 64 * torch.finfo(torch.float64).eps * len(ma) ** 0.5 * float(traces)
    return distance if distance > rounding else 0.0


def _root(c: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix; eigenvalues below 0 are rounding, and become 0."""
    values, vectors = torch.linalg.eigh((c + c.T) / 2)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def frechet_distance(a: Moments | Tensor, b: Moments | Tensor) -> float:
    """The Fréchet distance of two sets, given as Moments or as features [n, d], n >= 2."""
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.ndim == b.ndim == 2:
        if max(len(a), len(b)) < a.shape[1] == b.shape[1]:
            return _of_few(a, b)
    a, b = (s if isinstance(s, Moments) else Moments.of(s) for s in (a, b))
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"cannot compare sets of {len(a.mean)} and {len(b.mean)} features; use one extractor.")
    return frechet(a.mean, a.covariance, b.mean.to(a.mean.device), b.covariance.to(a.mean.device))


def _of_few(a: Tensor, b: Tensor) -> float:
    """The same where there are fewer examples than features, from an n by m matrix instead of d by d ones.

    With A and B the centred features over sqrt(n - 1), C_a = A'A and tr (C_a C_b)^(1/2) is the sum of the singular
    values of A B'.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a covariance needs 2 or more examples, there are {min(len(a), len(b))}.")
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        raise ValueError("features hold NaN or infinite values; look at the samples they were computed from.")
    sides = [float64(f) for f in (a, b)]
    means = [f.mean(0) for f in sides]
    centred = [(f - m) / (len(f) - 1) ** 0.5 for f, m in zip(sides, means, strict=True)]
    cross = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    gap, traces = (means[0] - means[1]).square().sum(), sum(c.square().sum() for c in centred)
    distance = float(gap + traces - 2 * cross)
    return distance if distance > 64 * torch.finfo(torch.float64).eps * a.shape[1] ** 0.5 * float(traces) else 0.0
