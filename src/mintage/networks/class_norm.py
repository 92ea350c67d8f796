"""Conditional batch norm: a scale and a shift for each class.

    h_c <- g_c(y) (h_c - mu_c) / sqrt(v_c + eps) + b_c(y)

mu, v are the batch's moments of each channel, as in batch norm; g(y), b(y) rows of two tables [K, channels], which
start from the scale and the shift of the batch norm they replace. A label steers every layer, so it is not forgotten on
the way up, as one that only enters beside z may be.

A Learned Representation for Artistic Style (Dumoulin et al., 2017), https://arxiv.org/abs/1610.07629; in the generators
of Spectral Normalization's and the projection critic's authors (Miyato and Koyama, 2018),
https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mintage.networks.labels import class_rows, given


class ClassNorm(nn.Module):
    """One layer, with the rows it was last told to use.   [N, C, ...] -> the same.

    Args:
        norm: the batch norm in whose place it stands.
        classes: K.
        spread: deviation that is added to the rows of both tables, class by class, at the start.
    """

    def __init__(self, norm: _BatchNorm, classes: int, spread: float = 0.0) -> None:
        super().__init__()
        self.norm = type(norm)(norm.num_features, eps=norm.eps, momentum=norm.momentum, affine=False)
        self.scale, self.shift = (nn.Parameter(row.detach().repeat(classes, 1)) for row in (norm.weight, norm.bias))
        for table in (self.scale, self.shift):
            table.data += spread * nn.init.normal_(torch.empty_like(table))
        self.y: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = class_rows(self.scale, self.y), class_rows(self.shift, self.y)
        spread = (..., *[None] * (x.ndim - 2))
        return torch.addcmul(shift[spread].to(x.dtype), self.norm(x), scale[spread].to(x.dtype))


class ClassNormed(nn.Module):
    """net(z) with a `ClassNorm` in the place of each of its batch norms.   z [N, ...], y labels -> net's.

    Args:
        spread: how far the classes are apart at the start. With 0 all begin alike, and Adam's steps at usual rates take
            thousands of rounds to part them.

    Raises:
        ValueError: the network has no batch norm with a scale, or labels are missing in the forward call.
    """

    def __init__(self, net: nn.Module, classes: int, *, spread: float = 0.0) -> None:
        super().__init__()
        self.net, self.classes = net, classes
        found = [(parent, name, child) for parent in net.modules() for name, child in parent.named_children()
                 if isinstance(child, _BatchNorm) and child.affine]
        if not found:
            raise ValueError(f"{type(net).__name__} has no batch norm whose scale could follow the class; give it the "
                             "labels beside z instead")
        for parent, name, child in found:
            setattr(parent, name, ClassNorm(child, classes, spread))

    @property
    def grid(self) -> Any:
        """The grid of a network of images."""
        return getattr(self.net, "grid", None)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        y, layers = given(y, self.classes), [m for m in self.net.modules() if isinstance(m, ClassNorm)]
        for layer in layers:
            layer.y = y
        try:
            return self.net(z)
        finally:
            for layer in layers:
                layer.y = None  # what is not told is an error, and no batch is kept
