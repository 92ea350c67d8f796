"""A first look at data: what is there, and what is odd about it, before a training is spent on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from mintage.data.errors import DataError
from mintage.data.examples import Examples, Reject
from mintage.data.order import generator
from mintage.data.sheets import sheet

CHUNK = 2048
SHOWN = 10
FEW = 1000


@dataclass(frozen=True)
class Look:
    """What a look at data finds. All counts are of examples."""

    name: str
    kind: str
    shape: tuple[int, ...]
    count: int
    labels: dict[str, int]
    duplicates: int  # examples that equal an earlier one
    constant: int  # images of one colour; points are never counted
    mean: float  # of the values as held: images in [-1, 1], points standardised
    deviation: float
    fingerprint: str
    notes: tuple[str, ...]
    rejects: tuple[Reject, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a report."""
        return asdict(self) | {"shape": list(self.shape), "notes": list(self.notes),
                               "rejects": [reject._asdict() for reject in self.rejects]}

    def lines(self) -> list[str]:
        """The look as plain text."""
        what = "images" if self.kind == "image" else "points"
        side = "x".join(map(str, self.shape[1:])) if self.kind == "image" else f"{self.shape[0]} dimensions"
        channels = f", {self.shape[0]} channel{'s' * (self.shape[0] != 1)}" if self.kind == "image" else ""
        lines = [f"{self.name}: {self.count:,} {what}, {side}{channels}"]
        if self.labels:
            classes = ", ".join(f"{name} {n:,}" for name, n in list(self.labels.items())[:SHOWN])
            more = ", ..." if len(self.labels) > SHOWN else ""
            lines.append(f"{len(self.labels)} classes: {classes}{more}")
        lines.append(f"values as held: mean {self.mean:.3f}, deviation {self.deviation:.3f}")
        if self.duplicates:
            lines.append(f"{self.duplicates:,} exact duplicate{'s' * (self.duplicates != 1)} of other examples")
        if self.constant:
            lines.append(f"{self.constant:,} image{'s' * (self.constant != 1)} of a single colour")
        if self.count < FEW:
            lines.append(f"{self.count:,} examples are few: a generator may learn them by heart")
        lines.extend(self.notes)
        if self.rejects:
            lines.append(f"{len(self.rejects):,} files cannot be used:")
            lines.extend(f"  {reject.file}: {reject.reason}" for reject in self.rejects[:SHOWN])
            if len(self.rejects) > SHOWN:
                lines.append(f"  ... and {len(self.rejects) - SHOWN:,} more")
        lines.append(f"fingerprint {self.fingerprint[:16]}")
        return lines


def look(examples: Examples) -> Look:
    """Go through all examples once."""
    constant, total, squares, values = 0, 0.0, 0.0, 0
    for x in _parts(examples):
        flat = x.flatten(2) if x.ndim == 4 else x[:, :, None]
        if examples.spec.kind == "image":
            constant += int((flat.amax(2) == flat.amin(2)).all(1).sum())
        total += float(flat.double().sum())
        squares += float(flat.double().square().sum())
        values += flat.numel()
    mean = total / max(1, values)
    labels: dict[str, int] = {}
    if examples.labels is not None:
        counts = Counter(examples.labels.tolist())
        labels = {name: counts[i] for i, name in enumerate(examples.spec.labels)}
    return Look(examples.name, examples.spec.kind, examples.spec.shape, len(examples), labels,
                duplicates=len(examples) - len(np.unique(examples.digests, axis=0)), constant=constant, mean=mean,
                deviation=max(0.0, squares / max(1, values) - mean**2) ** 0.5, fingerprint=examples.fingerprint,
                notes=tuple(examples.notes), rejects=tuple(examples.rejects))


def contact_sheet(examples: Examples, n: int = 100, seed: int = 0) -> Image.Image:
    """n examples picked at random on one page, the same for the same seed; of points, 2,000 at least."""
    if n < 1:
        raise DataError(f"a contact sheet of {n} examples cannot be; ask for 1 or more")
    n = max(n, 2000) if examples.spec.kind == "points" else n
    picked = torch.randperm(len(examples), generator=generator(seed, "contact sheet"))[:n]
    return sheet(examples.gather(picked).x, examples.spec)


def _parts(examples: Examples) -> Iterator[torch.Tensor]:
    for part in torch.arange(len(examples)).split(CHUNK):
        yield examples.gather(part).x
