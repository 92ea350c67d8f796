"""Second heads: what a critic reads beside its logit, from the same features.

f(x) [N, d] are the features of a critic D, what its last layer reads, and D(x) [N] its logits. A linear map of f more
gives

    D(x) + sum_k w_k(y) <v_k, s(x)>      `ProjectionCritic`, s the sum of f's maps over their positions
    D(x), and l(x) [N, outputs]          `TwoHeaded`: class logits of AC-GAN, the network Q of InfoGAN

cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637; Conditional Image
Synthesis with Auxiliary Classifier GANs (Odena et al., 2017), https://arxiv.org/abs/1610.09585; InfoGAN (Chen et al.,
2016), https://arxiv.org/abs/1606.03657
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mintage.networks.inside import feature_layer, with_features
from mintage.networks.labels import class_weights
from mintage.networks.precision import outside_autocast, widened


class _Reading(nn.Module):
    """A critic whose features are read as well."""

    def __init__(self, critic: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        self.critic = critic
        x = torch.zeros(2, *shape)
        self.layer = feature_layer(critic, x)
        with torch.no_grad():
            self.features = tuple(with_features(copy.deepcopy(critic), self.layer, x)[1].shape[1:])

    @property
    def grid(self) -> Any:
        """The grid of a critic of images."""
        return getattr(self.critic, "grid", None)


class ProjectionCritic(_Reading):
    """logits = D(x) + sum_k w_k(y) <v_k, s(x)>, v_k a learned vector for each class.   x, y labels -> [N], float32.

    Under the best critic D(x) tells log p(x) / q(x) and the sum log p(y | x) / q(y | x), p of the data, q of samples.

    Args:
        critic: D(x), without labels.
        shape: of an example.
        classes: K.

    Raises:
        ValueError: labels missing in the forward call, or a critic without a hidden layer.
    """

    def __init__(self, critic: nn.Module, shape: Sequence[int], classes: int) -> None:
        super().__init__(critic, shape)
        self.classes = classes
        self.vectors = nn.Linear(self.features[0], classes, bias=False)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        weights = class_weights(y, self.classes)
        logits, f = with_features(self.critic, self.layer, x)
        with outside_autocast(x):
            s = widened(f.flatten(2).sum(2) if f.ndim > 2 else f)
            return logits + (self.vectors(s) * weights).sum(1)


class TwoHeaded(_Reading):
    """D, and l(x) = V relu'(U f(x)) beside it.   `D(x)` [N]; `both(x)` -> ([N], [N, outputs]), float32, in one pass.

    Args:
        critic: D(x), without labels.
        shape: of an example.
        outputs: numbers that the second head gives.
        hidden: units between the features and these numbers, with slope 0.2 below zero; 0 for none.

    Raises:
        ValueError: a critic without a hidden layer.
    """

    def __init__(self, critic: nn.Module, shape: Sequence[int], outputs: int, *, hidden: int = 0) -> None:
        super().__init__(critic, shape)
        self.in_parts = True
        width = math.prod(self.features)
        inner = [nn.Linear(width, hidden), nn.LeakyReLU(0.2)] if hidden else []
        self.head = nn.Sequential(nn.Flatten(), *inner, nn.Linear(hidden or width, outputs))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.critic(x)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's logits, and what the second head reads."""
        logits, f = with_features(self.critic, self.layer, x)
        with outside_autocast(x):
            return logits, self.head(widened(f))
