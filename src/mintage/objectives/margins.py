"""Objectives without a logistic function: the logits are compared with targets, a margin, or nothing at all.

a = D(x) are the critic's logits on real examples, b = D(G(z)) on fakes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu

from mintage.objectives.adversarial import Adversarial


def least_squares_with(fake: float = 0.0, real: float = 1.0, aim: float = 1.0) -> Adversarial:
    """D: E (a - real)^2 / 2 + E (b - fake)^2 / 2;   G: E (b - aim)^2 / 2.

    Optimum: (real r + fake) / (r + 1) for r = p_data / p_model. With (fake, real, aim) = (-1, 1, 0) G lowers the
    Pearson chi-squared divergence between p_data + p_model and 2 p_model.

    Least Squares Generative Adversarial Networks (Mao et al., 2017), eq. 2 and 9. https://arxiv.org/abs/1611.04076
    """

    def critic(a: Tensor, b: Tensor) -> Tensor:
        return ((a - real).square().mean() + (b - fake).square().mean()) / 2

    def generator(a: Tensor | None, b: Tensor) -> Tensor:
        return (b - aim).square().mean() / 2

    middle = (real + fake) / 2
    return Adversarial(critic, generator, optimum=lambda r: (real * r + fake) / (r + 1),
                       equilibrium=((real - fake) ** 2 / 4, (middle - aim) ** 2 / 2), source="mao2017")


def _wasserstein_critic(a: Tensor, b: Tensor) -> Tensor:
    """E b - E a.   Over 1-Lipschitz critics its minimum is minus the Wasserstein-1 distance.

    Wasserstein Generative Adversarial Networks (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875
    """
    return b.mean() - a.mean()


def _lift(a: Tensor | None, b: Tensor) -> Tensor:
    """-E b."""
    return -b.mean()


def _hinge_critic(a: Tensor, b: Tensor) -> Tensor:
    """E max(0, 1 - a) + E max(0, 1 + b).   Equilibrium: 2; optimum: sign(r - 1).

    Geometric GAN (Lim and Ye, 2017), https://arxiv.org/abs/1705.02894
    """
    return relu(1 - a).mean() + relu(1 + b).mean()


least_squares = least_squares_with()
wasserstein = Adversarial(_wasserstein_critic, _lift, equilibrium=(0.0, 0.0), source="arjovsky2017wasserstein")
hinge = Adversarial(_hinge_critic, _lift, optimum=lambda r: torch.sign(r - 1), equilibrium=(2.0, 0.0), source="lim2017")
