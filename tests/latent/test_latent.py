"""Priors have their moments, interpolation keeps its ends and lengths, truncation pulls in."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.latent import corners_grid, linear, normal, slerp, truncate, truncated, uniform, walk


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("prior", "variance", "fourth"),
    [
        (normal(4), 1.0, 3.0),
        (uniform(4), 1 / 3, 1 / 5),
        # Of N(0,1) cut at +-2: 1 - 2 b phi(b) / (2 Phi(b) - 1).
        (truncated(4, 2.0), 0.774130, 1.416),
    ],
    ids=lambda p: getattr(p, "name", ""),
)
def test_moments(prior, variance, fourth):
    z = prior(100_000, generator()).double()
    assert z.shape == (100_000, 4)
    assert z.mean(0).abs().max() < 5 * math.sqrt(variance / 100_000)
    assert z.square().mean().item() == pytest.approx(variance, rel=0.01)
    assert z.pow(4).mean().item() == pytest.approx(fourth, rel=0.03)
    correlation = torch.corrcoef(z.T) - torch.eye(4)
    assert correlation.abs().max() < 0.02


@pytest.mark.parametrize("prior", [normal(3), uniform(3), truncated(3, 1.0)], ids=lambda p: p.name)
def test_a_prior_follows_its_generator_and_no_other(prior):
    state = torch.get_rng_state()
    a, b, c = prior(5, generator(1)), prior(5, generator(1)), prior(5, generator(2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), state)
    assert a.dtype == torch.float32 and prior(0, generator()).shape == (0, 3) and prior.dim == 3


def test_bounds():
    assert uniform(2)(10_000, generator()).abs().max() <= 1
    assert truncated(2, 0.5)(10_000, generator()).abs().max() <= 0.5
    far = truncated(2, 100.0)(100_000, generator())
    assert far.abs().max() < 6 and abs(float(far.std()) - 1) < 0.01


@pytest.mark.parametrize("dim", [0, -3, 2.5, True])
def test_impossible_dimensions_are_refused(dim):
    with pytest.raises(ValueError, match="dim is"):
        normal(dim)
    with pytest.raises(ValueError, match="dim is"):
        truncated(dim)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="n is -1"):
        uniform(2)(-1, generator())


@pytest.mark.parametrize("path", [linear, slerp])
def test_ends(path):
    a, b = normal(64)(8, generator()).double(), normal(64)(8, generator(1)).double()
    assert torch.allclose(path(a, b, 0.0), a, atol=1e-12)
    assert torch.allclose(path(a, b, 1.0), b, atol=1e-12)
    assert torch.allclose(
        path(a, b, torch.tensor([0.0, 1.0] * 4)),
        torch.where(torch.tensor([True, False] * 4)[:, None], a, b),
        atol=1e-12,
    )


def test_slerp_keeps_the_length_and_turns_evenly():
    a, b = (torch.nn.functional.normalize(normal(16)(1, generator(s)).double(), dim=1)[0] * 4 for s in (0, 1))
    z = walk(a, b, 9)
    assert torch.allclose(z.norm(dim=1), torch.full((9,), 4.0, dtype=torch.float64), atol=1e-12)
    angles = torch.arccos((z[1:] * z[:-1]).sum(1) / 16)
    assert torch.allclose(angles, angles[:1].expand(8), atol=1e-9)


def test_slerp_quarter_circle():
    a, b = torch.eye(2, dtype=torch.float64)
    assert torch.allclose(slerp(a, b, 0.5), torch.full((2,), math.sqrt(0.5), dtype=torch.float64), atol=1e-12)
    assert torch.allclose(slerp(a, 3 * b, 0.5).norm(), torch.tensor(2.0, dtype=torch.float64), atol=1e-12)


def test_slerp_of_parallel_opposite_and_zero_is_the_line():
    a = torch.tensor([1.0, 2.0])
    for b in (a, 2 * a, -a, torch.zeros(2)):
        z = slerp(a, b, 0.25)
        assert torch.isfinite(z).all()
        assert torch.allclose(z, linear(a, b, 0.25), atol=1e-5)


def test_slerp_of_nearly_parallel_stays_continuous():
    a = torch.tensor([1.0, 0.0])
    for gap in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
        assert torch.allclose(slerp(a, torch.tensor([1.0, gap]), 0.5), torch.tensor([1.0, gap / 2]), atol=1e-6)


def test_grid_has_its_corners_and_edges():
    corners = normal(5)(4, generator())
    grid = corners_grid(corners, 3, 4)
    assert grid.shape == (3, 4, 5)
    found = torch.stack([grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]])
    assert torch.allclose(found, corners, atol=1e-5)
    assert torch.allclose(grid[:, 0], walk(corners[0], corners[2], 3), atol=1e-5)
    with pytest.raises(ValueError, match="four latents"):
        corners_grid(corners[:3], 2, 2)
    with pytest.raises(ValueError, match="at least 2"):
        walk(corners[0], corners[1], 1)


def test_truncate():
    z, centre = normal(6)(50, generator()), torch.arange(6.0)
    assert torch.equal(truncate(z, 1.0), z) and torch.equal(truncate(z, 1.0, centre), z)
    assert torch.equal(truncate(z, 0.0, centre), centre.expand(50, 6))
    assert torch.allclose(truncate(z, 0.7), 0.7 * z)
    assert torch.allclose((truncate(z, 0.5, centre) - centre).norm(dim=1), 0.5 * (z - centre).norm(dim=1), atol=1e-5)
    for psi in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="allowed are 0"):
            truncate(z, psi)
    with pytest.raises(ValueError, match="positive number"):
        truncated(3, 0.0)
