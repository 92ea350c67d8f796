"""Assessing: every measure that fits the sides at hand, each with its floor, its noise and its reading.

The noise is measured, not assumed. Samples and real examples are dealt into disjoint blocks; a measure is computed in
each, its deviation over the blocks divided by their root is the error of the figure, and a paired t-test over the
blocks tells samples from real data. Nothing is supposed of the measure but that its mean over blocks is about normal.
The same blocks tell two generators apart (`comparison`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mintage.evaluation.cards import Card
from mintage.evaluation.measures import FAMILIES, Family, Measure
from mintage.evaluation.neighbours import nearest
from mintage.evaluation.sides import Side
from mintage.evaluation.student import critical, mean_of

BLOCKS = 10
SMALLEST_BLOCK = 32
FEWEST_BLOCKS = 4


def blocks_of(n: int) -> int:
    """How many blocks n examples are dealt into: 10, fewer where they would be small, 0 where there are too few."""
    count = min(BLOCKS, n // SMALLEST_BLOCK)
    return count if count >= FEWEST_BLOCKS else 0


def with_near(side: Side, bank: Tensor) -> Side:
    """The side with the distance of each example to the nearest of the bank [b, d], the training examples' features."""
    return side.with_near(nearest(side.features, bank)[0])


def assess(real: Side, fake: Side, train: Side | None = None, *, families: Sequence[Family] = FAMILIES,
           blocks: int | None = None) -> tuple[Card, ...]:
    """The cards of all families that fit.

    Args:
        real: held-out examples; fake: samples. The first n of each are compared, n the smaller count.
        train: training examples, where they are known; both sides then have `near`.
        blocks: how many; by default as many as n allows.

    Raises:
        ValueError: fewer than two examples on a side, or features of another dimension.
    """
    n = min(len(real), len(fake), len(train) if train is not None else len(real))
    if n < 2 or real.features.shape[1] != fake.features.shape[1]:
        raise ValueError(f"{len(real)} real examples and {len(fake)} samples with features of {real.features.shape[1]} "
                         f"and {fake.features.shape[1]} dimensions; 2 or more of each are needed, of one extractor")
    real, fake = real.take(slice(n)), fake.take(slice(n))
    count = blocks_of(n) if blocks is None else blocks
    cards: list[Card] = []
    for family in families:
        if family.fits(real, fake, train):
            cards += _cards(family, real, fake, train, count)
    return tuple(cards)


def _cards(family: Family, real: Side, fake: Side, train: Side | None, count: int) -> list[Card]:
    n, size = len(real), len(real) // count if count else 0
    values = family.of(real, fake, train)
    twin, (base, player) = _twin(family, real, train)
    floors = family.of(base, player, train)
    fakes = [family.of(r, f, train) for r, f in zip(real.blocks(count), fake.blocks(count), strict=True)] \
        if count else []
    twins = [family.of(r, t, train) for r, t in zip(real.blocks(count), _dealt(twin, real, count), strict=True)] \
        if count else []
    seen: Mapping[str, float] = {}
    if family.also_train and train is not None:
        seen = family.of(train.take(slice(n)), fake, train)
    return [_card(measure, n, len(player), real.features.shape[1], size, values[measure.name], floors,
                  [at[measure.name] for at in fakes], [at[measure.name] for at in twins], seen)
            for measure in family.measures if measure.name in values]


def _twin(family: Family, real: Side, train: Side | None) -> tuple[Side | None, tuple[Side, Side]]:
    """Who plays the samples where the figure of real data is wanted: (for the blocks, (reference, player) for all n).

    Without other real examples the reference is halved for the whole figure, and each block meets the next one.
    """
    n = len(real)
    if family.twin == "train" and train is not None:
        return train.take(slice(n)), (real, train.take(slice(n)))
    half = n // 2
    return None, (real.take(slice(half)), real.take(slice(half, 2 * half)))


def _dealt(twin: Side | None, real: Side, count: int) -> list[Side]:
    if twin is not None:
        return list(twin.blocks(count))
    dealt = list(real.blocks(count))
    return dealt[1:] + dealt[:1]


def _card(measure: Measure, n: int, floor_n: int, dim: int, size: int, value: float, floors: Mapping[str, float],
          fakes: Sequence[float], twins: Sequence[float], seen: Mapping[str, float]) -> Card:
    least = measure.least(dim)
    warning = "" if n >= least else f"n = {n:,} is small for it: {least:,} or more are wanted"
    low = high = spread = p_real = None
    if len(fakes) > 1:
        spread = float(torch.tensor(fakes, dtype=torch.float64).std())
        half = critical(len(fakes) - 1) * spread / len(fakes) ** 0.5
        low, high = value - half, value + half
        p_real = mean_of([a - b for a, b in zip(fakes, twins, strict=True)]).p_value
    return Card(measure.name, value, n, low, high, spread, floors.get(measure.name), floor_n, p_real,
                seen.get(measure.name), size, tuple(fakes), tuple(twins), warning)


