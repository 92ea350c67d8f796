"""A critic of patches: one logit for each overlapping patch of an image, none for the whole.

x [N, C, H, W] in [-1, 1] -> logits [N, h, w]. With n halvings: 4 x 4 of stride 2, n times, widths doubling up to eight
times the first; then 4 x 4 of stride 1 twice. Leaky rectifiers of slope 0.2; instance norm but in the first and last.
A logit sees a patch of 16, 34 or 70 pixels a side for n = 1, 2, 3. What an image is made from is joined to it by
channels.

Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), section 3.2.2 and appendix 6.1.2,
https://arxiv.org/abs/1611.07004
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mintage.networks.precision import outside_autocast, widened
from mintage.networks.translation import InstanceNorm, check_sides, small_weights

DEEPEST = 3
LEAST = 8


class PatchCritic(nn.Module):
    """logits = D(x), of patches.   x [N, channels, H, W], sides of 8 or more -> [N, h, w], float32.

    Args:
        channels: of x, with those of what it is made from where that is joined to it.
        width: of the first layer; 64 in the paper.
        halvings: n, from 1 to 3: the size of a patch.

    Raises:
        ValueError: images of other channels, or too small.
    """

    def __init__(self, channels: int, *, width: int = 64, halvings: int = DEEPEST) -> None:
        super().__init__()
        self.channels = channels
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        a = width
        for level in range(1, halvings + 1):
            b = width * min(2**level, 8)
            stride = 2 if level < halvings else 1
            layers += [nn.Conv2d(a, b, 4, stride, 1, bias=False), InstanceNorm(b), nn.LeakyReLU(0.2)]
            a = b
        self.layers = nn.Sequential(*layers)
        self.last = nn.Conv2d(a, 1, 4, 1, 1)
        self.apply(small_weights)

    def features(self, x: Tensor) -> list[Tensor]:
        """The maps after each rectifier, from the largest to the smallest."""
        check_sides(x, LEAST)
        if x.shape[1] != self.channels:
            raise ValueError(f"this critic looks at {self.channels} channels, those of what is given and of what is "
                             f"made from it, and received {x.shape[1]}; give it both, joined, or leave out what shows "
                             "it examples alone")
        found = []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                found.append(x)
        return found

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.features(x)[-1]
        with outside_autocast(h):
            return self.last(widened(h)).squeeze(1)


def halvings_for(height: int, width: int) -> int:
    """How often a critic of patches halves: so that a patch is about half of the image, 70 pixels at most.

    1 under 48 pixels on the shorter side, 2 under 96, 3 from there on.
    """
    short = min(height, width)
    return 1 if short < 48 else 2 if short < 96 else DEEPEST


def joined(c: Tensor, x: Tensor) -> Tensor:
    """What x is made from, and x, by channels.   [N, A, H, W], [N, B, H, W] -> [N, A + B, H, W]."""
    return torch.cat([c, x.to(c.dtype)], 1)
