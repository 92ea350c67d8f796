"""A prior: what a generator's latents z are drawn from. prior(n, generator) -> z [n, dim], float32.

Latents are drawn on the generator's device, from that generator alone, so a seed fixes them. The first n of a larger
draw need not equal a draw of n: keep the latents themselves where a film of the training needs the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prior:
    """A named distribution over R^dim; call it with a count and a torch.Generator."""

    name: str
    dim: int
    draw: Callable[[int, torch.Generator], Tensor]

    def __post_init__(self) -> None:
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or self.dim < 1:
            raise ValueError(f"{self.name} prior: dim is {self.dim!r}; allowed are whole numbers from 1.")

    def __call__(self, n: int, generator: torch.Generator) -> Tensor:
        """n latents [n, dim] on the generator's device; ValueError when n is negative."""
        if n < 0:
            raise ValueError(f"{self.name} prior: n is {n}; ask for 0 or more latents.")
        return self.draw(n, generator)


def normal(dim: int) -> Prior:
    """z ~ N(0, I): mean 0, variance 1, |z| close to sqrt(dim)."""
    return Prior("normal", dim, lambda n, g: torch.randn((n, dim), generator=g, device=g.device))


def uniform(dim: int) -> Prior:
    """z ~ U[-1, 1)^dim: mean 0, variance 1/3. The prior of the first GANs and of DCGAN."""
    return Prior("uniform", dim, lambda n, g: torch.rand((n, dim), generator=g, device=g.device) * 2 - 1)
