"""The Fréchet distance at several n, and what it tends to as n grows.

    E d(n) = d(infinity) + c / n + O(1 / n^2)

Sets of n, n/2 .. n/5 examples are equally spaced in 1/n and their distances lie near a line; its value at 1/n = 0 is
an estimate with far less bias. The slope c depends on the generator: at one n, two generators are not biased alike.

Effectively Unbiased FID and Inception Score and Where to Find Them (Chong and Forsyth, 2020),
https://arxiv.org/abs/1911.07023. There only the samples become fewer; here both sides do, so that the real side's bias
is taken away too, and the parts of one cut do not overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import Moments, float64, frechet_distance

PARTS = 5


class Extrapolated(NamedTuple):
    """The limit, its standard error, and the points of the line: sizes (real, fake) and mean distances.

    The limit has next to no bias, so it may fall below 0 where the sets are alike.
    """

    distance: float
    error: float
    sizes: tuple[tuple[int, int], ...]
    values: tuple[float, ...]


def extrapolated_frechet(real: Tensor, fake: Tensor, *, draws: int = 3, seed: int = 0) -> Extrapolated:
    """From features real [n, d] and fake [m, d], each cut at random into 1, 2 .. 5 parts, `draws` times over.

    The error has two parts: that of new examples, by the influence of each on the distance, and that of the cuts. Where
    the sets are alike it is up to twice too large, so it errs towards "no difference".
    Sets of n / 5 below 2 d or so bend the line: the limit is then still biased, upwards or downwards.

    Raises:
        ValueError: fewer than 10 examples on a side, features of another dimension, or values not finite.
    """
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 2 * PARTS:
        raise ValueError(f"extrapolation needs features [n, d] and [m, d] with n, m >= {2 * PARTS}; received "
                         f"{tuple(real.shape)} and {tuple(fake.shape)}")
    if draws < 2:
        raise ValueError(f"draws is {draws}; take 2 or more, their spread is part of the error")
    a, b = float64(real), float64(fake).to(float64(real).device)
    whole = Moments.of(a), Moments.of(b)
    g = torch.Generator().manual_seed(seed)
    values = torch.tensor([_cut(a, b, g) for _ in range(draws)], dtype=torch.float64)
    values = torch.cat([torch.full((draws, 1), frechet_distance(*whole), dtype=torch.float64), values], 1)
    limits = values @ _intercept()
    data = sum(float(_influence(x, *pair).var() / len(x)) for x, pair in ((a, whole), (b, whole[::-1])))
    error = (data + float(limits.var() / draws)) ** 0.5
    sizes = tuple((len(a) // parts, len(b) // parts) for parts in range(1, PARTS + 1))
    return Extrapolated(float(limits.mean()), error, sizes, tuple(values.mean(0).tolist()))


def _intercept() -> Tensor:
    """Weights of a least-squares line through five points at 1 .. 5 that give its value at 0."""
    at = torch.arange(1, PARTS + 1, dtype=torch.float64)
    return torch.linalg.pinv(torch.stack([torch.ones_like(at), at], 1))[0]


def _cut(a: Tensor, b: Tensor, g: torch.Generator) -> list[float]:
    """Mean distances of both sides in 2 .. 5 parts, part by part."""
    found = []
    for parts in range(2, PARTS + 1):
        sides = [x[torch.randperm(len(x), generator=g).to(x.device)].tensor_split(parts) for x in (a, b)]
        found.append(sum(frechet_distance(*pair) for pair in zip(*sides, strict=True)) / parts)
    return found


def _influence(x: Tensor, own: Moments, other: Moments) -> Tensor:
    """What each example [n, d] adds to the distance, to first order: 2 <m - m', x - m> + (x - m)' (I - T) (x - m).

    T = C^(-1/2) (C^(1/2) C' C^(1/2))^(1/2) C^(-1/2) is the linear map that carries the one normal to the other.
    """
    values, vectors = torch.linalg.eigh(own.covariance)
    kept = values > 1e-10 * values.max()
    vectors, roots = vectors[:, kept], values[kept].sqrt()
    inner, turned = torch.linalg.eigh(roots[:, None] * (vectors.T @ other.covariance @ vectors) * roots)
    half = vectors / roots @ turned * inner.clamp(min=0) ** 0.25  # T = half half'
    gap = x - own.mean
    return 2 * gap @ (own.mean - other.mean) + gap.square().sum(1) - (gap @ half).square().sum(1)
