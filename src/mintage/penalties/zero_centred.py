"""Zero-centred gradient penalties: a critic should be flat where the data and the model's samples are.

D is the critic, x its inputs [N, ...], y their labels or None, g_i = dD(x_i)/dx_i. Then

    R1 = 1/2 E |g|^2 on real examples      (Which Training Methods for GANs do actually Converge?, Mescheder et al.,
                                            2018, eq. 9. https://arxiv.org/abs/1801.04406)
    R2 = 1/2 E |g|^2 on generated examples (Stabilizing Training of GANs through Regularization, Roth et al., 2017,
                                            https://arxiv.org/abs/1705.09367, in the form Mescheder et al. give, eq. 10)

|g|^2 is the sum over all elements of an example, not their mean, and the mean is over the batch: R1 of D(x) = <w, x> is
|w|^2 / 2 whatever the batch. The weight gamma multiplies the half, as in both papers and in R3GAN.

A gradient per example needs logits that depend on their own example only: no batch norm and no minibatch statistics in
the critic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from mintage.penalties.slopes import Slope, autograd

Pointwise = Callable[[Any, Tensor, Tensor | None], Tensor]
"""A penalty at points: (critic, x [N, ...], y [N] or None) -> scalar."""


def zero_centred(critic: Any, x: Tensor, y: Tensor | None = None, *, slope: Slope = autograd) -> Tensor:
    """1/2 E |dD/dx|^2 at the points x [N, ...], a scalar. No gradient reaches what made x.

    The points are leaves of their own: R2 moves the critic only, as in both papers.
    """
    return slope(critic, x, y).mean() / 2


def r1(critic: Any, real: Tensor, y: Tensor | None = None, *, slope: Slope = autograd) -> Tensor:
    """R1 = 1/2 E |dD/dx|^2 on real examples [N, ...], a scalar."""
    return zero_centred(critic, real, y, slope=slope)


def r2(critic: Any, fake: Tensor, y: Tensor | None = None, *, slope: Slope = autograd) -> Tensor:
    """R2 = 1/2 E |dD/dx|^2 on generated examples [N, ...], a scalar."""
    return zero_centred(critic, fake, y, slope=slope)


def on_share(penalty: Pointwise, share: float) -> Pointwise:
    """`penalty` on the first ceil(share N) examples of each batch: an unbiased estimate at that share of the cost.

    The examples of a batch are independent draws, so the mean over any fixed part of them has the same expectation, and
    so has its weight gradient. Unlike the lazy form of StyleGAN2 (every 16 rounds, 16 times as heavy) it presses in
    every round, so Adam's decays need no correction; unlike finite differences it is exact on the part it sees.

    Raises:
        ValueError: a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; the part of a batch that is penalised lies above 0 and up to 1")

    def estimate(critic: Any, x: Tensor, y: Tensor | None = None) -> Tensor:
        n = math.ceil(share * len(x))
        return penalty(critic, x[:n], None if y is None else y[:n])

    return estimate
