"""PSNR and SSIM by their closed forms; against torchmetrics see test_references."""

from __future__ import annotations

import math

import pytest
import torch

from mintage.evaluation.measures.similarity import psnr, ssim


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_constant_error() -> None:
    x = pictures(100, 3, 9, 7) * 0.5
    off = torch.linspace(0.01, 0.5, 100)
    found = psnr(x, x + off[:, None, None, None])
    assert torch.allclose(found.each, 20 * (2 / off.double()).log10(), rtol=1e-5) and found.n == 100
    assert found.mean == pytest.approx(float(found.each.mean()))
    assert found.error == pytest.approx(float(found.each.std() / 10))
    assert psnr(x[:2], x[:2]).each.tolist() == [math.inf, math.inf]


def test_structure_is_one_for_equals_and_below_for_others() -> None:
    x = pictures(70, 2, 16, 13)
    assert torch.allclose(ssim(x, x).each, torch.ones(70).double(), atol=1e-12)
    values = [ssim(x, x + s * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))).mean
              for s in (0.05, 0.2, 1.0)]
    assert 1 > values[0] > values[1] > values[2]
    assert ssim(x, -x).mean < 0


def test_structure_of_flat_pictures() -> None:
    """Without contrast only the first fraction is left: (2 a b + c1) / (a^2 + b^2 + c1), a and b counted from black."""
    a, b = torch.full((1, 1, 12, 11), 0.5), torch.full((1, 1, 12, 11), -0.2)
    assert ssim(a, b).mean == pytest.approx((2 * 1.5 * 0.8 + 0.0004) / (2.25 + 0.64 + 0.0004), rel=1e-6)
    assert ssim(a, b).error == math.inf


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_what_cannot_be_compared(measure) -> None:
    x = pictures(2, 1, 12, 12)
    for other in (x[:1], x[..., :11], x[0]):
        with pytest.raises(ValueError, match="of one shape"):
            measure(x, other)
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(x, x / 0)
    with pytest.raises(ValueError, match="received images of 10 x 12"):
        ssim(x[..., :10, :], x[..., :10, :])
