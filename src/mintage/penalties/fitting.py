"""Which critics a penalty can serve. A check returns nothing, or raises ValueError with the remedy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mintage.penalties.frozen import Frozen

TRIALS = ((0.0, 1.0), (0.0, 1e4), (2.0, 0.0))
"""(t, root mean square of v): a smooth unit is nearly linear in short directions only, and constants follow t."""


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

    For v = g and for long v, <g, v> from the critic with held pieces must equal the product itself, and 2 D(x) must
    come from 2 x and its constants twice, to 1e-3 in float32 and 1e-8 in float64. The critic is run in its present
    mode, outside autocast.

    Raises:
        ValueError: they differ, or the critic mixes examples.
    """
    per_example(critic)
    tolerance = 1e-8 if x.dtype == torch.float64 else 1e-3
    with torch.autocast(x.device.type, enabled=False):
        frozen = Frozen(critic, x, y)
        for t, length in TRIALS:
            off = _deviation(frozen, t, length)
            if not off <= tolerance:
                raise ValueError("the explicit back-end needs a critic that is piecewise linear in its input: linear "
                                 "layers, relu, leaky relu, abs, max, averages; no smooth activation, torch's dropout "
                                 f"or norm of activations. With its pieces held this one is off by {off:.2g} of its "
                                 f"slope (allowed: {tolerance:g}). Use slope=autograd, or relu and leaky relu in the "
                                 "critic")


def _deviation(frozen: Frozen, t: float, length: float) -> float:
    """The largest error of t D + <g, v>, in its own size, at v = g scaled to this root mean square."""
    g, x, logits = frozen.g.double(), frozen.x.double(), frozen.logits.double()
    v = frozen.g * (length / frozen.g.square().mean().sqrt().clamp_min(1e-30))
    found = frozen.again(torch.full_like(frozen.logits, t), v).double()
    expected = t * logits + (g * v.double()).flatten(1).sum(1)
    size = (expected.abs() + t * (g * x).abs().flatten(1).sum(1)).max()
    if not bool(size > 0):
        return 0.0 if not bool(found.any()) else float("inf")
    return float((found - expected).abs().max() / size)
