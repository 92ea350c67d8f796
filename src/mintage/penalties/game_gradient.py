"""The gradient of the game as a penalty: the generator seeks where the critic has nothing left to learn."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def gradient_norm(loss: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """|dL_D / dw_D|^2, a scalar, to be lowered by the *generator* with weight eta.

    With it simultaneous gradient descent converges near equilibria also where the game without it circles, as the
    Wasserstein game does. It differs from consensus optimisation, where both players lower it.

    Gradient descent GAN optimization is locally stable (Nagarajan and Kolter, 2017).
    https://arxiv.org/abs/1706.04156

    Args:
        loss: L_D, the critic's loss of fakes that still know their generator.
        parameters: w_D, the critic's parameters, with gradients required. Where a game holds them still while the
            generator moves, run the critic on copies (`torch.func.functional_call`).

    Raises:
        ValueError: no parameters, or parameters that are held still.
    """
    listed = list(parameters)
    if not listed or not all(parameter.requires_grad for parameter in listed):
        held = "none" if not listed else "some that require no gradient"
        raise ValueError(f"of the critic's parameters, {held} were given; the gradient penalty on the game needs them "
                         "with gradients: run the critic on copies that require gradients (torch.func.functional_call)")
    found = torch.autograd.grad(loss, listed, create_graph=True, allow_unused=True)
    return torch.stack([g.square().sum() for g in found if g is not None]).sum()
