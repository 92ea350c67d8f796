"""The sliced Wasserstein distance: the mean over random directions of the distance between two projections.

    SW_p(a, b) = (E_u W_p(<a, u>, <b, u>)^p)^(1/p),   u uniform on the unit sphere
    W_p(s, t)^p = integral over [0, 1] of |S^-1(q) - T^-1(q)|^p      for sets of numbers s and t

In one dimension the best plan sorts both sides, so no plan has to be found. Sliced and Radon Wasserstein Barycenters of
Measures (Bonneel et al., 2015); Progressive Growing of GANs (Karras et al., 2018, https://arxiv.org/abs/1710.10196)
judges patches by it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64


def wasserstein_1d(s: Tensor, t: Tensor, p: float = 1.0) -> Tensor:
    """W_p^p between the columns of s [n, k] and t [m, k] -> [k]; n and m may differ."""
    s, t = s.sort(0).values, t.sort(0).values
    if len(s) == len(t):
        return (s - t).abs().pow(p).mean(0)
    n, m = len(s), len(t)
    # Both quantile functions are constant between the points k/n and k/m; integrate over the union of those pieces.
    edges = torch.cat([torch.arange(1, n + 1, device=s.device, dtype=torch.float64) / n,
                       torch.arange(1, m, device=s.device, dtype=torch.float64) / m]).sort().values
    widths = torch.diff(edges, prepend=edges.new_zeros(1))
    middles = edges - widths / 2
    at = [(middles * count).long().clamp(max=count - 1) for count in (n, m)]
    return ((s[at[0]] - t[at[1]]).abs().pow(p) * widths[:, None]).sum(0)


def sliced_wasserstein(a: Tensor, b: Tensor, *, directions: int = 256, p: float = 2.0, seed: int = 0) -> float:
    """SW_p of features a [n, d] and b [m, d] over `directions` random directions, the same for the same seed.

    Raises:
        ValueError: an empty set, another dimension, or values not finite.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b):
        raise ValueError(f"the sliced distance needs features [n, d] and [m, d]; received {tuple(a.shape)} and "
                         f"{tuple(b.shape)}")
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        raise ValueError("features hold NaN or infinite values; look at the samples they were computed from")
    a, b = float64(a), float64(b)
    u = torch.randn(a.shape[1], directions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    u = (u / u.norm(dim=0)).to(a.device)
    powers = torch.cat([wasserstein_1d(a @ part, b.to(a.device) @ part, p) for part in u.split(64, 1)])
    return float(powers.mean()) ** (1 / p)
