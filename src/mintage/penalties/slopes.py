"""Slopes: how steep a critic is at each example, s_i = |dD(x_i)/dx_i|^2, in three back-ends.

D is the critic, x its inputs [N, ...], y their labels or None, g_i = dD(x_i)/dx_i. A back-end is a function

    slope(critic, x, y=None) -> s [N],   differentiable in the weights; no gradient reaches what made x.

`autograd`           exact, for any critic: the gradient of a gradient (a double backward). The reference.
`explicit`           exact, for critics that are piecewise linear in x: with each unit held on its piece D is linear, so
                     the gradient is one more forward pass (`joined`). Every pass is of first order: it may be autocast,
                     and no layer needs a second derivative. A loss on the same examples can share the passes
                     (`joined.logits_and_slopes`).
`finite_difference`  random, from logits alone: unbiased where D is linear over the step, with deviation sqrt(2) s_i.

|g|^2 is the sum over all elements of an example, not their mean, in float32 or wider also under autocast.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from mintage.penalties.frozen import gradient
from mintage.penalties.joined import logits_and_slopes

Slope = Callable[..., Tensor]
"""slope(critic, x [N, ...], y [N] or None) -> [N]."""

BACKENDS = ("autograd", "explicit", "finite-difference")
STEP = 1e-3


def squared_gradient_norm(logits: Tensor, x: Tensor) -> Tensor:
    """|dD(x_i)/dx_i|^2 for each example, differentiable in the weights behind `logits`.

    Args:
        logits: [N], computed from `x`, each from its own example.
        x: [N, ...], with gradients required.

    Returns:
        [N], float32 or wider. The network may run under autocast; the squares are summed in full precision.

    Raises:
        ValueError: logits that are not one number an example, or that do not depend on x.
    """
    return _square(gradient(logits, x, create_graph=True))


def autograd(critic: Any, x: Tensor, y: Tensor | None = None) -> Tensor:
    """s_i = |dD(x_i)/dx_i|^2, [N], by differentiating the gradient."""
    x = x.detach().requires_grad_(True)
    return squared_gradient_norm(_logits(critic, x, y), x)


def explicit(critic: Any, x: Tensor, y: Tensor | None = None) -> Tensor:
    """s_i = |g_i|^2, [N], with the weight gradient 2 d<g_i, v_i>/dw at v_i = g_i, for piecewise-linear critics; once
    differentiable.

    `fitting.piecewise_linear` says whether a critic is one; this function does not look again each time.
    """
    return logits_and_slopes(critic, x, y)[1]


class finite_difference:
    """s_i ~ ((D(x_i + h u_i) - D(x_i - h u_i)) / 2h)^2,   u ~ N(0, I) from `generator`, h = `step`.

    For D linear between the two points E s_i = |g_i|^2 over u, since E u u' = I, and so for the weight gradient; the
    deviation of s_i is sqrt(2) |g_i|^2, so a mean over N examples is off by about 1.4 / sqrt(N). It is an estimate for
    penalties that are linear in s; a root of it would be biased. Two logits that are near each other are
    subtracted, so it runs outside autocast; a step too small for float32 drowns in rounding, one too large leaves the
    piece.

    Raises:
        ValueError: a step that is not above 0.
    """

    exact = False

    def __init__(self, generator: torch.Generator, step: float = STEP) -> None:
        if not step > 0:
            raise ValueError(f"step of a finite difference is {step!r}; it is a length above 0, {STEP} by default")
        self.generator, self.step = generator, step

    def __call__(self, critic: Any, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = x.detach()
        shift = normal_like(x, self.generator) * self.step
        with _outside_autocast(x):
            pair = _logits(critic, torch.cat([x + shift, x - shift]), None if y is None else torch.cat([y, y]))
        up, down = pair.chunk(2)
        return ((up - down) / (2 * self.step)).square()


def backend(name: str, *, generator: torch.Generator | None = None, step: float = STEP) -> Slope:
    """The back-end of this name: "autograd", "explicit" or "finite-difference" (which needs a generator).

    Raises:
        ValueError: another name, or no generator for the finite difference.
    """
    if name not in BACKENDS:
        near = get_close_matches(str(name), BACKENDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"back-end of a penalty is {name!r}; it is one of {', '.join(BACKENDS)}{hint}")
    if name != "finite-difference":
        return autograd if name == "autograd" else explicit
    if generator is None:
        raise ValueError("the finite-difference back-end draws directions: give it generator=, in a game "
                         "round.generator('slope')")
    return finite_difference(generator, step)


def root(s: Tensor) -> Tensor:
    """|g| from s = |g|^2 >= 0, exact, with the gradient 0 where g = 0 (the middle of all subgradients there)."""
    flat = s.detach() <= 0
    return torch.where(flat, 1.0, s).sqrt().masked_fill(flat, 0.0)


def require_exact(slope: Slope) -> None:
    """Refuse a random back-end where the penalty is not linear in s.

    Raises:
        ValueError: the slope is an estimate.
    """
    if not getattr(slope, "exact", True):
        raise ValueError("this penalty takes the root of the squared slope, and the root of an estimate is biased; use "
                         "slope=autograd, or slope=explicit for a piecewise-linear critic")


def normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """N(0, 1) in the shape, type and place of x."""
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def _logits(critic: Any, x: Tensor, y: Tensor | None) -> Tensor:
    return critic(x) if y is None else critic(x, y)


def _square(g: Tensor) -> Tensor:
    wide = g if g.dtype == torch.float64 else g.float()
    return wide.square().flatten(1).sum(1)


def _outside_autocast(x: Tensor) -> AbstractContextManager[object]:
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()
