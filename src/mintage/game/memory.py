"""Memory: what a game remembers of earlier rounds, listed in the game so that it is saved."""

from __future__ import annotations

import torch
from torch import Tensor


class Pool:
    """A pool of `size` earlier fakes: half of the time a fake is exchanged for an old one.

    Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training, 2017
    (https://arxiv.org/abs/1612.07828), as used by CycleGAN. Examples of any one shape.
    """

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self.held = torch.empty(0)

    def __call__(self, fakes: Tensor, generator: torch.Generator) -> Tensor:
        """Fakes for the critic, shape as given [N, ...]; the pool takes up the ones it gave old ones for."""
        device = generator.device
        swap = torch.rand(len(fakes), generator=generator, device=device).cpu() < 0.5
        place = torch.randint(self.size, (len(fakes),), generator=generator, device=device).cpu()
        given = []
        for fake, swapped, where in zip(fakes.detach(), swap.tolist(), place.tolist(), strict=True):
            if len(self.held) < self.size:
                self.held = torch.cat([self.held.to(fake), fake[None]]) if len(self.held) else fake[None].clone()
                given.append(fake)
            elif swapped:
                given.append(self.held[where].clone())
                self.held[where] = fake
            else:
                given.append(fake)
        return torch.stack(given)

    def tensors(self) -> dict[str, Tensor]:
        return {"held": self.held}

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.held = tensors["held"].clone()
