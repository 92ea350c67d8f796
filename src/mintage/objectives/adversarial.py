"""Adversarial objectives: pure functions of logits, each formula once.

a = D(x) are the critic's logits on real examples, b = D(G(z)) on fakes, both of shape [N]; sigma is the logistic
function, s(t) = log(1 + e^t) softplus. Each objective has a critic's side and a generator's side; both are lowered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus


@dataclass(frozen=True)
class Adversarial:
    """Two losses of (a, b) -> scalar. `pairs` says that real example i is compared with fake i."""

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    pairs: bool = False


def logistic_critic(a: Tensor, b: Tensor) -> Tensor:
    """E s(-a) + E s(b) = -E log D - E log(1 - D(G)).   Equilibrium: log 4, at D = 1/2.

    Generative Adversarial Nets (Goodfellow et al., 2014), eq. 1. https://arxiv.org/abs/1406.2661
    """
    return softplus(-a).mean() + softplus(b).mean()


def _non_saturating(a: Tensor | None, b: Tensor) -> Tensor:
    """E s(-b) = -E log D(G(z)), the heuristic of Goodfellow et al. 2014, section 3.   Equilibrium: log 2."""
    return softplus(-b).mean()


def _minimax(a: Tensor | None, b: Tensor) -> Tensor:
    """-E s(b) = E log(1 - D(G(z))), the generator's side of the value function itself.   Equilibrium: -log 2."""
    return -softplus(b).mean()


def _paired_critic(a: Tensor, b: Tensor) -> Tensor:
    """E s(-(a_i - b_i)).   Equilibrium: log 2. Optimum log(p_data / p_model) + any constant.

    The relativistic discriminator (Jolicoeur-Martineau, 2018), RpGAN. https://arxiv.org/abs/1807.00734
    """
    return softplus(b - a).mean()


def _paired_generator(a: Tensor | None, b: Tensor) -> Tensor:
    """E s(-(b_i - a_i)).   Equilibrium: log 2."""
    if a is None:
        raise ValueError("the paired relativistic objective needs the critic's logits on reals and on fakes")
    return softplus(a - b).mean()


non_saturating = Adversarial(logistic_critic, _non_saturating)
minimax = Adversarial(logistic_critic, _minimax)
relativistic_paired = Adversarial(_paired_critic, _paired_generator, pairs=True)
