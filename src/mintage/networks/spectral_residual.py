"""The residual networks of SNGAN, for images of any size.

Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), tables 4 and 5,
https://arxiv.org/abs/1802.05957

z [N, z_dim], x [N, C, H, W]. Both climb the grid of `grids.plan`, one block for each doubling. With c a 3 x 3
convolution, up nearest neighbour, pool means of 2 x 2 and s a 1 x 1 convolution where the sides or widths change,

    G   y = c(relu(bn(c(up(relu(bn(x))))))) + s(up(x))
    D   y = pool(c(relu(c(relu(x))))) + pool(s(x));   the first block has no first relu, the last two no pool

and the logit is linear in the sum over positions of the last maps. D is normalised by `spectral_norm`. The resampling
is folded into the convolution beside it (`upsampling`).

Differences from the paper: the grid starts with 4 to 7 positions a side; widths follow `SPECTRAL_WIDTHS`, of which L is
the paper's network of 32 x 32.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from mintage.networks.grids import plan
from mintage.networks.precision import outside_autocast
from mintage.networks.sizes import row_of
from mintage.networks.spectral import spectral_norm
from mintage.networks.upsampling import PooledConv2d, UpsampledConv2d

SpectralSize = Literal["XS", "S", "M", "L"]
SPECTRAL_WIDTHS: dict[str, int] = {"XS": 32, "S": 64, "M": 128, "L": 256}  # of G; D has half of it


class SpectralGenerator(nn.Module):
    """x = G(z) in (-1, 1).   z [N, z_dim] -> x [N, C, H, W].

    Args:
        shape: (C, H, W) of the images.
        size: a row of `SPECTRAL_WIDTHS`.

    Raises:
        ValueError: an unknown size, or an impossible shape.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: SpectralSize = "S", z_dim: int = 128) -> None:
        super().__init__()
        self.grid, self.z_dim = plan(*shape[1:]), z_dim
        width = row_of(size, SPECTRAL_WIDTHS, "SNGAN's residual networks")
        h, w = self.grid.start
        self.first = nn.Linear(z_dim, width * h * w)
        self.layers = nn.Sequential(*[_Up(width) for _ in range(self.grid.levels)], nn.BatchNorm2d(width), nn.ReLU(),
                                    _convolution(width, shape[0], 3, gain=1.0))
        _start(self.first, 1.0)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        maps = self.first(z).unflatten(1, (-1, *self.grid.start)).contiguous(memory_format=torch.channels_last)
        return self.grid.crop(self.layers(maps).float()).tanh()


class SpectralDiscriminator(nn.Module):
    """logits = D(x).   x [N, C, H, W] in [-1, 1] -> [N], float32. Args and Raises: as `SpectralGenerator`.

    Args:
        normed: by `spectral_norm`, at once; False where it becomes a part of what is normalised as a whole.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: SpectralSize = "S", normed: bool = True) -> None:
        super().__init__()
        self.grid, width = plan(*shape[1:]), max(1, row_of(size, SPECTRAL_WIDTHS, "SNGAN's residual networks") // 2)
        downs = [_Down(shape[0] if level == 0 else width, width, first=level == 0, pool=True)
                 for level in range(self.grid.levels)]
        flat = [_Down(width if self.grid.levels or number else shape[0], width,
                      first=not self.grid.levels and not number, pool=False) for number in range(2)]
        self.layers = nn.Sequential(*downs, *flat, nn.ReLU())
        self.last = nn.Linear(width, 1)
        _start(self.last, 1.0)
        if normed:
            spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.layers(self.grid.widen(x))
        with outside_autocast(x):
            weight, bias = self.last.weight, self.last.bias
            return (h.to(weight.dtype).sum((2, 3)) @ weight.T + bias).squeeze(1)


class _Up(nn.Module):
    """The generator's block: the sides double."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.up = UpsampledConv2d(width, width, 3, padding=1)
        self.convolution = _convolution(width, width, 3)
        self.short = _convolution(width, width, 1, gain=1.0)
        _start(self.up)

    def forward(self, x: Tensor) -> Tensor:
        h = self.up(self.norms[0](x).relu())
        return self.convolution(self.norms[1](h).relu()) + interpolate(self.short(x), scale_factor=2)


class _Down(nn.Module):
    """The critic's block; with `pool` the sides are halved."""

    def __init__(self, a: int, b: int, *, first: bool, pool: bool) -> None:
        super().__init__()
        self.first, self.pool = first, pool
        self.convolution = _convolution(a, b, 3)
        self.second = PooledConv2d(b, b, 3, padding=1) if pool else nn.Conv2d(b, b, 3, padding=1)
        self.short = _convolution(a, b, 1, gain=1.0) if pool or a != b else nn.Identity()
        _start(self.second)

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(self.convolution(x if self.first else x.relu()).relu())
        return h + self.short(avg_pool2d(x, 2) if self.pool else x)


def _convolution(a: int, b: int, kernel: int, gain: float = 2**0.5) -> nn.Conv2d:
    layer = nn.Conv2d(a, b, kernel, padding=kernel // 2)
    _start(layer, gain)
    return layer


@torch.no_grad()
def _start(layer: nn.Module, gain: float = 2**0.5) -> None:
    """The paper's initial weights: Glorot's uniform, times root 2 on the long way of a block."""
    nn.init.xavier_uniform_(layer.get_parameter("weight"), gain)
    nn.init.zeros_(layer.get_parameter("bias"))
