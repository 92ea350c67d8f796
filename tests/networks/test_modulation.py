"""Modulated convolution: the dense form equals the definition by weights of each example."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from mintage.networks.modulation import Noise, activated, adain, demodulation, modulated, modulated_by_weights, painted


def parts(kernel: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(kernel)
    x = torch.randn(3, 5, 4, 6, generator=g, dtype=dtype)
    w = torch.randn(4, 5, kernel, kernel, generator=g, dtype=dtype)
    return x, w, torch.randn(3, 5, generator=g, dtype=dtype)


@pytest.mark.parametrize("demodulate", [False, True])
@pytest.mark.parametrize("resample", [None, "up", "down"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_equals_the_definition(kernel: int, resample: str | None, demodulate: bool) -> None:
    inputs = [t.requires_grad_() for t in parts(kernel)]
    fast = modulated(*inputs, demodulate=demodulate, resample=resample)
    slow = modulated_by_weights(*inputs, demodulate=demodulate, resample=resample)
    assert fast.shape == slow.shape and torch.allclose(fast, slow, atol=1e-12)
    g = torch.randn(fast.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    for a, b in zip(torch.autograd.grad(fast, inputs, g), torch.autograd.grad(slow, inputs, g), strict=True):
        assert torch.allclose(a, b, atol=1e-11)


def test_second_derivatives() -> None:
    x, w, s = (t.requires_grad_() for t in parts(3))
    small = x.detach()[:2, :, :2, :2].clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x, w, s: modulated(x, w, s, resample="up"), (small, w, s[:2]))


def test_demodulated_outputs_have_unit_variance_whatever_the_style() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 64, 32, 32, generator=g)
    w = torch.randn(16, 64, 3, 3, generator=g)
    s = torch.stack([torch.ones(64), 100 * torch.rand(64, generator=g)])
    inside = modulated(x, w, s)[..., 1:-1, 1:-1]
    assert inside.var((1, 2, 3)).tolist() == pytest.approx([1, 1], abs=0.08)


def test_painting_is_a_modulated_1_by_1_convolution() -> None:
    x, w, s = parts(1)
    assert torch.allclose(painted(x, w, s), modulated_by_weights(x, w, s, demodulate=False))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_activation(scaled: bool, noisy: bool, clamp: float | None) -> None:
    g = torch.Generator().manual_seed(0)
    y, d = torch.randn(2, 3, 4, 5, generator=g).double(), torch.randn(2, 3, generator=g).double()
    e, b = torch.randn(2, 1, 4, 5, generator=g).double(), torch.randn(3, generator=g).double()
    inputs = [t.requires_grad_() for t in (y, d, e, b)]
    t = y * (d[:, :, None, None] if scaled else 1) + (e if noisy else 0) + b[:, None, None]
    expected = math.sqrt(2) * leaky_relu(t, 0.2)
    expected = expected if clamp is None else expected.clamp(-clamp, clamp)

    def fast(y: Tensor, d: Tensor, e: Tensor, b: Tensor) -> Tensor:
        return activated(y, b, scale=d if scaled else None, noise=e if noisy else None, clamp=clamp)

    found = fast(*inputs)
    assert torch.allclose(found, expected)
    for a, c in zip(torch.autograd.grad(found.square().sum(), inputs, allow_unused=True),
                    torch.autograd.grad(expected.square().sum(), inputs, allow_unused=True), strict=True):
        assert (a is None) == (c is None) and (a is None or torch.allclose(a, c))
    assert torch.autograd.gradgradcheck(fast, inputs)


def test_adain_sets_mean_and_deviation() -> None:
    x = 5 + 3 * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    scale, shift = torch.tensor([[0.0, 1.0, -0.5]] * 2), torch.tensor([[2.0, 0.0, -1.0]] * 2)
    y = adain(x, scale, shift)
    assert torch.allclose(y.mean((2, 3)), shift, atol=1e-5)
    assert torch.allclose(y.std((2, 3), correction=0), 1 + scale, atol=1e-5)
    assert adain(x.bfloat16(), scale, shift).dtype == torch.bfloat16


def test_noise_is_the_generators_own() -> None:
    torch.manual_seed(0)
    noise = Noise((4, 6))
    torch.nn.init.constant_(noise.strength, 2.0)
    before = torch.random.get_rng_state()
    a, b = noise(3), noise(3)
    assert a.shape == (3, 1, 4, 6) and not torch.equal(a, b)
    noise.generator = torch.Generator().manual_seed(5)
    c = noise(3)
    noise.generator = torch.Generator().manual_seed(5)
    assert torch.equal(noise(3), c)
    noise.eval()
    assert torch.equal(noise(3), noise(1)) and torch.equal(noise(1), 2 * noise.fixed)
    assert noise(1, "none") is None and noise(3, "drawn").shape == (3, 1, 4, 6)
    assert torch.equal(before, torch.random.get_rng_state())


def test_types_under_autocast() -> None:
    x, w, s = parts(3, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = modulated(x, w, s, resample="up")
        assert demodulation(w, s).dtype == torch.float32
        z = activated(y, torch.zeros(4), scale=torch.ones(3, 4), noise=torch.zeros(1, 1, 8, 12))
    assert y.dtype == z.dtype == torch.bfloat16
    assert torch.allclose(y.float(), modulated(x, w, s, resample="up"), atol=0.05)
