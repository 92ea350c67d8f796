"""The layers between the ends of the residual pair: lists of modules that climb to the image or descend from it.

`widths` are the channels at each level from the starting grid (0) to the image (last), so there are len(widths) - 1
doublings of the sides.
"""

from __future__ import annotations

from torch import nn

from mintage.networks.activation import Activation
from mintage.networks.blocks import InvertedBlock, Pointwise, convolution
from mintage.networks.magnitude import LEAKY_GAIN, UnitBlock, UnitConv2d
from mintage.networks.resampling import Downsample, Upsample


def climb(widths: list[int], blocks: int, group: int, channels: int) -> list[nn.Module]:
    """The paper's generator: `blocks` inverted blocks a level; between levels a 1 x 1 if widths differ, then up."""
    total = blocks * len(widths)
    layers: list[nn.Module] = []
    for level, width in enumerate(widths):
        if level:
            layers += _adapt(widths[level - 1], width) + [Upsample()]
        layers += [InvertedBlock(width, blocks=total, group=group) for _ in range(blocks)]
    return layers + [Pointwise(widths[-1], channels)]


def descent(widths: list[int], blocks: int, group: int, channels: int) -> list[nn.Module]:
    """The paper's critic, the climb mirrored: down, then a 1 x 1 where widths differ."""
    total = blocks * len(widths)
    layers: list[nn.Module] = [Pointwise(channels, widths[-1])]
    for level in reversed(range(len(widths))):
        layers += [InvertedBlock(widths[level], blocks=total, group=group) for _ in range(blocks)]
        if level:
            layers += [Downsample()] + _adapt(widths[level], widths[level - 1])
    return layers


def compact_climb(widths: list[int], blocks: int, channels: int) -> list[nn.Module]:
    """The compact generator: blocks on the start, transposed convolutions, the last doubling by pixel shuffle."""
    levels = len(widths) - 1
    layers: list[nn.Module] = [UnitBlock(widths[0]) for _ in range(blocks)]
    for level in range(levels - 1):
        a, b = widths[level], widths[level + 1]
        layers += [Activation(a), UnitConv2d(a, b, 4, stride=2, transposed=True, gain=LEAKY_GAIN)]
    width = widths[max(levels - 1, 0)]
    layers += [Activation(width), UnitConv2d(width, channels * (4 if levels else 1), 3, gain=LEAKY_GAIN)]
    return layers + ([nn.PixelShuffle(2)] if levels else [])


def compact_descent(widths: list[int], blocks: int, channels: int) -> list[nn.Module]:
    """The compact critic: 4 x 4 convolutions of stride 2 from the image to the start, then blocks."""
    levels = len(widths) - 1
    layers: list[nn.Module] = []
    before, gain = channels, 1.0
    for level in reversed(range(levels)):
        layers += [UnitConv2d(before, widths[level], 4, stride=2, gain=gain)]
        layers += [Activation(widths[level])] if level else []
        before, gain = widths[level], LEAKY_GAIN
    if not levels:
        layers += [UnitConv2d(channels, widths[0], 3)]
    return layers + [UnitBlock(widths[0]) for _ in range(blocks)] + [Activation(widths[0])]


def _adapt(a: int, b: int) -> list[nn.Module]:
    return [convolution(a, b, 1)] if a != b else []
