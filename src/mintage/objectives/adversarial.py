"""Adversarial objectives: pure functions of logits, each formula once.

a = D(x) are the critic's logits on real examples, b = D(G(z)) on fakes, both of shape [N]; sigma is the logistic
function, s(t) = log(1 + e^t) softplus. Each objective has a critic's side and a generator's side; both are lowered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Ratio = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Adversarial:
    """Two losses of (a, b) -> scalar, each side's logits of any shape [N, ...], and what theory says of them.

    Args:
        critic: what D lowers.
        generator: what G lowers; `a` may be None unless `relative`.
        relative: the generator's side compares fakes with reals, so it needs the critic's logits on both.
        optimum: r = p_data / p_model -> the logits of the best critic where the ratio is r; None where the best critic
            is not a function of r alone.
        equilibrium: (critic's, generator's) loss at p_model = p_data under the best critic.
        source: the key of its paper in references.bib.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    relative: bool = False
    optimum: Ratio | None = None
    equilibrium: tuple[float, float] | None = None
    source: str = ""


def reals(a: Tensor | None, objective: str) -> Tensor:
    """a, where the generator's side of an objective compares fakes with reals.

    Raises:
        ValueError: a is None.
    """
    if a is None:
        raise ValueError(f"the generator's side of {objective} received None for the critic's logits on reals; it "
                         "compares fakes with reals, so call it as generator(D(x), D(G(z)))")
    return a


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


def _maximum_likelihood(a: Tensor | None, b: Tensor) -> Tensor:
    """-E exp(b) = -E D / (1 - D): under the best critic b = log p_data / p_model its gradient is that of
    KL(p_data | p_model).   Equilibrium: -1.

    On Distinguishability Criteria for Estimating Generative Models (Goodfellow, 2014), https://arxiv.org/abs/1412.6515;
    NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), eq. 14, https://arxiv.org/abs/1701.00160
    """
    return -b.exp().mean()


non_saturating = Adversarial(logistic_critic, _non_saturating, optimum=torch.log,
                             equilibrium=(math.log(4), math.log(2)), source="goodfellow2014")
minimax = Adversarial(logistic_critic, _minimax, optimum=torch.log, equilibrium=(math.log(4), -math.log(2)),
                      source="goodfellow2014")
maximum_likelihood = Adversarial(logistic_critic, _maximum_likelihood, optimum=torch.log,
                                 equilibrium=(math.log(4), -1.0), source="goodfellow2016")
