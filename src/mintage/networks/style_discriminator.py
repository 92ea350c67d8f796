"""The critic of StyleGAN2, for images of any size: residual blocks that halve, a minibatch statistic, a small head.

x [N, C, H, W], y [N] labels -> logits [N]. A 1 x 1 convolution reads the image; a block at each level of the grid is

    h <- (A_2 a(A_1 h)  +  B h) / sqrt(2),

a of leaky rectifiers, A_1 a convolution of 3 x 3, A_2 one that filters and halves, with its own rectifier, B a 1 x 1
that filters and halves. On the starting grid: the minibatch deviation as one more channel, a convolution of 3 x 3 and
two linear layers. Weights have equalised rate. Labels enter as a projection on a mapped label m_y,
<h, m_y> / sqrt(dim).

Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020), https://arxiv.org/abs/1912.04958; minibatch
deviation: Progressive Growing of GANs (Karras et al., 2018, section 3), https://arxiv.org/abs/1710.10196; projection:
cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637

The gains of the rectifiers (sqrt 2) and of the sum (1 / sqrt 2) stand on the weights and biases, since l commutes with
positive factors: no map is multiplied by a number.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from mintage.networks.activation import SLOPE
from mintage.networks.filters import convolved_down
from mintage.networks.minibatch import grouped_deviation
from mintage.networks.precision import outside_autocast, widened
from mintage.networks.style_mapping import EqualLinear, StyleMapping
from mintage.networks.style_synthesis import StyleRow, StyleSize, style_grid, style_row

GAIN = math.sqrt(2)


class EqualConv2d(nn.Module):
    """Convolution a -> b of equalised rate; with `down`, filtered and halved; with `activate`, l of it.

    gain multiplies the outcome: sqrt(2) after a rectifier in StyleGAN2, 1 else.   [N, a, H, W] -> [N, b, H', W'].
    """

    def __init__(self, a: int, b: int, kernel: int, *, down: bool = False, activate: bool = True,
                 gain: float = GAIN) -> None:
        super().__init__()
        self.down, self.activate, self.gain = down, activate, gain
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(b, a, kernel, kernel)))
        self.bias = nn.Parameter(torch.zeros(b)) if activate else None
        self.scale, self.margin = gain / math.sqrt(a * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight * self.scale, None if self.bias is None else self.bias * self.gain
        y = convolved_down(x, weight, bias) if self.down else conv2d(x, weight, bias, padding=self.margin)
        return leaky_relu(y, SLOPE, inplace=True) if self.activate else y


class StyleBlock(nn.Module):
    """h <- (A_2 a(A_1 h) + B h) / sqrt(2).   [N, a, H, W] -> [N, b, H/2, W/2]."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.first = EqualConv2d(a, a, 3)
        self.second = EqualConv2d(a, b, 3, down=True, gain=1.0)  # sqrt(2) / sqrt(2)
        self.skip = EqualConv2d(a, b, 1, down=True, activate=False, gain=math.sqrt(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) + self.skip(x)


def minibatch_deviation(h: Tensor, group: int) -> Tensor:
    """h with one more channel: the deviation over groups of the batch, averaged over channels and positions.

    sigma = mean over c, h, w of sqrt(var over the group + 1e-8); examples n, n + N/g, n + 2N/g, ... are one group of g,
    the largest divisor of N up to `group`.   [N, C, H, W] -> [N, C + 1, H, W].
    """
    sigma = grouped_deviation(h, group).to(h.dtype)
    return torch.cat([h, sigma[:, None, None, None].expand(-1, -1, *h.shape[2:])], 1)


class StyleDiscriminator(nn.Module):
    """logits = D(x, y).   x [N, C, H, W], y [N] or None -> [N], float32.

    Args:
        shape: (C, H, W) of the images.
        size: a row of `STYLE_SIZES`, or a row.
        classes: kinds of labels; 0 for none.
        group: examples of one minibatch deviation, 4 in the paper; 0 for none, where logits must depend on their own
            example only.

    Raises:
        ValueError: an unknown size, an impossible shape, or labels missing in the forward call.
    """

    def __init__(self, shape: tuple[int, int, int], *, size: StyleSize | StyleRow = "S", classes: int = 0,
                 group: int = 4) -> None:
        super().__init__()
        if group < 0:
            raise ValueError(f"group of a minibatch deviation is {group}; it is 0 (none), or a number of examples")
        row, self.grid = style_row(size), style_grid(shape)
        widths = row.widths(self.grid)
        top = widths[0]
        self.classes, self.group = classes, group
        self.first = EqualConv2d(shape[0], widths[-1], 1)
        self.blocks = nn.Sequential(*[StyleBlock(widths[level], widths[level - 1])
                                      for level in range(self.grid.levels, 0, -1)])
        self.last = EqualConv2d(top + (1 if group else 0), top, 3)
        self.dense = EqualLinear(top * math.prod(self.grid.start), top, activate=True)
        self.out = EqualLinear(top, row.w_dim if classes else 1)
        self.labels = StyleMapping(0, row.w_dim, depth=row.depth, classes=classes) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.grid.widen(x).contiguous(memory_format=torch.channels_last)
        h = self.blocks(self.first(h))
        h = self.last(minibatch_deviation(h, self.group) if self.group else h)
        with outside_autocast(h):
            v = self.out(self.dense(widened(h).flatten(1)))
            if self.labels is None:
                return v.squeeze(1)
            return (v * self.labels(None, y)).sum(1) / math.sqrt(v.shape[1])
