"""Which critics a penalty can serve. A check returns nothing, or raises ValueError with the remedy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mintage.penalties.frozen import along

LENGTHS = (1.0, 1e4)
"""Directions are tried at these root mean squares: a smooth unit is nearly linear in small ones only."""


def anything(critic: Any) -> None:
    """Every critic will do."""


def per_example(critic: Any) -> None:
    """Each logit depends on its own example only, so that a gradient per example exists.

    Looked for are batch norm that uses the batch, and any module with the attribute `mixes_examples = True` (minibatch
    statistics, several examples seen as one).

    Raises:
        ValueError: such a module.
    """
    for name, module in critic.named_modules() if isinstance(critic, nn.Module) else ():
        batch = isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
        if batch or getattr(module, "mixes_examples", False):
            raise ValueError(f"the critic's {name or 'whole'} ({type(module).__name__}) mixes the examples of a batch, "
                             "so a gradient penalty per example has no meaning for it; use a critic without batch norm "
                             "(batch_norm=False) and minibatch statistics, or layer, instance or spectral norm instead")


def piecewise_linear(critic: Any, x: Tensor, y: Tensor | None = None) -> None:
    """The explicit back-end suits this critic at x [N, ...], a small batch: with its pieces held, D is linear.

    For v = g and for long v, <g, v> from the critic with held pieces must equal the product itself, to 1e-3 in float32
    and 1e-8 in float64. The critic is run in its present mode, outside autocast.

    Raises:
        ValueError: they differ, or the critic mixes examples.
    """
    per_example(critic)
    tolerance = 1e-8 if x.dtype == torch.float64 else 1e-3
    for length in LENGTHS:
        with torch.autocast(x.device.type, enabled=False):
            off = _deviation(critic, x, y, length)
        if not off <= tolerance:
            raise ValueError("the explicit back-end needs a critic that is piecewise linear in its input: linear "
                             "layers, relu, leaky relu, abs, max, averages; no smooth activation, dropout or norm of "
                             f"activations. With its pieces held this one is off by {off:.2g} of its slope (allowed: "
                             f"{tolerance:g}). Use slope=autograd, or relu and leaky relu in the critic")


def _deviation(critic: Any, x: Tensor, y: Tensor | None, length: float) -> float:
    """The largest relative error of <g, v> at v = g scaled to this root mean square."""

    def scaled(g: Tensor) -> Tensor:
        return g * (length / _size(g).clamp_min(1e-30))

    g, product = along(critic, x, y, scaled)
    expected = (g.double() * scaled(g).double()).flatten(1).sum(1)
    if not bool((expected.abs() > 0).any()):
        return 0.0 if not bool(product.any()) else float("inf")
    return float((product.detach().double() - expected).abs().max() / expected.abs().max())


def _size(g: Tensor) -> Tensor:
    """The root mean square over a batch."""
    return g.square().mean().sqrt()
