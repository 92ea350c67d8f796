"""Joint critics: one logit for an example and its latent together.

    D(x, z) = MLP([f(x), g(z)])

f is the body of a critic of x that gives `width` numbers, g two layers over z, with two layers over both.

Adversarial Feature Learning (Donahue et al., 2017), https://arxiv.org/abs/1605.09782; Adversarially Learned Inference
(Dumoulin et al., 2017), https://arxiv.org/abs/1606.00704
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from mintage.networks.mlp import MLP
from mintage.networks.precision import widened


class JointCritic(nn.Module):
    """logits = D(x, z).   x [N, ...], z [N, z_dim] -> [N], float32. Each logit depends on its own pair where f's do.

    Args:
        body: f(x) [N, width], a critic made with outputs=width.
        z_dim: numbers in a latent.
        width: of f, and of every layer above.
    """

    def __init__(self, body: nn.Module, z_dim: int, *, width: int = 256) -> None:
        super().__init__()
        self.body, self.z_dim, self.beside = body, z_dim, z_dim
        self.latent = MLP(z_dim, width, width=width, depth=1)
        self.both = MLP(2 * width, 1, width=width, depth=2)

    @property
    def grid(self) -> Any:
        """The grid of a critic of images."""
        return getattr(self.body, "grid", None)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        if z.shape[1:] != (self.z_dim,):
            raise ValueError(f"latents of shape {tuple(z.shape)} came to a critic of pairs made for [N, {self.z_dim}]")
        h = torch.cat([widened(self.body(x)), widened(self.latent(z))], 1)
        return self.both(leaky_relu(h, 0.2)).squeeze(1)
