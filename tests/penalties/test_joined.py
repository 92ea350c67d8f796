"""Loss and penalty in one go: the gradient of double backward, whatever the critic, weights, share and precision."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils._python_dispatch import TorchDispatchMode

from mintage.networks import DCGANDiscriminator, MLPDiscriminator, ResidualDiscriminator
from mintage.networks.dropout import Dropout
from mintage.networks.heads import BasisHead
from mintage.networks.residual_stages import descent
from mintage.networks.spectral import spectral_norm
from mintage.objectives import relativistic_paired
from mintage.penalties import (
    Slope,
    autograd,
    explicit,
    gradient_penalty,
    logits_and_slopes,
    on_pair,
    on_share,
    piecewise_linear,
    r1,
    r2,
)

from .critics import CRITICS, IMAGE, case, draws, filled, two_layers, weight_gradient

EXACT = {torch.float32: 1e-5, torch.float64: 1e-10}


def value(logits: Tensor, slopes: Tensor) -> Tensor:
    """A loss that couples the examples, and a penalty that is not linear in the slopes; each example counts its own."""
    each = torch.arange(1.0, 1 + len(logits)).to(logits)
    return softplus(logits.flip(0) - 2 * logits).mean() + (each * (slopes + 1e-3).sqrt()).mean() / 3


def apart(D: Any, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
    """The same by two passes and a double backward."""
    return D(x) if y is None else D(x, y), autograd(D, x, y)


def near(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return bool(a.norm() > 0 and (a - b).norm() <= tolerance * a.norm())


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("name", CRITICS)
def test_the_joint_gradient_is_that_of_double_backward(name: str, dtype: torch.dtype) -> None:
    D, x, _, y = case(name, dtype)
    (a, s), (b, t) = apart(D, x, y), logits_and_slopes(D, x, y)
    assert torch.allclose(a, b, rtol=EXACT[dtype], atol=0) and torch.allclose(s, t, rtol=EXACT[dtype], atol=0)
    assert near(weight_gradient(D, value(a, s)), weight_gradient(D, value(b, t)), EXACT[dtype])


class PaperCritic(nn.Module):
    """The blocks, filter and head of the paper's critic."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(*descent([16, 16], 1, 8, 2))
        self.head = BasisHead(16, (4, 4), 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.maps(x), None)


LARGER: dict[str, Any] = {
    "S": (lambda: ResidualDiscriminator(IMAGE, size="S"), IMAGE),
    "S, two classes": (lambda: ResidualDiscriminator((1, 8, 8), size="S", classes=2), (1, 8, 8)),
    "paper's blocks": (PaperCritic, (2, 8, 8)),
    "DCGAN": (lambda: DCGANDiscriminator(IMAGE, size="XS", batch_norm=False), IMAGE),
}


@pytest.mark.parametrize("name", LARGER)
def test_the_image_critics(name: str) -> None:
    make, shape = LARGER[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        D = filled(make()).double()
    D = D.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x, y = draws(2, *shape), torch.tensor([0, 1]) if "classes" in name else None
    piecewise_linear(D, x, y)
    a, b = (weight_gradient(D, value(*way(D, x, y))) for way in (apart, logits_and_slopes))
    assert near(a, b, 1e-10)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("name", ["labelled residual", "mlp"])
def test_a_pair_with_penalties_on_a_share(name: str, share: float) -> None:
    D, x, fake, y = case(name, torch.float64)

    def total(a: Tensor, b: Tensor, on_real: Tensor, on_fake: Tensor) -> Tensor:
        return relativistic_paired.critic(a, b) + 3 * on_real + 5 * on_fake

    def logits(points: Tensor) -> Tensor:
        return D(points) if y is None else D(points, y)

    a, b, s, t = on_pair(D, x, fake, y, share)
    joined = total(a, b, s.mean() / 2, t.mean() / 2)
    reference = total(logits(x), logits(fake), on_share(r1, share)(D, x, y), on_share(r2, share)(D, fake, y))
    assert joined.item() == pytest.approx(reference.item(), rel=1e-12)
    assert near(weight_gradient(D, reference), weight_gradient(D, joined), 1e-10)


def test_a_share_or_a_pair_that_is_none_is_refused() -> None:
    D, x, fake, _ = case("mlp", torch.float64)
    with pytest.raises(ValueError, match="up to 1"):
        on_pair(D, x, fake, None, 1.5)
    with pytest.raises(ValueError, match="as many fakes as reals"):
        on_pair(D, x, fake[:2], None)


def test_under_autocast_both_passes_are_cast() -> None:
    """Logits are the critic's, in float32, and the gradient lies as near to the exact one as double backward's."""
    D, x, _, y = case("labelled residual", torch.float32)
    exact = weight_gradient(D, value(*apart(D, x, y)))
    with torch.autocast("cpu", torch.bfloat16):
        (a, s), (b, t) = apart(D, x, y), logits_and_slopes(D, x, y)
    off, ours = (float((weight_gradient(D, value(*pair)) - exact).norm() / exact.norm()) for pair in ((a, s), (b, t)))
    assert b.dtype == t.dtype == torch.float32 and torch.equal(a.float(), b)
    assert 1e-4 < ours < max(2 * off, 0.02)


def test_spectral_norm_moves_once_and_is_differentiated() -> None:
    torch.manual_seed(0)
    nets = [spectral_norm(two_layers()).double() for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = draws(5, 6)
    logits, slopes = logits_and_slopes(nets[0], x)
    points = x.clone().requires_grad_()
    there = nets[1](points)
    (g,) = torch.autograd.grad(there.sum(), points, create_graph=True)
    expected = weight_gradient(nets[1], value(there, g.square().sum(1)))
    assert near(expected, weight_gradient(nets[0], value(logits, slopes)), 1e-10)
    assert all(torch.equal(p, q) for p, q in zip(nets[0].buffers(), nets[1].buffers(), strict=True))


def test_our_dropout_keeps_its_mask() -> None:
    D, x = MLPDiscriminator((5,), dropout=0.5).double(), draws(6, 5)
    found = []
    for slope in (autograd, explicit):
        for module in D.modules():
            if isinstance(module, Dropout):
                module.generator = torch.Generator().manual_seed(4)
        found.append(weight_gradient(D, slope(D, x).sum()))
    piecewise_linear(D, x)
    assert near(found[0], found[1], 1e-10)


def test_a_root_of_the_slope_has_its_gradient() -> None:
    D, x, fake, y = case("labelled mlp", torch.float64)

    def found(slope: Slope) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return weight_gradient(D, gradient_penalty(D, x, fake, y, generator=generator, slope=slope))

    assert near(found(autograd), found(explicit), 1e-10)


class Counted(TorchDispatchMode):
    """Counts convolutions, and what was asked of their backward."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.counts["forward"] += 1
        if func is torch.ops.aten.convolution_backward.default:
            self.counts.update(name for name, wanted in zip(("input", "weight"), args[-1], strict=False) if wanted)
        return func(*args, **(kwargs or {}))


def test_the_cost_is_two_forwards_one_way_to_the_inputs_and_one_to_the_weights() -> None:
    D, x, _, _ = case("residual", torch.float32)
    layers = sum(p.ndim == 4 for p in D.parameters())
    with Counted() as counting:
        weight_gradient(D, value(*logits_and_slopes(D, x)))
    assert counting.counts == {"forward": 2 * layers, "input": layers, "weight": layers}


def test_it_can_be_differentiated_once_only() -> None:
    D, x, _, _ = case("mlp", torch.float64)
    with pytest.raises(ValueError, match="slope=autograd"):
        torch.autograd.grad(logits_and_slopes(D, x)[1].sum(), next(D.parameters()), create_graph=True)


def test_constants_where_examples_do_not_stand_first_are_refused() -> None:
    shift = draws(7, 5)
    with pytest.raises(ValueError, match="examples do not stand first"):
        piecewise_linear(lambda x: ((x @ draws(6, 7)).T + shift).abs().sum(0), draws(5, 6))


def test_a_unit_that_ignores_scaled_constants_is_refused() -> None:
    """With its constants dropped it looks linear, but they do not follow the scale."""
    with pytest.raises(ValueError, match="piecewise linear"):
        piecewise_linear(lambda x: torch.lerp(x, torch.ones_like(x), 0.5).sum(1), draws(5, 6))
