"""The birthday test: how many different examples a generator has, from the first repetitions among its samples.

Among s samples of a uniform choice of N things, P(some two alike) = 1 - prod (1 - i/N), about 1 - exp(-s(s-1)/2N), and
the expected number of alike pairs is s(s-1)/2N.   So N is about s(s-1) / 2c for c pairs found, with a relative error of
about 1/sqrt(c): 40 pairs put it within a factor of 1.5 in 98 of 100 tests.

Do GANs Actually Learn the Distribution? (Arora and Zhang, 2017), https://arxiv.org/abs/1706.08224
A choice that is not uniform has a smaller N in this sense (it is one over the chance that two samples are alike).

There a person looks at the 20 closest pairs of a batch (`closest_pairs`) and says whether any are the same picture; if
so in half of the batches of s, the support is about s^2. `alike_within` lets real data take the person's place: they
cannot say what looks the same, only how near two different examples come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.duplicates import Pairs, closest, earlier_distances, nearest_earlier, refuse_unlike

ENOUGH = 40  # pairs


class Support(NamedTuple):
    """The estimated number of different examples, an interval of 95 %, pairs found among n samples.

    `advised` is how many more samples would bring ENOUGH pairs if the size is right; 0 where there are as many. Where
    no pair was found it is computed as for one, so a larger support will ask again.
    """

    size: float
    low: float
    high: float
    pairs: int
    n: int
    advised: int = 0


def chance_of_pair(size: float, samples: int) -> float:
    """P(at least one pair alike) among samples of a uniform choice of `size` things, exactly."""
    if samples > size:
        return 1.0
    return -math.expm1(math.lgamma(size + 1) - math.lgamma(size - samples + 1) - samples * math.log(size))


def samples_needed(size: float, pairs: int = ENOUGH) -> int:
    """The s at which s(s-1) / 2 size = pairs: one batch of that many samples of `size` things has so many pairs."""
    return math.ceil(0.5 + math.sqrt(0.25 + 2 * pairs * size))


def support_size(samples: Tensor, *, alike: float = 0.0) -> Support:
    """From samples or their features [n, d]; two are alike within the distance `alike` (0: equal).

    Pairs are counted, so a thing that came three times counts three pairs. Where none is found the size is infinite
    and `low` says how small it may still be. The interval takes pairs for rare: where some things are far commoner than
    others it is too narrow.

    Raises:
        ValueError: fewer than two samples, or a negative distance.
    """
    n = len(samples)
    if samples.ndim != 2 or n < 2 or not 0 <= alike < math.inf:
        raise ValueError(f"the birthday test needs samples [n, d], n >= 2, and a distance of 0 or more; received "
                         f"{tuple(samples.shape)} and {alike}")
    refuse_unlike("the birthday test", 2, samples=samples)
    if alike == 0:
        count = torch.unique(samples, dim=0, return_counts=True)[1].cpu()
        pairs = int((count * (count - 1)).sum()) // 2
    else:
        pairs = sum(int((d <= alike).sum()) for d in earlier_distances(samples))
    possible = math.comb(n, 2)
    more = samples_needed(possible / max(pairs, 1)) - n
    return _support(pairs, possible, n, more)


def pooled(parts: Sequence[Support]) -> Support:
    """Several batches of samples as one test: pairs within batches only, so memory and time stay those of a batch.

    Raises ValueError for no batches.
    """
    if not parts:
        raise ValueError("pooled: no batches were given; run support_size on one or more batches of samples.")
    n, pairs = sum(part.n for part in parts), sum(part.pairs for part in parts)
    more = math.ceil(n * (ENOUGH / max(pairs, 1) - 1))  # further batches of the same sizes
    return _support(pairs, sum(math.comb(part.n, 2) for part in parts), n, more)


def _support(pairs: int, possible: int, n: int, more: int) -> Support:
    low, high = _poisson(pairs)
    return Support(possible / pairs if pairs else math.inf, possible / high, possible / low if low else math.inf,
                   pairs, n, max(0, more) if pairs < ENOUGH else 0)


def alike_within(real: Tensor, *, share: float = 0.0) -> float:
    """Below which distance samples are alike, from real examples [m, d], at least as many as there will be samples.

    The quantile `share` of the distances from a real example to the nearest different one before it (equal ones are
    left out: those are repeats of the data themselves). With 0, the smallest: m samples of real data then make about
    one false pair, and n < m samples about (n / m)^2 of one, so a size that rests on one pair or two means nothing.

    Raises:
        ValueError: fewer than two different examples, or a share not from 0 to below 1.
    """
    refuse_unlike("alike_within", 2, real=real)
    if not 0 <= share < 1:
        raise ValueError(f"alike_within: share is {share}; it must be from 0 to below 1.")
    e, _ = nearest_earlier(torch.unique(real, dim=0))
    if not len(e):
        raise ValueError(f"alike_within: all {len(real)} real examples are equal; give two different ones or more.")
    e = e.sort().values
    # Just below: the two real examples at that distance are different, so they are not to count as alike.
    return float(e[int(share * len(e))]) * (1 - 1e-6)


def closest_pairs(samples: Tensor, k: int = 20) -> Pairs:
    """The k closest pairs among samples or their features [n, d], each sample the later one of a single pair.

    Raises ValueError for fewer than two samples.
    """
    refuse_unlike("closest_pairs", 2, samples=samples)
    return closest(*nearest_earlier(samples), k)


def _poisson(k: int) -> tuple[float, float]:
    """An interval of 95 % for the mean of a Poisson count k (Garwood's, by bisection)."""

    def below(mean: float, upto: int) -> float:  # P(count <= upto)
        return float(torch.special.gammaincc(torch.tensor(upto + 1.0).double(), torch.tensor(mean).double()))

    def solve(upto: int, level: float) -> float:
        low, high = 0.0, 10.0 + 4.0 * (upto + 1)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle, upto) > level else (low, middle)
        return (low + high) / 2

    return (solve(k - 1, 0.975) if k else 0.0), solve(k, 0.025)
