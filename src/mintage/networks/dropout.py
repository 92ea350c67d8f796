"""Dropout whose masks come from a generator of its own, so that a round can be replayed.

x is any tensor, p the probability that an element is dropped, m ~ Bernoulli(1 - p) of the same shape.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """y = x m / (1 - p) in training, y = x in evaluation; E y = x.

    Dropout: A Simple Way to Prevent Neural Networks from Overfitting (Srivastava et al., 2014),
    https://jmlr.org/papers/v15/srivastava14a.html

    Masks are drawn from `generator`, never from torch's global state. The owner of the network may reseed it or put
    another in its place at any time; on a device other than the generator's, a generator is made there with the same
    seed.

    Raises:
        ValueError: p outside [0, 1).
    """

    def __init__(self, p: float = 0.5, *, seed: int = 0) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout p is {p!r}; the probability of dropping an element lies in [0, 1)")
        self.p = p
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0 or x.device.type == "meta":
            return x
        if self.generator.device != x.device:
            self.generator = torch.Generator(x.device).manual_seed(self.generator.initial_seed())
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * kept.to(x.dtype) / (1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"
