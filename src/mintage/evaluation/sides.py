"""A side: one of the sets that a measure compares, seen through one extractor.

The sides of an evaluation are `real` (held-out examples), `fake` (samples) and `train` (what the generator learnt
from). Rows belong together: feature i, logits i, label i, and the distance to the nearest training example i.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor

CHUNK = 256


@dataclass(frozen=True)
class Side:
    """Features [n, d]; where there are any, logits [n, classes] and labels int64 [n].

    `near` and `near_row` [n] say how far the nearest training example is, and which. `rows` are the examples
    themselves, for measures that look at more than features: anything with `take(indices)`. `known` keeps what was
    computed of this side before (see `once`).
    """

    features: Tensor
    logits: Tensor | None = None
    labels: Tensor | None = None
    near: Tensor | None = None
    near_row: Tensor | None = None
    rows: Any = None
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Tensor | slice) -> Side:
        """These rows of everything."""
        indices = torch.arange(len(self))[rows]

        def of(part: Tensor | None) -> Tensor | None:
            return None if part is None else part[indices]

        return Side(self.features[indices], of(self.logits), of(self.labels), of(self.near), of(self.near_row),
                    None if self.rows is None else self.rows.take(indices))

    def with_near(self, near: Tensor, row: Tensor) -> Side:
        return replace(self, near=near, near_row=row)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """`make()`, computed at the first call under this name."""
        if name not in self.known:
            self.known[name] = make()
        return self.known[name]

    def blocks(self, count: int) -> Iterator[Side]:
        """`count` disjoint blocks of equal size, in order; what is left over at the end is left out."""
        size = len(self) // count
        for start in range(0, count * size, size):
            yield self.take(slice(start, start + size))


def see(draw: Callable[[int], Tensor | tuple[Tensor, Tensor | None]], n: int, extractor: Extractor) -> Side:
    """A side of n examples, drawn and seen a chunk at a time; on the CPU, where all sides live.

    Args:
        draw: count -> examples x [count, ...], or (x, labels [count] or None).

    Raises:
        ValueError: another count than asked for, or features that are not finite.
    """
    features, logits, labels = [], [], []
    for start in range(0, n, CHUNK):
        count = min(CHUNK, n - start)
        with torch.no_grad():
            found = draw(count)
        x, y = found[:2] if isinstance(found, tuple) else (found, None)
        if len(x) != count:
            raise ValueError(f"{count} examples were asked for and {len(x)} came")
        seen = extractor.see(x)
        features.append(seen.features.cpu())
        if seen.logits is not None:
            logits.append(seen.logits.cpu())
        if y is not None:
            labels.append(y.cpu())
    side = Side(torch.cat(features), torch.cat(logits) if logits else None, torch.cat(labels) if labels else None)
    bad = (~torch.isfinite(side.features)).any(1)
    if bool(bad.any()):
        raise ValueError(f"{int(bad.sum())} of {n} examples have features that are not finite: the first is number "
                         f"{int(bad.nonzero()[0])}. Take NaN and infinite values out")
    return side
