"""Where a network must not be rounded: filters, heads and logits run in float32 also under autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def outside_autocast(x: Tensor) -> AbstractContextManager[object]:
    """A block in which operations on the device of x keep the types of their inputs."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def widened(x: Tensor) -> Tensor:
    """x in float32 where it is narrower, as it is elsewhere."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
