"""The residual block of R3GAN, which needs no normalisation: what stands between two changes of resolution.

x [N, width, H, W] goes in and y of the same shape comes out; a is `Activation` (a bias, then a leaky rectifier).
Convolutions carry no bias. A block is the identity at first, because its last convolution starts at zero, and its
other weights start from N(0, gain / sqrt(fan-in)) with gain = sqrt(2 / (1 + 0.2^2)) L^(-1/(2m - 2)), for L blocks in
the network and m linear layers a block, so that L blocks together move the output as one does
(Fixup Initialization, Zhang et al., 2019, https://arxiv.org/abs/1901.09321).

For speed a bias is the convolution's before it, and rectifiers and the sum overwrite what no gradient needs again; the
sum has the type of the convolutions, so under autocast the maps between blocks do.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, linear

from mintage.networks.activation import SLOPE, Activation

HALVING = math.sqrt(2 / (1 + SLOPE**2))  # keeps the variance of a map through a leaky rectifier and a convolution


def convolution(a: int, b: int, kernel: int, *, groups: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution a -> b that keeps height and width, without bias; weights from N(0, gain / sqrt(fan-in))."""
    conv = nn.Conv2d(a, b, kernel, padding=(kernel - 1) // 2, groups=groups, bias=False)
    nn.init.normal_(conv.weight, 0.0, gain / math.sqrt(a // groups * kernel**2))
    return conv


class Pointwise(nn.Conv2d):
    """A convolution 1 x 1 as a product over channels that stand last in memory: quick from or to few channels.

    Weights from N(0, 1 / sqrt(a)), no bias.   [N, a, H, W] -> [N, b, H, W].
    """

    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b, 1, bias=False)
        nn.init.normal_(self.weight, 0.0, 1 / math.sqrt(a))

    def forward(self, input: Tensor) -> Tensor:
        return linear(input.permute(0, 2, 3, 1), self.weight.flatten(1)).permute(0, 3, 1, 2)


class InvertedBlock(nn.Module):
    """y = x + P a(K a(E x)), the block of R3GAN: E 1 x 1 doubles the width, K is 3 x 3 in groups, P is 1 x 1.

    The GAN is dead; long live the GAN! (Huang et al., 2024), section 3.3, https://arxiv.org/abs/2501.05441

    Args:
        width: channels in and out.
        blocks: L, the number of blocks in the network.
        group: channels of a group of K; 16 in the paper's presets.
    """

    def __init__(self, width: int, *, blocks: int, group: int) -> None:
        super().__init__()
        gain = HALVING * blocks**-0.25
        self.expand = convolution(width, 2 * width, 1, gain=gain)
        self.first = Activation(2 * width)
        self.spatial = convolution(2 * width, 2 * width, 3, groups=max(1, 2 * width // group), gain=gain)
        self.second = Activation(2 * width)
        self.project = convolution(2 * width, width, 1, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(conv2d(x, self.expand.weight, self.first.bias), SLOPE, inplace=True)
        y = conv2d(y, self.spatial.weight, self.second.bias, padding=1, groups=self.spatial.groups)
        return self.project(leaky_relu(y, SLOPE, inplace=True)).add_(x)
