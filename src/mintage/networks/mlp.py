"""Multilayer perceptrons: for points in the plane, for tables, and for the generator and critic of the first GANs.

z [N, latent] goes in and x [N, *shape] comes out of an `MLPGenerator`; x goes in and logits [N] come out of an
`MLPDiscriminator`. Both take labels y (mintage.networks.labels) where they were made for `classes` kinds of examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from mintage.networks.dropout import Dropout
from mintage.networks.labels import class_weights
from mintage.networks.precision import outside_autocast

Activation = Literal["relu", "leaky_relu", "softplus", "maxout"]
Output = Literal["none", "tanh"]


class Maxout(nn.Module):
    """h_i = max over j < pieces of (W x + b)_ij.   x [N, in] -> h [N, out].

    Maxout Networks (Goodfellow et al., 2013), https://arxiv.org/abs/1302.4389
    """

    def __init__(self, width_in: int, width_out: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(width_in, width_out * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class MLP(nn.Module):
    """`depth` hidden layers of `width`, then a linear one.   x [N, features] -> [N, out], float32 at least.

    Args:
        activation: "relu", "leaky_relu" (slope 0.2), "softplus" or "maxout" (see `pieces`).
        batch_norm: before each activation; maxout units have none.
        output: "none", or "tanh" for values in (-1, 1).
        pieces: linear pieces of each maxout unit.
        dropout: probability of dropping an element before each layer but the first.

    Raises:
        ValueError: an unknown activation or output, or a size below 1.
    """

    def __init__(self, features: int, out: int, *, width: int = 128, depth: int = 3,
                 activation: Activation = "leaky_relu", output: Output = "none", pieces: int = 5,
                 dropout: float = 0.0, batch_norm: bool = False) -> None:
        super().__init__()
        _one_of("activation", activation, get_args(Activation))
        _one_of("output", output, get_args(Output))
        for name, value in (("features", features), ("out", out), ("width", width), ("pieces", pieces)):
            if value < 1:
                raise ValueError(f"{name} of an MLP is {value}; it is 1 or more")
        if depth < 0:
            raise ValueError(f"depth of an MLP is {depth}; it counts hidden layers, 0 or more")
        layers: list[nn.Module] = []
        sizes = [features] + [width] * depth
        for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
            layers += [Dropout(dropout)] if dropout and i else []
            layers += _hidden(a, b, activation, pieces, batch_norm)
        layers += [Dropout(dropout)] if dropout and depth else []
        self.hidden = nn.Sequential(*layers)
        self.last = nn.Linear(sizes[-1], out)
        self.output = output

    def forward(self, x: Tensor) -> Tensor:
        h = self.hidden(x)
        with outside_autocast(x):  # the last layer decides between near numbers
            out = self.last(h.to(self.last.weight.dtype))
        return out.tanh() if self.output == "tanh" else out


class MLPGenerator(nn.Module):
    """x = MLP([z, onehot(y)]) unflattened.   z [N, z_dim], y [N] or None -> x [N, *shape].

    Other options go to `MLP`.
    """

    def __init__(self, shape: Sequence[int], *, z_dim: int = 64, classes: int = 0, width: int = 128, depth: int = 3,
                 activation: Activation = "relu", output: Output = "none", pieces: int = 5,
                 batch_norm: bool = False) -> None:
        super().__init__()
        self.shape, self.z_dim, self.classes = tuple(shape), z_dim, classes
        self.net = MLP(z_dim + classes, math.prod(self.shape), width=width, depth=depth, activation=activation,
                       output=output, pieces=pieces, batch_norm=batch_norm)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(_with_label(z, y, self.classes)).unflatten(1, self.shape)


class MLPDiscriminator(nn.Module):
    """logits = MLP([flatten(x), onehot(y)]).   x [N, *shape], y [N] or None -> [N], float32 at least.

    With `outputs` it returns so many numbers for each example, [N, outputs]. Other options go to `MLP`; Goodfellow's
    critic of 2014 is activation="maxout" with dropout.
    """

    def __init__(self, shape: Sequence[int], *, classes: int = 0, width: int = 128, depth: int = 3,
                 activation: Activation = "leaky_relu", pieces: int = 5, dropout: float = 0.0,
                 outputs: int = 0) -> None:
        super().__init__()
        self.shape, self.classes, self.outputs = tuple(shape), classes, outputs
        self.net = MLP(math.prod(self.shape) + classes, outputs or 1, width=width, depth=depth, activation=activation,
                       pieces=pieces, dropout=dropout)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """What the last layer reads, [N, width]."""
        return self.net.hidden(self._read(x, y))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        found = self.net(self._read(x, y))
        return found if self.outputs else found.squeeze(1)

    def _read(self, x: Tensor, y: Tensor | None) -> Tensor:
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"examples of shape {tuple(x.shape[1:])} came to a network made for {self.shape}")
        return _with_label(x.flatten(1), y, self.classes)


def _with_label(x: Tensor, y: Tensor | None, classes: int) -> Tensor:
    return torch.cat([x, class_weights(y, classes, x.dtype)], 1) if classes else x


def _hidden(a: int, b: int, activation: Activation, pieces: int, batch_norm: bool) -> list[nn.Module]:
    if activation == "maxout":
        return [Maxout(a, b, pieces)]
    linear = nn.Linear(a, b, bias=not batch_norm)
    slope = 0.2 if activation == "leaky_relu" else 0.0
    nn.init.kaiming_uniform_(linear.weight, a=slope, nonlinearity="leaky_relu")
    if not batch_norm:
        nn.init.zeros_(linear.bias)
    unit = nn.Softplus() if activation == "softplus" else nn.LeakyReLU(slope) if slope else nn.ReLU()
    return [linear, nn.BatchNorm1d(b), unit] if batch_norm else [linear, unit]


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        near = get_close_matches(str(value), allowed, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} of an MLP is {value!r}; it is one of {', '.join(allowed)}{hint}")
