"""StyleGAN: its generator equals the textbook's, its lazy moves are those of the paper, and versions differ in form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu, pad

from mintage.data import Batch, DataSpec
from mintage.game import Game, generator, play
from mintage.latent import style_mixing
from mintage.networks import StyleGenerator
from mintage.networks.style_mapping import Mixing, StyleMapping
from mintage.systems.options import options
from mintage.systems.stylegan import PATH_EVERY, R1_EVERY, stylegan

GREY = DataSpec("image", (1, 12, 12))
NAMED = DataSpec("image", (1, 12, 12), labels=("a", "b", "c"))


class Noise:
    """Batches of noise, as a function of the position."""

    def __init__(self, spec: DataSpec, size: int = 4) -> None:
        self.spec, self.size = spec, size

    def __call__(self, position: int) -> Batch:
        g = generator("noise", position)
        y = torch.randint(len(self.spec.labels), (self.size,), generator=g) if self.spec.labels else None
        return Batch(torch.rand(self.size, *self.spec.shape, generator=g) * 2 - 1, y)


# -- the textbook's generator: weights for each example, one group an example ----------------------------------------


def linear_layer(layer: Any, x: Tensor) -> Tensor:
    """(rate / sqrt(fan-in)) W x + rate b."""
    return x @ (layer.weight * layer.rate / math.sqrt(x.shape[1])).T + layer.bias * layer.rate


def spread(x: Tensor) -> Tensor:
    """Zeros between rows and columns, then the filter of 4 x 4 with gain 4."""
    n, c, h, w = x.shape
    zeros = x.new_zeros(n, c, 2 * h, 2 * w)
    zeros[:, :, ::2, ::2] = x
    f = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (4 * torch.outer(f, f))[None, None].repeat(c, 1, 1, 1)
    return conv2d(pad(zeros, (2, 1, 2, 1)), kernel, groups=c)


def modulated(x: Tensor, layer: Any, w: Tensor, demodulate: bool, up: bool) -> Tensor:
    """Karras et al., 2020, equations 1 and 3, with a convolution of N groups; doubled by zeros and the filter first."""
    n, (b, a, k, _) = len(x), layer.weight.shape
    own = layer.weight[None] / math.sqrt(a * k * k) * linear_layer(layer.affine, w)[:, None, :, None, None]
    if demodulate:
        own = own / (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if up:  # a transposed convolution is one of the spread map with the kernel turned round
        x, own = spread(pad(x, (1, 1, 1, 1)))[:, :, 1:-1, 1:-1], own.flip(3, 4)
    margin = 0 if up else k // 2
    y = conv2d(x.reshape(1, n * a, *x.shape[2:]), own.reshape(n * b, a, k, k), padding=margin, groups=n)
    return y.reshape(n, b, *y.shape[2:])


def textbook(G: StyleGenerator, z: Tensor) -> Tensor:
    """x = G(z), longhand."""
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for layer in G.mapping.layers:
        w = leaky_relu(linear_layer(layer, w), 0.2) * math.sqrt(2)
    x, image = G.synthesis.constant.repeat(len(z), 1, 1, 1), torch.zeros(())
    for i, layer in enumerate(G.synthesis.convolutions):
        x = modulated(x, layer, w, True, up=layer.up)
        x = x + layer.noise.strength * layer.noise.fixed + layer.bias[:, None, None]
        x = leaky_relu(x, 0.2) * math.sqrt(2)
        if i % 2 == 0:
            painter = G.synthesis.paintings[i // 2]
            painted = modulated(x, painter, w, False, up=False) + painter.bias[:, None, None]
            image = spread(image) + painted if i else painted
    return image


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 16, 24)])
def test_the_generator_equals_the_textbooks(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    G = StyleGenerator(shape, size="XS", mixing=0.9).eval()
    for layer in G.synthesis.convolutions:
        nn.init.constant_(layer.noise.strength, 0.3)
        nn.init.normal_(layer.bias, std=0.3)
    z = torch.randn(5, G.z_dim, generator=torch.Generator().manual_seed(1))
    ours, theirs = G(z), textbook(G, z)
    assert ours.shape == (5, *shape) and ours.std() > 0.1
    assert torch.allclose(ours, theirs, atol=1e-4)
    v = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2))
    weights = [p for p in G.parameters()]
    for a, b in zip(torch.autograd.grad((ours * v).sum(), weights), torch.autograd.grad((theirs * v).sum(), weights),
                    strict=True):
        assert float((a - b).norm()) <= 1e-4 * float(b.norm()) + 1e-5


# -- the game ----------------------------------------------------------------------------------------------------------


def built(spec: DataSpec = GREY, **given: Any) -> Game:
    torch.manual_seed(0)
    return stylegan(spec, size="XS", **given)


def test_lazy_moves_are_made_when_they_are_due_and_the_mean_length_is_kept() -> None:
    game, met = built(), {"D/r1": [], "G/path": []}
    for round in play(game, Noise(GREY), budget=4 * 18):
        for name, rounds in met.items():
            if name in round.stats:
                rounds.append(round.index)
    assert met == {"D/r1": [0, R1_EVERY], "G/path": [0, PATH_EVERY, 2 * PATH_EVERY]}
    assert float(game.memory["path"].tensors()["value"]) > 0 and "memory/path/value" in game.tensors()


def test_adam_is_corrected_for_the_lazy_moves() -> None:
    game = built(lr=0.01)
    for name, every in (("D", R1_EVERY), ("G", PATH_EVERY)):
        (group,), c = game.optimizers[name].param_groups, every / (every + 1)
        assert group["lr"] == pytest.approx(0.01 * c) and group["betas"][1] == pytest.approx(0.99**c)
    (group,) = built(lr=0.01, path=0.0).optimizers["G"].param_groups
    assert group["lr"] == 0.01


def test_version_1_restyles_and_has_no_path_length() -> None:
    one, two = built(version=1), built()
    assert len(one.moves) == 3 and len(two.moves) == 4 and not one.memory
    assert {layer.form for layer in one.net("G").synthesis.convolutions} == {"adain"}
    assert options("stylegan")["version"].choices == (1, 2)


def test_labels_are_used_where_they_are_asked_for() -> None:
    game = built(NAMED, conditional=True)
    z = torch.randn(1, game.net("G").z_dim, generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    a, b = game.generate(z, torch.tensor([0, 2]))
    assert game.sampler.classes == 3 and not torch.allclose(a, b)
    assert built(NAMED).sampler.classes == 0
    with pytest.raises(ValueError, match="two labels or more"):
        built(GREY, conditional=True)


# -- mixing ------------------------------------------------------------------------------------------------------------


def test_mixing_takes_the_share_and_draws_from_its_generator_alone() -> None:
    torch.manual_seed(0)
    mapping, z = StyleMapping(6, 5), torch.randn(400, 6)
    mixed = Mixing(8, 0.9)(mapping, z)
    own = mapping(z)
    changed = ((mixed - own[:, None]).abs().amax(2) > 1e-6).sum(1)  # layers that follow the other latent
    assert mixed.shape == (400, 8, 5) and int(changed.max()) == 7
    assert float((changed > 0).float().mean()) == pytest.approx(0.9, abs=0.05)
    assert torch.equal(mixed[:, 0], own)
    assert torch.equal(Mixing(8, 0.9)(mapping, z), mixed)
    assert torch.equal(Mixing(8, 0.0)(mapping, z), own[:, None].expand(-1, 8, -1))
    with pytest.raises(ValueError, match="lies in"):
        Mixing(8, 1.5)


def test_styles_are_mixed_in_training_only() -> None:
    G = built().net("G")
    z = torch.randn(3, G.z_dim)
    assert G.styles(z).ndim == 3 and G.eval().styles(z).ndim == 2


def test_a_sheet_of_mixed_styles() -> None:
    torch.manual_seed(0)
    G = StyleGenerator((1, 16, 16), size="XS").eval()
    a, b = torch.randn(2, G.z_dim), torch.randn(3, G.z_dim)
    every = G.synthesis.layers
    assert torch.allclose(style_mixing(G, a, b, 0), G(b)[None].expand(2, -1, -1, -1, -1), atol=1e-5)
    assert torch.allclose(style_mixing(G, a, b, every), G(a)[:, None].expand(-1, 3, -1, -1, -1), atol=1e-5)
    page = style_mixing(G, a, b, 2)
    assert page.shape == (2, 3, 1, 16, 16) and not torch.allclose(page[0], page[1])
    assert torch.allclose(style_mixing(G, a, b, 2, psi=0.0), G.synthesis(G.mapping.mean[None])[None], atol=1e-5)
    with pytest.raises(ValueError, match="this generator has"):
        style_mixing(G, a, b, every + 1)


@torch.no_grad()
def test_coarse_layers_hold_what_is_large() -> None:
    """Changing the last layers' styles leaves the small version of a picture nearer to what it was than the first's."""
    torch.manual_seed(0)
    G = StyleGenerator((1, 32, 32), size="XS").eval()
    a, b = (torch.randn(8, G.z_dim, generator=torch.Generator().manual_seed(k)) for k in (1, 2))

    def small(x: Tensor) -> Tensor:
        return interpolate(x, (4, 4), mode="area")

    fine = torch.stack([style_mixing(G, p[None], q[None], 6)[0, 0] for p, q in zip(a, b, strict=True)])
    coarse = torch.stack([style_mixing(G, q[None], p[None], 2)[0, 0] for p, q in zip(a, b, strict=True)])
    near, far = ((small(x) - small(G(a))).square().mean() for x in (fine, coarse))
    assert float(near) < float(far)
