"""Spectral normalisation: every linear layer of a network is divided by its largest singular value.

W is a layer's weight as a matrix [out, rest]; a convolution's kernel is read as [out, in k k], so sigma bounds the
layer's gain only up to a factor of the kernel's size. With u [out] and v [rest] of unit length, one power iteration is

    v <- W'u / |W'u|,   u <- W v / |W v|,   sigma(W) = u' W v,   and W / sigma(W) is used.

Gradients flow through W and sigma, with u and v constant: for exact singular vectors that is the true derivative.

Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), algorithm 1 and section 2.1.
https://arxiv.org/abs/1802.05957
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from mintage.networks.plain_layers import TRANSPOSED, plain_layers
from mintage.networks.precision import outside_autocast, widened

SETTLING = 15  # iterations before the first use, so that a new network does not begin above norm 1


class SpectralNorm(nn.Module):
    """W -> W / sigma(W), a parametrisation of one weight; `iterations` more at each use in training mode.

    u and v are buffers and are saved, so a run that goes on continues the same iteration. Computed in float32, or in
    float64 for weights of that type, also under autocast.

    Args:
        weight: the weight as it is now.
        transposed: output channels stand second, as in transposed convolutions.
        iterations: 1 in the paper.

    Raises:
        ValueError: fewer than 1 iteration.
    """

    constrains_norm = True
    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, *, transposed: bool = False, iterations: int = 1) -> None:
        super().__init__()
        if iterations < 1:
            raise ValueError(f"iterations of spectral norm is {iterations}; it is 1 (the paper's) or more")
        self.transposed, self.iterations = transposed, iterations
        matrix = self.matrix(weight.detach())
        self.register_buffer("u", normalize(nn.init.normal_(matrix.new_empty(matrix.shape[0])), dim=0))
        self.register_buffer("v", normalize(nn.init.normal_(matrix.new_empty(matrix.shape[1])), dim=0))
        self.advance(matrix, SETTLING)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as [out, rest], float32 or wider."""
        return widened(weight.transpose(0, 1) if self.transposed else weight).flatten(1)

    @torch.no_grad()
    def advance(self, matrix: Tensor, iterations: int) -> None:
        """Power iterations from where the last ones ended."""
        for _ in range(iterations):
            self.v.copy_(normalize(matrix.T @ self.u, dim=0))
            self.u.copy_(normalize(matrix @ self.v, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        with outside_autocast(weight):
            matrix = self.matrix(weight)
            if self.training:
                self.advance(matrix.detach(), self.iterations)
            # Copies: a later use moves the buffers before this one's gradient has been taken.
            sigma = self.u.clone() @ matrix @ self.v.clone()
            return weight / sigma.to(weight.dtype)

    def extra_repr(self) -> str:
        return f"iterations={self.iterations}"


def spectral_norm(net: nn.Module, iterations: int = 1) -> nn.Module:
    """Normalise every linear layer and convolution of `net`, in place -> net.

    Raises:
        ValueError: no such layer, a weight that is parametrised already, or fewer than 1 iteration.
    """
    for layer in plain_layers(net, "spectral norm"):
        norm = SpectralNorm(layer.weight, transposed=isinstance(layer, TRANSPOSED), iterations=iterations)
        parametrize.register_parametrization(layer, "weight", norm)
    return net
