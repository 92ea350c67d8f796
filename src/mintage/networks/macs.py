"""Counting the work of a network without doing it.

One MAC is one multiplication and one addition. Inputs are made on torch's meta device, where tensors have shapes and no
values, so counting takes no memory and next to no time.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def macs(net: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates per example of one forward pass, in convolutions and matrix products.

    Args:
        inputs: what the network takes, batch first; only shapes and types matter. At least one.
    """
    on_meta = copy.deepcopy(net).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        on_meta(*(x.to("meta") for x in inputs))
    return counter.get_total_flops() // 2 // len(inputs[0])
