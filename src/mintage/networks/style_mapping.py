"""From a latent and a label to a style: the mapping network of StyleGAN, and its linear layer of equalised rate.

z [N, z_dim] and a label y [N] go in, w [N, w_dim] comes out: w = f(z / rms(z), e_y / rms(e_y)), rms(v) the root of the
mean square. Weights of equalised rate start from N(0, 1) and are multiplied by 1 / sqrt(fan-in) in use, so that Adam's
step means the same in every layer; a rate factor of 0.01 stores them 100 times larger and uses a hundredth of them.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019),
https://arxiv.org/abs/1812.04948; equalised rate: Progressive Growing of GANs for Improved Quality, Stability, and
Variation (Karras et al., 2018, section 4.1), https://arxiv.org/abs/1710.10196
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from mintage.networks.activation import SLOPE
from mintage.networks.labels import class_rows
from mintage.networks.precision import outside_autocast, widened

GAIN = math.sqrt(2)
TINY = 1e-8


class EqualLinear(nn.Module):
    """y = (rate / sqrt(a)) W x + rate b, and with `activate` sqrt(2) l of it.   [N, a] -> [N, b].

    Args:
        rate: factor on the learning rate; 0.01 in the mapping network.
        bias: first value of b.
    """

    def __init__(self, a: int, b: int, *, rate: float = 1.0, bias: float = 0.0, activate: bool = False) -> None:
        super().__init__()
        self.rate, self.activate, self.gain = rate, activate, rate / math.sqrt(a)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(b, a)) / rate)
        self.bias = nn.Parameter(torch.full((b,), bias))

    def forward(self, x: Tensor) -> Tensor:
        gain = GAIN if self.activate else 1.0  # l commutes with positive factors
        y = linear(x, self.weight * (gain * self.gain), self.bias * (gain * self.rate))
        return leaky_relu(y, SLOPE) if self.activate else y


class StyleMapping(nn.Module):
    """w = f(z, y).   z [N, z_dim], y [N] or None -> w [N, w_dim], float32 at least.

    `mean`, a buffer, is the moving average of w over what passes in training: mean <- d mean + (1 - d) E w. `psi`, 1
    unless set, truncates towards it in evaluation: w <- mean + psi (w - mean).

    Args:
        z_dim: numbers in a latent; 0 for none, where a critic maps labels alone.
        depth: layers; 8 in the paper, 2 in StyleGAN2's preset for CIFAR-10.
        decay: d, 0.998 in StyleGAN2.

    Raises:
        ValueError: neither latents nor labels, no layer, or labels missing in the forward call.
    """

    mean: Tensor
    psi = 1.0

    def __init__(self, z_dim: int, w_dim: int, *, depth: int = 8, classes: int = 0, rate: float = 0.01,
                 decay: float = 0.998) -> None:
        super().__init__()
        if z_dim < 0 or not (z_dim or classes):
            raise ValueError(f"a mapping network of z_dim {z_dim} and {classes} classes has nothing to map: give "
                             "z_dim of 1 or more, or classes")
        if depth < 1:
            raise ValueError(f"depth of a mapping network is {depth}; it counts layers, 1 or more")
        self.z_dim, self.w_dim, self.classes, self.decay = z_dim, w_dim, classes, decay
        self.embedding = EqualLinear(classes, w_dim) if classes else None
        widths = [z_dim + (w_dim if classes else 0)] + [w_dim] * depth
        self.layers = nn.Sequential(*[EqualLinear(a, b, rate=rate, activate=True)
                                      for a, b in zip(widths, widths[1:], strict=False)])
        self.register_buffer("mean", torch.zeros(w_dim))

    def forward(self, z: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        parts = [unit(widened(z))] if self.z_dim and z is not None else []
        if self.embedding is not None:
            # A column of the weights for each label, as the linear layer gives for a one-hot y.
            columns = class_rows((self.embedding.weight * self.embedding.gain).T, y)
            parts.append(unit(columns + self.embedding.bias))
        h = torch.cat(parts, 1)
        with outside_autocast(h):
            w = self.layers(h)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(w.detach().mean(0), 1 - self.decay)
        return w if self.training or self.psi == 1 else torch.lerp(self.mean.expand_as(w), w, self.psi)


def unit(v: Tensor) -> Tensor:
    """v / sqrt(mean v^2 + 1e-8): mean square 1.   [N, d] -> [N, d]."""
    return v * (v.square().mean(1, keepdim=True) + TINY).rsqrt()


def mix(w: Tensor, other: Tensor, layers: int, crossover: int | Tensor) -> Tensor:
    """w in the layers before `crossover`, `other` from there on.   [N, d] twice -> [N, layers, d].

    Args:
        crossover: one number for all examples, or [N]; 0 takes all from `other`, `layers` all from w.
    """
    cut = torch.as_tensor(crossover, device=w.device).reshape(-1, 1, 1)
    first = torch.arange(layers, device=w.device)[None, :, None] < cut
    return torch.where(first, w[:, None], other[:, None])


class Mixing(nn.Module):
    """Styles of two latents in one picture, for a share of the examples: w before a random layer, another's from there.

    The other latents and the layers are drawn from `generator`, which the owner of the network may replace at any time.

    A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019), section 3.1; the
    share is 0.9 there.

    Raises:
        ValueError: a share outside [0, 1].
    """

    def __init__(self, layers: int, share: float) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"the share of examples of mixed styles is {share!r}; it lies in [0, 1]")
        self.layers, self.share = layers, share
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, mapping: StyleMapping, z: Tensor, y: Tensor | None = None) -> Tensor:
        """z [N, z_dim], y [N] or None -> w [N, layers, w_dim]."""
        if self.generator.device != z.device:
            self.generator = torch.Generator(z.device).manual_seed(self.generator.initial_seed())
        g, n = self.generator, len(z)
        other = torch.randn(z.shape, generator=g, device=z.device, dtype=z.dtype)
        cut = torch.randint(1, self.layers, (n,), generator=g, device=z.device)
        alone = torch.rand(n, generator=g, device=z.device) >= self.share
        return mix(mapping(z, y), mapping(other, y), self.layers, cut.masked_fill(alone, self.layers))
