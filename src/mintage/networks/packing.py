"""Packing: the critic looks at m examples at once, all real or all generated, and says one thing of them.

x [N, C, ...] becomes [N/m, m C, ...]: m examples in a row of the batch laid on one another along their channels (the
features, for points). A generator that lost half of the modes makes packs that are seen to be poor; the critic tells
apart the products of the distributions, p^m against q^m, which punishes missing modes more than noise.

PacGAN: The Power of Two Samples in Generative Adversarial Networks (Lin et al., 2018), section 2.
https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def pack(x: Tensor, m: int) -> Tensor:
    """[N, C, ...] -> [N/m, m C, ...]: examples m i, ..., m i + m - 1 along axis 1. m = 1 is x itself.

    Raises:
        ValueError: m below 1, or N no multiple of m.
    """
    if m < 1:
        raise ValueError(f"packs of {m} examples; give 1 (none) or more")
    if len(x) % m:
        raise ValueError(f"{len(x)} examples cannot be packed by {m}: let the batch be a multiple of {m}")
    return x if m == 1 else x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])


class Packed(nn.Module):
    """logits = D(pack(x, m)), D made for examples of m times the channels.   [N, C, ...] -> [N/m].

    For m > 1 it mixes examples, so penalties per example and labels are refused; N is to be a `multiple` of m.
    """

    def __init__(self, critic: nn.Module, m: int = 2) -> None:
        super().__init__()
        if m < 1:
            raise ValueError(f"packs of {m} examples; give 1 (none) or more")
        self.critic, self.m, self.mixes_examples, self.multiple = critic, m, m > 1, m

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        if self.m == 1:
            return self.critic(x, y)
        if y is not None:
            raise ValueError(f"labels were given for packs of {self.m} examples, whose labels differ; leave them out")
        return self.critic(pack(x, self.m))


class PackedLayer(nn.Module):
    """The first layer of a critic, widened: h = W [x_1, ..., x_m] + b.   [N, C, ...] -> [N/m, ...]."""

    def __init__(self, layer: nn.Module, m: int) -> None:
        super().__init__()
        self.layer, self.m, self.mixes_examples, self.multiple = layer, m, m > 1, m

    @property
    def weight(self) -> Any:
        return self.layer.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(pack(x, self.m))


def pack_first(net: nn.Module, name: str, m: int) -> nn.Module:
    """Let layer `name`, the first of a made critic, read packs of m: the rest of the critic stays -> net, in place.

    W_1 is the layer's own weight, the others are drawn with its deviation, and all are divided by sqrt(m), so that
    what the layer gives keeps its size.

    Raises:
        ValueError: a layer without an ordinary weight [out, in, ...].
    """
    layer = net.get_submodule(name)
    weight = layer._parameters.get("weight")
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    if weight is None or weight.ndim < 2 or transposed or getattr(layer, "groups", 1) != 1:
        kind = "parametrised" if parametrize.is_parametrized(layer) else "not an ordinary one, [out, in, ...]"
        raise ValueError(f"the critic's first layer {name} ({type(layer).__name__}) has a weight that is {kind}, so "
                         "packs cannot be fed into it; use --system pacgan, whose critic is made for packs")
    wide = copy.deepcopy(layer)
    own = weight.detach()
    deviation = float(own.std())
    others = [nn.init.normal_(torch.empty_like(own), 0.0, deviation) for _ in range(m - 1)]
    wide.weight = nn.Parameter(torch.cat([own, *others], 1) / math.sqrt(m))
    for size in ("in_features", "in_channels"):
        if hasattr(wide, size):
            setattr(wide, size, m * getattr(wide, size))
    net.set_submodule(name, PackedLayer(wide, m))
    return net
