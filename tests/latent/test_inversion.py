"""Inversion finds the latent where it is known, and never returns a worse one than it met."""

from __future__ import annotations

import pytest
import torch

from mintage.latent import best_start, invert


def linear_generator(seed: int = 0) -> tuple[torch.Tensor, object]:
    A = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
    return A, lambda z: z @ A.T


def test_a_linear_generator_is_inverted() -> None:
    A, G = linear_generator()
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    found = invert(G, G(z), torch.zeros(4, 3), steps=600, rate=0.1)
    assert torch.allclose(found.z, z, atol=1e-3)
    assert found.errors.shape == (601, 4)
    assert (found.errors[-1] < 1e-6).all() and (found.errors[0] > 1e-2).all()
    assert not found.z.requires_grad


def test_each_example_is_inverted_on_its_own() -> None:
    _, G = linear_generator()
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    together = invert(G, x, torch.zeros(3, 3), steps=20)
    alone = invert(G, x[1:2], torch.zeros(1, 3), steps=20)
    assert torch.allclose(together.z[1:2], alone.z, atol=1e-6)


def test_features_decide_where_pixels_cannot() -> None:
    """Pixels see the first number of z alone; the features see both."""
    z = torch.tensor([[0.5, -0.7]])
    found = invert(lambda z: z * torch.tensor([1.0, 1e-6]), z * torch.tensor([1.0, 1e-6]), torch.zeros(1, 2),
                   features=lambda x: x * torch.tensor([1.0, 1e6]), steps=500)
    assert torch.allclose(found.z, z, atol=1e-2)


def test_the_best_latent_met_is_returned() -> None:
    """At a rate so high that it overshoots, the loss of what is returned is the lowest of all steps."""
    _, G = linear_generator()
    x = G(torch.ones(1, 3))
    found = invert(G, x, torch.zeros(1, 3), steps=15, rate=5.0)
    assert (G(found.z) - x).square().mean() == pytest.approx(found.errors.min().item(), rel=1e-5)


def test_length_is_kept_where_asked() -> None:
    free = invert(lambda z: 0 * z, torch.zeros(1, 4), 3 * torch.ones(1, 4), steps=300)
    kept = invert(lambda z: 0 * z, torch.zeros(1, 4), 3 * torch.ones(1, 4), keep=1.0, steps=600, rate=0.1)
    assert torch.equal(free.z, 3 * torch.ones(1, 4))
    assert kept.z.square().mean().item() == pytest.approx(1, abs=1e-2)


def test_the_best_of_several_starts() -> None:
    _, G = linear_generator()
    candidates = torch.randn(50, 3, generator=torch.Generator().manual_seed(3))
    x = G(candidates[[7, 30]] + 1e-3)
    assert torch.equal(best_start(G, x, candidates), candidates[[7, 30]])
    assert torch.equal(best_start(G, x, candidates, features=lambda x: x[:, :2]), candidates[[7, 30]])


def test_refusals() -> None:
    _, G = linear_generator()
    with pytest.raises(ValueError, match="as many latents"):
        invert(G, torch.zeros(2, 5), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="0 or more"):
        invert(G, torch.zeros(2, 5), torch.zeros(2, 3), steps=-1)
