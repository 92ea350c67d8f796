"""Laws that every generator and critic obeys, whatever the family and the size of the images."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from mintage.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    ResidualDiscriminator,
    ResidualGenerator,
    UnitConv2d,
    renormalise,
)

SHAPES = [(1, 28, 28), (3, 64, 48), (2, 100, 75), (1, 8, 8), (4, 33, 17), (3, 7, 7), (1, 1, 1)]
FAMILIES = ["residual", "dcgan", "mlp"]
N = 3


def pair(family: str, shape: tuple[int, int, int], classes: int = 0) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    if family == "residual":
        return (ResidualGenerator(shape, size="XS", z_dim=8, classes=classes),
                ResidualDiscriminator(shape, size="XS", classes=classes))
    if family == "dcgan":
        return (DCGANGenerator(shape, size="XS", z_dim=8, classes=classes),
                DCGANDiscriminator(shape, size="XS", classes=classes))
    return (MLPGenerator(shape, z_dim=8, classes=classes, width=16), MLPDiscriminator(shape, classes=classes, width=16))


def inputs(shape: tuple[int, int, int], classes: int = 0) -> tuple[Tensor, Tensor, Tensor | None]:
    g = torch.Generator().manual_seed(1)
    y = torch.randint(classes, (N,), generator=g) if classes else None
    return torch.randn(N, 8, generator=g), torch.randn(N, *shape, generator=g).clamp(-1, 1), y


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_types_and_ranges(family: str, shape: tuple[int, int, int]) -> None:
    G, D = pair(family, shape)
    z, x, _ = inputs(shape)
    fake, logits = G(z), D(x)
    assert fake.shape == (N, *shape) and fake.dtype == torch.float32 and fake.isfinite().all()
    assert logits.shape == (N,) and logits.dtype == torch.float32 and logits.isfinite().all()
    assert G.z_dim == 8
    if family != "mlp":
        assert fake.abs().max() <= 1


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_gets_a_finite_gradient(family: str, classes: int) -> None:
    shape = (2, 12, 20)
    G, D = pair(family, shape, classes)
    z, x, y = inputs(shape, classes)
    D(G(z, y), y).sub(D(x, y)).square().sum().backward()
    for net in (G, D):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("family", FAMILIES)
def test_evaluation_is_deterministic_and_leaves_the_global_randomness_alone(family: str) -> None:
    shape = (1, 12, 12)
    G, D = (net.eval() for net in pair(family, shape))
    z, x, _ = inputs(shape)
    before = torch.random.get_rng_state()
    assert torch.equal(G(z), G(z)) and torch.equal(D(x), D(x))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_travel_through_a_state_dict(family: str) -> None:
    shape = (3, 9, 12)
    nets = pair(family, shape, 2)
    torch.manual_seed(9)
    z, x, y = inputs(shape, 2)
    for net, argument in zip(nets, (z, x), strict=True):
        other = copy.deepcopy(net)
        for parameter in other.parameters():
            nn.init.zeros_(parameter)
        other.load_state_dict(net.state_dict())
        assert torch.equal(net.eval()(argument, y), other.eval()(argument, y))


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_matter_and_are_asked_for(family: str) -> None:
    shape = (1, 12, 12)
    G, D = pair(family, shape, 3)
    for parameter in D.parameters():  # compact critics begin with the same vector for all labels
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    G.eval(), D.eval()
    z, x, _ = inputs(shape)
    a, b = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    assert not torch.allclose(G(z, a), G(z, b)) and not torch.allclose(D(x, a), D(x, b))
    for call in (lambda: G(z), lambda: D(x)):
        with pytest.raises(ValueError, match="made for 3 classes"):
            call()


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_float32_under_autocast(family: str) -> None:
    shape = (1, 12, 12)
    G, D = pair(family, shape)
    z, x, _ = inputs(shape)
    with torch.autocast("cpu", torch.bfloat16):
        assert D(x).dtype == torch.float32
        assert G(z).dtype == torch.float32


@pytest.mark.parametrize("family", FAMILIES)
def test_nets_run_on_the_meta_device(family: str) -> None:
    shape = (3, 24, 16)
    with torch.device("meta"):
        G, D = pair(family, shape, 2)
        z, y = torch.empty(N, 8), torch.zeros(N, dtype=torch.long)
        assert D(G(z, y), y).shape == (N,)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 11, 9)])
@pytest.mark.parametrize("family", ["residual", "mlp", "dcgan"])
def test_critics_can_be_differentiated_twice(family: str, shape: tuple[int, int, int]) -> None:
    """The weight gradient of |dD/dx|^2 agrees with finite differences."""
    D = DCGANDiscriminator(shape, size="XS", batch_norm=False) if family == "dcgan" else pair(family, shape)[1]
    D = D.double()
    x = inputs(shape)[1].double().requires_grad_(True)

    def penalty() -> Tensor:
        (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return g.square().sum()

    weights = [p for p in D.parameters() if p.ndim > 1]
    gradients = torch.autograd.grad(penalty(), weights)
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        step = 1e-6 / direction.norm()
        weight.data.add_(step * direction)
        up = penalty().item()
        weight.data.sub_(2 * step * direction)
        down = penalty().item()
        weight.data.add_(step * direction)
        assert (up - down) / (2 * step) == pytest.approx((gradient * direction).sum().item(), rel=1e-4, abs=1e-7)


def test_a_residual_critic_judges_each_example_by_itself() -> None:
    D = pair("residual", (1, 12, 12))[1]
    x = inputs((1, 12, 12))[1]
    assert torch.allclose(D(x), torch.cat([D(one[None]) for one in x]), atol=1e-6)


def test_renormalised_weights_keep_the_function() -> None:
    G, D = pair("residual", (1, 12, 12))
    z, x, _ = inputs((1, 12, 12))
    with torch.no_grad():
        for net, argument in ((G, z), (D, x)):
            before = net(argument)
            for module in net.modules():
                if isinstance(module, UnitConv2d):
                    module.weight.mul_(3).add_(0.5)
            assert torch.allclose(net(argument), before, atol=1e-5)
            renormalise(net)
            assert torch.allclose(net(argument), before, atol=1e-5)
            weights = [m.weight for m in net.modules() if isinstance(m, UnitConv2d)]
            assert weights and all(w.square().mean().item() == pytest.approx(1, abs=1e-4) for w in weights)
