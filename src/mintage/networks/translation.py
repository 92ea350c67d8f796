"""The residual generator of image translation: halve twice, think, double twice.

c [N, A, H, W] in [-1, 1] -> x [N, B, H, W] in (-1, 1), for any H and W of 8 or more: sides that are no multiple of 4
are padded with their edge pixels and cut back. With w the width, every convolution but the last followed by an instance
norm and a rectifier,

    7 x 7, w;  3 x 3 of stride 2, 2w;  3 x 3 of stride 2, 4w;  `blocks` times h + N K r(N K h), 4w;  up, 2w;  up, w;
    7 x 7, B, tanh

Borders are reflected. Each example is normed by its own statistics over the whole image, so a tile of an image is not
translated as it would be inside it.

Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017), section 4 and
appendix 7.2, https://arxiv.org/abs/1703.10593, after Perceptual Losses for Real-Time Style Transfer and
Super-Resolution (Johnson et al., 2016), https://arxiv.org/abs/1603.08155

Differences from the paper: the doublings copy pixels and then convolve 3 x 3, folded into one convolution, instead of
transposed convolutions, which leave a chequered pattern.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from mintage.networks.sizes import row_of
from mintage.networks.upsampling import UpsampledConv2d

TranslationSize = Literal["XS", "S", "M", "L"]
ROWS: dict[str, tuple[int, int]] = {"XS": (16, 3), "S": (32, 6), "M": (48, 6), "L": (64, 9)}
"""Size -> channels at the image's own size, residual blocks. L is the paper's for 256 x 256."""
LEAST = 8


class InstanceNorm(nn.GroupNorm):
    """y = g (x - m) / s + b with the mean m and deviation s of each channel of each example.   [N, C, H, W].

    Instance Normalization: The Missing Ingredient for Fast Stylization (Ulyanov et al., 2016),
    https://arxiv.org/abs/1607.08022
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)


class ResidualTranslator(nn.Module):
    """x = T(c).   c [N, inputs, H, W] -> [N, outputs, H, W] in (-1, 1).

    `reach` is None: the statistics are of the whole image, so it is translated at once.

    Args:
        inputs, outputs: channels.
        size: a row of `ROWS`.
        residual: add what is learned to c, in the logarithm of the odds: x = tanh(l + artanh(.98 c)), so that it begins
            near c. Needs as many channels out as in.

    Raises:
        ValueError: an unknown size, channels that differ, or a side under 8 in the forward call.
    """

    reach: int | None = None
    scale = 1

    def __init__(self, inputs: int, outputs: int, *, size: TranslationSize = "S", residual: bool = False) -> None:
        super().__init__()
        w, blocks = row_of(size, ROWS, "a residual translator")
        self.inputs, self.width, self.residual = inputs, w, residual
        if residual and inputs != outputs:
            raise ValueError(f"images of {outputs} channels are not images of {inputs} channels and a little more; "
                             "leave residual out")
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3), *_normed(nn.Conv2d(inputs, w, 7, bias=False), w),
            *_normed(nn.Conv2d(w, 2 * w, 3, 2, 1, bias=False), 2 * w),
            *_normed(nn.Conv2d(2 * w, 4 * w, 3, 2, 1, bias=False), 4 * w),
            *(ReflectedBlock(4 * w) for _ in range(blocks)),
            *_normed(UpsampledConv2d(4 * w, 2 * w, 3, padding=1, bias=False), 2 * w),
            *_normed(UpsampledConv2d(2 * w, w, 3, padding=1, bias=False), w),
            nn.ReflectionPad2d(3), nn.Conv2d(w, outputs, 7))
        self.apply(small_weights)
        if residual:
            with torch.no_grad():
                list(self.layers)[-1].get_parameter("weight").mul_(0.1)

    def forward(self, c: Tensor) -> Tensor:
        check_sides(c, LEAST)
        learned = self.layers(to_multiple(c, 4))[..., :c.shape[2], :c.shape[3]].float()
        return (learned + (0.98 * c.float()).atanh()).tanh() if self.residual else learned.tanh()


class ReflectedBlock(nn.Module):
    """h + N K r(N K h), K 3 x 3 with reflected borders, N instance norm, r a rectifier."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.ReflectionPad2d(1), *_normed(nn.Conv2d(width, width, 3, bias=False), width),
                                    nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False), InstanceNorm(width))

    def forward(self, h: Tensor) -> Tensor:
        return h + self.layers(h)


def to_multiple(x: Tensor, of: int) -> Tensor:
    """[N, C, H, W], its last row and column repeated until both sides are multiples of `of`."""
    bottom, right = -x.shape[2] % of, -x.shape[3] % of
    return pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def check_sides(x: Tensor, least: int) -> None:
    """Refuse images too small for a network.

    Raises:
        ValueError: a side under `least`.
    """
    if min(x.shape[2:]) < least:
        raise ValueError(f"images of {x.shape[2]} x {x.shape[3]} (height x width) are too small for this network; give "
                         f"both sides {least} pixels or more")


@torch.no_grad()
def small_weights(module: nn.Module) -> None:
    """Both papers' initial weights, N(0, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _normed(conv: nn.Module, width: int) -> tuple[nn.Module, ...]:
    return conv, InstanceNorm(width), nn.ReLU()
