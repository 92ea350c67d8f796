"""What was asked for when samples and real examples are opened, and which of it is for which kind of data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from mintage.data import Fit
from mintage.evaluation.assessor import MOST
from mintage.runs.errors import RunError

Kind = Literal["auto", "images", "points", "table", "series", "sound"]
WORDS = {"images": "images", "points": "points", "table": "a table", "series": "series", "sound": "sounds"}
SUITS = {"resolution": ("images",), "fit": ("images",), "channels": ("images",), "weights": ("images",),
         "features": ("images", "points"), "split": ("images", "points"), "rate": ("sound",),
         "length": ("series", "sound"), "target": ("table",), "categorical": ("table",)}


@dataclass(frozen=True)
class Asked:
    """How two sources are to be opened."""

    kind: Kind = "auto"
    resolution: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    split: str | None = None
    features: str = "auto"
    weights: Path | None = None
    n: int = MOST
    target: str | None = None
    categorical: tuple[str, ...] = ()
    rate: int | None = None
    length: int | None = None
    seed: int = 0

    def refuse_for(self, kind: str, source: str) -> None:
        """Refuse what is for another kind of data: passed over in silence, it would be believed to have been done.

        Raises:
            RunError: an option that does not suit the kind; the sentence names it.
        """
        for part in fields(self):
            suited = SUITS.get(part.name, (kind,))
            if kind not in suited and getattr(self, part.name) != part.default:
                raise RunError(f"--{part.name} is for {' and '.join(WORDS[one] for one in suited)}, and {source} holds "
                               f"{WORDS[kind]}; leave it out")
