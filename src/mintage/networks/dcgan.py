"""The networks of DCGAN, for images of any size.

Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford et al., 2016),
https://arxiv.org/abs/1511.06434

z [N, z_dim], x [N, C, H, W], y labels. Both networks climb the grid of `grids.plan` with 4 x 4 convolutions of stride
2; widths double with each halving of the image, up to eight times the first, as in the paper's 128-256-512-1024.
Batch norm stands after every convolution but the generator's last and the critic's first; all weights start from
N(0, 0.02), batch norm's scales from N(1, 0.02).

Differences from the paper: the grid starts with 4 to 7 positions a side rather than always 4, so that 28 x 28 needs no
padding; z is read by a linear layer, the same map as the paper's first transposed convolution; labels, where asked
for, are embedded and appended to z in G, and enter D as one map a class, as in the conditional GAN of Mirza and
Osindero (2014, https://arxiv.org/abs/1411.1784).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from mintage.networks.grids import Grid, plan
from mintage.networks.labels import class_rows, class_weights
from mintage.networks.precision import outside_autocast
from mintage.networks.sizes import row_of
from mintage.networks.upsampling import DoublingConv2d

DCGANSize = Literal["XS", "S", "M", "L"]
# Channels of the maps at half the image's size. L is the paper's network of 64 x 64.
WIDTHS: dict[str, int] = {"XS": 32, "S": 64, "M": 96, "L": 128}
STEEPEST = 8  # times the first width, at most


class DCGANGenerator(nn.Module):
    """x = G(z, y) in (-1, 1).   z [N, z_dim], y [N] or None -> x [N, C, H, W].

    Args:
        shape: (C, H, W) of the images.
        size: a row of `WIDTHS`.
        classes: kinds of labels; 0 for none.

    Raises:
        ValueError: an unknown size, an impossible shape, or labels missing in the forward call.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: DCGANSize = "S", z_dim: int = 100,
                 classes: int = 0) -> None:
        super().__init__()
        self.grid, widths = _layout(shape, size)
        self.z_dim, self.classes = z_dim, classes
        self.embedding = nn.Embedding(classes, z_dim) if classes else None
        h, w = self.grid.start
        top = widths[-1]
        self.first = nn.Linear(z_dim * (2 if classes else 1), top * h * w, bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(top), nn.ReLU()]
        for level in range(1, self.grid.levels):
            a, b = widths[-level], widths[-level - 1]
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        up = self.grid.levels > 0
        layers.append(DoublingConv2d(widths[0], shape[0]) if up else nn.Conv2d(top, shape[0], 3, 1, 1))
        self.layers = nn.Sequential(*layers)
        self.apply(_start)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.embedding is not None:
            z = torch.cat([z, class_rows(self.embedding.weight, y)], 1)
        h, w = self.grid.start
        maps = self.first(z).unflatten(1, (-1, h, w)).contiguous(memory_format=torch.channels_last)
        return self.grid.crop(self.layers(maps).float()).tanh()


class DCGANDiscriminator(nn.Module):
    """logits = D(x, y).   x [N, C, H, W] in [-1, 1], y [N] or None -> [N], float32.

    Batch norm makes a logit depend on the whole batch, so this critic does not suit gradient penalties; with
    `batch_norm=False` it does.

    Args:
        batch_norm: after every convolution but the first.
        outputs: numbers for each example, [N, outputs] instead of [N]; 0 for one logit.

    Others, and Raises: as `DCGANGenerator`.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: DCGANSize = "S", classes: int = 0,
                 batch_norm: bool = True, outputs: int = 0) -> None:
        super().__init__()
        self.grid, widths = _layout(shape, size)
        self.classes, self.outputs = classes, outputs
        layers: list[nn.Module] = []
        channels = shape[0] + classes
        if not self.grid.levels:
            layers, channels = [nn.Conv2d(channels, widths[0], 3, 1, 1), nn.LeakyReLU(0.2)], widths[0]
        for level in range(self.grid.levels):
            normed = batch_norm and level > 0
            layers.append(nn.Conv2d(channels, widths[level], 4, 2, 1, bias=not normed))
            layers += [nn.BatchNorm2d(widths[level])] if normed else []
            layers.append(nn.LeakyReLU(0.2))
            channels = widths[level]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(channels * self.grid.start[0] * self.grid.start[1], outputs or 1)
        self.apply(_start)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The maps that the last layer reads, [N, width, h, w] on the starting grid."""
        x = self.grid.widen(x)
        if self.classes:
            maps = class_weights(y, self.classes, x.dtype)
            x = torch.cat([x, maps[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)
        return self.layers(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.features(x, y)
        # Channels last, as the maps lie in memory: flattened otherwise, the gradient comes back in another layout, and
        # the rectifier's backward pass over two layouts took an eighth of a round.
        weight = self.last.weight.unflatten(1, h.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        h = h.permute(0, 2, 3, 1).flatten(1)
        with outside_autocast(x):
            found = linear(h.to(weight.dtype), weight, self.last.bias)
        return found if self.outputs else found.squeeze(1)


def _layout(shape: tuple[int, int, int], size: str) -> tuple[Grid, list[int]]:
    """The grid, and the widths from half the image's size down to the start."""
    first = row_of(size, WIDTHS, "a DCGAN")
    channels, height, width = shape
    if channels < 1:
        raise ValueError(f"images have {channels} channels; a DCGAN needs 1 or more")
    grid = plan(height, width)
    return grid, [first * min(2**level, STEEPEST) for level in range(max(grid.levels, 1))]


@torch.no_grad()
def _start(module: nn.Module) -> None:
    """The paper's initial weights."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
