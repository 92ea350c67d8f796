"""One-sided label smoothing: the critic is told that a real example is real with probability alpha, not surely.

a = D(x), b = D(G(z)) are logits, sigma the logistic function, s(t) = log(1 + e^t). The critic lowers

    -alpha E log sigma(a) - (1 - alpha) E log(1 - sigma(a)) - E log(1 - sigma(b))
        =  E s(-a) + E s(b) + (1 - alpha) E a,

the logistic loss and a pull on the logits of reals: s(t) - s(-t) = t. The best critic is

    D* = alpha p_data / (p_data + p_model),     a* = log( alpha r / (1 + (1 - alpha) r) ),   r = p_data / p_model.

Only reals are smoothed: with beta > 0 for fakes, D* = (alpha p_data + beta p_model) / (p_data + p_model) would rise
where p_model is large, and G would be drawn to where it already is.

Improved Techniques for Training GANs (Salimans et al., 2016), section 3.4. https://arxiv.org/abs/1606.03498
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mintage.objectives.adversarial import Adversarial, logistic_critic

TARGET = 0.9


def smoothing(a: Tensor, target: float = TARGET) -> Tensor:
    """(1 - alpha) E a, what one-sided smoothing adds to the critic's logistic loss.   a = D(x) [N] -> scalar."""
    return (1 - target) * a.mean()


def one_sided(loss: Adversarial, target: float = TARGET) -> Adversarial:
    """`loss` with reals labelled alpha = `target`; the generator's side stays as it is.

    Raises:
        ValueError: a critic's side that is not the logistic loss, or a target outside (0, 1].
    """
    smoothable(loss, target)

    def critic(a: Tensor, b: Tensor) -> Tensor:
        return loss.critic(a, b) + smoothing(a, target)

    def optimum(r: Tensor) -> Tensor:
        return torch.log(target * r / (1 + (1 - target) * r))

    middle = optimum(torch.ones((), dtype=torch.float64))
    equilibrium = float(critic(middle, middle)), float(loss.generator(None, middle))
    return replace(loss, critic=critic, optimum=optimum, equilibrium=equilibrium)


def smoothable(loss: Adversarial, target: float = TARGET) -> None:
    """Refuse what label smoothing has no meaning for.

    Raises:
        ValueError: as `one_sided`.
    """
    if not 0 < target <= 1:
        raise ValueError(f"target of one-sided smoothing is {target!r}; the probability of a real example lies above 0 "
                         "and up to 1, 0.9 in the paper")
    if loss.critic is not logistic_critic:
        raise ValueError("one-sided label smoothing is of a critic's probability, and this objective's critic does not "
                         "lower the logistic loss; use non-saturating, minimax or maximum-likelihood, or give least "
                         "squares other targets (least_squares_with)")
