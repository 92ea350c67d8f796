"""Clusters against classes: how many examples are in the cluster that stands for their class."""

from __future__ import annotations

import torch
from torch import Tensor

MOST = 16


def clustering_error(clusters: Tensor, classes: Tensor, count: int) -> float:
    """The share of examples outside their class's cluster, for the best one-to-one assignment of clusters to classes.

        1 - max over permutations s of (1/N) sum_i [s(cluster_i) = class_i]

    Exact, by the best value of every set of classes in turn: 2^count steps.

    Args:
        clusters, classes: int64 [N], from 0 to count - 1.
        count: of clusters and of classes; at most 16.

    Raises:
        ValueError: sizes that differ, no example, numbers out of range, or more than 16 clusters.
    """
    if not 1 <= count <= MOST or clusters.shape != classes.shape or clusters.ndim != 1 or not len(clusters):
        raise ValueError(f"clusters {tuple(clusters.shape)} and classes {tuple(classes.shape)} of {count} kinds; give "
                         f"two columns of one length, and 1 to {MOST} kinds")
    low, high = int(torch.minimum(clusters, classes).min()), int(torch.maximum(clusters, classes).max())
    if low < 0 or high >= count:
        raise ValueError(f"clusters and classes run from {low} to {high}; they are from 0 to {count - 1}")
    table = torch.bincount(clusters * count + classes, minlength=count * count).view(count, count).tolist()
    best = {0: 0}  # set of classes taken, as bits -> most examples that the first clusters can hold rightly
    for row in table:
        following: dict[int, int] = {}
        for taken, right in best.items():
            for k in range(count):
                if not taken >> k & 1:
                    both = taken | 1 << k
                    following[both] = max(following.get(both, 0), right + row[k])
        best = following
    return 1 - best[(1 << count) - 1] / len(clusters)
