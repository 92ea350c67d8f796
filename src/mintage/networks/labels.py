"""Labels y, as networks read them: classes as whole numbers [N], or weights of classes as numbers [N, K].

A class k is the weights of a one in column k. What a network holds for each class, rows v_1 .. v_K of a table, it reads
for weights w as sum_k w_k v_k: mixed labels, and the labels on the way from one class to another, need nothing else.
Weights usually sum to 1, and are taken as they are where they do not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def class_weights(y: Tensor | None, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """The weights of the classes, [N, K]: one-hot for y [N], y itself for [N, K].

    Raises:
        ValueError: no labels, or weights of another number of classes.
    """
    y = given(y, classes)
    return y.to(dtype) if y.is_floating_point() else one_hot(y, classes).to(dtype)


def class_rows(table: Tensor, y: Tensor | None) -> Tensor:
    """Rows of `table` [K, d], one for each label y [N], or their sums weighted by y [N, K] -> [N, d].

    Raises:
        ValueError: as `class_weights`.
    """
    y = given(y, len(table))
    return y.to(table.dtype) @ table if y.is_floating_point() else table[y]


def given(y: Tensor | None, classes: int) -> Tensor:
    """y, where a network made for labels was given labels that fit it.

    Raises:
        ValueError: as `class_weights`.
    """
    if y is None:
        raise ValueError(f"this network was made for {classes} classes: give it labels y as well")
    if y.is_floating_point() and (y.ndim != 2 or y.shape[1] != classes):
        raise ValueError(f"this network was made for {classes} classes and received labels as numbers of shape "
                         f"{tuple(y.shape)}; give classes [N] as whole numbers, or weights [N, {classes}]")
    return y
