"""The noise penalty: what training on infinitely noisy copies of both distributions would do, without the noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.penalties.slopes import Slope, autograd


def noise_penalty(critic: Any, real: Tensor, fake: Tensor, y: Tensor | None = None, *,
                  slope: Slope = autograd) -> Tensor:
    """1/2 ( E (1 - sigma(a))^2 |da/dx|^2 + E sigma(b)^2 |db/dx|^2 ), a scalar.

    a = D(x) and b = D(G(z)) are logits, sigma is the logistic function. Adding N(0, gamma I) to both distributions
    changes the logistic objective, to first order in gamma, by gamma times this. The half is here, so the weight is the
    paper's gamma. Unlike R1 and R2 it presses only where the critic errs; at sigma = 1/2 it is (R1 + R2) / 4.
    Gradients also flow through sigma(a) and sigma(b), as in the authors' code; none reaches what made the fakes.

    Stabilizing Training of Generative Adversarial Networks through Regularization (Roth et al., 2017), eq. 21 and
    algorithm 1. https://arxiv.org/abs/1705.09367
    """
    fake = fake.detach()
    a, b = (critic(x) if y is None else critic(x, y) for x in (real, fake))
    on_real = torch.sigmoid(-a).square() * slope(critic, real, y)
    on_fake = torch.sigmoid(b).square() * slope(critic, fake, y)
    return (on_real.mean() + on_fake.mean()) / 2
