"""SNGAN's residual pair: the paper's size, any shape, layers folded and normalised."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from mintage.networks import SpectralDiscriminator, SpectralGenerator
from mintage.networks.spectral_residual import _Down, _Up


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 12, 20), (2, 33, 17), (1, 2, 3)])
def test_images_of_any_size(shape: tuple[int, int, int]) -> None:
    G, D = SpectralGenerator(shape, size="XS", z_dim=5), SpectralDiscriminator(shape, size="XS")
    x = G(torch.randn(3, 5))
    assert x.shape == (3, *shape) and float(x.detach().abs().max()) <= 1
    logits = D(x)
    assert logits.shape == (3,)
    logits.sum().backward()
    assert all(p.grad is not None for net in (G, D) for p in net.parameters())


def test_the_papers_network_of_32_by_32() -> None:
    with torch.device("meta"):
        G, D = SpectralGenerator((3, 32, 32), size="L"), nn.Sequential(*[_Down(128, 128, first=False, pool=False)])
    assert G.grid.start == (4, 4) and len([m for m in G.modules() if isinstance(m, _Up)]) == 3
    assert sum(p.numel() for p in D.parameters()) == 2 * (128 * 128 * 9 + 128)
    assert sum(p.numel() for p in G.parameters()) == (128 * 4096 + 4096 + 3 * (2 * (256 * 256 * 9 + 256) + 2 * 512
                                                      + 256 * 256 + 256) + 512 + 256 * 3 * 9 + 3)


def test_blocks_are_those_of_the_paper() -> None:
    """Folded resampling gives what the plain layers give one after another."""
    x = torch.randn(2, 4, 6, 6)
    down, up = _Down(4, 4, first=False, pool=True).eval(), _Up(4).eval()
    with torch.no_grad():
        h = down.convolution(x.relu()).relu()
        expected = avg_pool2d(conv2d(h, down.second.weight, down.second.bias, padding=1) + down.short(x), 2)
        assert torch.allclose(down(x), expected, atol=1e-5)
        big = interpolate(up.norms[0](x).relu(), scale_factor=2)
        h = up.norms[1](conv2d(big, up.up.weight, up.up.bias, padding=1)).relu()
        assert torch.allclose(up(x), up.convolution(h) + up.short(interpolate(x, scale_factor=2)), atol=1e-5)


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'XS'"):
        SpectralGenerator((1, 8, 8), size="xs")  # type: ignore[arg-type]
