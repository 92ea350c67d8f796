"""Membership: can an attacker tell from the generator, or from its critic, which examples it learnt from?

Notation: a_i and b_j are an attacker's scores of members (m training examples) and others (n held out), higher where
membership is believed in. Both must have one distribution, or it is two kinds of data that are told apart.

    AUC = P(a > b) + P(a = b) / 2          1/2: he cannot tell
    TPR = share of members that score above all but 1 % of the others

The interval of the AUC is DeLong's: its variance is var_i(share of b below a_i) / m + var_j(share of a above b_j) / n.
The TPR at 1 % says what an average hides, that a few members are known with certainty.

distance_attack: GAN-Leaks: A Taxonomy of Membership Inference Attacks against Generative Models (Chen et al., 2020,
https://arxiv.org/abs/1909.03935), score = - distance to the nearest of many samples. With a critic's logits as scores:
LOGAN: Membership Inference Attacks Against Generative Models (Hayes et al., 2019, https://arxiv.org/abs/1705.07663).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.copies import sooner
from mintage.evaluation.measures.duplicates import refuse_unlike
from mintage.evaluation.measures.frechet import float64
from mintage.evaluation.measures.neighbours import nearest

FALSE_POSITIVES = 0.01
RESAMPLES = 400


class Membership(NamedTuple):
    """AUC and TPR at 1 % false positives, each with an interval of 95 % and the one-sided p-value of "cannot tell".

    With fewer than 100 others no member may score below any of them, which is stricter than 1 %.
    """

    auc: float
    low: float
    high: float
    p_value: float
    tpr: float
    tpr_low: float
    tpr_high: float
    tpr_p_value: float
    counts: tuple[int, int]  # members, others


def membership_auc(scores_members: Tensor, scores_others: Tensor, *, seed: int = 0) -> Membership:
    """From any attacker's scores [m] and [n], a critic's logits of training and held-out examples, say.

    Raises:
        ValueError: fewer than two scores of either, other shapes, or values not finite.
    """
    a, b = (float64(x).detach().cpu() for x in (scores_members, scores_others))
    if a.ndim != 1 or b.ndim != 1 or min(len(a), len(b)) < 2 or not bool(torch.isfinite(torch.cat([a, b])).all()):
        raise ValueError(f"membership needs finite scores [m] of members and [n] of others, m, n >= 2; received shapes "
                         f"{tuple(a.shape)} and {tuple(b.shape)}. Flatten logits to one number an example.")
    above, below = _share_below(a, b), 1 - _share_below(b, a)  # of each member; of each other
    auc = float(above.mean())
    error = math.sqrt(float(above.var() / len(a) + below.var() / len(b)))
    low, high = auc - 1.959964 * error, auc + 1.959964 * error
    if error == 0 and auc in (0.0, 1.0):  # told apart entirely: how small may the overlap be that was not seen?
        unseen = 1 - 0.025 ** (1 / min(len(a), len(b)))
        low, high = (1 - unseen, 1.0) if auc == 1 else (0.0, unseen)
    # Under "cannot tell" the variance is the rank-sum statistic's, which is right where DeLong's is 0.
    null = math.sqrt((len(a) + len(b) + 1) / (12 * len(a) * len(b)))
    k = 1 + int(FALSE_POSITIVES * len(b))
    found = int((a > b.topk(k).values[-1]).sum())
    spread = _resampled(a, b, k, seed)
    return Membership(auc, max(0.0, low), min(1.0, high), 0.5 * math.erfc((auc - 0.5) / null / math.sqrt(2)),
                      found / len(a), float(spread.quantile(0.025)), float(spread.quantile(0.975)),
                      sooner(found, len(a), k, len(b)), (len(a), len(b)))


def distance_attack(members: Tensor, others: Tensor, generated: Tensor, *, seed: int = 0) -> Membership:
    """From features: members [m, d] of the training set, others [n, d] held out, and many generated [s, d].

    Raises:
        ValueError: fewer than two of either, no samples, unlike dimensions, or values not finite.
    """
    refuse_unlike("distance_attack", 1, members=members, others=others, generated=generated)
    return membership_auc(-nearest(members, generated)[0], -nearest(others, generated)[0], seed=seed)


def _share_below(x: Tensor, y: Tensor) -> Tensor:
    """For each x the share of y below it, equal ones counting half."""
    y = y.sort().values
    return (torch.searchsorted(y, x) + torch.searchsorted(y, x, right=True)).double() / (2 * len(y))


def _resampled(a: Tensor, b: Tensor, k: int, seed: int) -> Tensor:
    """TPRs of bootstrap resamples of members and of others [RESAMPLES]."""
    g = torch.Generator().manual_seed(seed)
    tprs = []
    for _ in range(RESAMPLES):
        bound = b[torch.randint(len(b), (len(b),), generator=g)].topk(k).values[-1]
        tprs.append((a[torch.randint(len(a), (len(a),), generator=g)] > bound).double().mean())
    return torch.stack(tprs)
