"""Coders climb any grid, keep variance at the start, and codes have the moments of what passed."""

from __future__ import annotations

import pytest
import torch

from mintage.networks import CodeGaussian, Decoder, Encoder


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 17), (4, 3, 5), (2, 48, 64), (5,)])
def test_there_and_back(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    E, G = Encoder(shape, 6, size="XS"), Decoder(shape, z_dim=6, size="XS", spread=True)
    x = torch.randn(3, *shape)
    z = E(x)
    assert z.shape == (3, 6) and G(z).shape == x.shape
    assert torch.allclose(E(x[:1]), z[:1], atol=1e-5)  # each from its own example


def test_variance_is_kept_at_the_start() -> None:
    torch.manual_seed(0)
    E, G = Encoder((3, 64, 64), 32, size="S"), Decoder((3, 64, 64), z_dim=32, size="S")
    assert 0.3 < E(torch.randn(64, 3, 64, 64)).std().item() < 3
    assert 0.3 < G(torch.randn(64, 32))[:, :, 8:-8, 8:-8].std().item() < 3


def test_refusals() -> None:
    with pytest.raises(ValueError, match="did you mean 'XS'"):
        Encoder((1, 8, 8), 4, size="XXS")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="points"):
        Decoder((8, 8), z_dim=4)
    with pytest.raises(ValueError, match="1 or more"):
        Encoder((1, 8, 8), 0)


def test_codes_have_the_running_moments() -> None:
    C, g = CodeGaussian(3, decay=0.99), torch.Generator().manual_seed(0)
    root = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.1]])
    batches = [torch.randn(50, 3, generator=g) @ root.T + 4 for _ in range(40)]
    for codes in batches:
        assert C(codes) is codes
    together = torch.cat(batches)  # up to 1 / (1 - decay) batches the moments are plain means
    assert torch.allclose(C.mean, together.mean(0), atol=1e-4)
    assert torch.allclose(C.covariance, together.T.cov(correction=0), atol=1e-3)
    C.eval()
    C(torch.full((9, 3), 1e3))
    assert C.mean.max() < 10
    z = torch.randn(50_000, 3, generator=g)
    assert torch.allclose(C.place(z).T.cov(), C.covariance, atol=0.06)
    assert torch.allclose(C.unplace(C.place(z)), z, atol=1e-3)


def test_flat_directions_have_no_latent() -> None:
    C, g = CodeGaussian(2), torch.Generator().manual_seed(1)
    C(torch.randn(500, 1, generator=g) * torch.tensor([[1.0, 0.0]]))
    z = C.unplace(torch.tensor([[0.5, 0.0]]))
    assert z.isfinite().all() and z[0, 1].abs() < 1e-3


def test_early_batches_are_forgotten() -> None:
    C = CodeGaussian(1, decay=0.5)
    C(torch.full((4, 1), 100.0))
    for _ in range(40):
        C(torch.zeros(4, 1))
    assert C.mean.abs().item() < 1e-6
