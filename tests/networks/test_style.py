"""Style networks: the laws of every generator and critic, and what styles, noise and the minibatch add."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from mintage.networks.style_discriminator import StyleDiscriminator, minibatch_deviation
from mintage.networks.style_mapping import EqualLinear, StyleMapping, mix
from mintage.networks.style_synthesis import STYLE_SIZES, StyleGenerator, StyleRow, StyleSynthesis

SHAPES = [(1, 28, 28), (3, 64, 48), (2, 100, 75), (1, 8, 8), (4, 33, 17), (3, 7, 7), (3, 48, 64)]
TINY = StyleRow(base=128, top=16, w_dim=12, depth=2)
N = 4


def pair(shape: tuple[int, int, int], classes: int = 0, form: str = "modulated") -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return (StyleGenerator(shape, size=TINY, z_dim=8, classes=classes, form=form),
            StyleDiscriminator(shape, size=TINY, classes=classes))


def inputs(shape: tuple[int, int, int], classes: int = 0) -> tuple[Tensor, Tensor, Tensor | None]:
    g = torch.Generator().manual_seed(1)
    y = torch.randint(classes, (N,), generator=g) if classes else None
    return torch.randn(N, 8, generator=g), torch.randn(N, *shape, generator=g).clamp(-1, 1), y


@pytest.mark.parametrize("form", ["modulated", "adain"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_types(shape: tuple[int, int, int], form: str) -> None:
    G, D = pair(shape, form=form)
    z, x, _ = inputs(shape)
    fake, logits = G(z), D(x)
    assert fake.shape == (N, *shape) and fake.dtype == torch.float32 and fake.isfinite().all()
    assert logits.shape == (N,) and logits.dtype == torch.float32 and logits.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert G(z).dtype == D(x).dtype == torch.float32


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("form", ["modulated", "adain"])
def test_every_parameter_gets_a_finite_gradient(form: str, classes: int) -> None:
    shape = (2, 12, 20)
    G, D = pair(shape, classes, form)
    z, x, y = inputs(shape, classes)
    D(G(z, y), y).sub(D(x, y)).square().sum().backward()
    for net in (G, D):
        for name, parameter in net.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_evaluation_is_deterministic_and_leaves_the_global_randomness_alone() -> None:
    G, D = (net.eval() for net in pair((1, 12, 12)))
    z, x, _ = inputs((1, 12, 12))
    before = torch.random.get_rng_state()
    assert torch.equal(G(z), G(z)) and torch.equal(D(x), D(x))
    G.train()(z)
    assert torch.equal(before, torch.random.get_rng_state())


def test_weights_travel_through_a_state_dict() -> None:
    shape = (3, 9, 12)
    nets = pair(shape, 2)
    z, x, y = inputs(shape, 2)
    for net, argument in zip(nets, (z, x), strict=True):
        net(argument, y)  # moves the mean of w
        other = copy.deepcopy(net)
        for tensor in other.state_dict().values():
            nn.init.zeros_(tensor)
        other.load_state_dict(net.state_dict())
        assert torch.equal(net.eval()(argument, y), other.eval()(argument, y))


def test_labels_matter_and_are_asked_for() -> None:
    G, D = (net.eval() for net in pair((1, 12, 12), 3))
    z, x, _ = inputs((1, 12, 12))
    a, b = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 1])
    assert not torch.allclose(G(z, a), G(z, b)) and not torch.allclose(D(x, a), D(x, b))
    for call in (lambda: G(z), lambda: D(x)):
        with pytest.raises(ValueError, match="made for 3 classes"):
            call()


@pytest.mark.parametrize("form", ["modulated", "adain"])
def test_nets_run_on_the_meta_device(form: str) -> None:
    with torch.device("meta"):
        G, D = pair((3, 24, 16), 2, form)
        z, y = torch.empty(N, 8), torch.zeros(N, dtype=torch.long)
        assert D(G(z, y), y).shape == (N,)


@pytest.mark.parametrize("size", STYLE_SIZES)
def test_sizes(size: str) -> None:
    with torch.device("meta"):
        G, D = StyleGenerator((3, 64, 64), size=size), StyleDiscriminator((3, 64, 64), size=size)
        assert D(G(torch.empty(2, G.z_dim))).shape == (2,)
    if size == "M":  # StyleGAN2's generator for 64 x 64: 256 channels there, 512 below
        assert [layer.weight.shape[0] for layer in G.synthesis.convolutions] == [512] * 7 + [256] * 2


def difference(net: nn.Module, penalty: object, weights: list[Tensor]) -> None:
    """Gradients of a penalty, themselves made of gradients, agree with finite differences."""
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


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 11, 9)])
def test_r1_can_be_differentiated(shape: tuple[int, int, int]) -> None:
    D = pair(shape)[1].double()
    x = inputs(shape)[1].double().requires_grad_()

    def penalty() -> Tensor:
        (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        return g.square().sum()

    difference(D, penalty, [p for p in D.parameters() if p.ndim > 1])


@pytest.mark.parametrize("form", ["modulated", "adain"])
def test_path_lengths_can_be_differentiated(form: str) -> None:
    g = pair((2, 8, 8), form=form)[0].synthesis.double().eval()
    w = torch.randn(2, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = torch.randn(2, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def penalty() -> Tensor:
        (j,) = torch.autograd.grad((g(w) * y).sum(), w, create_graph=True)
        return j.square().sum()

    names = [n for n, p in g.named_parameters() if p.ndim > 1 and not n.endswith("1.affine.weight")]
    assert names
    difference(g, penalty, [dict(g.named_parameters())[n] for n in names])


def test_styles_of_layers() -> None:
    g = pair((1, 16, 16))[0].synthesis.eval()
    w, other = torch.randn(2, N, 12, generator=torch.Generator().manual_seed(0))
    assert g.layers == 6
    assert torch.allclose(g(w), g(mix(w, other, g.layers, g.layers)))
    assert torch.allclose(g(other), g(mix(w, other, g.layers, 0)))
    cut = torch.tensor([0, 6, 3, 5])
    mixed = mix(w, other, g.layers, cut)
    assert torch.equal(mixed[2, 2], w[2]) and torch.equal(mixed[2, 3], other[2])
    assert not torch.allclose(g(mixed)[2], g(w)[2])
    with pytest.raises(ValueError, match=r"takes \[N, 12\] or \[N, 6, 12\]"):
        g(mixed[:, :4])


def test_the_mean_style_is_a_moving_average() -> None:
    torch.manual_seed(0)
    f = StyleMapping(8, 12, depth=2, decay=0.9)
    z = torch.randn(512, 8, generator=torch.Generator().manual_seed(0))
    w = f(z)
    assert torch.allclose(f.mean, 0.1 * w.mean(0), atol=1e-6)
    f.eval()(z)
    assert torch.allclose(f.mean, 0.1 * w.mean(0), atol=1e-6)
    assert torch.allclose(f(3 * z), w, atol=1e-5), "only the direction of z counts"
    assert 0.1 < w.square().mean() < 10


def test_equalised_rate_keeps_the_variance() -> None:
    torch.manual_seed(0)
    x = torch.randn(2048, 64)
    for rate in (1.0, 0.01):
        layer = EqualLinear(64, 256, rate=rate)
        assert layer.weight.std().item() == pytest.approx(1 / rate, rel=0.05)
        assert layer(x).var().item() == pytest.approx(1, rel=0.1)


def test_noise_reaches_the_image_once_it_has_a_strength() -> None:
    G = pair((1, 16, 16))[0].train()
    z = inputs((1, 16, 16))[0]
    assert torch.allclose(G(z), G(z, noise="none"), atol=1e-5)
    for layer in G.synthesis.convolutions:
        nn.init.ones_(layer.noise.strength)
    assert not torch.allclose(G(z), G(z)) and torch.allclose(G(z, noise="fixed"), G.eval()(z))


def test_the_minibatch_deviation() -> None:
    h = torch.randn(8, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    out = minibatch_deviation(h, 4)
    expected = h[[1, 3, 5, 7]].var(0, correction=0).add(1e-8).sqrt().mean()
    assert out.shape == (8, 4, 2, 2) and torch.allclose(out[[1, 3, 5, 7], 3], expected)
    assert torch.equal(out[:, :3], h)
    assert minibatch_deviation(h[:7], 4)[:, 3].abs().max() == pytest.approx(math.sqrt(1e-8))
    assert minibatch_deviation(h[:6], 4).shape == (6, 4, 2, 2)


def test_without_the_minibatch_each_example_is_judged_by_itself() -> None:
    torch.manual_seed(0)
    D = StyleDiscriminator((1, 12, 12), size=TINY, group=0)
    x = inputs((1, 12, 12))[1]
    assert torch.allclose(D(x), torch.cat([D(one[None]) for one in x]), atol=1e-5)


def test_refusals() -> None:
    for call, message in [(lambda: StyleGenerator((3, 8, 8), size="s"), "did you mean 'S'"),
                          (lambda: StyleDiscriminator((0, 8, 8)), "1 channel or more"),
                          (lambda: StyleSynthesis((1, 8, 8), form="adaptive"), "modulated, adain"),
                          (lambda: StyleDiscriminator((1, 8, 8), group=-1), "0 \\(none\\)"),
                          (lambda: StyleMapping(0, 8), "nothing to map"),
                          (lambda: StyleMapping(4, 8, depth=0), "1 or more")]:
        with pytest.raises(ValueError, match=message):
            call()
