"""Resampling by two without aliasing: the binomial filter (1, 3, 3, 1) / 8 in both directions.

x [N, C, H, W]; f = (1, 3, 3, 1) / 8 sums to 1, so a constant image stays constant inside. The filters are those of
`filters`, whose gradient is a filter too.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019, section B),
https://arxiv.org/abs/1812.04948; the same taps in R3GAN (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

from torch import Tensor, nn

from mintage.networks.filters import downsample, upsample


class Downsample(nn.Module):
    """Filter, then keep every second row and column.   [N, C, H, W] -> [N, C, H/2, W/2] for even sides."""

    def forward(self, x: Tensor) -> Tensor:
        return downsample(x)


class Upsample(nn.Module):
    """Put zeros between rows and columns, then filter with gain 4.   [N, C, H, W] -> [N, C, 2H, 2W]."""

    def forward(self, x: Tensor) -> Tensor:
        return upsample(x)
