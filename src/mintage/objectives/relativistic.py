"""Relativistic objectives: how much more real a real example looks than a fake, never how real it looks alone.

a = D(x) are the critic's logits on real examples, b = D(G(z)) on fakes; s(t) = log(1 + e^t) softplus. Only differences
of logits are seen, so adding one constant to D changes no loss and no gradient.

    The relativistic discriminator: a key element missing from standard GAN (Jolicoeur-Martineau, 2018),
    https://arxiv.org/abs/1807.00734
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mintage.objectives.adversarial import Adversarial, reals


def _pairs(a: Tensor, b: Tensor) -> Tensor:
    """a_i - b_i; [N] against [N, 1] would quietly be every pair."""
    if a.shape != b.shape:
        raise ValueError(f"the paired relativistic objective received logits of shapes {tuple(a.shape)} on reals and "
                         f"{tuple(b.shape)} on fakes; give as many fakes as reals, in one shape")
    return a - b


def _paired_critic(a: Tensor, b: Tensor) -> Tensor:
    """E s(-(a_i - b_i)).   Equilibrium: log 2. Optimum log(p_data / p_model) + any constant.

    The relativistic discriminator (Jolicoeur-Martineau, 2018), RpGAN. https://arxiv.org/abs/1807.00734
    """
    return softplus(-_pairs(a, b)).mean()


def _paired_generator(a: Tensor | None, b: Tensor) -> Tensor:
    """E s(-(b_i - a_i)).   Equilibrium: log 2."""
    return softplus(_pairs(reals(a, "the paired relativistic objective"), b)).mean()


def _average_critic(a: Tensor, b: Tensor) -> Tensor:
    """E s(-(a - E b)) + E s(b - E a).   Equilibrium: log 4.

    The best critic obeys r = (sigma(v - E a) + E sigma(E b - a)) / (sigma(E b - v) + E sigma(b - E a)) at every ratio
    r = p_data / p_model: it rises with r, but the averages depend on both whole distributions.

    The relativistic discriminator (Jolicoeur-Martineau, 2018), RaGAN. https://arxiv.org/abs/1807.00734
    """
    return softplus(b.mean() - a).mean() + softplus(b - a.mean()).mean()


def _average_generator(a: Tensor | None, b: Tensor) -> Tensor:
    """E s(-(b - E a)) + E s(a - E b).   Equilibrium: log 4."""
    return _average_critic(b, reals(a, "the average relativistic objective"))


relativistic_paired = Adversarial(_paired_critic, _paired_generator, relative=True, optimum=torch.log,
                                  equilibrium=(math.log(2), math.log(2)), source="jolicoeur2019")
relativistic_average = Adversarial(_average_critic, _average_generator, relative=True,
                                   equilibrium=(math.log(4), math.log(4)), source="jolicoeur2019")
