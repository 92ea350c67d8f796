"""Heads of critics: from maps on the starting grid, and a label, to one logit.

h [N, width, H, W] are the maps, B [width, H, W] a learned map for each channel, v_y a vector for each label (one where
there are no labels). With s_c = sum over positions of h_c B_c,

    logit = <F s, v_y>                         `BasisHead`, as in R3GAN: F is linear with labels, else the identity
    logit = gain <s, v_y>                      `FastHead`, for large rates

In the second all three factors are free and grow together, so the logits find their scale within a few hundred steps.
Held at unit size with only the gain free, they were still too small when a run of minutes ended.

cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mintage.networks.labels import class_rows
from mintage.networks.magnitude import LEAKY_GAIN
from mintage.networks.precision import outside_autocast, widened


class BasisHead(nn.Module):
    """h [N, width, *grid], y [N] or None -> logits [N], float32."""

    def __init__(self, width: int, grid: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.basis = nn.Parameter(nn.init.normal_(torch.empty(width, *grid)) / math.sqrt(math.prod(grid)))
        self.features = nn.Linear(width, width, bias=False) if classes else nn.Identity()
        if isinstance(self.features, nn.Linear):
            nn.init.normal_(self.features.weight, 0.0, 1 / math.sqrt(width))
        self.vectors = nn.Parameter(nn.init.normal_(torch.empty(max(classes, 1), width)) / math.sqrt(width))

    def forward(self, h: Tensor, y: Tensor | None) -> Tensor:
        with outside_autocast(h):
            s = self.features(_overlap(widened(h), self.basis))
            return (s * _chosen(self.vectors, y, self.classes)).sum(1)


class FastHead(nn.Module):
    """h [N, width, *grid], y [N] or None -> logits [N], float32. Follows an `Activation`; all labels begin alike."""

    def __init__(self, width: int, grid: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.classes = classes
        positions = math.sqrt(math.prod(grid))
        self.basis = nn.Parameter(nn.init.normal_(torch.empty(width, *grid)) * (LEAKY_GAIN / positions))
        equal = nn.init.normal_(torch.empty(1, width)) / math.sqrt(width)
        self.vectors = nn.Parameter(equal.repeat(max(classes, 1), 1))
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, h: Tensor, y: Tensor | None) -> Tensor:
        with outside_autocast(h):
            s = _overlap(widened(h), self.basis)
            return (s * _chosen(self.vectors, y, self.classes)).sum(1) * self.gain


def _overlap(h: Tensor, basis: Tensor) -> Tensor:
    """sum over positions of h_c B_c.   [N, width].

    In memory channels are last, so positions and channels flatten for free; a plain product would copy.
    """
    flat = h.permute(0, 2, 3, 1).flatten(1) * basis.permute(1, 2, 0).flatten()
    return flat.unflatten(1, (-1, len(basis))).sum(1)


def _chosen(vectors: Tensor, y: Tensor | None, classes: int) -> Tensor:
    return class_rows(vectors, y) if classes else vectors
