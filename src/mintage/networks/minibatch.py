"""Layers by which a critic compares the examples of a batch, so that a generator whose samples are all alike is seen.

f [N, ...] are features of the examples, from some layer of a critic; each statistic is put beside them, as more
features, in front of the last linear layer. Both mix the examples of a batch (`mixes_examples`), so a gradient penalty
per example has no meaning for such a critic.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mintage.networks.precision import outside_autocast, widened

TINY = 1e-8


class MinibatchDiscrimination(nn.Module):
    """o(x_i)_b = sum over j of exp(-|M_ib - M_jb|_1),   M_i = f_i T [B, C], T [A, B, C] learned.   [N, A] -> [N, B].

    The sum over j is of the whole batch, i itself too, as in the paper's formula: o is N for a batch of one example
    repeated, its maximum, and near 1 where no two are alike. T starts so that rows of features of mean square 1 are
    about 1 apart, where exp(-t) still has a slope.

    Improved Techniques for Training GANs (Salimans et al., 2016), section 3.2. https://arxiv.org/abs/1606.03498

    Args:
        features: A.
        kernels: B; 100 in the authors' code.
        dims: C; 5 in the authors' code.

    Raises:
        ValueError: a size below 1.
    """

    mixes_examples = True

    def __init__(self, features: int, kernels: int = 100, dims: int = 5) -> None:
        super().__init__()
        for name, value in (("features", features), ("kernels", kernels), ("dims", dims)):
            if value < 1:
                raise ValueError(f"{name} of a minibatch discrimination is {value}; it is 1 or more")
        self.out = kernels
        spread = math.sqrt(math.pi) / (2 * dims)  # E|M_ib - M_jb|_1 = 2 C s / sqrt(pi) = 1 for M of deviation s
        drawn = nn.init.normal_(torch.empty(features, kernels, dims))
        self.kernels = nn.Parameter(drawn * (spread / math.sqrt(features)))

    def forward(self, f: Tensor) -> Tensor:
        with outside_autocast(f):
            rows = (widened(f).flatten(1) @ self.kernels.flatten(1)).unflatten(1, self.kernels.shape[1:])
            apart = (rows[:, None] - rows).abs().sum(3)
            return apart.neg().exp().sum(1)


class MinibatchDeviation(nn.Module):
    """sigma = mean over features of sqrt(var over the group + 1e-8), one number a group.   [N, ...] -> [N, 1].

    Examples n, n + N/g, n + 2N/g, ... are one group of g, the largest divisor of N up to `group`.

    Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018), section 3, whose
    group is the batch, https://arxiv.org/abs/1710.10196; groups of 4 are those of StyleGAN (Karras et al., 2019).

    Raises:
        ValueError: a group below 1.
    """

    mixes_examples = True
    out = 1

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        if group < 1:
            raise ValueError(f"group of a minibatch deviation is {group}; it is a number of examples, 1 or more")
        self.group = group

    def forward(self, f: Tensor) -> Tensor:
        return grouped_deviation(f, self.group)[:, None]

    def extra_repr(self) -> str:
        return f"group={self.group}"


def grouped_deviation(f: Tensor, group: int) -> Tensor:
    """The statistic of `MinibatchDeviation` as [N], float32 at least."""
    n = len(f)
    g = max(d for d in range(1, min(group, n) + 1) if n % d == 0)
    wide = widened(f).unflatten(0, (g, n // g))  # not flattened: maps with their channels last would be copied
    variance = (wide - wide.mean(0)).square().mean(0)  # torch's var over the first axis took three times as long
    return (variance + TINY).sqrt().mean(list(range(1, f.ndim))).repeat(g)
