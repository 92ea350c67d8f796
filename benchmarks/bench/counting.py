"""Counting the floating-point operations of what runs: convolutions and matrix products, a multiplication and an
addition counting as two."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

BACKWARD = torch.ops.aten.convolution_backward


class Counter(TorchDispatchMode):
    """Counts operations by torch's own formulas, in forward, backward and double backward passes.

    Torch's `FlopCounterMode` also follows modules, by hooks that do not bear a gradient taken inside a backward pass;
    and of a convolution in groups it takes the weight gradient for a dense one, which is put right here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if func._overloadpacket is BACKWARD:
            self.operations += _backward(*args)
        elif formula is not None:
            self.operations += formula(*args, **(kwargs or {}), out_val=found)
        return found


def _backward(g: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, *rest: Any) -> int:
    """Each of the two gradients of a convolution takes as many operations as the convolution."""
    transposed, wanted = rest[4], rest[-1]
    return sum(wanted[:2]) * conv_flop_count(list(x.shape), list(weight.shape), list(g.shape), transposed)
