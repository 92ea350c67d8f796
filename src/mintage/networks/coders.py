"""Coders: an encoder from examples to a few numbers, and the decoder that leads back, for images of any size.

x [N, *shape], code z [N, z_dim], h [N, *shape] the decoder's *heights*: real numbers, one for each number of x, which a
likelihood reads as means (Gaussian) or as logits (Bernoulli).

Images climb the grid of `grids.plan` as in DCGAN, with 4 x 4 convolutions of stride 2 whose widths double with each
halving of the image, and one hidden layer between the maps and the code. Points get three hidden layers. There is no
batch norm: an example's code and likelihood are a function of that example alone, so that they mean the same in
training and after it.

The weights start so that the variance of what passes stays the same (He et al., 2015,
https://arxiv.org/abs/1502.01852).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mintage.networks.grids import Grid, plan
from mintage.networks.precision import outside_autocast, widened
from mintage.networks.sizes import row_of
from mintage.networks.upsampling import DoublingConv2d

CoderSize = Literal["XS", "S", "M", "L"]
# Channels of the maps at half the image's size, units of the hidden layer.
CODERS: dict[str, tuple[int, int]] = {"XS": (16, 128), "S": (32, 256), "M": (64, 512), "L": (128, 1024)}
STEEPEST = 4  # times the first width, at most
QUICKER = 20.0


class Encoder(nn.Module):
    """numbers = E(x).   x [N, *shape] -> [N, outputs], float32 at least.

    Args:
        shape: (C, H, W) of images, or (d,) of points.
        outputs: numbers for each example: z_dim, or 2 z_dim for the means and log-variances of a posterior.
        size: a row of `CODERS`.

    Raises:
        ValueError: an unknown size, an impossible shape, fewer than one output.
    """

    def __init__(self, shape: Sequence[int], outputs: int, *, size: CoderSize = "S") -> None:
        super().__init__()
        width, hidden = row_of(size, CODERS, "a coder")
        if outputs < 1:
            raise ValueError(f"an encoder of {outputs} numbers cannot be; give 1 or more")
        self.grid, layers = _grid(shape), list[nn.Module]()
        if self.grid is None:
            layers += [nn.Linear(shape[0], hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)]
            features = hidden
        else:
            widths = _widths(width, self.grid, shape[0])
            layers += _halving(widths) if self.grid.levels else [_flat(widths), nn.LeakyReLU(0.2)]
            features = widths[-1] * math.prod(self.grid.start)
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, hidden), nn.LeakyReLU(0.2))
        self.last = nn.Linear(hidden, outputs)
        self.apply(_start)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers(x if self.grid is None else self.grid.widen(x))
        with outside_autocast(x):
            return self.last(h.to(self.last.weight.dtype))


class Decoder(nn.Module):
    """h = G(z).   z [N, z_dim] -> h [N, *shape], float32 at least, not bounded.

    Args:
        spread: learn the deviation of a Gaussian likelihood, one number for all: `log_spread` is its logarithm, a
            parameter times 20, because it has further to go than a weight and Adam's steps are all as long.

    Others, and Raises: as `Encoder`.
    """

    def __init__(self, shape: Sequence[int], *, z_dim: int = 32, size: CoderSize = "S", spread: bool = False) -> None:
        super().__init__()
        width, hidden = row_of(size, CODERS, "a coder")
        self.grid, self.z_dim = _grid(shape), z_dim
        layers: list[nn.Module] = [nn.Linear(z_dim, hidden), nn.LeakyReLU(0.2)]
        if self.grid is None:
            layers += [nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
                       nn.Linear(hidden, shape[0])]
        else:
            widths = _widths(width, self.grid, shape[0])[::-1]
            layers += [nn.Linear(hidden, widths[0] * math.prod(self.grid.start)),
                       nn.Unflatten(1, (widths[0], *self.grid.start)), nn.LeakyReLU(0.2),
                       *(_doubling(widths) if self.grid.levels else [_flat(widths)])]
        self.layers = nn.Sequential(*layers)
        self.spread = nn.Parameter(torch.zeros(())) if spread else None
        self.apply(_start)

    @property
    def log_spread(self) -> Tensor | None:
        """The logarithm of the deviation; None where none is learned."""
        return None if self.spread is None else QUICKER * self.spread

    def forward(self, z: Tensor) -> Tensor:
        h = widened(self.layers(z))
        return h if self.grid is None else self.grid.crop(h)


def _grid(shape: Sequence[int]) -> Grid | None:
    """The grid of images; None for points."""
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ValueError(f"examples have shape {tuple(shape)}; a coder is made for images (channels, height, width) or "
                         "points (dimensions,)")
    return plan(shape[1], shape[2]) if len(shape) == 3 else None


def _widths(width: int, grid: Grid, channels: int) -> list[int]:
    """Channels from the image down to the starting grid; an image that is not halved gets one convolution."""
    return [channels, *(width * min(2**level, STEEPEST) for level in range(max(grid.levels, 1)))]


def _flat(widths: list[int]) -> nn.Module:
    """The one convolution of an image that is not halved."""
    return nn.Conv2d(widths[0], widths[1], 3, 1, 1)


def _halving(widths: list[int]) -> list[nn.Module]:
    """Convolutions from the image to the starting grid, each followed by a leaky rectifier."""
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
    return layers


def _doubling(widths: list[int]) -> list[nn.Module]:
    """Transposed convolutions from the starting grid to the image, with leaky rectifiers between them."""
    layers: list[nn.Module] = []
    for a, b in zip(widths[:-1], widths[1:-1], strict=False):
        layers += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
    return [*layers, DoublingConv2d(widths[-2], widths[-1])]


@torch.no_grad()
def _start(module: nn.Module) -> None:
    """Weights N(0, 2 / (1.04 n)), n the products that a result is the sum of; biases 0."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        n = module.weight[0].numel()
        if isinstance(module, nn.ConvTranspose2d):  # [in, out, 4, 4], of whose taps a quarter meets each position
            n = module.in_channels * 4
        nn.init.normal_(module.weight, 0.0, math.sqrt(2 / (1.04 * n)))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
