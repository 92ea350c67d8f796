"""R1 and R2: closed forms on linear and quadratic critics, weight gradients, and the estimate from a share."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from mintage.penalties import on_share, r1, r2, squared_gradient_norm, zero_centred


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("penalty", [r1, r2])
def test_linear_critic(penalty: object, n: int) -> None:
    """D(x) = <w, x> + b: |w|^2 / 2, whatever the batch."""
    w = draws(3, 4, 5)
    value = penalty(lambda x: (x * w).sum((1, 2, 3)) + 2, draws(n, 3, 4, 5, seed=1))  # type: ignore[operator]
    assert value.item() == pytest.approx(w.square().sum().item() / 2, rel=1e-12)


def test_quadratic_critic() -> None:
    """D(x) = x'Ax / 2 with symmetric A: E |Ax|^2 / 2."""
    a = draws(6, 6)
    a = a + a.T
    x = draws(9, 6, seed=1)
    value = r1(lambda x: (x @ a * x).sum(1) / 2, x)
    assert value.item() == pytest.approx((x @ a).square().sum(1).mean().item() / 2, rel=1e-12)


def test_each_example_has_its_own_norm() -> None:
    x = draws(5, 3).requires_grad_()
    norms = squared_gradient_norm(x.square().sum(1), x)
    assert torch.allclose(norms, 4 * x.square().sum(1))


class Critic(nn.Module):
    """A small piecewise-linear convolutional critic, with labels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(2, 6, 3, 2, 1).double(), nn.Conv2d(6, 6, 3, 1, 1).double()
        self.v = nn.Parameter(draws(3, 6))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = leaky_relu(self.b(leaky_relu(self.a(x), 0.2)), 0.2).mean((2, 3))
        return (h * self.v[y]).sum(1)


def gradients(D: nn.Module, value: Tensor) -> list[Tensor]:
    found = torch.autograd.grad(value, list(D.parameters()), allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, D.parameters(), strict=True)]


def test_weight_gradients_agree_with_finite_differences() -> None:
    D, x, y = Critic(), draws(4, 2, 6, 6, seed=2), torch.tensor([0, 1, 2, 0])
    for parameter, gradient in zip(D.parameters(), gradients(D, r1(D, x, y)), strict=True):
        flat, h = parameter.data.view(-1), 1e-6
        for i in range(0, flat.numel(), max(1, flat.numel() // 5)):
            was = flat[i].item()
            flat[i] = was + h
            up = r1(D, x, y).item()
            flat[i] = was - h
            down = r1(D, x, y).item()
            flat[i] = was
            assert (up - down) / (2 * h) == pytest.approx(gradient.flatten()[i].item(), rel=1e-5, abs=1e-9)


def test_a_share_of_the_batch_is_unbiased() -> None:
    """Over all cyclic orders of a batch, the mean of the estimate and of its weight gradient is the whole batch's."""
    D, x, y = Critic(), draws(8, 2, 6, 6, seed=2), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    quarter = on_share(r1, 0.25)
    orders = [torch.arange(8).roll(k) for k in range(8)]
    mean = torch.stack([quarter(D, x[o], y[o]) for o in orders]).mean()
    assert mean.item() == pytest.approx(r1(D, x, y).item(), rel=1e-12)
    for a, b in zip(gradients(D, mean), gradients(D, r1(D, x, y)), strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("n", "share"), [(8, 0.25), (7, 0.25), (1, 0.1), (5, 1.0)])
def test_a_share_is_rounded_up(n: int, share: float) -> None:
    seen = []

    def count(critic: object, x: Tensor, y: Tensor | None = None) -> Tensor:
        seen.append(len(x))
        return x.sum()

    on_share(count, share)(None, draws(n, 2))
    assert seen == [math.ceil(share * n)]


def test_nothing_reaches_the_maker_of_the_fakes() -> None:
    D, made = Critic(), draws(2, 2, 6, 6).requires_grad_()
    r2(D, made * 2, torch.tensor([0, 1])).backward()
    assert made.grad is None and D.v.grad is not None


def test_the_sum_is_in_full_precision_under_autocast() -> None:
    D, x, y = Critic().float(), draws(4, 2, 6, 6).float(), torch.tensor([0, 1, 2, 0])
    with torch.autocast("cpu", torch.bfloat16):
        value = zero_centred(D, x, y)
    assert value.dtype == torch.float32 and value.item() == pytest.approx(r1(D, x, y).item(), rel=0.05)


def test_misuse_is_refused() -> None:
    x = draws(3, 2)
    with pytest.raises(ValueError, match="one number"):
        r1(lambda x: x, x)
    with pytest.raises(ValueError, match="do not depend on x"):
        squared_gradient_norm(x.sum(1), x)
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        on_share(r1, 0)
