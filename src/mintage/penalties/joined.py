"""A critic's logits and its slopes in one go, with one joint gradient: no double backward, and no pass twice.

D is a piecewise-linear critic, x its inputs [N, ...], g_i = dD(x_i)/dx_i, s_i = |g_i|^2. A loss L(logits) + P(s) has
with t_i = dL/dlogit_i and v_i = 2 dP/ds_i g_i, both held constant, the weight gradient

    d/dw [ sum_i t_i D(x_i) + <g_i, v_i> ].

With each unit held on its piece D is linear, so the bracket is one more forward pass, on u_i = t_i x_i + v_i with added
constants scaled by t_i (`frozen`); and what reaches each layer from the logits is known from when g was found. A
forward pass costs 1, sending gradients to the inputs 1, to the weights 1: the loss alone costs 3, loss and penalty here
4, by double backward 7. Weights and schedules of the terms reach it as t and v, by the ordinary chain rule.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from mintage.penalties.frozen import Frozen


def logits_and_slopes(critic: Any, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(D(x_i), |dD(x_i)/dx_i|^2), both [N], differentiable once in the critic's weights; no gradient reaches x.

    Args:
        critic: piecewise linear in x, each logit from its own example (`fitting.piecewise_linear` finds out).
        x: [N, ...]; y: labels [N] or None.

    Returns:
        Two of [N], float32 or wider. The network may run under autocast; its second pass then does as well, and the
        squares are summed in full precision.

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x; in the backward pass, a
            gradient that is to be differentiated again.
    """
    return _Joined.apply(frozen := Frozen(critic, x, y), *frozen.constants)


def on_part(critic: Any, x: Tensor, y: Tensor | None, n: int) -> tuple[Tensor, Tensor]:
    """(D(x_i) for all [N], |dD(x_i)/dx_i|^2 for the first n [n]): the rest takes its ordinary way.

    Raises:
        ValueError: n is not from 1 to N, or as `logits_and_slopes`.
    """
    if not 1 <= n <= len(x):
        raise ValueError(f"slopes of the first {n} of {len(x)} examples; n is a number from 1 to {len(x)}")
    logits, slopes = logits_and_slopes(critic, x[:n], None if y is None else y[:n])
    if n < len(x):
        rest = critic(x[n:]) if y is None else critic(x[n:], y[n:])
        logits = torch.cat([logits, rest.to(logits.dtype)])
    return logits, slopes


def on_pair(critic: Any, real: Tensor, fake: Tensor, y: Tensor | None,
            share: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(logits on reals, logits on fakes, slopes on reals, slopes on fakes) from one batch of both.

    Args:
        real, fake: [N, ...] each; y: labels [N] of both, or None.
        share: slopes are found on the first ceil(share N) of each.

    Raises:
        ValueError: a share outside (0, 1], not as many fakes as reals, or as `logits_and_slopes`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; the part of a batch that is penalised lies above 0 and up to 1")
    if real.shape != fake.shape:
        raise ValueError(f"reals of shape {tuple(real.shape)} and fakes of shape {tuple(fake.shape)} in one batch; "
                         "draw as many fakes as reals")
    n, rest = math.ceil(share * len(real)), len(real) - math.ceil(share * len(real))
    labels = None if y is None else torch.cat([y[:n], y[:n], y[n:], y[n:]])
    logits, slopes = on_part(critic, torch.cat([real[:n], fake[:n], real[n:], fake[n:]]), labels, 2 * n)
    a, b, more_a, more_b = logits.split([n, n, rest, rest])
    return torch.cat([a, more_a]), torch.cat([b, more_b]), slopes[:n], slopes[n:]


def known(slopes: Tensor) -> Any:
    """A back-end that knows the answer: it hands a penalty the slopes that were found with the logits."""
    return lambda critic, x, y=None: slopes


class _Joined(Function):
    """(what was written down, its constants) -> (logits, slopes)."""

    @staticmethod
    def forward(ctx: Any, frozen: Frozen, *constants: Tensor) -> tuple[Tensor, Tensor]:
        ctx.frozen = frozen
        g = _wide(frozen.g)
        return _wide(frozen.logits).clone(), g.square().flatten(1).sum(1)

    @staticmethod
    def backward(ctx: Any, *sent: Tensor) -> Any:
        if torch.is_grad_enabled():  # a second derivative would be silently incomplete
            raise ValueError("the joint gradient of logits and slopes cannot be differentiated again "
                             "(create_graph=True, as the rule of consensus asks): use slope=autograd")
        t, slopes = sent
        g = _wide(ctx.frozen.g)
        v = g * (2 * slopes).view(-1, *[1] * (g.ndim - 1))
        return None, *ctx.frozen.weight_gradients(t, v)


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()
