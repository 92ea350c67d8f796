"""The U-Net: down a grid and up again, every level of the way up beside the same level of the way down.

c [N, A, H, W] in [-1, 1] -> x [N, B, H, W] in (-1, 1). With e_l the maps after l halvings and d_l those of the way up,

    e_1 = K c,   e_l = N K a(e_(l-1)),   d_l = drop N K' r([d_(l+1), e_(l+1)]),   x = tanh K' r([d_1, e_1])

K is 4 x 4 of stride 2, K' its transposed, N instance norm, a and r rectifiers (a leaky). Widths double with each
halving, up to eight times the first. Dropout of the innermost levels is the only noise.

Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), section 3.2 and appendix 6.1,
https://arxiv.org/abs/1611.07004

Differences from the paper: it halves until 4 to 7 positions are left (`grids.plan`) and not to one, so that every size
has a plan; instance norm in the place of batch norm, which is what the paper's batches of one example make of it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from mintage.networks.dropout import Dropout
from mintage.networks.grids import plan
from mintage.networks.sizes import row_of
from mintage.networks.translation import InstanceNorm, check_sides, small_weights, to_multiple
from mintage.networks.upsampling import DoublingConv2d

UNetSize = Literal["XS", "S", "M", "L"]
FIRST: dict[str, int] = {"XS": 16, "S": 32, "M": 48, "L": 64}
"""Size -> channels at half the image's size. L is the paper's."""
STEEPEST = 8
LEAST = 8


class Noise(Dropout):
    """Dropout that also drops in evaluation, where it is what makes two translations of one image differ."""

    def forward(self, x: Tensor) -> Tensor:
        trained, self.training = self.training, True
        try:
            return super().forward(x)
        finally:
            self.training = trained


class UNet(nn.Module):
    """x = G(c).   c [N, inputs, H, W] -> [N, outputs, H, W] in (-1, 1), for any sides of 8 or more.

    `shape` decides how often it halves; other sizes are padded to a multiple with their edge pixels and cut back.
    `reach` is None: the statistics are of the whole image, so it is translated at once.

    Args:
        shape: (height, width) it is trained at.
        size: a row of `FIRST`.
        dropout: probability of the innermost levels; 0 for a function without noise.
        noisy: whether noise stays in evaluation, as in the paper.

    Raises:
        ValueError: an unknown size, or a side under 8.
    """

    reach: int | None = None
    scale = 1

    def __init__(self, inputs: int, outputs: int, shape: tuple[int, int], *, size: UNetSize = "S",
                 dropout: float = 0.5, noisy: bool = True) -> None:
        super().__init__()
        self.inputs, self.grid, self.width = inputs, plan(*shape), row_of(size, FIRST, "a U-Net")
        if min(shape) < LEAST:
            raise ValueError(f"a U-Net halves images and these are {shape[0]} x {shape[1]} (height x width); give both "
                             f"sides {LEAST} pixels or more")
        levels = self.grid.levels
        widths = [self.width * min(2**level, STEEPEST) for level in range(levels)]
        self.down = nn.ModuleList(_down(a, b, first=not level)
                                  for level, (a, b) in enumerate(zip([inputs, *widths], widths, strict=False)))
        inner = levels - 1  # ways up before the last
        drops = [dropout if inner - level <= (inner + 1) // 2 else 0.0 for level in range(inner)]
        kind = Noise if noisy else Dropout
        self.up = nn.ModuleList(
            nn.Sequential(nn.ReLU(), DoublingConv2d(widths[level + 1] * (1 if level == inner - 1 else 2),
                                                    widths[level], bias=False), InstanceNorm(widths[level]),
                          *([kind(drops[level])] if drops[level] else []))
            for level in range(inner))
        self.last = nn.Sequential(nn.ReLU(), DoublingConv2d(widths[0] * (2 if inner else 1), outputs))
        self.apply(small_weights)

    def forward(self, c: Tensor) -> Tensor:
        check_sides(c, LEAST)
        maps = [to_multiple(c, 1 << self.grid.levels)]
        for down in self.down:
            maps.append(down(maps[-1]))
        h = maps.pop()
        for up in reversed(self.up):
            h = torch.cat([up(h), maps.pop()], 1)
        return self.last(h)[..., :c.shape[2], :c.shape[3]].float().tanh()


def _down(a: int, b: int, *, first: bool) -> nn.Module:
    """One halving; the first one reads the image itself, without rectifier or norm."""
    if first:
        return nn.Conv2d(a, b, 4, 2, 1)
    return nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(a, b, 4, 2, 1, bias=False), InstanceNorm(b))
