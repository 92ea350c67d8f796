"""Resampling by two without aliasing: the binomial filter (1, 3, 3, 1) / 8 in both directions.

x [N, C, H, W]; f = (1, 3, 3, 1) / 8 sums to 1, so a constant image stays constant inside. The filter runs depth-wise in
float32: bfloat16 depth-wise convolutions are several times slower going backwards on a CPU.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019, section B),
https://arxiv.org/abs/1812.04948; the same taps in R3GAN (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from mintage.networks.precision import outside_autocast, widened

TAPS = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


class Downsample(nn.Module):
    """Filter, then keep every second row and column.   [N, C, H, W] -> [N, C, H/2, W/2] for even sides."""

    def forward(self, x: Tensor) -> Tensor:
        with outside_autocast(x):
            wide = widened(x)
            return conv2d(wide, _kernel(wide), stride=2, padding=1, groups=x.shape[1]).to(x.dtype)


class Upsample(nn.Module):
    """Put zeros between rows and columns, then filter with gain 4.   [N, C, H, W] -> [N, C, 2H, 2W]."""

    def forward(self, x: Tensor) -> Tensor:
        with outside_autocast(x):
            wide = widened(x)
            return conv_transpose2d(wide, 4 * _kernel(wide), stride=2, padding=1, groups=x.shape[1]).to(x.dtype)


def _kernel(x: Tensor) -> Tensor:
    """The separable filter as depth-wise weights [C, 1, 4, 4]."""
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device)
    return torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
