"""The Fréchet distance equals its closed forms and a longhand version; moments merge exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mintage.evaluation import Moments, frechet, frechet_distance


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(d: int, seed: int, rank: int | None = None) -> torch.Tensor:
    a = normal(d, rank or d, seed)
    return a @ a.T


def longhand(ma: np.ndarray, ca: np.ndarray, mb: np.ndarray, cb: np.ndarray) -> float:
    """|m|^2 + tr(A) + tr(B) - 2 sum sqrt(eig(AB)), by the general eigenvalue solver."""
    values = np.linalg.eigvals(ca @ cb).real.clip(min=0)
    return float(((ma - mb) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * np.sqrt(values).sum())


@pytest.mark.parametrize(("s1", "s2", "gap"), [(1, 1, 0), (1, 3, 0), (0.2, 5, 2), (0, 2, 1), (0, 0, 3)])
def test_closed_form_in_one_dimension(s1, s2, gap):
    one = torch.ones(1, 1, dtype=torch.float64)
    found = frechet(torch.zeros(1), one * s1**2, torch.full((1,), float(gap)), one * s2**2)
    assert found == pytest.approx((s1 - s2) ** 2 + gap**2, abs=1e-12)


def test_shifted_means_with_one_covariance():
    c, shift = covariance(7, 1), normal(1, 7, 2)[0]
    assert frechet(torch.zeros(7), c, shift, c) == pytest.approx(float(shift.square().sum()), rel=1e-10)


def test_scaled_covariance_and_diagonals():
    c, zero = covariance(6, 3), torch.zeros(6)
    assert frechet(zero, c, zero, 4 * c) == pytest.approx(float(c.trace()), rel=1e-10)
    a, b = torch.arange(6.0, dtype=torch.float64), torch.arange(6.0, 0, -1, dtype=torch.float64)
    assert frechet(zero, a.diag(), zero, b.diag()) == pytest.approx(float((a.sqrt() - b.sqrt()).square().sum()))


@pytest.mark.parametrize("d", [2, 16, 64])
def test_longhand(d):
    ma, mb, ca, cb = normal(1, d, 4)[0], normal(1, d, 5)[0], covariance(d, 6), covariance(d, 7)
    expected = longhand(ma.numpy(), ca.numpy(), mb.numpy(), cb.numpy())
    assert frechet(ma, ca, mb, cb) == pytest.approx(expected, rel=1e-8)
    assert frechet(mb, cb, ma, ca) == pytest.approx(expected, rel=1e-8)


def test_without_full_rank():
    zero = torch.zeros(20)
    low, full = covariance(20, 8, rank=3), covariance(20, 9)
    # Projectors on orthogonal planes: nothing to transport along, so the traces stay.
    p, q = torch.diag(torch.tensor([1.0] * 4 + [0.0] * 16)), torch.diag(torch.tensor([0.0] * 16 + [1.0] * 4))
    assert frechet(zero, p, zero, q) == pytest.approx(8, abs=1e-12)
    # exact: eigenvalues of L^T F L, with low = L L^T, are those of the product
    factor = normal(20, 3, 8)
    cross = torch.linalg.eigvalsh(factor.T @ full @ factor).sqrt().sum()
    expected = float(low.trace() + full.trace() - 2 * cross)
    assert frechet(zero, low, zero, full) == pytest.approx(expected, rel=1e-8)
    few = normal(10, 64, 10)
    assert frechet_distance(few, few) == 0
    assert frechet_distance(few, few + 1) == pytest.approx(64, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_identical_sets_are_at_zero_and_never_below(scale):
    x = normal(300, 32, 11) * scale
    assert frechet_distance(x, x) == 0
    assert frechet_distance(x, x.flip(0)) == 0
    assert frechet_distance(torch.ones(5, 3), torch.ones(4, 3)) == 0


def test_a_small_true_distance_survives_the_clamp():
    x = normal(300, 32, 11)
    assert frechet_distance(x, x + 1e-5) == pytest.approx(32 * 1e-10, rel=1e-3)


def test_moments_do_not_depend_on_batches():
    x = normal(1000, 12, 12) + 1000
    moments = Moments.empty(12)
    for part in x.split(37):
        moments = moments.add(part)
    assert moments.count == 1000
    assert torch.allclose(moments.mean, x.mean(0), rtol=1e-14)
    assert torch.allclose(moments.covariance, torch.cov(x.T), rtol=1e-9, atol=1e-12)
    halves = Moments.of(x[600:]).merge(Moments.of(x[:600]))
    assert torch.allclose(halves.covariance, moments.covariance, rtol=1e-9, atol=1e-12)
    assert Moments.empty(12).merge(Moments.empty(12)).count == 0


def test_float32_features_are_summed_in_float64():
    x = (normal(4000, 2, 13) + 5000).float()
    assert torch.allclose(Moments.of(x).covariance, torch.cov(x.double().T), rtol=1e-10)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="2 or more examples, there are 1"):
        frechet_distance(torch.ones(1, 3), torch.ones(4, 3))
    with pytest.raises(ValueError, match="use one extractor"):
        frechet_distance(torch.ones(4, 2), torch.ones(4, 3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        Moments.of(torch.tensor([[1.0], [float("nan")]]))
    with pytest.raises(ValueError, match="received shape"):
        Moments.of(torch.ones(3))
    with pytest.raises(ValueError, match="cannot merge"):
        Moments.empty(2).merge(Moments.empty(3))
