"""Augmentation: the identity at p = 0, affine in x with the draws held, and each change's own law."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from mintage.augment import AdaptiveAugment, DiffAugment, InstanceNoise, differentiable, pipeline
from mintage.augment.differentiable import POLICIES, contrast, cutout, saturation, translation
from mintage.augment.pipeline import _Draws, colours, positions, warped

WAYS = {"differentiable": lambda x, seed, p: differentiable(x, drawn(seed), p=p),
        "pipeline": lambda x, seed, p: pipeline(x, drawn(seed), p)}


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 6, channels: int = 3, height: int = 12, width: int = 20) -> Tensor:
    return torch.rand(n, channels, height, width, generator=drawn(99)) * 2 - 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_nothing_changes_at_p_0_and_something_at_1(way, channels):
    x = images(channels=channels)
    assert torch.equal(WAYS[way](x, 0, 0.0), x) and torch.equal(WAYS[way](x, 0, torch.tensor(0.0)), x)
    y = WAYS[way](x, 0, 1.0)
    assert y.shape == x.shape and y.dtype == x.dtype and bool(y.isfinite().all())
    assert all(not torch.equal(a, b) for a, b in zip(x, y, strict=True))
    assert torch.equal(y, WAYS[way](x, 0, 1.0)) and not torch.equal(y, WAYS[way](x, 1, 1.0))


@pytest.mark.parametrize("way", WAYS)
def test_p_is_the_share_of_examples_that_a_change_is_made_to(way):
    x = images(2000, 1, 4, 4)
    changed = (WAYS[way](x, 3, 0.1) != x).flatten(1).any(1).float().mean()
    kinds = {"differentiable": 3, "pipeline": 10}[way]  # of which some do nothing at times: mirrored, or not
    assert 0.1 < float(changed) <= 1 - 0.9**kinds + 0.03


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_affine_in_x_with_the_draws_held(way, channels):
    x, z = images(channels=channels), images(channels=channels).flip(0)
    zero = WAYS[way](torch.zeros_like(x), 5, 0.8)
    both = WAYS[way](x + z, 5, 0.8) - zero
    assert torch.allclose(both, WAYS[way](x, 5, 0.8) - zero + WAYS[way](z, 5, 0.8) - zero, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_gradients_of_both_orders(way):
    x = images(2, 3, 4, 4).double().requires_grad_()
    assert gradcheck(lambda x: WAYS[way](x, 2, 0.9), (x,))
    assert gradgradcheck(lambda x: WAYS[way](x, 2, 0.9).square(), (x,))


def test_colours_of_differentiable_augmentation_keep_their_means():
    x = images()
    assert torch.allclose(saturation(x, drawn()).mean(1), x.mean(1), atol=1e-6)
    assert torch.allclose(contrast(x, drawn()).mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-6)
    grey = images(channels=1)
    assert torch.allclose(saturation(grey, drawn()), grey, atol=1e-6)


def test_brightness_is_uniform_about_none():
    x = torch.zeros(4000, 1, 2, 2)
    u = differentiable(x, drawn(), policy=("colour",))[:, 0, 0, 0]
    assert abs(float(u.mean())) < 0.02 and float(u.var()) == pytest.approx(1 / 12, rel=0.05)
    assert float(u.min()) >= -0.5 and float(u.max()) <= 0.5


def test_translation_moves_whole_pixels_and_lets_zeros_in():
    x = torch.ones(400, 1, 16, 24)
    x[:, :, 8, 12] = 7
    y = translation(x, drawn())
    where = (y == 7).nonzero()
    assert len(where) == 400 and set((where[:, 2] - 8).tolist()) == set(range(-2, 3))
    assert set((where[:, 3] - 12).tolist()) == set(range(-3, 4))
    lost = (y == 0).sum((1, 2, 3))
    down, right = (where[:, 2] - 8).abs(), (where[:, 3] - 12).abs()
    assert torch.equal(lost, down * 24 + right * 16 - down * right)


def test_cutout_takes_a_box_of_half_the_sides():
    y = cutout(torch.ones(600, 2, 8, 12), drawn())
    rows, columns = (y == 0).any(1).any(2).sum(1), (y == 0).any(1).any(1).sum(1)
    assert int(rows.max()) == 4 and int(columns.max()) == 6 and int(rows.min()) >= 2
    assert torch.equal((y[:, 0] == 0).sum((1, 2)), rows * columns)


def test_positions_of_pixels_move_to_positions_of_pixels():
    """Mirrors, quarter turns and whole shifts of a square image lose no pixel, but for those reflected at the edges."""
    x = torch.arange(64.0).view(1, 1, 8, 8)
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0]]])
    assert torch.allclose(warped(x, quarter)[0, 0], torch.rot90(x[0, 0], 1, (0, 1)), atol=1e-4)
    mirror = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    assert torch.equal(warped(x, mirror), x.flip(3))
    shift = torch.tensor([[[1.0, 0, 2], [0, 1, 0]]])  # read two pixels to the right, reflected: ... 6 7 7 6
    assert torch.equal(warped(x, shift)[0, 0, 0], torch.tensor([2.0, 3, 4, 5, 6, 7, 7, 6]))


def test_geometry_is_as_likely_to_enlarge_as_to_shrink():
    draws = _Draws(20_000, drawn(), 1.0, torch.zeros(1))
    source, moved = positions(draws, 32, 32)
    area = torch.linalg.det(source[:, :, :2].double()).abs().log2()
    assert bool(moved.all())
    assert abs(float(area.mean())) < 0.01 and float(area.std()) == pytest.approx(0.4, rel=0.03)  # 2 * 0.2 n
    assert float(source[:, 0, 2].std()) == pytest.approx(4 * math.sqrt(1 + 1 / 3), rel=0.15)  # n/8 and U(-1/8, 1/8)


def test_colours_hold_the_luma_axis():
    """Without brightness, contrast and the mirror of luma, greys stay grey: M (1, 1, 1) = +-s (1, 1, 1)."""
    draws = _Draws(500, drawn(), 1.0, torch.zeros(1))
    matrix, shift, dyed = colours(draws, 3)
    grey = matrix @ torch.ones(3, 1)
    assert bool(dyed.all()) and torch.allclose(grey, grey.mean(1, keepdim=True).expand_as(grey), atol=1e-4)
    assert torch.allclose(shift, shift.mean(1, keepdim=True).expand_as(shift), atol=1e-4)
    assert set(torch.linalg.det(matrix).sign().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("layer", [DiffAugment(), AdaptiveAugment(1.0), InstanceNoise(0.5)])
def test_layers_draw_in_training_only(layer):
    x = images()
    layer.train()
    layer.generator = drawn(4)
    first = layer(x)
    layer.generator = drawn(4)
    assert torch.equal(layer(x), first) and not torch.equal(first, x)
    assert not torch.equal(layer(x), first)
    assert torch.equal(layer.eval()(x), x)


def test_instance_noise_has_its_deviation_on_any_shape():
    layer = InstanceNoise(0.25)
    assert float(layer(torch.zeros(20_000, 2)).std()) == pytest.approx(0.25, rel=0.02)
    layer.sigma.fill_(0.0)
    x = images()
    assert torch.equal(layer(x), x) and not list(layer.parameters()) and "sigma" in layer.state_dict()


@pytest.mark.parametrize(("make", "said"), [
    (lambda: DiffAugment(["color"]), "has no 'color'; it has colour, translation, cutout; did you mean 'colour'"),
    (lambda: DiffAugment(p=1.5), r"a probability lies in \[0, 1\]"),
    (lambda: AdaptiveAugment(-0.1), r"a probability lies in \[0, 1\]"),
    (lambda: InstanceNoise(-1.0), "a deviation is 0 or more"),
    (lambda: differentiable(torch.zeros(4, 2), drawn()), "instance noise"),
    (lambda: pipeline(torch.zeros(4, 2), drawn(), 0.5), "instance noise"),
])
def test_refusals(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_policies_are_made_in_one_order():
    x = images()
    assert torch.equal(differentiable(x, drawn(), policy=("cutout", "colour")),
                       differentiable(x, drawn(), policy=("colour", "cutout")))
    assert list(POLICIES) == ["colour", "translation", "cutout"]
