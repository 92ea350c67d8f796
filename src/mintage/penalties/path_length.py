"""The path-length penalty: a step of fixed size in W should change the image by a fixed amount, in every direction.

w [N, d] (or [N, layers, d]) are the generator's inner latents, x = g(w) its images [N, C, H, W], J = dx/dw.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mintage.penalties.slopes import normal_like, root


class MeanLength:
    """a, the exponential moving average of the lengths, from 0: a <- d a + (1 - d) E |J' y|.

    A game lists this in its `memory`, so that it is saved.

    Raises:
        ValueError: a decay outside [0, 1).
    """

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay of the mean length is {decay!r}; it lies in [0, 1), 0.99 in the paper")
        self.decay = decay
        self.value = torch.zeros(())

    def update(self, lengths: Tensor) -> Tensor:
        """Take up a batch of lengths [N] -> a, a 0-d tensor without a graph."""
        mean = lengths.detach().mean()
        self.value = self.value.to(mean).lerp(mean, 1 - self.decay)
        return self.value

    def tensors(self) -> dict[str, Tensor]:
        """What must be saved."""
        return {"value": self.value}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what was saved."""
        self.value = tensors["value"].clone()


def path_lengths(output: Tensor, w: Tensor, *, generator: torch.Generator) -> Tensor:
    """|J' y| for each example, [N], y ~ N(0, I) / sqrt(HW); with layers, the root of the mean square over them.

    Differentiable in the generator's weights.

    Raises:
        ValueError: an output that does not depend on w.
    """
    if not w.requires_grad or not output.requires_grad:
        raise ValueError("the output does not depend on w: make it from w with w.requires_grad, outside no_grad")
    y = normal_like(output, generator) / math.sqrt(math.prod(output.shape[2:]))
    (g,) = torch.autograd.grad((output * y).sum(), w, create_graph=True)
    square = g.square().sum(-1)
    return root(square.flatten(1).mean(1) if square.ndim > 1 else square)


def path_length(output: Tensor, w: Tensor, *, generator: torch.Generator, mean: MeanLength) -> Tensor:
    """E (|J' y| - a)^2, a scalar, lowered by the generator; `mean` takes up this batch first and then gives a.

    Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020), eq. 4 and appendix B; weight 2 there.
    https://arxiv.org/abs/1912.04958
    """
    lengths = path_lengths(output, w, generator=generator)
    return (lengths - mean.update(lengths)).square().mean()
