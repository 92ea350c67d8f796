"""Projections: constraints on a network's weights that hold exactly, restored after each step of its player.

    Player("D", adam(), project=clip(0.01))            every |w| <= 0.01
    Player("D", adam(), project=unit_rows())           every row of a weight has length 1

A projection says in `fits(net)` which networks it suits; a game asks when it is built.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class clip:
    """w <- max(-c, min(c, w)) for every parameter: the critic is Lipschitz, with a constant that c and depth decide.

    Wasserstein GAN (Arjovsky et al., 2017), algorithm 1, c = 0.01. https://arxiv.org/abs/1701.07875

    Raises:
        ValueError: a limit that is not above 0.
    """

    def __init__(self, limit: float = 0.01) -> None:
        if not 0 < limit < math.inf:
            raise ValueError(f"limit of weight clipping is {limit!r}; it is a number above 0, 0.01 in the paper")
        self.limit = limit

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> None:
        for parameter in net.parameters():
            parameter.clamp_(-self.limit, self.limit)

    def fits(self, net: nn.Module) -> None:
        """Raises ValueError for a network whose weights are divided by their own size."""
        held = _held(net)
        if held:
            raise ValueError(f"weight clipping and a norm on the weights ({held}) bound the same thing, and clipped "
                             "weights that are divided by their norm are not bounded by the limit; take project=clip "
                             "away, or build the network without spectral norm and weights of fixed size")


class unit_rows:
    """w_o <- w_o / |w_o| for each output o of every linear layer and convolution; biases are left alone.

    Args:
        per_element: w_o gets length sqrt(n) instead, n its number of elements: mean square 1. A layer scales itself
            down by sqrt(n) then, as in Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et
            al., 2024), section 2.3, https://arxiv.org/abs/2312.02696
    """

    def __init__(self, *, per_element: bool = False) -> None:
        self.per_element = per_element

    @torch.no_grad()
    def __call__(self, net: nn.Module) -> None:
        for _, layer in _layers(net):
            rows = _rows(layer)
            over = list(range(1, rows.ndim))
            norm = rows.square().sum(over, keepdim=True).sqrt()
            length = math.sqrt(rows[0].numel()) if self.per_element else 1.0
            rows.mul_(torch.where(norm > 0, length / norm, 0.0))

    def fits(self, net: nn.Module) -> None:
        """Raises ValueError for a network without such layers, or whose weights already have a norm of their own."""
        held = _held(net)
        if held:
            raise ValueError(f"rows of fixed length and a norm on the weights ({held}) fix the same thing; take one of "
                             "them away. Networks of UnitConv2d have mintage.networks.renormalise")
        if not any(True for _ in _layers(net)):
            raise ValueError(f"{type(net).__name__} has no linear layer or convolution whose rows could have a length; "
                             "take project=unit_rows() away")


def _layers(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    return ((name, module) for name, module in net.named_modules() if isinstance(module, LAYERS))


def _rows(layer: nn.Module) -> Tensor:
    """The weight with outputs first, a view; in a transposed convolution they stand second."""
    weight = layer.get_parameter("weight")
    return weight.transpose(0, 1) if isinstance(layer, TRANSPOSED) else weight


def _held(net: nn.Module) -> str:
    """The first module that holds the size of a weight by itself, as text; "" if there is none.

    Known by the attribute `constrains_norm`, by a method `renormalise`, or as a parametrisation of torch's own.
    """
    for name, module in net.named_modules():
        if getattr(module, "constrains_norm", False) or callable(getattr(module, "renormalise", None)):
            return f"{type(module).__name__} at {name or 'the top'}"
        if parametrize.is_parametrized(module):
            return f"a parametrised weight at {name or 'the top'}"
    return ""
