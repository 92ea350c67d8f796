"""A judge: scores a sampler against held-out real examples, and says what a perfect generator would have scored.

Notation: `train` is what the generator learnt from, `held_out` what it never saw. The reference is n held-out examples;
the floor lets n training examples play the generator; the bank is the training examples in which copies are looked for.
Reference, floor and bank are computed once, on first use.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.evaluation.features.extractors import Extractor, extractor_for
from mintage.evaluation.measures.frechet import Moments, frechet_distance
from mintage.evaluation.measures.neighbours import (
    Neighbourhoods,
    copying,
    nearest,
    precision_recall_density_coverage,
    radii,
)
from mintage.evaluation.verdict import Verdict

if TYPE_CHECKING:
    from mintage.data.examples import Examples

Sample = Callable[[int], Tensor]
DRAW = 256  # examples asked of a sampler at once
ENOUGH = 2048
BLOCKS, DIMENSIONS = 8, 512


@dataclass(frozen=True)
class Reference:
    """Features and moments of the held-out examples, the bank's features, and the floor."""

    held_out: Tensor  # [n, d]
    moments: Moments
    radii: Tensor  # [n]
    bank: Tensor  # [b, d]
    to_bank: Tensor  # [n], from each held-out example to its nearest in the bank
    floor: Neighbourhoods
    floor_frechet: float


class Judge:
    """Scores samplers; every verdict of one Judge compares with every other of it.

    `train(indices)` and `held_out(indices)` return real examples for int64 indices; `sizes` says how many each has.
    n is cut to what both sets hold, with a warning in the verdict. `bank` bounds the cost of looking for copies:
    a larger training set is searched in part, and a copy of an example outside the bank goes unseen.
    """

    def __init__(
        self,
        train: Callable[[Tensor], Tensor],
        held_out: Callable[[Tensor], Tensor],
        extractor: Extractor,
        *,
        sizes: tuple[int, int],
        n: int = ENOUGH,
        bank: int = 4096,
        k: int = 5,
        seed: int = 0,
        source: str = "",
    ) -> None:
        if n < 1 or k < 1 or bank < 1:
            raise ValueError(f"Judge: n is {n}, k is {k}, bank is {bank}; all must be 1 or more.")
        self.n = min(n, *sizes)
        if self.n <= k:
            raise ValueError(
                f"Judge: n is {n} with {sizes[0]} training and {sizes[1]} held-out examples, so {self.n} of each can "
                f"be compared; k = {k} neighbours need at least {k + 1}. Hold out more examples, or use a smaller k."
            )
        self.train, self.held_out, self.extractor = train, held_out, extractor
        self.sizes, self.asked, self.bank, self.k, self.seed, self.source = sizes, n, bank, k, seed, source

    @classmethod
    def of(
        cls,
        train: Examples,
        held_out: Examples,
        n: int = ENOUGH,
        device: torch.device | str | None = None,
        *,
        extractor: Extractor | None = None,
        bank: int = 4096,
        seed: int = 0,
    ) -> Judge:
        """A judge for real examples, on `device` if given; the extractor is the usual one for their kind of data."""
        if train.spec.shape != held_out.spec.shape:
            raise ValueError(
                f"Judge: training examples have shape {train.spec.shape}, held-out ones {held_out.spec.shape}; "
                "open both at the same resolution and with the same channels."
            )
        if device is not None:
            train, held_out = train.to(device), held_out.to(device)
        return cls(
            lambda i: train.gather(i).x,
            lambda i: held_out.gather(i).x,
            extractor or extractor_for(train.spec),
            sizes=(len(train), len(held_out)),
            n=n,
            bank=bank,
            seed=seed,
            source=f"{train.fingerprint} {held_out.fingerprint}",
        )

    def judge(self, sample: Sample) -> Verdict:
        """Draws n examples from `sample(count) -> [count, ...]`, in the training examples' units, and scores them.

        Raises ValueError for samples of another count or with values not finite.
        """
        start, ready = time.perf_counter(), self.reference
        fake = self._features(sample, self.n)
        shares = precision_recall_density_coverage(ready.held_out, fake, self.k, real_radii=ready.radii)
        return Verdict(
            frechet=frechet_distance(ready.moments, fake),
            frechet_floor=ready.floor_frechet,
            **shares._asdict(),
            **{f"{name}_floor": value for name, value in ready.floor._asdict().items()},
            memorisation=copying(nearest(fake, ready.bank)[0], ready.to_bank).ratio,
            n=self.n,
            reference=self._reference_digest(),
            extractor=self.extractor.name,
            extractor_version=self.extractor.version,
            extractor_digest=self.extractor.digest,
            seconds=time.perf_counter() - start,
            warning=self._warning(),
            frechet_error=self._error(ready.held_out, fake),
        )

    def _error(self, real: Tensor, fake: Tensor) -> float | None:
        """The standard error of the Fréchet distance (jackknife over blocks); None where it would take too long."""
        if self.extractor.dim > DIMENSIONS or self.n < 2 * BLOCKS:
            return None
        place = torch.arange(self.n, device=real.device) * BLOCKS // self.n
        less = [frechet_distance(real[place != k], fake[place != k]) for k in range(BLOCKS)]
        return float(torch.tensor(less, dtype=torch.float64).std(correction=0)) * (BLOCKS - 1) ** 0.5

    @cached_property
    def reference(self) -> Reference:
        """What every verdict is measured by, computed at the first use."""
        g = torch.Generator().manual_seed(self.seed)
        seen, unseen = (torch.randperm(size, generator=g) for size in self.sizes)
        held_out = self._features(_in_order(self.held_out, unseen), self.n)
        train = self._features(_in_order(self.train, seen), max(self.n, min(self.bank, self.sizes[0])))
        around = radii(held_out, self.k)
        moments = Moments.of(held_out)
        return Reference(
            held_out=held_out,
            moments=moments,
            radii=around,
            bank=train[: self.bank],
            to_bank=nearest(held_out, train[: self.bank])[0],
            floor=precision_recall_density_coverage(held_out, train[: self.n], self.k, real_radii=around),
            floor_frechet=frechet_distance(moments, train[: self.n]),
        )

    def _features(self, sample: Sample, n: int) -> Tensor:
        parts = []
        for start in range(0, n, DRAW):
            count = min(DRAW, n - start)
            with torch.no_grad():
                x = sample(count)
            if len(x) != count:
                raise ValueError(f"Judge asked the sampler for {count} examples and received {len(x)}.")
            parts.append(self.extractor(x))
        features = torch.cat(parts)
        if not bool(torch.isfinite(features).all()):
            bad = int((~torch.isfinite(features)).any(1).sum())
            raise ValueError(
                f"{bad} of {n} examples have features that are not finite: the sampler returns NaN or inf."
            )
        return features

    def _reference_digest(self) -> str:
        text = f"{self.source} {self.sizes} {self.n} {self.bank} {self.k} {self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _warning(self) -> str:
        said = []
        if self.n < self.asked:
            said.append(f"only {self.n} could be compared ({self.sizes[0]} for training, {self.sizes[1]} held out)")
        if self.n <= self.extractor.dim:
            said.append(f"n = {self.n} is not above the {self.extractor.dim} features: covariances lack full rank")
        elif self.n < ENOUGH and self.extractor.dim > 16:
            said.append(f"n = {self.n} is small: the Fréchet distance is biased upwards; read it beside its floor")
        return "; ".join(said)


def _in_order(gather: Callable[[Tensor], Tensor], order: Tensor) -> Sample:
    """A sampler that returns real examples in the given order, each once."""
    place = 0

    def sample(count: int) -> Tensor:
        nonlocal place
        place += count
        return gather(order[place - count : place])

    return sample
