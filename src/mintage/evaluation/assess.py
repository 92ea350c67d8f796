"""Assessing: every measure that fits the sides at hand, each with its floor, its noise and its reading.

The noise is measured, not assumed. Samples and real examples are dealt into disjoint blocks; a measure is computed in
each, its deviation over the blocks divided by their root is the error of the figure, and a paired t-test over the
blocks tells samples from real data. Nothing is supposed of the measure but that its mean over blocks is about normal.
The same blocks tell two generators apart (`comparison`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from mintage.evaluation.cards import Card
from mintage.evaluation.catalogue import FAMILIES
from mintage.evaluation.measure import Family, Measure, Of
from mintage.evaluation.measures.neighbours import nearest
from mintage.evaluation.sides import Side
from mintage.evaluation.student import critical, holm, mean_of

BLOCKS = 10
SMALLEST_BLOCK = 32
FEWEST_BLOCKS = 4


def blocks_of(n: int, smallest: int = SMALLEST_BLOCK) -> int:
    """How many blocks n examples are dealt into: 10, fewer where they would be small, 0 where there are too few."""
    count = min(BLOCKS, n // smallest)
    return count if count >= FEWEST_BLOCKS else 0


def with_near(side: Side, bank: Tensor) -> Side:
    """The side with the distance of each example to the nearest of the bank [b, d], the training examples' features."""
    return side.with_near(*nearest(side.features, bank))


def assess(real: Side, fake: Side, train: Side | None = None, *, others: Side | None = None,
           families: Sequence[Family] = FAMILIES, blocks: int | None = None) -> tuple[Card, ...]:
    """The cards of all families that fit.

    Args:
        real: held-out examples; fake: samples. The first n of each are compared, n the smaller count.
        train: training examples, where they are known; the other sides then have `near`.
        others: further held-out examples, n or more, to play the samples where the figure of real data is wanted.
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
            cards += _cards(family, (real, fake, train, others), count)
    tested = [card.p_real for card in cards if card.p_real is not None]
    adjusted = iter(holm(tested))
    return tuple(card if card.p_real is None else replace(card, p_real=next(adjusted)) for card in cards)


Figures = Mapping[str, float]


def _cards(family: Family, sides: tuple[Side, Side, Side | None, Side | None], count: int) -> list[Card]:
    real, fake, train, others = sides
    if family.of is None:
        return [_whole_card(family, real, fake, _twin(family, real, train, others))]
    of, count = family.of, count if len(real) >= count * family.block else blocks_of(len(real), family.block)
    n, size = len(real), len(real) // count if count else 0
    try:
        values = of(real, fake, train)
    except ValueError as error:
        return [Card(measure.name, math.nan, n, trouble=str(error)) for measure in family.measures]
    twin, (base, player) = _twin(family, real, train, others)
    floors = of(base, player, train)
    fakes, twins, trouble = _at_blocks(family, of, real, fake, train, twin, count)
    seen: Mapping[str, float] = {}
    if family.also_train and train is not None:
        seen = of(twin or train.take(slice(n)), fake, train)
    return [_card(measure, (n, len(player), real.features.shape[1], size), values[measure.name], floors,
                  [at[measure.name] for at in fakes], [at[measure.name] for at in twins], seen, trouble)
            for measure in family.measures if measure.name in values]


def _whole_card(family: Family, real: Side, fake: Side, twin: tuple[Side | None, tuple[Side, Side]]) -> Card:
    """The card of a measure that has its own interval or test."""
    if family.whole is None:
        raise ValueError(f"the family of {family.measures[0].name} computes nothing")
    measure, (base, player) = family.measures[0], twin[1]
    found = family.whole(real, fake, player)
    floor = found.floor if found.floor is not None else family.whole(base, player, player).value
    return Card(measure.name, found.value, len(real), found.low, found.high, floor=floor,
                floor_n=len(real) if found.floor is not None else len(player), p_real=found.p_value,
                least=measure.least(real.features.shape[1]), detail=found.detail)


def _at_blocks(family: Family, of: Of, real: Side, fake: Side, train: Side | None, twin: Side | None,
               count: int) -> tuple[list[Figures], list[Figures], str]:
    """The figures of each block and of real data in it; and why there are none, where a block is too small for them.

    Where the family is quick enough they are those of the jackknife: count times the figure of all, less count - 1
    times that of all but the block. Their mean has less bias than the figure, and they need no large blocks.
    """
    if not count:
        return [], [], ""
    try:
        if twin is not None and real.features.shape[1] <= family.smooth:
            return _pseudo(of, real, fake, train, count), _pseudo(of, real, twin, train, count), ""
        players = zip(real.blocks(count), fake.blocks(count), _dealt(twin, real, count), strict=True)
        both = [(of(r, f, train), of(r, t, train)) for r, f, t in players]
        return [f for f, _ in both], [t for _, t in both], ""
    except ValueError as error:
        return [], [], f"no interval: {error}"


def _pseudo(of: Of, real: Side, fake: Side, train: Side | None, count: int) -> list[Figures]:
    size = len(real) // count
    real, fake = (side.take(slice(count * size)) for side in (real, fake))
    place, whole = torch.arange(count * size) // size, of(real, fake, train)
    found: list[Figures] = []
    for k in range(count):
        less = of(real.take(place != k), fake.take(place != k), train)
        found.append({name: count * whole[name] - (count - 1) * less[name] for name in whole})
    return found


def _twin(family: Family, real: Side, train: Side | None,
          others: Side | None) -> tuple[Side | None, tuple[Side, Side]]:
    """Who plays the samples where the figure of real data is wanted: (for the blocks, (reference, player) for all n).

    Without other real examples the reference is halved for the whole figure, and each block meets the next one.
    """
    n = len(real)
    player = train if family.twin == "train" and train is not None else others
    if player is not None and len(player) >= n:
        first = player if len(player) == n else player.once(f"first {n}", partial(player.take, slice(n)))
        return first, (real, first)
    half = n // 2
    return None, (real.take(slice(half)), real.take(slice(half, 2 * half)))


def _dealt(twin: Side | None, real: Side, count: int) -> list[Side]:
    if twin is not None:
        return list(twin.blocks(count))
    dealt = list(real.blocks(count))
    return dealt[1:] + dealt[:1]


def _card(measure: Measure, counts: tuple[int, int, int, int], value: float, floors: Mapping[str, float],
          fakes: Sequence[float], twins: Sequence[float], seen: Mapping[str, float], trouble: str) -> Card:
    n, floor_n, dim, size = counts
    low = high = spread = p_real = None
    if len(fakes) > 1:
        spread = float(torch.tensor(fakes, dtype=torch.float64).std())
        half = critical(len(fakes) - 1) * spread / len(fakes) ** 0.5
        low, high = value - half, value + half
        p_real = mean_of([a - b for a, b in zip(fakes, twins, strict=True)]).p_value
    return Card(measure.name, value, n, low, high, spread, floors.get(measure.name), floor_n, p_real,
                seen.get(measure.name), size, tuple(fakes), tuple(twins),
                measure.least(dim), trouble)
