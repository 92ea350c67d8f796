"""Filters: the fast forms equal the definition by zeros and plain convolution, and so do their gradients, twice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from mintage.networks.filters import blur, convolved_down, convolved_up, downsample, upfirdn, upsample

TAPS = [(1.0, 3.0, 3.0, 1.0), (1.0, 1.0), (1.0, -4.0, 8.0, 8.0, -4.0, 1.0)]


def images(c: int = 5, h: int = 8, w: int = 12, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, c, h, w, generator=torch.Generator().manual_seed(c)).to(dtype)


def defined(kind: str, x: Tensor, taps: tuple[float, ...]) -> Tensor:
    half = len(taps) // 2
    if kind == "up":
        return upfirdn(x, taps, up=2, padding=(half, half - 1), gain=4.0)
    if kind == "down":
        return upfirdn(x, taps, down=2, padding=(half - 1, half - 1))
    return upfirdn(x, taps, padding=(half, half))


def fast(kind: str, x: Tensor, taps: tuple[float, ...]) -> Tensor:
    if kind == "blur":
        return blur(x, taps, padding=len(taps) // 2)
    return upsample(x, taps) if kind == "up" else downsample(x, taps)


def test_the_definition_by_hand() -> None:
    x = torch.tensor([[[[1.0, 2.0]]]])
    assert torch.equal(upfirdn(x, (1, 1), up=2, padding=(1, 0), gain=4.0),
                       torch.tensor([[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]))
    assert upfirdn(x, (1, 3, 3, 1), padding=(3, 3))[0, 0, 3].tolist() == pytest.approx(
        [v / 64 for v in (1, 5, 9, 7, 2)])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("taps", TAPS, ids=len)
@pytest.mark.parametrize("kind", ["blur", "up", "down"])
def test_fast_forms_equal_the_definition(kind: str, taps: tuple[float, ...], layout: torch.memory_format) -> None:
    x = images().contiguous(memory_format=layout)
    assert torch.allclose(fast(kind, x, taps), defined(kind, x, taps), atol=1e-5)


@pytest.mark.parametrize("kind", ["blur", "up", "down"])
def test_gradients_and_their_gradients(kind: str) -> None:
    x = images(2, 4, 6, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: fast(kind, v, TAPS[0]), x)
    assert torch.autograd.gradgradcheck(lambda v: fast(kind, v, TAPS[0]), x)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("taps", TAPS, ids=len)
def test_convolutions_that_resample(kernel: int, taps: tuple[float, ...]) -> None:
    x, half, margin = images(dtype=torch.float64), len(taps) // 2, kernel // 2
    w = torch.randn(4, 5, kernel, kernel, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    up = upfirdn(x, taps, up=2, padding=(half + margin, half - 1 + margin), gain=4.0)
    assert torch.allclose(convolved_up(x, w, taps), conv2d(up, w.flip(2, 3)))
    down = upfirdn(x, taps, padding=(half - 1 + margin,) * 2)
    assert torch.allclose(convolved_down(x, w, taps=taps), conv2d(down, w, stride=2))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("kind", ["blur", "up", "down"])
def test_autocast_rounds_nothing_and_half_precision_only_the_outcome(kind: str, layout: torch.memory_format) -> None:
    x = images().contiguous(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16):
        inside = fast(kind, x, TAPS[0])
    assert inside.dtype == torch.float32 and torch.equal(inside, fast(kind, x, TAPS[0]))
    rounded = x.bfloat16().requires_grad_()
    y = fast(kind, rounded, TAPS[0])
    wide = rounded.detach().float().requires_grad_()
    expected = fast(kind, wide, TAPS[0])
    assert y.dtype == torch.bfloat16 and torch.allclose(y.float(), expected, rtol=2**-8, atol=1e-6)
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).bfloat16()
    (found,) = torch.autograd.grad(y, rounded, g)
    (right,) = torch.autograd.grad(expected, wide, g.float())
    assert found.dtype == torch.bfloat16 and torch.allclose(found.float(), right, rtol=2**-8, atol=1e-6)


def test_refusals() -> None:
    for taps in [(1.0, 2.0, 1.0), (1.0, 2.0), (), (1.0, -1.0, -1.0, 1.0)]:
        with pytest.raises(ValueError, match="taps of a filter"):
            upsample(images(), taps)
    for call in (downsample, lambda x: convolved_down(x, torch.ones(1, 5, 3, 3))):
        with pytest.raises(ValueError, match="both sides must be even"):
            call(images(h=7))


def test_constants_stay_constant_inside() -> None:
    x = torch.full((1, 2, 8, 8), 3.0)
    assert torch.allclose(upsample(x)[..., 2:-2, 2:-2], torch.tensor(3.0))
    assert torch.allclose(downsample(x)[..., 1:-1, 1:-1], torch.tensor(3.0))
