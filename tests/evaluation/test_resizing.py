"""Resizes against longhand loops and against Pillow in float mode."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from mintage.evaluation.features.resizing import antialiased, antialiased_matrix, cubic, tensorflow_bilinear, triangle


def pictures(n, height, width, seed=0):
    return torch.randint(0, 256, (n, 3, height, width), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize("rule", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(32, 32), (64, 48), (299, 512), (17, 600), (1, 5), (1024, 3)])
def test_antialiased_is_pillows_in_float_mode(rule, size):
    x = pictures(1, *size)
    how = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[rule]
    theirs = [np.asarray(Image.fromarray(channel.numpy()).resize((299, 299), how)) for channel in x[0]]
    assert (antialiased(x, 299, rule)[0] - torch.from_numpy(np.stack(theirs))).abs().max() < 1e-4


@pytest.mark.parametrize(("rule", "kernel", "half"), [
    ("bilinear", lambda t: max(0.0, 1 - abs(t)), 1),
    ("bicubic", lambda t: 1.5 * abs(t) ** 3 - 2.5 * t * t + 1 if abs(t) < 1 else
     -0.5 * abs(t) ** 3 + 2.5 * t * t - 4 * abs(t) + 2 if abs(t) < 2 else 0.0, 2)])
@pytest.mark.parametrize(("old", "new"), [(7, 3), (3, 7), (10, 10), (9, 1)])
def test_antialiased_matrix_is_the_longhand(rule, kernel, half, old, new):
    step, expected = old / new, np.zeros((new, old))
    stretch = max(step, 1.0)
    for i in range(new):
        centre = (i + 0.5) * step
        for j in range(old):
            if math.floor(centre - half * stretch + 0.5) <= j < math.floor(centre + half * stretch + 0.5):
                expected[i, j] = kernel((j + 0.5 - centre) / stretch)
        expected[i] /= expected[i].sum()
    np.testing.assert_allclose(antialiased_matrix(old, new, rule).numpy(), expected, atol=1e-12)


def test_kernels_have_their_known_values():
    t = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, -0.5], dtype=torch.float64)
    assert triangle(t).tolist() == [1, 0.5, 0, 0, 0, 0.5]
    assert cubic(t).tolist() == [1, 0.5625, 0, -0.0625, 0, 0.5625]


def longhand_tensorflow(x, side):
    height, width = x.shape
    y = np.zeros((side, side))
    for i in range(side):
        for j in range(side):
            p, q = i * height / side, j * width / side
            a, b = int(p), int(q)
            c, d = min(a + 1, height - 1), min(b + 1, width - 1)
            top = x[a, b] + (x[a, d] - x[a, b]) * (q - b)
            bottom = x[c, b] + (x[c, d] - x[c, b]) * (q - b)
            y[i, j] = top + (bottom - top) * (p - a)
    return y


@pytest.mark.parametrize("size", [(5, 8), (32, 32), (29, 40), (1, 3)])
def test_tensorflow_bilinear_is_the_longhand(size):
    x = pictures(1, *size)
    for side in (3, 29):
        got = tensorflow_bilinear(x, side)[0]
        for channel in range(3):
            np.testing.assert_allclose(got[channel].numpy(), longhand_tensorflow(x[0, channel].double().numpy(), side),
                                       atol=1e-3)


def test_tensorflow_bilinear_is_asymmetric_and_aliases():
    ramp = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    assert tensorflow_bilinear(ramp, 4)[0, 0, 0].tolist() == [0, 0.5, 1, 1]
    assert F.interpolate(ramp, (4, 4), mode="bilinear")[0, 0, 0].tolist() == [0, 0.25, 0.75, 1]
    x = pictures(2, 12, 12)
    assert torch.equal(tensorflow_bilinear(x, 4), x[..., ::3, ::3])
    stripes = torch.tensor([0.0, 255.0]).repeat(64).expand(1, 1, 128, 128)
    assert tensorflow_bilinear(stripes, 32).max() == 0  # every kept pixel is a black one
    assert (antialiased(stripes, 32) - 127.5).abs()[..., 2:-2].max() < 1


@pytest.mark.parametrize("resize", [tensorflow_bilinear, antialiased, lambda x, n: antialiased(x, n, "bicubic")])
def test_a_resize_keeps_flat_pictures_and_the_right_size(resize):
    flat = torch.full((2, 3, 20, 31), 77.0)
    for side in (1, 8, 31, 50):
        assert resize(flat, side).shape == (2, 3, side, side)
        assert (resize(flat, side) - 77).abs().max() < 1e-4
    x = pictures(2, 31, 31)
    assert torch.equal(resize(x, 31), x)
    assert resize(x[:0], 8).shape == (0, 3, 8, 8)
    assert resize(x.half(), 8).dtype == torch.float32


def test_what_cannot_be_resized_is_refused():
    x = pictures(1, 4, 4)
    with pytest.raises(ValueError, match=r"one of bilinear, bicubic, received 'lanczos'"):
        antialiased(x, 8, "lanczos")
    for resize in (antialiased, tensorflow_bilinear):
        with pytest.raises(ValueError, match=r"received \(3, 4, 4\)"):
            resize(x[0], 8)
        with pytest.raises(ValueError, match="at least one pixel"):
            resize(x[:, :, :0], 8)
        with pytest.raises(ValueError, match="side of 0"):
            resize(x, 0)
