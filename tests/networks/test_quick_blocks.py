"""Quick forms of the residual pair: the same functions of the same weights as their formulas, and their gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from mintage.networks.blocks import InvertedBlock, Pointwise
from mintage.networks.filters import downsample, upfirdn, upsample
from mintage.penalties import logits_and_slopes
from mintage.penalties.frozen import Frozen


def block(width: int = 8) -> InvertedBlock:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = InvertedBlock(width, blocks=4, group=4).double()
        for parameter in made.parameters():
            parameter.data.normal_(0, 0.3)
    return made


def formula(made: InvertedBlock, x: Tensor) -> Tensor:
    """x + P a(K a(E x)), each bias apart."""
    def a(h: Tensor, bias: Tensor) -> Tensor:
        return leaky_relu(h + bias.view(1, -1, 1, 1), 0.2)

    h = a(conv2d(x, made.expand.weight), made.first.bias)
    h = a(conv2d(h, made.spatial.weight, padding=1, groups=made.spatial.groups), made.second.bias)
    return x + conv2d(h, made.project.weight)


def images(n: int, c: int, side: int = 6, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, c, side, side, generator=torch.Generator().manual_seed(c), dtype=dtype)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_block_is_its_formula_to_the_second_derivative(layout: torch.memory_format) -> None:
    made, x = block(), images(3, 8).contiguous(memory_format=layout)
    found: list[list[Tensor]] = []
    for function in (made, lambda x: formula(made, x)):
        points = x.clone().requires_grad_()
        y = function(points)
        (g,) = torch.autograd.grad(y.square().sum(), points, create_graph=True)
        found.append([y, g, *torch.autograd.grad(g.square().sum() + y.sum(), list(made.parameters()))])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def test_the_input_of_a_block_is_left_as_it_was() -> None:
    x = images(2, 8)
    before = x.clone()
    block()(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(("a", "b"), [(1, 6), (6, 3)])
def test_pointwise_is_a_convolution(a: int, b: int) -> None:
    layer, x = Pointwise(a, b).double(), images(2, a)
    expected = conv2d(x, layer.weight)
    assert layer.bias is None and layer(x).is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(layer(x), expected, rtol=1e-12)
    grads = [torch.autograd.grad((y * expected.detach()).sum(), layer.weight)[0] for y in (layer(x), expected)]
    assert torch.allclose(*grads, rtol=1e-12)


def test_a_filter_under_the_joint_gradient_is_one_step() -> None:
    """Watched as torch's own depth-wise convolution, its gradient would be the slow one."""
    weight = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def critic(x: Tensor, y: Any = None) -> Tensor:
        return (leaky_relu(upsample(downsample(x)), 0.2) * weight.view(1, 3, 1, 1)).sum((1, 2, 3))

    x = images(4, 3, 8)
    names = [step.func.__name__ for step in Frozen(critic, x).steps]
    assert names.count("_filtered") == 2 and not any("conv" in name for name in names)
    points = x.clone().requires_grad_()
    by_zeros = upfirdn(upfirdn(points, down=2, padding=(1, 1)), up=2, padding=(2, 1), gain=4.0)
    logits = (leaky_relu(by_zeros, 0.2) * weight.view(1, 3, 1, 1)).sum((1, 2, 3))
    (g,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    expected = torch.autograd.grad(logits.square().sum() + g.square().sum(), weight)[0]
    a, slopes = logits_and_slopes(critic, x)
    assert torch.allclose(torch.autograd.grad(a.square().sum() + slopes.sum(), weight)[0], expected, rtol=1e-9)
