"""Augmentation as layers: what a critic sees in training is changed at random; in evaluation it is left alone.

Each owns a `generator`, which the owner of the network may reseed or replace at any time (a game does so at each turn
of each move, so a round can be replayed), and keeps its strength in a 0-d buffer, a *knob* that a controller may turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mintage.augment.differentiable import POLICIES, differentiable, known
from mintage.augment.pipeline import pipeline


class Changing(nn.Module):
    """A layer that draws: x -> T(x) in training, x in evaluation."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or x.device.type == "meta":
            return x
        if self.generator.device != x.device:
            self.generator = torch.Generator(x.device).manual_seed(self.generator.initial_seed())
        return self.change(x)

    def change(self, x: Tensor) -> Tensor:
        """T(x)."""
        raise NotImplementedError


class DiffAugment(Changing):
    """`differentiable` with probability p of each change.   [N, C, H, W] -> the same.

    Raises:
        ValueError: an unknown policy, or p outside [0, 1].
    """

    def __init__(self, policy: Sequence[str] = tuple(POLICIES), p: float = 1.0, *, seed: int = 0) -> None:
        super().__init__(seed)
        known(policy)
        self.policy, self.p = tuple(policy), _probability(p)

    def change(self, x: Tensor) -> Tensor:
        return differentiable(x, self.generator, self.policy, self.p)

    def extra_repr(self) -> str:
        return f"policy={self.policy}, p={self.p}"


class AdaptiveAugment(Changing):
    """`pipeline` with the probability in the knob `p`, which a controller turns.   [N, C, H, W] -> the same.

    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020),
    https://arxiv.org/abs/2006.06676

    Raises:
        ValueError: a first p outside [0, 1].
    """

    p: Tensor

    def __init__(self, p: float = 0.0, *, seed: int = 0) -> None:
        super().__init__(seed)
        self.register_buffer("p", torch.tensor(_probability(p)))

    def change(self, x: Tensor) -> Tensor:
        return pipeline(x, self.generator, self.p)


class InstanceNoise(Changing):
    """x + sigma e, e ~ N(0, I), with sigma in a knob.   Any shape.

    Noise on reals and fakes gives both distributions the whole space for a support, so that they overlap and the best
    critic is not sure. It is annealed to 0 as training goes on, by whoever owns the knob.

    Amortised MAP Inference for Image Super-resolution (Sønderby et al., 2017), section 3.2,
    https://arxiv.org/abs/1610.04490; Towards Principled Methods for Training Generative Adversarial Networks (Arjovsky
    and Bottou, 2017), section 3, https://arxiv.org/abs/1701.04862

    Raises:
        ValueError: a first sigma below 0.
    """

    sigma: Tensor

    def __init__(self, sigma: float = 0.1, *, seed: int = 0) -> None:
        super().__init__(seed)
        if not sigma >= 0:
            raise ValueError(f"sigma of instance noise is {sigma!r}; a deviation is 0 or more")
        self.register_buffer("sigma", torch.tensor(float(sigma)))

    def change(self, x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=self.generator, device=self.generator.device).to(x)
        return x + self.sigma.to(x.dtype) * noise


def _probability(p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"p of an augmentation is {p!r}; a probability lies in [0, 1]")
    return float(p)
