"""A verdict: what a judge found about one generator, with everything needed to read the figures honestly."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

FLOORED = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Verdict:
    """Scores of n generated examples against n held-out real ones.

    Every `*_floor` is the same measure with real training examples in the generator's place: the figure of a perfect
    generator at this n. A Fréchet distance at its floor cannot be told from real data. `memorisation` is
    median(generated -> train) / median(held out -> train): about 1 is right, well below 1 is copying.
    """

    frechet: float
    frechet_floor: float
    precision: float
    precision_floor: float
    recall: float
    recall_floor: float
    density: float
    density_floor: float
    coverage: float
    coverage_floor: float
    memorisation: float
    n: int
    reference: str  # what it was compared with: fingerprints, count and seed in one digest
    extractor: str
    extractor_version: str
    extractor_digest: str
    seconds: float
    warning: str = ""
    frechet_error: float | None = None  # standard error, from leaving blocks of the examples out

    def to_json(self) -> dict[str, Any]:
        """A dict that json.dumps accepts; an infinite memorisation ratio is written as null."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Verdict:
        """The inverse of to_json."""
        known: dict[str, Any] = {k: math.inf if k == "memorisation" and v is None else v for k, v in values.items()}
        return cls(**known)

    def lines(self) -> list[str]:
        """The verdict for reading, one figure a line."""
        out = [f"Fréchet distance {self.frechet:.3f}   (real data: {self.frechet_floor:.3f}; lower is better)"]
        for name in FLOORED:
            out.append(f"{name:16} {getattr(self, name):.3f}   (real data: {getattr(self, name + '_floor'):.3f})")
        meaning = "as near to the training examples as unseen real ones are"
        if self.memorisation < 0.85:
            meaning = "nearer to the training examples than unseen real ones: copies, or crowding; see `evaluate`"
        elif self.memorisation > 1.5:
            meaning = "farther from the training examples than unseen real ones"
        out.append(f"{'memorisation':16} {self.memorisation:.3f}   ({meaning})")
        features = f"{self.extractor} v{self.extractor_version} {self.extractor_digest[:8]}"
        out.append(f"{self.n} examples, features {features}")
        return out + ([f"Warning: {self.warning}"] if self.warning else [])

    def better_than(self, other: Verdict) -> bool:
        """Whether the Fréchet distance is lower.

        Raises ValueError unless both were made with the same extractor, n and reference: other figures do not compare.
        """
        for what in ("extractor", "extractor_version", "extractor_digest", "n", "reference"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise ValueError(
                    f"these verdicts do not compare: {what} is {mine!r} here and {theirs!r} there. "
                    "Judge both generators with the same Judge."
                )
        return self.frechet < other.frechet
