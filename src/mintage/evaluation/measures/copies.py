"""Copies: are samples nearer to the training examples than unseen real examples are?

Notation: g_i is the distance from sample i of n to its nearest training example, h_j that of held-out example j of m.
A nearest distance alone says nothing: it is small wherever the data lie dense. So all is compared with held-out
examples and the same training set, and is right only if these have the training examples' distribution (a random
split). For fresh examples of that distribution as samples g and h then have one law, whatever it is, and p-values hold.

Five views, from a summary to the pairs themselves:
    memorisation   median(g) / median(h)
    close          share of g below t, the 1st percentile of h: a few copies among many good samples
    authentic      share of samples x farther from their nearest training example y than y's nearest other one is
                   (How Faithful is your Synthetic Data?, Alaa et al., 2022, https://arxiv.org/abs/2102.08921)
    data_copying   U = number of (i, j) with g_i > h_j, z = (U - nm/2) / sqrt(nm(n+m+1)/12): below 0 where g is
                   smaller; and C_T, the mean of z over cells of the space, weighted by their held-out examples
                   (A Non-Parametric Test to Detect Data-Copying in Generative Models, Meehan, Chaudhuri and Dasgupta,
                   2020, https://arxiv.org/abs/2004.05675)
    lean           of the samples, how many more than chance have a training example nearer than any held-out one
A generator that keeps to the dense parts of the data (a truncated one, say) moves the first four without copying. Only
`lean` does not move: there the held-out examples stand where the training examples do, and just as dense.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.duplicates import Pairs, refuse_unlike
from mintage.evaluation.measures.frechet import float64
from mintage.evaluation.measures.neighbours import Memorisation, copying, distances, nearest
from mintage.evaluation.proportions import share

PERCENTILE = 0.01
COPY = 0.1  # of t: nearer than this a sample is a copy to the eye, and next to no unseen example is
CELL, FEW, MOST_CELLS = 100, 20, 20  # examples a cell should have, and must have; the most cells
SHUFFLES = 4000
FIT = 4096  # training examples that cells are fitted to


class Rate(NamedTuple):
    """A share of the samples, its interval of 95 % (Wilson's), the share of real data, and a one-sided p-value."""

    value: float
    low: float
    high: float
    expected: float
    p_value: float


class DataCopying(NamedTuple):
    """z of all distances at once, C_T over cells; very negative means copying, and p-values are one-sided for that."""

    z: float
    p_value: float
    c_t: float
    c_t_p_value: float
    cells: int  # how many had 20 or more of both


class Lean(NamedTuple):
    """How far samples prefer training examples to held-out ones: 0 by chance, 1 where all do; p-values are one-sided.

    Of samples of which a share s is copied and the others are not, `value` is about s. `close_p_value` is of the
    samples nearer than t to either set, and `close_least` what it would be if all of these preferred training examples:
    where that is not small (few held-out examples beside many training ones) the test could not have found anything.
    """

    value: float
    p_value: float
    close_p_value: float
    close_least: float


class Copies(NamedTuple):
    """All views; `copied` samples, and `copied_unseen` held-out examples, are nearer to training than t / 10."""

    memorisation: Memorisation
    close: Rate
    authentic: Rate
    data_copying: DataCopying
    lean: Lean
    copied: int
    copied_unseen: int
    closest: Pairs  # rows of samples and of training examples, for a picture
    counts: tuple[int, int, int]  # samples, held-out examples, training examples


def copies(generated: Tensor, held_out: Tensor, train: Tensor, *, k: int = 16, seed: int = 0,
           sampled: tuple[Tensor, Tensor] | None = None, unseen: tuple[Tensor, Tensor] | None = None) -> Copies:
    """All views from features generated [n, d], held_out [m, d] and train [b, d].

    Args:
        k: how many of the closest pairs are returned.
        seed: of the cells and shuffles; one seed, one result.
        sampled, unseen: nearest(generated, train) and nearest(held_out, train) from earlier calls.

    Raises:
        ValueError: fewer than 10 of a kind, unlike dimensions, or values not finite.
    """
    refuse_unlike("copies", 10, generated=generated, held_out=held_out, train=train)
    g, near = nearest(generated, train) if sampled is None else sampled
    h, near_unseen = nearest(held_out, train) if unseen is None else unseen
    n, m = len(g), len(h)
    rank = max(1, round(PERCENTILE * m))
    t = h.kthvalue(rank).values
    tiny = COPY * float(t)
    order = g.argsort()[:k]
    return Copies(
        memorisation=copying(g, h),
        close=_rate(int((g < t).sum()), n, rank / (m + 1), sooner(int((g < t).sum()), n, rank, m)),
        authentic=_authentic((g, near), (h, near_unseen), train),
        data_copying=_data_copying((generated, g), (held_out, h), train, seed),
        lean=_lean(generated, held_out, train, (g, near), float(t), float(h.min()) == 0, seed),
        copied=int((g <= tiny).sum()), copied_unseen=int((h <= tiny).sum()),
        closest=Pairs(g[order], order, near[order]),
        counts=(n, m, len(train)),
    )


def _rate(k: int, n: int, expected: float, p_value: float) -> Rate:
    _, _, value, low, high = share(k, n)
    return Rate(value, low, high, expected, p_value)


def sooner(x: int, n: int, k: int, m: int) -> float:
    """P(x or more of n come before the k-th of m), in random order: of the first x + k - 1, x are of the n."""
    if x <= 0:
        return 1.0
    drawn = min(x + k - 1, n + m)
    i = torch.arange(x, min(n, drawn) + 1, dtype=torch.float64)
    return min(1.0, float((_choose(n, i) + _choose(m, drawn - i) - _choose(n + m, torch.tensor(drawn))).exp().sum()))


def _choose(n: int, k: Tensor) -> Tensor:
    """log C(n, k), -inf for k below 0 or above n."""
    k = k.double()
    inside = (k >= 0) & (k <= n)
    c = k.clamp(0, n)
    return (math.lgamma(n + 1) - torch.lgamma(c + 1) - torch.lgamma(n - c + 1)).masked_fill(~inside, -math.inf)


def _authentic(sampled: tuple[Tensor, Tensor], unseen: tuple[Tensor, Tensor], train: Tensor) -> Rate:
    """The share of samples, that of held-out examples as expected, and the p-value of "no fewer than those"."""
    asked, place = torch.unique(torch.cat([sampled[1], unseen[1]]), return_inverse=True)
    apart = train.new_empty(len(asked))
    for rows, d in distances(train[asked], train):
        apart[rows] = d.scatter_(1, asked[rows, None], math.inf).amin(1)
    apart = apart[place]
    n, m = len(sampled[0]), len(unseen[0])
    k = int((apart[:n] < sampled[0]).sum())
    floor = int((apart[n:] < unseen[0]).sum())
    both = (k + floor) / (n + m)
    error = math.sqrt(both * (1 - both) * (1 / n + 1 / m))
    return _rate(k, n, floor / m, _below((k / n - floor / m) / error) if error else 0.5)


def rank_test(g: Tensor, h: Tensor) -> float:
    """z of the Mann-Whitney test, below 0 where g [n] are smaller than h [m]; ties count half."""
    n, m = len(g), len(h)
    both = float64(torch.cat([g, h]))
    _, place, count = torch.unique(both, return_inverse=True, return_counts=True)
    count = count.double()
    rank = (count.cumsum(0) - (count - 1) / 2)[place]
    u = float(rank[:n].sum()) - n * (n + 1) / 2
    tied = float((count**3 - count).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - tied)
    return (u - n * m / 2) / math.sqrt(variance) if variance > 1e-9 else 0.0


def _below(z: float) -> float:
    return NormalDist().cdf(z)


def _data_copying(sampled: tuple[Tensor, Tensor], unseen: tuple[Tensor, Tensor], train: Tensor,
                  seed: int) -> DataCopying:
    """Cells with few of either are left out, as published. The cells' z are independent, which gives C_T's p-value."""
    z = rank_test(sampled[1], unseen[1])
    count = max(1, min(MOST_CELLS, len(sampled[1]) // CELL, len(unseen[1]) // CELL, len(train) // CELL))
    centres = k_means(train, count, seed=seed)
    ours, theirs = (nearest(x, centres)[1] for x in (sampled[0], unseen[0]))
    found = []
    for cell in range(count):
        g, h = sampled[1][ours == cell], unseen[1][theirs == cell]
        if min(len(g), len(h)) >= FEW:
            found.append((len(h), rank_test(g, h)))
    weight = sum(w for w, _ in found)
    if not weight:
        return DataCopying(z, _below(z), math.nan, math.nan, 0)
    c_t = sum(w * each for w, each in found) / weight
    error = math.sqrt(sum(w * w for w, _ in found)) / weight
    return DataCopying(z, _below(z), c_t, _below(c_t / error), len(found))


def k_means(x: Tensor, count: int, *, seed: int = 0, rounds: int = 20) -> Tensor:
    """Centres [count, d] of x [n, d]: Lloyd's rounds from a start drawn with chances as distance^2 (k-means++)."""
    g = torch.Generator().manual_seed(seed)
    x = x[torch.randperm(len(x), generator=g)[:FIT].to(x.device)]
    chosen = [0]
    apart = nearest(x, x[:1])[0]
    while len(chosen) < count and float(apart.max()) > 0:
        chosen.append(int(torch.multinomial(apart.cpu().double().square(), 1, generator=g)))
        apart = torch.minimum(apart, nearest(x, x[chosen[-1:]])[0])
    centres = x[torch.tensor(chosen, device=x.device)]
    for _ in range(rounds):
        cell = nearest(x, centres)[1]
        count_in = torch.bincount(cell, minlength=len(centres)).clamp(min=1).to(x.dtype)
        moved = torch.zeros_like(centres).index_add_(0, cell, x) / count_in[:, None]
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


def _lean(generated: Tensor, held_out: Tensor, train: Tensor, sampled: tuple[Tensor, Tensor], t: float, repeat: bool,
          seed: int) -> Lean:
    """Samples vote for the set their nearest real example is of; ties between the sets have no vote.

    Fresh samples cannot know which real examples were trained on, so under "no copies" each example that has votes is a
    training one with chance b / (b + m). All votes for one example fall together: not votes but examples are tossed.
    """
    g = torch.Generator().manual_seed(seed)
    if repeat:  # where data repeat, of unlike sets the larger holds the more of what exists: only like ones compare
        size = min(len(held_out), len(train))
        held_out, train = (x[torch.randperm(len(x), generator=g)[:size].to(x.device)] for x in (held_out, train))
        sampled = nearest(generated, train)
    chance = len(train) / (len(train) + len(held_out))
    d, i = sampled
    e, j = nearest(generated, held_out)
    vote = torch.where(d < e, i, len(train) + j)
    close = (d != e) & (torch.minimum(d, e) < t)
    value, p_value, _ = _tossed(vote[d != e].cpu(), len(train), chance, g)
    return Lean(value, p_value, *_tossed(vote[close].cpu(), len(train), chance, g)[1:])


def _tossed(vote: Tensor, members: int, chance: float, generator: torch.Generator) -> tuple[float, float, float]:
    """From votes for examples, those below `members` being training ones: excess share, its p-value, the least one."""
    if not len(vote):
        return 0.0, 1.0, 1.0
    found = int((vote < members).sum())
    votes = torch.unique(vote, return_counts=True)[1].float()
    as_many = 0
    for _ in range(16):
        toss = torch.rand((SHUFFLES // 16, len(votes)), generator=generator) < chance
        as_many += int((toss.float() @ votes >= found - 0.5).sum())
    excess = (found / len(vote) - chance) / (1 - chance)
    return excess, (1 + as_many) / (1 + SHUFFLES), chance ** len(votes)
