"""A measure: how a figure of merit is read; and a family: figures that are computed in one go.

`of(real, fake, train)` -> {name: figure} from three sides (see `sides`). Figures depend on how many examples stand on
each side, so they are compared only at equal n, and always beside the figure of real data at that n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mintage.evaluation.sides import Side

Better = Literal["lower", "higher", "as real", "neither"]
Twin = Literal["train", "held-out"]
Of = Callable[[Side, Side, Side | None], Mapping[str, float]]


@dataclass(frozen=True)
class Measure:
    """How a figure is read: its title, what it says, which way is better, and the fewest examples it needs."""

    name: str
    title: str
    says: str
    better: Better
    source: str
    least: Callable[[int], int] = lambda dim: 500  # of the number of features


class Whole(NamedTuple):
    """A figure with its own interval of 95 %, its floor, and the p-value of "as real data", where it has a test."""

    value: float
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    p_value: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Family:
    """Measures that are computed together, and what they need beside features.

    `of` is computed in blocks too, which gives its noise; `whole` measures its own. `twin` says who plays the samples
    where the figure of real data is wanted: training examples, or other held-out ones (for measures of copying, which
    training examples would fail by definition).
    """

    measures: tuple[Measure, ...]
    of: Of | None = None
    needs: frozenset[str] = frozenset()  # of: train, logits, labels
    twin: Twin = "train"
    also_train: bool = False  # whether it is computed against the training examples too
    whole: Callable[[Side, Side, Side], Whole] | None = None  # (real, fake, player of the floor): not by blocks
    fewest: Callable[[int], int] = lambda dim: 2  # examples without which it is not computed, of features
    block: int = 32  # examples that a block needs, for the figure of a block to be like that of all
    smooth: int = 0  # up to how many features its error is found by leaving blocks out of all n (quick, and narrower)

    def fits(self, real: Side, fake: Side, train: Side | None) -> bool:
        """Whether these sides have what the family needs."""
        have = {"train": train is not None and real.near is not None and fake.near is not None,
                "logits": fake.logits is not None, "labels": fake.labels is not None and real.labels is not None}
        enough = len(fake) >= self.fewest(real.features.shape[1])
        return enough and all(have[need] for need in self.needs)
