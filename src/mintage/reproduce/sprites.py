"""Sprites: white shapes on black whose five factors are known, drawn when they are asked for.

    factor         values   what
    shape          3        square, ellipse, heart
    scale          6        half to whole
    orientation    40       of a full turn
    x, y           32       of the middle three fifths of the image

Each value is as likely as any other, each factor apart from the others: the set of dSprites, here 32 x 32 with edges in
five greys (drawn twice as large and averaged).

References:
    dSprites: Disentanglement testing Sprites dataset (Matthey et al., 2017),
    https://github.com/google-deepmind/dsprites-dataset
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mintage.data import Batch, DataSpec
from mintage.game import generator

FACTORS = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
SIDE, RADIUS = 32, 0.17
SPEC = DataSpec("image", (1, SIDE, SIDE))


def factors(n: int, random: torch.Generator) -> Tensor:
    """n rows of factors, int64 [n, 5]."""
    return torch.stack([torch.randint(values, (n,), generator=random) for values in FACTORS.values()], 1)


def draw(chosen: Tensor) -> Tensor:
    """Images of factors [n, 5] -> x [n, 1, 32, 32] in [-1, 1]."""
    shape, scale, turn, x, y = (column[:, None, None] for column in chosen.unbind(1))
    middle = (torch.arange(2 * SIDE) + 0.5) / (2 * SIDE)
    right = middle[None, None, :] - (0.2 + 0.6 * x / 31)
    down = middle[None, :, None] - (0.2 + 0.6 * y / 31)
    angle, size = 2 * math.pi * turn / 40, RADIUS * (0.5 + 0.1 * scale)
    u = (right * angle.cos() + down * angle.sin()) / size
    v = (down * angle.cos() - right * angle.sin()) / size
    square = (u.abs() < 0.75) & (v.abs() < 0.75)
    ellipse = u.square() + (v / 0.55).square() < 1
    heart = (1.3 * u).square() + (1.1 * v + (1.3 * u).abs().sqrt() * 0.7 - 0.25).square() < 1
    inside = torch.where(shape == 0, square, torch.where(shape == 1, ellipse, heart))
    return avg_pool2d(inside[:, None].float(), 2) * 2 - 1


class Sprites:
    """Batches of sprites, as a function of the position in the stream."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed

    def __call__(self, position: int) -> Batch:
        return Batch(draw(factors(self.size, generator("sprites", self.seed, position))), None)
