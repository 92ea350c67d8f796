"""Directions of weights, of spread and of features, each where the answer is known."""

from __future__ import annotations

import pytest
import torch

from mintage.latent import of_features, of_spread, of_weights


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_weights_give_singular_vectors() -> None:
    A = draw(0, 12, 5)
    found = of_weights(A, 3)
    _, S, V = torch.linalg.svd(A)
    assert torch.allclose(found.strength, S[:3])
    assert torch.allclose((found.along * V[:3]).sum(1).abs(), torch.ones(3, dtype=A.dtype))
    assert torch.allclose((A @ found.along[0]).norm(), found.strength[0])
    assert (found.along.gather(1, found.along.abs().argmax(1, keepdim=True)) > 0).all()


def test_spread_gives_principal_components() -> None:
    scale = torch.tensor([3.0, 1.0, 0.2], dtype=torch.float64)
    found = of_spread(draw(1, 20_000, 3) * scale + 5)
    assert torch.allclose(found.strength, scale, rtol=0.03)
    assert found.along.diagonal().min() > 0.99


def test_features_find_the_latents_that_move_them() -> None:
    """Features that are a rotation of scaled latents: rows are the axes of z, by their scale."""
    z, rotation = draw(2, 5000, 4), torch.linalg.qr(draw(3, 6, 6)).Q[:, :4]
    scale = torch.tensor([0.5, 4.0, 1.0, 2.0], dtype=torch.float64)
    found = of_features(z, (z * scale) @ rotation.T)
    assert found.along.abs().argmax(1).tolist() == [1, 3, 2, 0]
    assert found.along.abs().amax(1).min() > 0.99
    assert torch.allclose(found.strength, scale.sort(descending=True).values, rtol=0.05)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="there are 1 to 3"):
        of_weights(torch.eye(3), 4)
    with pytest.raises(ValueError, match="two or more"):
        of_spread(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="do not belong"):
        of_features(torch.zeros(4, 3), torch.zeros(5, 2))
