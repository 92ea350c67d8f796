"""Critics of points in the plane, x [N, 2] -> logits, and what some of them see besides the point.

    plain       the point
    packed      m points at once, one logit for all of them
    statistics  the point and how its group of the batch spreads
    spectral    the point, through weights divided by their largest singular values
    waves       the point and cosines and sines of it

"spectral waves" is both of the last.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from mintage.game import generator
from mintage.networks import MLPDiscriminator
from mintage.networks.spectral import spectral_norm

CriticKind = Literal["plain", "packed", "statistics", "spectral", "waves", "spectral waves"]


class Packed(nn.Module):
    """D(x_1, ..., x_m): one logit for m points that stand one after another.   x [N, 2] -> [N / m]."""

    mixes_examples = True

    def __init__(self, pack: int, width: int, depth: int) -> None:
        super().__init__()
        self.pack, self.net = pack, MLPDiscriminator((2 * pack,), width=width, depth=depth)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        whole = len(x) - len(x) % self.pack
        return self.net(x[:whole].reshape(-1, 2 * self.pack))


class Statistics(nn.Module):
    """D sees of each point also how its group of 16 spreads: the deviation of each coordinate.   x [N, 2] -> [N].

    Progressive Growing of GANs (Karras et al., 2018), section 3, on the inputs. https://arxiv.org/abs/1710.10196
    """

    mixes_examples = True

    def __init__(self, *, width: int, depth: int, group: int = 16) -> None:
        super().__init__()
        self.group, self.net = group, MLPDiscriminator((4,), width=width, depth=depth)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        groups = x.reshape(-1, math.gcd(len(x), self.group), 2)
        spread = groups.var(1, keepdim=True, unbiased=False).add(1e-8).sqrt().expand_as(groups)
        return self.net(torch.cat([x, spread.reshape(-1, 2)], 1))


class Waves(nn.Module):
    """D sees of each point also cos and sin of `waves` fixed random directions of it.   x [N, 2] -> [N].

    Of frequency `pitch` and width about 1 / pitch: a plain network is slow to tell points a hundredth apart.
    Fourier Features Let Networks Learn High Frequency Functions (Tancik et al., 2020), https://arxiv.org/abs/2006.10739
    """

    directions: Tensor

    def __init__(self, *, width: int, depth: int, waves: int = 32, pitch: float = 8.0) -> None:
        super().__init__()
        self.register_buffer("directions", pitch * torch.randn((2, waves), generator=generator("waves", waves)))
        self.net = MLPDiscriminator((2 + 2 * waves,), width=width, depth=depth)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(self.seen(x))

    def seen(self, x: Tensor) -> Tensor:
        """The point and its waves, [N, 2 + 2 waves]."""
        phase = x @ self.directions
        return torch.cat([x, phase.cos(), phase.sin()], 1)

    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, [N, width]."""
        return self.net.net.hidden(self.seen(x))


def critic(kind: CriticKind, *, width: int, depth: int, pack: int = 2) -> nn.Module:
    """A critic of this kind with so many hidden layers of this width; "packed" takes `pack` points at a time."""
    if kind == "packed":
        return Packed(pack, width=width, depth=depth)
    if kind == "statistics":
        return Statistics(width=width, depth=depth)
    plain = kind in ("plain", "spectral")
    net = MLPDiscriminator((2,), width=width, depth=depth) if plain else Waves(width=width, depth=depth)
    return spectral_norm(net) if kind.startswith("spectral") else net
