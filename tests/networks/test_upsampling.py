"""Resampling folded into convolutions equals its definition, in values, in gradients of both orders, and in names."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate

from mintage.networks import DCGANGenerator
from mintage.networks.upsampling import (
    FEW,
    DoublingConv2d,
    PooledConv2d,
    UpsampledConv2d,
    by_phases,
    fold_upsampling,
)

SHAPES = [(2, 1, 1, 8, 8), (2, 3, 2, 7, 5), (1, 4, FEW + 3, 16, 16), (2, 2, 4, 1, 3), (1, 5, 6, 33, 64)]
KERNELS = [(1, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 1), (5, 2)]


def upsampled(x: Tensor, conv: nn.Conv2d) -> Tensor:
    return conv2d(interpolate(x, scale_factor=2, mode="nearest"), conv.weight, conv.bias, padding=conv.padding)


def pooled(x: Tensor, conv: nn.Conv2d) -> Tensor:
    return avg_pool2d(conv2d(x, conv.weight, conv.bias, padding=conv.padding), 2)


DEFINITION = {UpsampledConv2d: upsampled, PooledConv2d: pooled}


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer(kind: type[nn.Conv2d], inputs: int, outputs: int, k: int, p: int, bias: bool = True) -> nn.Conv2d:
    conv = kind(inputs, outputs, k, padding=p, bias=bias)
    conv.weight.data = drawn(outputs, inputs, k, k, seed=1) / (inputs * k * k) ** 0.5
    if bias:
        conv.bias.data = drawn(outputs, seed=2)
    return conv


def gradients(y: Tensor, *wanted: Tensor) -> tuple[Tensor, ...]:
    """Of a curved function of y, so that the gradient differs from place to place."""
    return torch.autograd.grad(y.float().square().sum() + y.float().sin().sum(), wanted)


@pytest.mark.parametrize("kind", DEFINITION)
@pytest.mark.parametrize(("k", "p"), KERNELS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_fold_is_the_definition_there_and_back(kind, k, p, layout):
    for n, inputs, outputs, height, width in SHAPES:
        if kind is PooledConv2d and min(height, width) + 2 * p - k + 1 < 2:
            continue
        if 2 * min(height, width) + 2 * p - k + 1 < 1:
            continue
        conv = layer(kind, inputs, outputs, k, p, bias=(n == 2))
        x = drawn(n, inputs, height, width).contiguous(memory_format=layout).requires_grad_()
        ours, theirs = conv(x), DEFINITION[kind](x, conv)
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() < 1e-5
        wanted = [x, *conv.parameters()]
        for a, b in zip(gradients(ours, *wanted), gradients(theirs, *wanted), strict=True):
            assert (a - b).norm() <= 1e-5 * b.norm() + 1e-6


@pytest.mark.parametrize("kind", DEFINITION)
@pytest.mark.parametrize("outputs", [2, FEW + 1])
def test_the_fold_can_be_differentiated_twice(kind, outputs):
    conv = layer(kind, 2, outputs, 3, 1).double()
    x = drawn(2, 2, 4, 6).double().requires_grad_()
    found = []
    for y in (conv(x), DEFINITION[kind](x, conv)):
        (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [x, conv.weight, conv.bias]))
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", DEFINITION)
@pytest.mark.parametrize("outputs", [1, 8])
def test_under_autocast_the_fold_is_as_near_to_float32_as_the_definition(kind, outputs):
    conv = layer(kind, 16, outputs, 3, 1)
    x = drawn(2, 16, 12, 12).contiguous(memory_format=torch.channels_last)
    exact = DEFINITION[kind](x, conv)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = conv(x), DEFINITION[kind](x, conv)
    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert (ours - exact).norm() < 1.5 * (theirs - exact).norm() + 2e-3 * exact.norm()


@pytest.mark.parametrize("outputs", [1, 3, FEW + 2])
@pytest.mark.parametrize("size", [(1, 1), (7, 7), (8, 5), (32, 32)])
def test_four_small_convolutions_are_one_transposed_convolution(outputs, size):
    x, weight, bias = drawn(2, 3, *size), drawn(3, outputs, 4, 4, seed=1), drawn(outputs, seed=2)
    expected = conv_transpose2d(x, weight, bias, stride=2, padding=1)
    assert (by_phases(x, weight.transpose(0, 1).flip(2, 3), bias) - expected).abs().max() < 1e-5
    doubling = DoublingConv2d(3, outputs)
    doubling.weight.data, doubling.bias.data = weight, bias
    assert (doubling(x) - expected).abs().max() < 1e-5


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1),
                         nn.LeakyReLU(0.2), nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 1, 5, padding=2)))


def test_a_folded_network_keeps_its_function_its_parameters_and_their_names():
    net, x = plain(), drawn(2, 3, 6, 4)
    expected, names, owned = net(x), list(net.state_dict()), list(net.parameters())
    folded = fold_upsampling(net)
    assert folded is net and list(net.state_dict()) == names
    assert all(a is b for a, b in zip(net.parameters(), owned, strict=True))
    assert sum(isinstance(module, UpsampledConv2d) for module in net.modules()) == 2
    assert not any(isinstance(module, nn.Upsample) for module in net.modules())
    assert (net(x) - expected).abs().max() < 1e-5
    other = plain()
    other.load_state_dict(net.state_dict())
    assert (other(x) - expected).abs().max() < 1e-5
    assert (copy.deepcopy(net).double()(x.double()) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("first", [nn.Upsample(scale_factor=3), nn.Upsample(scale_factor=2, mode="bilinear"),
                                   nn.Upsample(size=12), nn.Identity()])
def test_what_is_no_doubling_stays_as_it_is(first):
    net = nn.Sequential(first, nn.Conv2d(2, 2, 3, padding=1), nn.Upsample(scale_factor=2),
                        nn.Conv2d(2, 2, 3, padding=1, groups=2))
    before = list(net)
    assert list(fold_upsampling(net)) == before


@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 3},
                                     {"padding": "same"}, {"padding_mode": "reflect", "padding": 1},
                                     {"padding": (1, 0)}])
@pytest.mark.parametrize("kind", DEFINITION)
def test_options_that_cannot_be_folded_are_refused(kind, options):
    with pytest.raises(ValueError, match="cannot be folded"):
        kind(2, 2, 3, **options)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 17), (4, 16, 16), (1, 4, 4)])
def test_the_generator_of_dcgan_is_the_one_of_transposed_convolutions(shape):
    """Its last layer takes the quicker form: same names, same function, same gradients."""
    torch.manual_seed(0)
    G = DCGANGenerator(shape, size="XS", z_dim=8)
    reference = copy.deepcopy(G)
    for place, module in enumerate(reference.layers):
        if isinstance(module, nn.ConvTranspose2d):
            reference.layers[place] = nn.ConvTranspose2d(module.in_channels, module.out_channels, 4, 2, 1,
                                                         bias=module.bias is not None)
    reference.load_state_dict(G.state_dict())
    z = drawn(4, 8)
    assert list(G.state_dict()) == list(reference.state_dict())
    assert (G(z) - reference(z)).abs().max() < 1e-5
    for a, b in zip(gradients(G(z), *G.parameters()), gradients(reference(z), *reference.parameters()), strict=True):
        assert (a - b).norm() <= 1e-4 * b.norm() + 1e-6


@pytest.mark.parametrize("layer", [UpsampledConv2d, PooledConv2d])
def test_the_weight_is_read_once_a_pass(layer: type[nn.Conv2d]) -> None:
    """A spectral norm iterates at each reading: two readings would be two iterations."""

    class Counted(nn.Module):
        readings = 0

        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            Counted.readings += 1
            return weight * 1.0

    net = layer(8, 8, 3, padding=1)
    nn.utils.parametrize.register_parametrization(net, "weight", Counted())
    Counted.readings = 0
    net(torch.zeros(2, 8, 8, 8))
    assert Counted.readings == 1
