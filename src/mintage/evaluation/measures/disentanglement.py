"""Disentanglement: whether the numbers that a network reads from an example stand for one factor each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class FactorVAEScore(NamedTuple):
    """The score, 0 to 1, and the share of the votes on each factor that are told right."""

    score: float
    each: list[float]


def factor_vae_score(codes: Tensor, fixed: Tensor, spread: Tensor) -> FactorVAEScore:
    """How often the code that varies least tells which factor was fixed: the FactorVAE score.   Chance is 1 / factors.

    In each vote L examples share the value of one factor k and nothing else; of their codes, each divided by its
    deviation over all data, the one of least variance is d. A majority vote over half of the votes says which k each d
    stands for; the score is the share of the other half that it tells right. Codes of no deviation do not vote.

    Disentangling by Factorising (Kim and Mnih, 2018), section 4, https://arxiv.org/abs/1802.05983

    Args:
        codes: [votes, L, codes]; fixed: the factor of each vote, int64 [votes], from 0; spread: [codes], over all data.

    Raises:
        ValueError: fewer than 2 votes, sizes that do not fit, or no code with a deviation.
    """
    if codes.ndim != 3 or len(codes) < 2 or fixed.shape != codes.shape[:1] or spread.shape != codes.shape[2:]:
        raise ValueError(f"the FactorVAE score received codes {tuple(codes.shape)}, factors {tuple(fixed.shape)} and "
                         f"deviations {tuple(spread.shape)}; give [votes, L, codes], [votes] and [codes], 2 votes or "
                         "more")
    alive = spread > 1e-6
    if not bool(alive.any()):
        raise ValueError("no code varies over the data, so none can stand for a factor")
    least = (codes[..., alive] / spread[alive]).var(1).argmin(1)
    table = torch.zeros(int(alive.sum()), int(fixed.max()) + 1)
    half = len(codes) // 2
    table.index_put_((least[:half], fixed[:half]), torch.ones(half), accumulate=True)
    right = (table.argmax(1)[least[half:]] == fixed[half:]).float()
    return FactorVAEScore(float(right.mean()), [float(right[fixed[half:] == k].mean()) for k in range(table.shape[1])])
