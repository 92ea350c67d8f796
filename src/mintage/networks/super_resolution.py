"""Super-resolution by four: the residual network of SRGAN and its critic.

c [N, C, h, w] -> x [N, C, 4h, 4w], images in about [-1, 1]; K_k is a k x k convolution, p a rectifier with a learned
slope, up: pixel shuffle, which puts 4 channels on 2 x 2 places.

    h_0 = p K_9 c,   h_(l+1) = h_l + K_3 p K_3 h_l,   x = bicubic(c) + K_3 U U (h_0 + K_3 h_B),   U = p up K_3

Every place of x depends on `reach` places of c around it and on nothing else, so an image can be made in tiles.

Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network (Ledig et al., 2017), section 2.1,
https://arxiv.org/abs/1609.04802; pixel shuffle: Real-Time Single Image and Video Super-Resolution Using an Efficient
Sub-Pixel Convolutional Neural Network (Shi et al., 2016), https://arxiv.org/abs/1609.05158

Differences from the paper: no batch norm, which Enhanced Deep Residual Networks for Single Image Super-Resolution (Lim
et al., 2017, https://arxiv.org/abs/1707.02921) found to do harm here; the last convolution is 3 x 3, after the same
paper; what is learned is added to the bicubic enlargement, so that training begins there and not at a grey page.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mintage.networks.precision import outside_autocast, widened
from mintage.networks.sizes import row_of

FACTOR = 4
SuperSize = Literal["XS", "S", "M", "L"]


class Row(NamedTuple):
    """A size: channels, residual blocks, channels after each doubling."""

    width: int
    blocks: int
    tail: int


SUPER_SIZES: dict[str, Row] = {"XS": Row(32, 4, 16), "S": Row(48, 6, 16), "M": Row(64, 8, 32), "L": Row(64, 16, 64)}
"""Size -> row. L is the paper's."""


class SRResNet(nn.Module):
    """x = G(c), see above.

    `scale` is 4; `reach` is how many places of c around it a place of x depends on.

    Args:
        channels: of both.
        size: a row of `SUPER_SIZES`.

    Raises:
        ValueError: an unknown size.
    """

    scale = FACTOR

    def __init__(self, channels: int, *, size: SuperSize = "S") -> None:
        super().__init__()
        w, blocks, tail = row_of(size, SUPER_SIZES, "a super-resolution network")
        self.inputs, self.width = channels, w
        self.reach: int | None = 4 + 2 * blocks + 4  # K_9, the blocks; K_3 after them, both U and the last K_3
        self.first = nn.Sequential(nn.Conv2d(channels, w, 9, 1, 4), nn.PReLU(w, 0.25))
        self.blocks = nn.ModuleList(nn.Sequential(nn.Conv2d(w, w, 3, 1, 1), nn.PReLU(w, 0.25), nn.Conv2d(w, w, 3, 1, 1))
                                    for _ in range(blocks))
        self.after = nn.Conv2d(w, w, 3, 1, 1)
        self.up = nn.Sequential(*_doubling(w, tail), *_doubling(tail, tail), nn.Conv2d(tail, channels, 3, 1, 1))
        with torch.no_grad():
            for part in (*self.blocks, self.up):  # near the identity at first, in the place of batch norm
                list(part.children())[-1].get_parameter("weight").mul_(0.1)

    def forward(self, c: Tensor) -> Tensor:
        first = h = self.first(c)
        for block in self.blocks:
            h = h + block(h)
        learned = self.up(first + self.after(h))
        with outside_autocast(c):
            return enlarged(widened(c)) + widened(learned)


class SRCritic(nn.Module):
    """logits = D(x) of crops.   x [N, C, crop, crop] -> [N], float32.

    3 x 3 convolutions by pairs, the second of each of stride 2, of widths w, 2w, 4w, 8w, as long as more than 2 x 2
    places are left; two linear layers. Leaky rectifiers of slope 0.2. Without the paper's batch norm, so that a logit
    depends on its own image only.
    """

    def __init__(self, channels: int, *, width: int = 64, crop: int = 96) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        a, side = channels, crop
        for level in range(4):
            if side <= 2:
                break
            b = width * 2**level
            layers += [nn.Conv2d(a, b, 3, 1, 1), nn.LeakyReLU(0.2), nn.Conv2d(b, b, 3, 2, 1), nn.LeakyReLU(0.2)]
            a, side = b, -(-side // 2)
        self.layers = nn.Sequential(*layers)
        self.hidden = nn.Sequential(nn.Linear(a * side**2, 16 * width), nn.LeakyReLU(0.2))
        self.last = nn.Linear(16 * width, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):  # torch's own start lets what tells sharp from blurred fade
                nn.init.kaiming_normal_(module.weight, 0.2)

    def features(self, x: Tensor) -> list[Tensor]:
        """The maps of each pair's first convolution, whose stride is 1, from the largest to the smallest.

        Those of the second would do for a critic; to match them leaves a chequered pattern of their stride.
        """
        return self._maps(x)[1::4]

    def _maps(self, x: Tensor) -> list[Tensor]:
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.hidden(self._maps(x)[-1].flatten(1))
        with outside_autocast(h):
            return self.last(widened(h)).squeeze(1)


def enlarged(c: Tensor, factor: int = FACTOR) -> Tensor:
    """Bicubic enlargement with the kernel a = -1/2, as Pillow's BICUBIC and Matlab's imresize.   [N, C, h, w] ->
    [N, C, factor h, factor w]."""
    return interpolate(c, scale_factor=factor, mode="bicubic", antialias=True)


def _doubling(a: int, b: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(a, 4 * b, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU(b, 0.25)
