"""Networks that read a caption: DCGAN's pair with a sentence vector beside z, and beside the critic's last maps.

c [N, d] are sentences as vectors of length 1; phi(c) [N, 128] is a linear layer and a leaky rectifier on sqrt(d) c,
whose numbers are about 1.

    x = G(z, c) = DCGAN(z, phi_G(c)),     D(x, c) = <w, a(W [f(x); phi_D(c)])>

f(x) [N, width, h, w] are the critic's last maps; phi_D(c) stands at each of their positions, and W mixes both there.

Generative Adversarial Text to Image Synthesis (Reed et al., 2016), section 4.1. https://arxiv.org/abs/1605.05396
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mintage.networks.dcgan import DCGANDiscriminator, DCGANGenerator, DCGANSize
from mintage.networks.precision import outside_autocast


class Compressed(nn.Module):
    """phi(c) = a(W sqrt(d) c).   c [N, d] -> [N, width]."""

    def __init__(self, dimensions: int, width: int) -> None:
        super().__init__()
        self.scale, self.linear, self.act = math.sqrt(dimensions), nn.Linear(dimensions, width), nn.LeakyReLU(0.2)

    def forward(self, c: Tensor) -> Tensor:
        return self.act(self.linear(c * self.scale))


class CaptionedGenerator(nn.Module):
    """x = G(z, c) in (-1, 1).   z [N, z_dim], c [N, dimensions] -> x [N, C, H, W].

    Args:
        shape: (C, H, W) of the images.
        dimensions: of a sentence vector.
        width: numbers it is compressed to.
        size, z_dim: as `DCGANGenerator`.
    """

    def __init__(self, shape: tuple[int, int, int], dimensions: int, *, size: DCGANSize = "S", z_dim: int = 100,
                 width: int = 128) -> None:
        super().__init__()
        self.text = Compressed(dimensions, width)
        self.image = DCGANGenerator(shape, size=size, z_dim=z_dim + width)
        self.grid, self.z_dim = self.image.grid, z_dim

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return self.image(torch.cat([z, self.text(c)], 1))


class CaptionedDiscriminator(nn.Module):
    """logits = D(x, c).   x [N, C, H, W] in [-1, 1], c [N, dimensions] -> [N], float32.

    `judge(features(x), c)` is the same in two steps, for several captions of one image.

    Args:
        batch_norm: in the maps of the image, as the paper.

    Others: as `CaptionedGenerator`.
    """

    def __init__(self, shape: tuple[int, int, int], dimensions: int, *, size: DCGANSize = "S", width: int = 128,
                 batch_norm: bool = True) -> None:
        super().__init__()
        image = DCGANDiscriminator(shape, size=size, batch_norm=batch_norm)
        channels = image.last.in_features // math.prod(image.grid.start)
        self.grid, self.layers = image.grid, image.layers
        self.text = Compressed(dimensions, width)
        self.joint = nn.Sequential(nn.Conv2d(channels + width, channels, 1), nn.LeakyReLU(0.2))
        self.last = nn.Linear(image.last.in_features, 1)
        self.beside, self.in_parts = dimensions, True

    def features(self, x: Tensor) -> Tensor:
        """f(x): the last maps, [N, width, h, w] on the starting grid."""
        return self.layers(self.grid.widen(x))

    def judge(self, f: Tensor, c: Tensor) -> Tensor:
        """The logits [N] of maps f(x) with captions c."""
        told = self.text(c)[:, :, None, None].expand(-1, -1, *f.shape[2:])
        h = self.joint(torch.cat([f, told.to(f.dtype)], 1)).flatten(1)
        with outside_autocast(h):
            return self.last(h.to(self.last.weight.dtype)).squeeze(1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        return self.judge(self.features(x), c)
