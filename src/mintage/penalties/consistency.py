"""Consistency penalties: a critic should say the same of an example and of its changed copy.

D is the critic, x examples [N, ...], T(x) the same examples changed in a way that does not matter (shifted, flipped).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

Change = Callable[[Tensor, torch.Generator], Tensor]
"""T: (x [N, ...], generator) -> [N, ...]."""

NOISE = 0.05


def consistency(critic: Any, x: Tensor, changed: Tensor, y: Tensor | None = None) -> Tensor:
    """E (D(x) - D(T(x)))^2, a scalar; on real examples only, as in the first paper. Gradients flow through both.

    Consistency Regularization for Generative Adversarial Networks (Zhang et al., 2020), weight 10.
    https://arxiv.org/abs/1910.12027

    Raises:
        ValueError: x and T(x) differ in shape.
    """
    if x.shape != changed.shape:
        raise ValueError(f"examples of shape {tuple(x.shape)} and changed ones of shape {tuple(changed.shape)}; a "
                         "change keeps the shape")
    a, b = (critic(part) if y is None else critic(part, y) for part in (x, changed.detach()))
    return (a - b).square().mean()


def balanced_consistency(critic: Any, real: Tensor, fake: Tensor, y: Tensor | None = None, *,
                         generator: torch.Generator, change: Change | None = None) -> Tensor:
    """E (D(x) - D(T(x)))^2 + E (D(G(z)) - D(T(G(z))))^2, a scalar; no gradient reaches what made the fakes.

    Without the second term D learns to take the traces of T for a sign of real examples, and G to imitate them.

    Improved Consistency Regularization for GANs (Zhao et al., 2021), bCR, weights 10 and 10.
    https://arxiv.org/abs/2002.04724
    """
    change, fake = change or jitter, fake.detach()
    return (consistency(critic, real, change(real, generator), y)
            + consistency(critic, fake, change(fake, generator), y))


def jitter(x: Tensor, generator: torch.Generator) -> Tensor:
    """The default T. Images [N, C, H, W] are mirrored, one in two, and shifted by up to an eighth of each side, with
    their edges repeated; anything else gets noise N(0, 0.05^2).
    """
    if x.ndim != 4:
        return x + NOISE * torch.randn(x.shape, generator=generator, device=generator.device).to(x)
    n, _, height, width = x.shape
    dy, dx = height // 8, width // 8
    wide = pad(x, (dx, dx, dy, dy), mode="replicate")
    top = _whole(2 * dy + 1, n, generator).to(x.device)[:, None] + torch.arange(height, device=x.device)
    left = _whole(2 * dx + 1, n, generator).to(x.device)[:, None] + torch.arange(width, device=x.device)
    mirrored = _whole(2, n, generator).to(x.device)[:, None] == 1
    left = torch.where(mirrored, left.flip(1), left)
    of = torch.arange(n, device=x.device)[:, None, None]
    return wide[of, :, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)


def _whole(below: int, n: int, generator: torch.Generator) -> Tensor:
    return torch.randint(below, (n,), generator=generator, device=generator.device)
