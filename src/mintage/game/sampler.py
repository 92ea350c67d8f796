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
    """x = generate(nets, z, y) with z from `prior` and, for `classes` > 0, a class y in 0..classes-1 (int64 [N]).

    With `given`, x = generate(nets, z, y, c): c is what it is made from, of the kind that the data have.
    """

    prior: Prior
    generate: Callable[..., Tensor]
    classes: int = 0
    given: bool = False

    def __call__(self, nets: Any, z: Tensor, y: Tensor | None, c: Tensor | None = None) -> Tensor:
        """x of these latents.

        Raises:
            ValueError: c is missing, or was not asked for.
        """
        if self.given != (c is not None):
            raise ValueError("these examples are made from something given (c), which is missing" if self.given else
                             "these examples are made from latents alone; nothing else is to be given (c)")
        return self.generate(nets, z, y, c) if self.given else self.generate(nets, z, y)

    def latents(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """`n` latents, and their classes drawn evenly: example i is of class i mod classes."""
        z = self.prior(n, generator)
        y = torch.arange(n, device=z.device) % self.classes if self.classes else None
        return z, y
