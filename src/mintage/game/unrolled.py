"""A wrapper of objectives: look ahead at what the opponent would do.

    w_D^0 = w_D,   w_D^{k+1} = w_D^k - h dL_D/dw_D (w_D^k),   and the player lowers  L(w, w_D^K(w))

so that the gradient flows through the opponent's answers. Metz et al., Unrolled Generative Adversarial Networks, 2017
(https://arxiv.org/abs/1611.02163), eq. 4-6. The opponent's inner steps are plain gradient descent, or gradient descent
of steps as long as Adam's first ones, h g / rms(g): of a fixed rate they are easily too short to matter, or go on until
the loss is not finite.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mintage.game.moves import Objective, Terms
from mintage.game.round import Round


def unrolled(objective: Objective, *, opponent: str, by: Objective, steps: int, lr: float,
             sized: bool = False) -> Objective:
    """`objective`, evaluated after `steps` inner steps at rate `lr` in which network `opponent` lowers `by`.

    With steps = 0 it is `objective` itself. The opponent's own weights do not change. Each term of `by` counts once:
    weights belong to moves, and the inner steps are not one. `sized`: a step moves a weight by `lr` in root mean
    square, and the length rms(g) of the gradient is held constant.
    """
    if steps == 0:
        return objective

    @functools.wraps(objective)  # its declared terms, and the networks it suits
    def ahead(nets: Any, round: Round) -> Terms:
        net: nn.Module = getattr(nets, opponent)
        weights: dict[str, Tensor] = {k: p.detach().requires_grad_() for k, p in net.named_parameters()}
        rest = {name: child for name, child in nets.named_children() if name != opponent}
        for _ in range(steps):
            view = SimpleNamespace(**rest, **{opponent: _at(net, weights)})
            loss = torch.stack([term.float() for term in by(view, round).values()]).sum()
            grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True,
                                        materialize_grads=True)  # levels that do not speak yet are not in the graph
            rate = lr / _rms(grads) if sized else lr
            weights = {name: w - rate * g for (name, w), g in zip(weights.items(), grads, strict=True)}
        return objective(SimpleNamespace(**rest, **{opponent: _at(net, weights)}), round)

    setattr(ahead, "looks_ahead", steps)  # noqa: B010 (mypy knows no attributes of functions)
    return ahead


def _rms(grads: Sequence[Tensor]) -> Tensor:
    return torch.cat([grad.detach().flatten() for grad in grads]).square().mean().sqrt().clamp(min=1e-8)


class _at:
    """The network with other weights; in all but its calls it is the network itself."""

    def __init__(self, net: nn.Module, weights: dict[str, Tensor]) -> None:
        self.net, self.weights = net, weights

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        return functional_call(self.net, self.weights, inputs, named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.net, name)
