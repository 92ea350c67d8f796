"""Equalised learning rate: Adam's step means the same in every layer, whatever its size.

W of a linear layer or convolution with n numbers into each output (the fan-in) is used as W = c V, c = sqrt(2 / n), and
V is learned. Adam's step is of the size of the rate in V, hence c times the rate in W: in proportion to the size that
He's initialisation gives W.

Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 4.1.
https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.utils import parametrize

from mintage.networks.plain_layers import TRANSPOSED, plain_layers


class EqualRate(nn.Module):
    """V -> c V, a parametrisation of one weight; its inverse W -> W / c."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, stored: Tensor) -> Tensor:
        return stored * self.scale

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight / self.scale

    def extra_repr(self) -> str:
        return f"scale={self.scale:.4g}"


def equalise(net: nn.Module) -> nn.Module:
    """Equalise the rate of every linear layer and convolution of `net`, in place -> net.

    The network is the same function as before: V starts at W / c. In the paper V starts from N(0, 1) instead, which it
    is here, too, where W has He's initialisation. The player's rate is to be raised: 0.001 in the paper.

    Raises:
        ValueError: no such layer, or a weight that is parametrised already.
    """
    for layer in plain_layers(net, "equalised rate"):
        parametrize.register_parametrization(layer, "weight", EqualRate(math.sqrt(2 / fan_in(layer))))
    return net


def fan_in(layer: nn.Module) -> int:
    """How many numbers each output of a linear layer or convolution reads."""
    weight = layer.weight
    if not isinstance(weight, Tensor):
        raise ValueError(f"{type(layer).__name__} has no weight")
    if isinstance(layer, TRANSPOSED):
        return max(1, weight.shape[0] // layer.groups * math.prod(weight.shape[2:]) // math.prod(layer.stride))
    return math.prod(weight.shape[1:])
