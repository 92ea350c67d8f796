"""Style mixing: one picture of two latents, whose coarse layers follow one style and whose fine layers the other.

G has a mapping network z -> w and a synthesis network of `layers` layers, each of which takes a style of its own
(mintage.networks.StyleGenerator). A style-mixing sheet shows every pair of two sets of latents.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras et al., 2019), section 3.1 and
figure 3, https://arxiv.org/abs/1812.04948
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mintage.latent.truncation import truncate


@torch.no_grad()
def style_mixing(G: Any, coarse: Tensor, fine: Tensor, layers: int, *, y: Tensor | None = None,
                 psi: float = 1.0) -> Tensor:
    """g(w, ..., w, w', ..., w'): styles of `coarse` in the first `layers` layers and of `fine` from there on.

    Layers 0 give pictures of `fine` alone, all of them pictures of `coarse` alone. The styles are truncated by psi
    towards the mean style.

    Args:
        coarse: latents [R, z_dim].
        fine: latents [C, z_dim].
        y: one label of all pictures, [1]; None where G has none.

    Returns:
        [R, C, channels, height, width], in G's present mode.

    Raises:
        ValueError: a number of layers that G has not, or a psi outside [0, 1].
    """
    every = G.synthesis.layers
    if not 0 <= layers <= every:
        raise ValueError(f"style mixing: {layers} coarse layers were asked for; this generator has {every}")
    w, v = (truncate(G.mapping(z, None if y is None else y.expand(len(z))), psi, G.mapping.mean)
            for z in (coarse, fine))
    late = v[:, None].expand(-1, every - layers, -1)
    return torch.stack([G.synthesis(torch.cat([row.expand(len(v), layers, -1), late], 1)) for row in w])
