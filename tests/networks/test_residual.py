"""The residual pair: the paper's sizes, its blocks, and the layers of the compact rows."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.networks import (
    SIZES,
    Activation,
    Downsample,
    InvertedBlock,
    ResidualDiscriminator,
    ResidualGenerator,
    UnitBlock,
    UnitConv2d,
    Upsample,
    macs,
)
from mintage.networks.magnitude import LEAKY_GAIN


@pytest.mark.parametrize("classes", [0, 10])
def test_xl_is_the_papers_cifar10_preset(classes: int) -> None:
    """20.8 million weights each and 7.0 GMAC a forward pass (R3GAN, CIFAR-10)."""
    with torch.device("meta"):
        G = ResidualGenerator((3, 32, 32), size="XL", classes=classes)
        D = ResidualDiscriminator((3, 32, 32), size="XL", classes=classes)
    y = (torch.zeros(1, dtype=torch.long),) if classes else ()
    assert G.grid.start == (4, 4)
    block = 2 * 768 * 1536 + 1536 * 16 * 9 + 2 * 1536  # expand and project, spatial in groups of 16, two biases
    g = 8 * block + 768 * 16 + 64 * 768 * (2 if classes else 1) + 64 * classes + 3 * 768
    d = 8 * block + 768 * 16 + 768 * max(classes, 1) + (768 * 768 if classes else 0) + 3 * 768
    assert sum(p.numel() for p in G.parameters()) == g == pytest.approx(20.8e6, rel=0.01)
    assert sum(p.numel() for p in D.parameters()) == d == pytest.approx(20.8e6, rel=0.025)
    assert macs(G, torch.zeros(1, 64), *y) == pytest.approx(7.0e9, rel=0.01)
    assert macs(D, torch.zeros(1, 3, 32, 32), *y) == pytest.approx(7.0e9, rel=0.01)


def test_sizes_grow_and_the_smallest_critic_is_below_a_million_macs() -> None:
    costs = []
    for size in SIZES:
        with torch.device("meta"):
            D = ResidualDiscriminator((1, 28, 28), size=size)
        costs.append(macs(D, torch.zeros(2, 1, 28, 28)))
    assert costs == sorted(costs) and costs[0] < 1e6


def test_tiny_images_still_get_a_deep_critic() -> None:
    """8 x 8 has one halving; a critic of one convolution soon saw no difference between digits and samples."""
    for shape, blocks in (((1, 28, 28), 0), ((1, 8, 8), 2), ((1, 7, 7), 2)):
        D = ResidualDiscriminator(shape, size="S")
        assert sum(isinstance(m, UnitBlock) for m in D.modules()) == blocks
        assert D.head.basis.shape[0] == 128


def test_an_unknown_size_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'S'"):
        ResidualGenerator((1, 8, 8), size="s")
    with pytest.raises(ValueError, match="channels, height, width"):
        ResidualDiscriminator((0, 8, 8))


@pytest.mark.parametrize("size", ["S", "L"])
def test_paper_and_compact_rows_run_and_learn_everywhere(size: str) -> None:
    torch.manual_seed(0)
    G, D = ResidualGenerator((3, 9, 8), size=size, classes=2), ResidualDiscriminator((3, 9, 8), size=size, classes=2)
    y = torch.tensor([0, 1])
    x = G(torch.randn(2, 64), y)
    D(x, y).square().sum().backward()
    assert x.shape == (2, 3, 9, 8)
    assert all(p.grad is not None and p.grad.isfinite().all() for net in (G, D) for p in net.parameters())


@pytest.mark.parametrize("block", [InvertedBlock(8, blocks=4, group=4), UnitBlock(8)])
def test_blocks_begin_as_the_identity(block: torch.nn.Module) -> None:
    x = torch.randn(2, 8, 5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x)


def test_activation_has_the_value_and_the_gradients_of_a_leaky_rectifier() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    a = Activation(3).double()
    a.bias.data.normal_()
    plain = torch.nn.functional.leaky_relu(x + a.bias.view(1, 3, 1, 1), 0.2)
    assert torch.equal(a(x), plain)
    v = torch.randn_like(x)

    def weight_gradient(y: torch.Tensor) -> torch.Tensor:
        w = torch.full_like(x, 0.7, requires_grad=True)
        (g,) = torch.autograd.grad((w * y * v).sum(), x, create_graph=True)
        return torch.autograd.grad(g.square().sum(), w)[0]

    assert torch.allclose(weight_gradient(a(x)), weight_gradient(plain), rtol=0, atol=1e-14)
    assert torch.autograd.gradcheck(a, (x,))


@pytest.mark.parametrize("kernel", [1, 3])
def test_unit_convolutions_preserve_variance(kernel: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(16, 64, 24, 24)
    with torch.no_grad():
        assert UnitConv2d(64, 64, kernel)(x)[..., 2:-2, 2:-2].std().item() == pytest.approx(1, abs=0.03)
        after = UnitConv2d(64, 64, kernel, gain=LEAKY_GAIN)(Activation(64)(x))
        assert after[..., 2:-2, 2:-2].std().item() == pytest.approx(1, abs=0.03)
        up = UnitConv2d(64, 32, 4, stride=2, transposed=True)(x)
        assert up.shape == (16, 32, 48, 48) and up[..., 2:-2, 2:-2].std().item() == pytest.approx(1, abs=0.03)


def test_resampling_keeps_constants_and_is_adjoint() -> None:
    one = torch.ones(1, 2, 8, 6)
    down, up = Downsample()(one), Upsample()(one)
    assert down.shape == (1, 2, 4, 3) and up.shape == (1, 2, 16, 12)
    assert torch.allclose(down[..., 1:-1, 1:-1], torch.ones(1, 2, 2, 1))
    assert torch.allclose(up[..., 1:-1, 1:-1], torch.ones(1, 2, 14, 10))
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(1, 2, 8, 6, generator=g), torch.randn(1, 2, 4, 3, generator=g)
    left, right = (Downsample()(x) * y).sum().item(), (x * Upsample()(y)).sum().item() / 4
    assert left == pytest.approx(right, rel=1e-5)
    assert Downsample()(one.bfloat16()).dtype == torch.bfloat16


def test_macs_of_one_convolution_by_hand() -> None:
    assert macs(torch.nn.Conv2d(3, 5, 3, padding=1), torch.zeros(4, 3, 6, 7)) == 6 * 7 * 9 * 3 * 5
    assert math.isclose(macs(torch.nn.Linear(10, 4), torch.zeros(2, 10)), 40)
