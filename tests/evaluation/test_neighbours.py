"""Neighbourhood measures equal the published definitions, written longhand; copies are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mintage.evaluation import memorisation, modes, nearest, precision_recall_density_coverage
from mintage.evaluation.measures import neighbours
from mintage.evaluation.measures.birthday import support_size
from mintage.evaluation.measures.neighbours import distances, radii


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, d), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def longhand(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """The four measures by the formulas of Naeem et al. (2020), section 3, one distance at a time."""

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([[np.sqrt(((p - q) ** 2).sum()) for q in b] for p in a])

    real_radius = np.sort(apart(real, real), axis=1)[:, k]
    fake_radius = np.sort(apart(fake, fake), axis=1)[:, k]
    d = apart(real, fake)
    return {
        "precision": float((d < real_radius[:, None]).any(axis=0).mean()),
        "recall": float((d < fake_radius[None, :]).any(axis=1).mean()),
        "density": float((1.0 / k) * (d < real_radius[:, None]).sum(axis=0).mean()),
        "coverage": float((d.min(axis=1) < real_radius).mean()),
    }


@pytest.mark.parametrize("chunk", [1, 1000, 1 << 22])
@pytest.mark.parametrize(("n", "m", "k"), [(60, 60, 5), (80, 40, 3), (30, 70, 1)])
def test_published_definitions(monkeypatch, chunk, n, m, k):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    real, fake = normal(n, 4), normal(m, 4, 1) * 0.8 + 0.5
    expected = longhand(real.numpy(), fake.numpy(), k)
    found = precision_recall_density_coverage(real, fake, k)._asdict()
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0 < found["precision"] < 1 and 0 < found["coverage"] < 1
    cached = precision_recall_density_coverage(real, fake, k, real_radii=radii(real, k))
    assert cached._asdict() == found


def test_extremes():
    real = normal(200, 8)
    same = precision_recall_density_coverage(real, real)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    away = precision_recall_density_coverage(real, real + 100)
    assert tuple(away) == (0, 0, 0, 0)
    collapsed = precision_recall_density_coverage(real, real[:1].expand(200, -1) + 1e-9 * normal(200, 8, 2))
    assert collapsed.precision == 1 and collapsed.recall < 0.05 and collapsed.coverage < 0.15


def test_k_must_leave_neighbours():
    for k in (0, 10):
        with pytest.raises(ValueError, match=f"k is {k} with 10 examples"):
            precision_recall_density_coverage(normal(10, 2), normal(20, 2), k)


@pytest.mark.parametrize("chunk", [1, 1 << 22])
def test_nearest(monkeypatch, chunk):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    bank = normal(300, 5)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(3))[:50]
    distance, index = nearest(bank[order] + 1e-7, bank)
    assert torch.equal(index, order)
    assert torch.allclose(distance, torch.full((50,), 1e-7 * 5**0.5, dtype=torch.float64), rtol=1e-6)
    assert nearest(bank[:0], bank)[0].shape == (0,)
    with pytest.raises(ValueError, match="bank is empty"):
        nearest(bank, bank[:0])


def test_float32_finds_exact_copies_far_from_the_origin():
    bank = normal(100, 16).float() + 1000
    distance, index = nearest(bank.clone(), bank)
    assert torch.equal(distance, torch.zeros(100)) and torch.equal(index, torch.arange(100))


def longhand_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.double()[:, None] - b.double()).square().sum(2).sqrt()


@pytest.mark.parametrize("chunk", [700, 1 << 21])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_distances_are_right_near_and_far(monkeypatch, chunk, offset):
    """Copies, copies but for a last bit, and an outlier a thousand times as far away, at once."""
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    a, b = normal(90, 20).float() + offset, normal(120, 20, 1).float() + offset
    b[:30] = a[:30]
    b[30:40] = torch.nextafter(a[30:40], a[30:40] + 1)
    b[119] += 5e3
    found = torch.cat([d for _, d in distances(a, b)])
    expected = longhand_distances(a, b)
    assert found.dtype == torch.float32 and found.shape == (90, 120)
    assert torch.allclose(found.double(), expected, rtol=2e-7, atol=0)
    assert int((found == 0).sum()) == 30 and not found.diagonal()[:30].any()


@pytest.mark.parametrize("collapsed", [1, 3])
def test_distances_within_a_collapsed_set(collapsed):
    x = normal(collapsed, 6).float()[torch.arange(400) % collapsed] * 1e4
    found = torch.cat([d for _, d in distances(x, x)])
    assert torch.allclose(found.double(), longhand_distances(x, x), rtol=2e-7, atol=0)
    assert support_size(x).pairs == sum(math.comb(400 // collapsed + (k < 400 % collapsed), 2)
                                        for k in range(collapsed))


def test_copies_are_counted_to_the_last():
    x = normal(2000, 48).float().relu() + 10
    x[1500:1520] = x[:20]
    x[1520:1540] = torch.nextafter(x[20:40], x[20:40] + 1)  # all but copies
    assert support_size(x).pairs == 20
    assert int((nearest(x[1500:], x[:1500])[0] == 0).sum()) == 20


def test_a_row_that_is_not_finite_spoils_its_own_distances_only():
    a, b = normal(9, 3), normal(8, 3, 1)
    b[2, 1], b[5, 0] = float("nan"), float("inf")
    (_, found), = distances(a, b)
    fine = [0, 1, 3, 4, 6, 7]
    assert torch.allclose(found[:, fine], longhand_distances(a, b)[:, fine], rtol=1e-12)
    assert found[:, 2].isnan().all() and found[:, 5].isinf().all()


def test_what_has_no_neighbours():
    x = normal(20, 3)
    for measure in (lambda: next(distances(x, x[:, :2])), lambda: precision_recall_density_coverage(x, x[:, :2])):
        with pytest.raises(ValueError, match="received"):
            measure()
    with pytest.raises(ValueError, match="NaN or infinite"):
        precision_recall_density_coverage(x, x / 0)
    with pytest.raises(ValueError, match="NaN or infinite"):
        memorisation(x / 0, x, x)
    with pytest.raises(ValueError, match="0 generated and 20 held out"):
        memorisation(x[:0], x, x)


def test_memorisation():
    train, test, fresh = normal(500, 6), normal(200, 6, 1), normal(200, 6, 2)
    honest = memorisation(fresh, test, train)
    assert 0.85 < honest.ratio < 1.15 and honest.counts == (200, 200)
    assert honest.ratio == honest.generated / honest.held_out
    copied = memorisation(train[:200] + 0.01 * fresh, test, train)
    assert copied.ratio < 0.1
    assert memorisation(fresh + 20, test, train).ratio > 5
    assert memorisation(train, train, train).ratio == 1
    assert memorisation(fresh, train, train).ratio == float("inf")


def test_modes():
    angle = torch.arange(8) * torch.pi / 4
    centres = torch.stack([angle.cos(), angle.sin()], 1)
    g = torch.Generator().manual_seed(0)
    points = centres[torch.randint(0, 8, (20_000,), generator=g)] + 0.02 * torch.randn((20_000, 2), generator=g)
    found = modes(points, centres, 0.02)
    assert found.covered == 8
    assert found.high_quality == pytest.approx(1 - np.exp(-4.5), abs=0.003)
    assert modes(centres[:3], centres, 0.02) == (3, 1.0)
    assert modes(torch.zeros(5, 2), centres, 0.02) == (0, 0.0)
    with pytest.raises(ValueError, match="sigma is 0"):
        modes(points, centres, 0)
    with pytest.raises(ValueError, match="points are"):
        modes(points, torch.zeros(3, 3), 1)
