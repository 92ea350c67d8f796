"""How a trained game gives examples: a prior over latents, and the network that turns latents into examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Prior = Callable[[int, torch.Generator], Tensor]


@dataclass(frozen=True)
class Sampler:
    """x = generate(nets, z, y) with z from `prior` and, for `classes` > 0, a class y in 0..classes-1 (int64 [N])."""

    prior: Prior
    generate: Callable[[Any, Tensor, Tensor | None], Tensor]
    classes: int = 0

    def latents(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """`n` latents, and their classes drawn evenly: example i is of class i mod classes."""
        z = self.prior(n, generator)
        y = torch.arange(n, device=z.device) % self.classes if self.classes else None
        return z, y
