"""Directions of a latent space that were not asked for by name: of the weights that read it, or of its own spread.

Rows of a result are unit directions [k, d], strongest first, with the strength of each [k].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Directions(NamedTuple):
    """Unit rows `along` [k, d], strongest first, and their `strength` [k]."""

    along: Tensor
    strength: Tensor


def of_weights(weight: Tensor, k: int | None = None) -> Directions:
    """The directions n of |n| = 1 that the first layer A changes its result by most: eigenvectors of A^T A.

    A [out, ..., d] takes z to A z; strengths are |A n|, so the singular values of A.

    Closed-Form Factorization of Latent Semantics in GANs (Shen and Zhou, 2021),
    https://arxiv.org/abs/2007.06600

    Raises:
        ValueError: not a matrix, or k outside 1..d.
    """
    if weight.ndim < 2:
        raise ValueError(f"directions are found from a weight [outputs, d]; received {list(weight.shape)}")
    flat = weight.detach().reshape(-1, weight.shape[-1]).double().cpu()
    return _strongest(flat.T @ flat, _count(k, flat.shape[1]), weight)


def of_spread(codes: Tensor, k: int | None = None) -> Directions:
    """The principal components of codes [N, d]: directions of most variance; strengths are standard deviations.

    With codes in a generator's w space, or its features of many z,

    GANSpace: Discovering Interpretable GAN Controls (Härkönen et al., 2020), https://arxiv.org/abs/2004.02546

    Raises:
        ValueError: fewer than two codes, or k outside 1..d.
    """
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"the spread of codes needs two or more [N, d]; received {list(codes.shape)}")
    z = codes.detach().double().cpu()
    z = z - z.mean(0)
    return _strongest(z.T @ z / len(z), _count(k, z.shape[1]), codes)


def of_features(z: Tensor, features: Tensor, k: int | None = None) -> Directions:
    """Directions in z that go with the principal components of features f(z): least squares of z on the scores.

    z [N, d], features [N, ...]; each row is U_j = E[z s_j] / E[s_j^2] for the score s_j, made a unit vector. Strengths
    are the standard deviations of the scores.

    GANSpace (Härkönen et al., 2020), https://arxiv.org/abs/2004.02546

    Raises:
        ValueError: not as many features as latents, or k outside 1..min(N, d).
    """
    if z.ndim != 2 or len(features) != len(z) or len(z) < 2:
        raise ValueError(f"latents {list(z.shape)} and features {list(features.shape)} do not belong together; give "
                         "[N, d] and [N, ...], two or more")
    f, centred = features.detach().flatten(1).double().cpu(), z.detach().double().cpu()
    f, centred = f - f.mean(0), centred - centred.mean(0)
    count = _count(k, min(z.shape[1], *f.shape))
    U, S, _ = torch.linalg.svd(f, full_matrices=False)  # scores are U S
    rows = (U[:, :count] / S[:count].clamp(min=1e-30)).T @ centred
    rows = _signed(rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-30))
    return Directions(rows.to(z), (S[:count] / len(z) ** 0.5).to(z))


def _strongest(gram: Tensor, k: int, like: Tensor) -> Directions:
    values, vectors = torch.linalg.eigh(gram)
    order = torch.arange(len(values) - 1, len(values) - 1 - k, -1)
    return Directions(_signed(vectors.T[order]).to(like), values[order].clamp(min=0).sqrt().to(like))


def _signed(rows: Tensor) -> Tensor:
    """Rows turned so that the largest number of each is positive: an eigenvector has no sign of its own."""
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * torch.where(largest < 0, -1.0, 1.0)


def _count(k: int | None, most: int) -> int:
    if k is None:
        return most
    if not 1 <= k <= most:
        raise ValueError(f"{k} directions were asked for; there are 1 to {most}")
    return k
