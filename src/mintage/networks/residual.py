"""The residual pair of the modern baseline, after R3GAN, for images of any size.

The GAN is dead; long live the GAN! A Modern Baseline GAN (Huang et al., 2024), https://arxiv.org/abs/2501.05441

z [N, z_dim], x [N, C, H, W], y labels; both climb the grid of `grids.plan`. The rows of `SIZES` come in two kinds.

*Paper* (L, XL, XXL): a learned basis of the starting grid, mixed by z, begins G; inverted blocks without normalisation
stand at every level; FIR filters resample; a depth-wise map of the whole starting grid ends D. XL at 32 x 32 is the
CIFAR-10 preset, 20.8 million weights a network.

*Compact* (XS, S, M): made to learn within minutes on a CPU, where the paper's networks would see a few hundred images.
What is different, and why:
- Convolutions of stride 2 stand first (D) and last but one (G), so there is no work at full resolution; residual blocks
  stand on the starting grid only. Their convolutions are dense, three times as fast on a CPU as small groups.
- Weights have fixed size (`magnitude`). A short run needs rates a hundred times the paper's (0.02), and with weights
  that grow freely such rates starve the generator. Call `renormalise` on both networks after each of their steps.
- G ends in tanh. Pictures with large areas of exactly black or white are out of reach of a linear end for long.
- G's last layer makes the 2 x 2 pixels of each position at once (pixel shuffle, Shi et al., 2016,
  https://arxiv.org/abs/1609.05158).
Labels enter in both kinds as in the paper: embedded beside z in G, and as a projection of D's features on the label's
vector (cGANs with Projection Discriminator, Miyato and Koyama, 2018, https://arxiv.org/abs/1802.05637).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mintage.networks.grids import Grid, plan
from mintage.networks.heads import BasisHead, FastHead
from mintage.networks.labels import class_rows
from mintage.networks.precision import widened
from mintage.networks.residual_sizes import Size, row
from mintage.networks.residual_stages import climb, compact_climb, compact_descent, descent


class ResidualGenerator(nn.Module):
    """x = G(z, y).   z [N, z_dim], y [N] or None -> x [N, C, H, W]; compact rows end in tanh, the paper's do not.

    Args:
        shape: (C, H, W) of the images.
        size: a row of `SIZES`.
        z_dim: numbers in a latent.
        classes: kinds of labels; 0 for none.

    Raises:
        ValueError: an unknown size, an impossible shape, or labels missing in the forward call.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: Size = "S", z_dim: int = 64, classes: int = 0) -> None:
        super().__init__()
        kind, self.grid, channels = row(size), _grid(shape), shape[0]
        self.z_dim, self.classes, self.compact = z_dim, classes, kind.compact
        widths = kind.widths(self.grid.levels)
        features = z_dim * (2 if classes else 1)
        self.embedding = nn.Embedding(classes, z_dim) if classes else None
        self.width = widths[0]
        if self.compact:
            self.mix = nn.Linear(features, self.width * math.prod(self.grid.start), bias=False)
            self.maps = nn.Sequential(*compact_climb(widths, kind.blocks, channels))
            self.gain = nn.Parameter(torch.ones(()))
        else:
            self.basis = nn.Parameter(nn.init.normal_(torch.empty(self.width, *self.grid.start)))
            self.mix = nn.Linear(features, self.width, bias=False)
            self.maps = nn.Sequential(*climb(widths, kind.blocks, kind.group, channels))
        nn.init.normal_(self.mix.weight, 0.0, 1 / math.sqrt(features))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.embedding is not None:
            z = torch.cat([z, class_rows(self.embedding.weight, y)], 1)
        if self.compact:
            h = self.mix(z).unflatten(1, (self.width, *self.grid.start))
            x = widened(self.maps(h.contiguous(memory_format=torch.channels_last)))
            return (self.grid.crop(x) * self.gain).tanh()
        h = self.basis * self.mix(z).unflatten(1, (-1, 1, 1))
        return self.grid.crop(widened(self.maps(h.contiguous(memory_format=torch.channels_last))))


class ResidualDiscriminator(nn.Module):
    """logits = D(x, y).   x [N, C, H, W], y [N] or None -> [N], float32; each from its own example only.

    Piecewise linear in x, so gradient penalties are exact and cheap.

    Args and Raises: as `ResidualGenerator`.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: Size = "S", classes: int = 0) -> None:
        super().__init__()
        kind, self.grid, channels = row(size), _grid(shape), shape[0]
        self.classes, self.compact = classes, kind.compact
        widths = kind.widths(self.grid.levels)
        if self.compact:
            self.maps = nn.Sequential(*compact_descent(widths, kind.critic_depth(self.grid.levels), channels))
        else:
            self.maps = nn.Sequential(*descent(widths, kind.blocks, kind.group, channels))
        self.head = (FastHead if self.compact else BasisHead)(widths[0], self.grid.start, classes)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.head(self.maps(self.grid.widen(x)), y)


def _grid(shape: tuple[int, int, int]) -> Grid:
    if len(shape) != 3 or shape[0] < 1:
        raise ValueError(f"images have shape {tuple(shape)}; a residual network needs (channels, height, width) with 1 "
                         "channel or more")
    return plan(shape[1], shape[2])
