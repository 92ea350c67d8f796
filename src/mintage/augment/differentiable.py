"""Differentiable augmentation: what the critic sees is changed at random, reals and fakes alike, and gradients pass.

x [N, C, H, W] in [-1, 1] -> the same shape; each example has draws of its own, u ~ U(0, 1). In order:

    colour        x <- x + u - 1/2
                  x <- m_c + 2 u (x - m_c),       m_c the mean over channels at each position (nothing for C = 1)
                  x <- m + (u + 1/2) (x - m),     m the mean over all of the example
    translation   shifted by whole pixels, up to an eighth of each side, zeros moving in
    cutout        a box of half of each side, about a point drawn evenly, set to 0

With the draws held each is affine in x, so a critic that is piecewise linear stays so behind it, and gradients of any
order are exact.

Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), section 3.3 and appendix A.
https://arxiv.org/abs/2006.10738
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

import torch
from torch import Tensor

Change = Callable[[Tensor, torch.Generator], Tensor]
"""T: (x [N, C, H, W], generator) -> [N, C, H, W]."""

SHIFT = 1 / 8  # of each side, at most
BOX = 1 / 2  # of each side


def brightness(x: Tensor, generator: torch.Generator) -> Tensor:
    """x + u - 1/2."""
    return x + (uniform(x, generator) - 0.5)


def saturation(x: Tensor, generator: torch.Generator) -> Tensor:
    """m_c + 2 u (x - m_c), m_c the mean over channels: from grey (u = 0) to twice as colourful."""
    return _about(x, x.mean(1, keepdim=True), 2 * uniform(x, generator))


def contrast(x: Tensor, generator: torch.Generator) -> Tensor:
    """m + (u + 1/2) (x - m), m the mean of each example."""
    return _about(x, x.mean((1, 2, 3), keepdim=True), uniform(x, generator) + 0.5)


def colour(x: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness, saturation and contrast."""
    return contrast(saturation(brightness(x, generator), generator), generator)


def translation(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted by (i, j), whole numbers drawn evenly with |i| <= round(H / 8), |j| <= round(W / 8); zeros move in."""
    n, _, height, width = x.shape
    down, right = (_whole(n, 2 * round(side * SHIFT) + 1, generator, x) - round(side * SHIFT)
                   for side in (height, width))
    rows = torch.arange(height, device=x.device) - down[:, None]
    columns = torch.arange(width, device=x.device) - right[:, None]
    kept = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None, :]
    place = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    return taken(x, place) * kept[:, None].to(x.dtype)


def cutout(x: Tensor, generator: torch.Generator) -> Tensor:
    """0 in a box of sides about H / 2 and W / 2 whose middle is drawn evenly over the image."""
    n, _, height, width = x.shape
    cut = [(torch.arange(side, device=x.device) - _whole(n, side + 1, generator, x)[:, None] + box // 2, box)
           for side, box in ((height, int(height * BOX + 0.5)), (width, int(width * BOX + 0.5)))]
    rows, columns = (_inside(place, box) for place, box in cut)
    return x * (~(rows[:, :, None] & columns[:, None, :]))[:, None].to(x.dtype)


POLICIES: dict[str, Change] = {"colour": colour, "translation": translation, "cutout": cutout}
"""Name -> change, in the order they are made."""


def differentiable(x: Tensor, generator: torch.Generator, policy: Sequence[str] = tuple(POLICIES),
                   p: float | Tensor = 1.0) -> Tensor:
    """The changes named in `policy`, each made to an example with probability p.   [N, C, H, W] -> the same.

    p = 0 is the identity to the bit. The paper's p is 1.

    Raises:
        ValueError: x is no batch of images, or an unknown name.
    """
    images(x)
    known(policy)
    for name, change in POLICIES.items():
        if name in policy:
            changed = change(x, generator)
            x = changed if isinstance(p, float) and p >= 1 else torch.where(gate(x, generator, p), changed, x)
    return x


def known(policy: Sequence[str]) -> None:
    """Refuse names that are no policy.

    Raises:
        ValueError: an unknown name; the nearest is named.
    """
    for name in policy:
        if name not in POLICIES:
            near = get_close_matches(str(name), POLICIES, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"differentiable augmentation has no {name!r}; it has {', '.join(POLICIES)}{hint}")


def images(x: Tensor) -> None:
    """Refuse what is no batch of images.

    Raises:
        ValueError: not four axes.
    """
    if x.ndim != 4:
        raise ValueError(f"augmentation of images received the shape {tuple(x.shape)}; it takes [N, C, H, W]. For "
                         "points use instance noise")


def uniform(x: Tensor, generator: torch.Generator) -> Tensor:
    """u ~ U(0, 1), one number an example.   [N, 1, 1, 1]."""
    return torch.rand(len(x), 1, 1, 1, generator=generator, device=generator.device).to(x)


def gate(x: Tensor, generator: torch.Generator, p: float | Tensor) -> Tensor:
    """True with probability p, one an example.   [N, 1, 1, 1]."""
    return uniform(x, generator) < p


def taken(x: Tensor, place: Tensor) -> Tensor:
    """x at positions i W + j given for each example.   [N, C, H, W], [N, H', W'] -> [N, C, H', W']."""
    wanted = place.flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, wanted).unflatten(2, place.shape[1:])


def _about(x: Tensor, middle: Tensor, gain: Tensor) -> Tensor:
    return middle + gain * (x - middle)


def _inside(place: Tensor, side: int) -> Tensor:
    return (place >= 0) & (place < side)


def _whole(n: int, below: int, generator: torch.Generator, x: Tensor) -> Tensor:
    return torch.randint(below, (n,), generator=generator, device=generator.device).to(x.device)
