"""The limit of the Fréchet distance: far less bias than the distance at n, and an error that covers the truth."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mintage.evaluation.measures.extrapolation import extrapolated_frechet
from mintage.evaluation.measures.frechet import frechet, frechet_distance


def pair(d: int, n: int, m: int, seed: int, gap: float = 0.1, scale: float = 1.2) -> tuple[Tensor, Tensor, float]:
    """Draws of two normals [n, d] and [m, d], and their true distance."""
    fixed, g = torch.Generator().manual_seed(d), torch.Generator().manual_seed(seed)
    a = torch.randn(d, d, generator=fixed, dtype=torch.float64) / d**0.5 + 0.3 * torch.eye(d)
    b, shift = a * scale, gap * torch.randn(d, generator=fixed, dtype=torch.float64)
    real = torch.randn(n, d, generator=g, dtype=torch.float64) @ a.T
    fake = torch.randn(m, d, generator=g, dtype=torch.float64) @ b.T + shift
    return real, fake, frechet(torch.zeros(d), a @ a.T, shift, b @ b.T)


@pytest.mark.parametrize(("d", "n", "scale"), [(16, 600, 1.2), (16, 600, 1.0), (64, 1200, 1.2)])
def test_the_bias_is_gone_and_the_error_honest(d: int, n: int, scale: float) -> None:
    found, truth, at_n = [], 0.0, 0.0
    for seed in range(24):
        real, fake, truth = pair(d, n, n, seed, scale=scale)
        found.append(extrapolated_frechet(real, fake, draws=2, seed=seed))
        at_n += found[-1].values[0] / 24
    off = torch.tensor([one.distance - truth for one in found])
    error = torch.tensor([one.error for one in found])
    assert abs(float(off.mean())) < 0.05 * (at_n - truth) + 2 * float(off.std()) / 24**0.5
    assert float(off.std()) / 24**0.5 < 0.15 * (at_n - truth)
    assert int((off.abs() < 1.96 * error).sum()) >= 20  # of 24: fewer by chance once in 100 at 95 %
    assert 0.7 < float(error.mean() / off.std()) < 2.2


def test_at_dimension_128() -> None:
    real, fake, truth = pair(128, 3000, 3000, 1)
    found = extrapolated_frechet(real.float(), fake.float(), draws=2)
    assert found.values[0] - truth > 1.5 and abs(found.distance - truth) < 3 * found.error < 1.2
    assert list(found.values) == sorted(found.values)


def test_alike_sets_are_at_zero_and_sides_may_differ_in_size() -> None:
    real, fake, _ = pair(16, 2000, 1000, 3, gap=0, scale=1)
    found = extrapolated_frechet(real, fake)
    assert found.sizes == ((2000, 1000), (1000, 500), (666, 333), (500, 250), (400, 200))
    assert abs(found.distance) < 2 * found.error < found.values[0]
    assert found.values[0] == frechet_distance(real, fake)
    again, other = extrapolated_frechet(real, fake), extrapolated_frechet(real, fake, seed=1)
    assert found == again and found.distance != other.distance and found.error != other.error  # the cuts' part of it


def test_a_line_that_is_one() -> None:
    """Equal sets shifted: the distance is |v|^2 at every n, where both are cut alike."""
    a = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double()
    still = a[:1].expand(50, 3) + 1e-9 * a
    assert extrapolated_frechet(still, still + 2).distance == pytest.approx(12, rel=1e-6)


def test_what_cannot_be_extrapolated() -> None:
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    for sides in ((x[:9], x), (x, x[:, :2])):
        with pytest.raises(ValueError, match="n, m >= 10"):
            extrapolated_frechet(*sides)
    with pytest.raises(ValueError, match="NaN or infinite"):
        extrapolated_frechet(x, x / 0)
    with pytest.raises(ValueError, match="draws is 1"):
        extrapolated_frechet(x, x, draws=1)
