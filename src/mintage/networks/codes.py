"""The distribution of codes: a Gaussian fitted to what an encoder gives, from which an autoencoder is sampled.

Codes c [N, d]; after a batch of training with mean m and covariance S (divided by N),

    a = max(1 - decay, 1 / batches seen)
    mean <- mean + a (m - mean),   second <- second + a (S + m m^T - second),   covariance = second - mean mean^T,

so the first batch is taken whole, the first ones are averaged evenly, and later ones are forgotten with `decay`.
Standard normal z becomes a code by c = mean + covariance^(1/2) z, with the symmetric root, which is unique.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mintage.networks.precision import outside_autocast

FLAT = 1e-6  # of the largest variance: less is the rounding of the moments


class CodeGaussian(nn.Module):
    """c -> c, and in training the running mean and covariance of the codes that pass, which are buffers.

    Args:
        dim: numbers in a code, d.
        decay: of the running moments, in [0, 1).

    Raises:
        ValueError: a dimension below 1, or a decay outside [0, 1).
    """

    mean: Tensor
    second: Tensor
    batches: Tensor

    def __init__(self, dim: int, *, decay: float = 0.99) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"codes of {dim} numbers cannot be; give 1 or more")
        if not 0 <= decay < 1:
            raise ValueError(f"decay of the codes' moments is {decay!r}; it lies in [0, 1)")
        self.decay = decay
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("second", torch.eye(dim))
        self.register_buffer("batches", torch.zeros(()))

    @property
    def covariance(self) -> Tensor:
        """[d, d], symmetric."""
        return self.second - torch.outer(self.mean, self.mean)

    def forward(self, codes: Tensor) -> Tensor:
        if self.training:
            self._take(codes)
        return codes

    @torch.no_grad()
    def _take(self, codes: Tensor) -> None:
        with outside_autocast(codes):
            c = codes.detach().float()
            self.batches += 1
            a = (1 / self.batches).clamp(min=1 - self.decay)
            self.mean += a * (c.mean(0) - self.mean)
            self.second += a * (c.T @ c / len(c) - self.second)

    def place(self, z: Tensor) -> Tensor:
        """Codes mean + covariance^(1/2) z of standard normal z.   [N, d] -> [N, d]."""
        values, vectors = self._spectrum()
        return self.mean + z @ ((vectors * values.sqrt()) @ vectors.T).to(z)

    def unplace(self, codes: Tensor) -> Tensor:
        """z of codes, the inverse of `place`; directions in which codes do not vary have z = 0.   [N, d] -> [N, d]."""
        values, vectors = self._spectrum()
        inverse = torch.where(values > FLAT * values.amax(), values.rsqrt(), 0.0)
        return (codes - self.mean) @ ((vectors * inverse) @ vectors.T).to(codes)

    def _spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (0 or more) and eigenvectors (columns) of the covariance, in double precision."""
        values, vectors = torch.linalg.eigh(self.covariance.cpu().double())  # not every device has double precision
        return values.clamp(min=0), vectors
