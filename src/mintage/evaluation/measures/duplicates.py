"""Duplicates: samples that repeat one another, counted beside what real examples of the same number do.

Notation: e_i = min_{j < i} |x_i - x_j|, the distance from a sample to the nearest one before it. A sample with e_i <= t
is a *repeat* within t: a group of g samples all alike holds g - 1, so repeats are what could be thrown away.

    t = the K-th smallest e_i of real examples, K = 5: as many samples of real data have about K repeats within t
    p = P(B >= c),  B ~ Binomial(c + r, 1/2),   c repeats among the samples and r among as many real examples

Repeats of real data are rare events, so their count is nearly Poisson, and of two such counts with one mean the first
is Binomial(c + r, 1/2) given their sum (Przyborowski and Wilenski, 1940). *Twins* are repeats within t / 4: samples
that merely crowd (a truncated generator's, say) have many repeats within t and, the chance of one within a distance
falling with a power of it, few twins; copies of one another have both. *Crowded* are repeats within t times the
samples' spread over the real examples' where that is below 1: all samples shrunk together have no more of them, samples
in a few tight groups do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from mintage.evaluation.measures.frechet import float64
from mintage.evaluation.measures.neighbours import distances

EXPECTED = 5  # repeats that real examples have within t; fewer make t a matter of luck, more hide few duplicates
TWIN = 0.25
BLOCK = 1024  # rows compared with no later ones at once


class Pairs(NamedTuple):
    """Pairs of examples, the closest first: distances [k], and the row of either, [k] each."""

    distances: Tensor
    first: Tensor
    second: Tensor


class Duplicates(NamedTuple):
    """Repeats among n samples, beside those of n real examples; `exact` is counted among all samples given."""

    exact: int  # samples equal to one before them, once rounded to what a file holds
    exact_expected: float  # the same of real data
    exact_most: float  # as many as real data may have, by what was seen: h seen leave room for h + 2 sqrt(h) + 3
    near: int  # repeats within `distance`
    near_expected: int  # the same of real data
    near_p_value: float  # one-sided
    twins: int  # repeats within a quarter of `distance`
    twins_expected: int
    twins_p_value: float
    crowded: int  # repeats within `distance` in units of the samples' own spread; expected as near ones are
    crowded_p_value: float
    distance: float
    n: int
    closest: Pairs  # for a picture: what a person sees alike is what counts


def binomial_tail(k: int, n: int, p: float) -> float:
    """P(B >= k) for B ~ Binomial(n, p), 0 < p < 1; 1 for k <= 0."""
    if k <= 0 or k > n:
        return float(k <= 0)
    i = torch.arange(k, n + 1, dtype=torch.float64)
    log = torch.lgamma(torch.tensor(n + 1.0).double()) - torch.lgamma(i + 1) - torch.lgamma(n - i + 1)
    return min(1.0, float((log + i * math.log(p) + (n - i) * math.log1p(-p)).exp().sum()))


def stored(x: Tensor) -> Tensor:
    """Rows as a file holds them: images [n, C, H, W] in [-1, 1] at 256 levels, all else as float32, -0 being 0."""
    if x.ndim == 4:
        return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).flatten(1)
    return x.flatten(1).float() + 0.0


def exact_repeats(x: Tensor) -> int:
    """How many of x [n, ...] equal one before them, once rounded to what a file holds."""
    rows = stored(x).cpu().numpy()
    return len(rows) - len({row.tobytes() for row in rows})


def earlier_distances(x: Tensor) -> Iterator[Tensor]:
    """The rows of x [n, d] in chunks, each with its distances to all rows before it, inf in the place of all others."""
    place = torch.arange(len(x), device=x.device)
    for start in range(0, len(x), BLOCK):
        stop = min(start + BLOCK, len(x))
        for rows, d in distances(x[start:stop], x[:stop]):
            yield d.masked_fill(place[:stop] >= place[start:stop][rows, None], math.inf)


def nearest_earlier(x: Tensor) -> tuple[Tensor, Tensor]:
    """For rows 1 to n - 1 of x [n, d] the nearest one before: distances [n - 1] and rows [n - 1]."""
    found = [d.min(1) for d in earlier_distances(x)]
    return torch.cat([f.values for f in found])[1:], torch.cat([f.indices for f in found])[1:]


def closest(e: Tensor, earlier: Tensor, k: int) -> Pairs:
    """The k closest pairs, each later row once, from what nearest_earlier returned."""
    order = e.argsort()[:k]
    return Pairs(e[order], earlier[order], order + 1)


def duplicates(generated: Tensor, held_out: Tensor, *, files: tuple[Tensor, Tensor] | None = None, k: int = 16,
               seed: int = 0) -> Duplicates:
    """Repeats among generated [n, d] beside those of held_out [m, d]; near ones among the first min(n, m) samples.

    Args:
        files: (samples [n, ...], real examples [m, ...]) behind the features; exact repeats are counted among these,
            and among the features themselves where they are not given.
        k: how many of the closest pairs are returned.
        seed: which real examples, where there are more of them than samples.

    Raises:
        ValueError: fewer than 10 of either, unlike dimensions, or values not finite.
    """
    refuse_unlike("duplicates", 2 * EXPECTED, generated=generated, held_out=held_out)
    n = min(len(generated), len(held_out))
    order = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(seed))[:n].sort().values
    held_out_n = held_out[order.to(held_out.device)]
    real, _ = nearest_earlier(held_out_n)
    e, earlier = nearest_earlier(generated[:n])
    t = float(real.kthvalue(EXPECTED).values)
    samples, reals = (generated, held_out) if files is None else files
    seen, scale = exact_repeats(reals), math.comb(len(samples), 2) / math.comb(len(reals), 2)
    near, near_expected = _within(e, t), _within(real, t)
    twins, twins_expected = _within(e, TWIN * t), _within(real, TWIN * t)
    crowded = _within(e, t * min(1.0, _spread(generated[:n]) / max(_spread(held_out_n), 1e-300)))
    return Duplicates(
        exact=exact_repeats(samples),
        exact_expected=seen * scale,
        exact_most=(seen + 2 * math.sqrt(seen) + 3) * scale,
        near=near, near_expected=near_expected, near_p_value=_more(near, near_expected),
        twins=twins, twins_expected=twins_expected, twins_p_value=_more(twins, twins_expected),
        crowded=crowded, crowded_p_value=_more(crowded, near_expected),
        distance=t, n=n, closest=closest(e, earlier, k),
    )


def _more(count: int, real: int) -> float:
    return binomial_tail(count, count + real, 0.5)


def _within(e: Tensor, t: float) -> int:
    return int((e <= t).sum())


def _spread(x: Tensor) -> float:
    """The root of the mean squared distance from the mean."""
    x = float64(x)
    return float((x - x.mean(0)).square().sum(1).mean().sqrt())


def refuse_unlike(what: str, least: int, **sets: Tensor) -> None:
    """ValueError unless all sets are finite features [n, d] of one d, with `least` or more rows each."""
    shapes = {name: tuple(x.shape) for name, x in sets.items()}
    if any(x.ndim != 2 for x in sets.values()) or len({x.shape[1] for x in sets.values()}) > 1:
        raise ValueError(f"{what}: features [n, d] of one and the same d are needed, received {shapes}. "
                         "Use one extractor for all; flatten what has more axes.")
    for name, x in sets.items():
        if len(x) < least:
            raise ValueError(f"{what}: {name} has {len(x)} examples; {least} or more are needed. Take more.")
        bad = int((~torch.isfinite(x)).any(1).sum())
        if bad:
            raise ValueError(f"{what}: {bad} of the {len(x)} examples of {name} have values that are not finite. "
                             "Look at what they were computed from.")
