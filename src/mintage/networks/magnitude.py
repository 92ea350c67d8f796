"""Magnitude-preserving layers: weights of fixed size, so that one large learning rate suits every width and depth.

A weight w belongs to one output channel and reads n numbers. What is used is

    u = gain (w - mean w) / |w - mean w|,

so independent inputs of variance 1 give outputs of variance gain^2. Only the direction of w is learned. After each
step of its player the stored w is put back to sqrt(n) u / gain (`renormalise`): else it would grow, and the same rate
would turn it less and less.

Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024), section 2.3 and appendix B.
https://arxiv.org/abs/2312.02696
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from mintage.networks.activation import SLOPE, Activation

# The reciprocal of the deviation of a leaky rectifier of N(0, 1), its mean taken away (the next weight is centred).
LEAKY_GAIN = 1 / math.sqrt(((1 + SLOPE**2) - (1 - SLOPE) ** 2 / math.pi) / 2)
TINY = 1e-8


class UnitConv2d(nn.Module):
    """Convolution a -> b with weights of fixed size and no bias.   [N, a, H, W] -> [N, b, H / stride, W / stride].

    Transposed, H and W grow by the stride instead.

    Args:
        gain: deviation of the output for independent inputs of deviation 1; LEAKY_GAIN after an `Activation`.
    """

    def __init__(self, a: int, b: int, kernel: int, *, stride: int = 1, gain: float = 1.0,
                 transposed: bool = False) -> None:
        super().__init__()
        self.stride, self.padding, self.gain, self.transposed = stride, (kernel - 1) // 2, gain, transposed
        shape = (a, b, kernel, kernel) if transposed else (b, a, kernel, kernel)
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight)
        self.renormalise()

    def forward(self, x: Tensor) -> Tensor:
        if self.transposed:
            # Each output pixel sees only every stride-th row and column of the kernel, hence the factor.
            weight = self._directions() * (self.gain * self.stride)
            return conv_transpose2d(x, weight, stride=self.stride, padding=self.padding)
        return conv2d(x, self._directions() * self.gain, stride=self.stride, padding=self.padding)

    @torch.no_grad()
    def renormalise(self) -> None:
        """Bring the stored weight back to mean square 1, its direction unchanged."""
        numbers = self.weight.numel() // self.weight.shape[1 if self.transposed else 0]
        self.weight.copy_(self._directions() * math.sqrt(numbers))

    def _directions(self) -> Tensor:
        over = (0, 2, 3) if self.transposed else (1, 2, 3)
        centred = self.weight - self.weight.mean(over, keepdim=True)
        return centred / (centred.square().sum(over, keepdim=True).sqrt() + TINY)


class UnitBlock(nn.Module):
    """y = (x + c P a(K a(x))) / sqrt(1 + c^2), c = tanh(raw) a channel: K is a dense 3 x 3 convolution, P is 1 x 1.

    c is 0 at first, so the block is then the identity; whatever c becomes, variance 1 stays variance 1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Activation(width)
        self.spatial = UnitConv2d(width, width, 3, gain=LEAKY_GAIN)
        self.second = Activation(width)
        self.project = UnitConv2d(width, width, 1, gain=LEAKY_GAIN)
        self.raw = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        c = self.raw.tanh()
        branch = self.project(self.second(self.spatial(self.first(x))))
        return (x + c.to(branch.dtype) * branch) * torch.rsqrt(1 + c.square()).to(branch.dtype)


def renormalise(net: nn.Module) -> None:
    """Bring the weights of every `UnitConv2d` in `net` back to mean square 1; call it after each step of the net."""
    for module in net.modules():
        if isinstance(module, UnitConv2d):
            module.renormalise()
