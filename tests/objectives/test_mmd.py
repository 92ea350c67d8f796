"""Maximum mean discrepancy: estimates against longhand, closed forms and their means; kernels."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from mintage.objectives import (
    Kernel,
    energy_kernel,
    gaussian_kernel,
    linear_kernel,
    mmd2,
    mmd_gan,
    rational_quadratic_kernel,
)

KERNELS: dict[str, Kernel] = {"gaussian": gaussian_kernel(), "rational quadratic": rational_quadratic_kernel(),
                              "linear": linear_kernel, "energy": energy_kernel}
FAMILY = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@FAMILY
@pytest.mark.parametrize("unbiased", [True, False])
def test_the_estimate_is_its_double_sum(kernel: Kernel, unbiased: bool) -> None:
    x, y = normal(0, 5, 3), normal(1, 4, 3) + 1

    def k(u: Tensor, v: Tensor) -> float:
        return float(kernel(u[None], v[None]))

    def within(z: Tensor) -> float:
        pairs = [k(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j or not unbiased]
        return sum(pairs) / len(pairs)

    across = sum(k(u, v) for u in x for v in y) / 20
    assert float(mmd2(x, y, kernel, unbiased)) == pytest.approx(within(x) + within(y) - 2 * across, rel=1e-9)


@FAMILY
def test_unbiased_has_mean_zero_between_equals_and_biased_has_not(kernel: Kernel) -> None:
    x, y = normal(2, 2000, 8, 2), normal(3, 2000, 8, 2)
    for unbiased in (True, False):
        draws = torch.stack([mmd2(u, v, kernel, unbiased) for u, v in zip(x, y, strict=True)])
        off = abs(float(draws.mean())) / (float(draws.std()) / math.sqrt(len(draws)))
        assert off < 3 if unbiased else off > 20
        assert unbiased or float(draws.min()) > 0


def test_unbiased_has_the_mean_of_the_closed_form_between_gaussians() -> None:
    """E k(x, y) of x ~ N(0, 1), y ~ N(mu, 1) is w / sqrt(w^2 + 2) exp(-mu^2 / (2 (w^2 + 2)))."""
    w, mu = 1.5, 0.7
    near = w / math.sqrt(w * w + 2)
    exact = 2 * near * (1 - math.exp(-mu * mu / (2 * (w * w + 2))))
    x, y = normal(4, 3000, 8), normal(5, 3000, 8) + mu
    draws = torch.stack([mmd2(u, v, gaussian_kernel([w])) for u, v in zip(x, y, strict=True)])
    assert abs(float(draws.mean()) - exact) < 3 * float(draws.std()) / math.sqrt(len(draws))


@FAMILY
def test_axes_after_the_first_are_features(kernel: Kernel) -> None:
    x, y = normal(6, 6), normal(7, 6)
    assert mmd2(x, y, kernel) == mmd2(x[:, None], y[:, None], kernel)
    images = normal(8, 6, 1, 2, 2), normal(9, 6, 1, 2, 2)
    assert mmd2(*images, kernel) == mmd2(*(each.reshape(6, 4) for each in images), kernel)


def test_the_energy_kernel_gives_the_energy_distance() -> None:
    x, y = normal(10, 40), normal(11, 30) * 2 + 1
    assert float(mmd2(x, y, energy_kernel, unbiased=False)) == pytest.approx(
        stats.energy_distance(x.numpy(), y.numpy()) ** 2, rel=1e-9)


def test_the_linear_kernel_compares_means() -> None:
    x, y = normal(12, 40, 3), normal(13, 30, 3) * 2 + 1
    assert float(mmd2(x, y, linear_kernel, unbiased=False)) == pytest.approx(
        float((x.mean(0) - y.mean(0)).square().sum()), rel=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "rational quadratic"])
def test_kernels_are_positive_definite_and_translation_invariant(name: str) -> None:
    x = normal(14, 12, 3)
    k = KERNELS[name](x, x)
    assert float(torch.linalg.eigvalsh(k).min()) > -1e-9 and torch.allclose(k.diagonal(), k.diagonal()[0])
    assert torch.allclose(KERNELS[name](x + 1e4, x + 1e4), k, atol=1e-9)


def test_a_far_offset_costs_no_digits_in_single_precision() -> None:
    x, y = normal(15, 50, 4), normal(16, 50, 4) + 0.5
    near, far = (float(mmd2((x + by).float(), (y + by).float(), gaussian_kernel())) for by in (0, 64))
    exact = float(mmd2(x, y, gaussian_kernel()))
    assert far == pytest.approx(exact, abs=2e-5) and near == pytest.approx(exact, abs=2e-6)


def test_half_precision_is_widened() -> None:
    x, y = normal(17, 20, 4).bfloat16(), normal(18, 20, 4).bfloat16()
    plain = mmd2(x.float(), y.float(), gaussian_kernel())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert mmd2(x, y, gaussian_kernel()) == mmd2(x.float(), y.float(), gaussian_kernel()) == plain


@FAMILY
def test_lowering_it_moves_fakes_onto_the_data(kernel: Kernel) -> None:
    """GMMN: the generator's side alone, on the data; here G's outputs are free points."""
    x, g = normal(19, 64, 2) * 0.5 + 2, normal(20, 64, 2) * 0.5
    lower = mmd_gan(kernel).generator
    before, gap = float(lower(x, g)), float((x.mean(0) - g.mean(0)).norm())
    for _ in range(60):
        g.requires_grad_()
        (slope,) = torch.autograd.grad(lower(x, g), g)
        g = (g - 0.5 * len(g) / 6 * slope).detach()
    assert float(lower(x, g)) < before / 4 and float((x.mean(0) - g.mean(0)).norm()) < gap / 2


@pytest.mark.parametrize(("x", "y", "said"), [
    (torch.zeros(4, 2), torch.zeros(4, 3), "of 2 and of 3 numbers"),
    (torch.zeros(1, 2), torch.zeros(4, 2), "samples of 1 and 4"),
])
def test_samples_that_cannot_be_compared_are_refused(x: Tensor, y: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        mmd2(x, y, linear_kernel)


@pytest.mark.parametrize("make", [gaussian_kernel, rational_quadratic_kernel])
@pytest.mark.parametrize("scales", [[], [1.0, 0.0], [-2.0], [float("nan")]])
def test_scales_that_are_not_positive_are_refused(make: object, scales: list[float]) -> None:
    with pytest.raises(ValueError, match="one or more positive numbers"):
        make(scales)  # type: ignore[operator]
