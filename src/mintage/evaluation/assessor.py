"""An assessor: real examples seen once through one extractor, against which any number of samplers are evaluated.

Every evaluation of one assessor compares with every other of it: the same real examples in the same order and blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mintage.evaluation.assess import assess, blocks_of, with_near
from mintage.evaluation.cards import Evaluation, Setting
from mintage.evaluation.catalogue import FAMILIES
from mintage.evaluation.class_families import class_families
from mintage.evaluation.features.extractors import Extractor, extractor_for
from mintage.evaluation.gate import Gate, gate_of
from mintage.evaluation.measure import Family
from mintage.evaluation.sides import Side, see

if TYPE_CHECKING:
    from mintage.data.examples import Examples

Draw = Callable[[int], tuple[Tensor, Tensor | None]]
MOST = 10_000
BANK = 60_000  # training examples among which copies are looked for
NUMBERS = 1 << 26  # held as their features


class Assessor:
    """Evaluates samples against real examples that the generator never saw and, where known, those it learnt from.

    Args:
        real, train: sides of n and of n or more examples.
        others: n or more further held-out examples, where there are so many; they show what real data score.
        against: the real examples in words; fingerprints: what they and the training examples are, exactly.
        shape: of an example; samples of another are refused.
        learnt: how many training examples there are in all, of which `train` may be a part.
        families: the measures; all that fit, by default.

    Raises:
        ValueError: fewer than two real examples.
    """

    def __init__(self, real: Side, train: Side | None, extractor: Extractor, *, against: str,
                 fingerprints: tuple[str, str], shape: tuple[int, ...] = (), others: Side | None = None,
                 learnt: int = 0, families: Sequence[Family] = FAMILIES, device: torch.device | str = "cpu",
                 notes: Sequence[str] = ()) -> None:
        if len(real) < 2:
            raise ValueError(f"{len(real)} real examples to compare with; at least 2 are needed")
        self.bank = None if train is None else train.features[: bank_of(extractor)]
        self.real = real if self.bank is None else with_near(real, self.bank)
        self.others = others if self.bank is None or others is None else with_near(others, self.bank)
        self.train, self.extractor, self.families = train, extractor, tuple(families)
        self.against, self.fingerprints, self.shape = against, fingerprints, shape
        self.device, self.notes = torch.device(device), tuple(notes)
        self.learnt = max(learnt, 0 if self.bank is None else len(self.bank))

    @property
    def n(self) -> int:
        """How many samples are wanted."""
        return len(self.real)

    @classmethod
    def of(cls, real: Examples, train: Examples | None = None, extractor: Extractor | None = None, *, n: int = MOST,
           seed: int = 0, bank: int = BANK, families: Sequence[Family] = FAMILIES, device: torch.device | str = "cpu",
           notes: Sequence[str] = ()) -> Assessor:
        """For real examples, taken in an order that depends on the seed; n is cut to what there is, with a note.

        Raises:
            ValueError: examples of two shapes, or fewer than two.
        """
        if train is not None and train.spec.shape != real.spec.shape:
            raise ValueError(f"training examples have shape {train.spec.shape}, held-out ones {real.spec.shape}; "
                             "open both at the same resolution and with the same channels")
        extractor = extractor or extractor_for(real.spec)
        most = min(n, len(real), n if train is None else len(train))
        if most < n:
            notes = (*notes, f"{most:,} instead of {n:,}: there are {len(real):,} real examples to compare with"
                     + ("" if train is None else f" and {len(train):,} training examples"))
        draw = in_turn(real.to(device), seed)
        sides = [see(draw, most, extractor)]
        others = see(draw, most, extractor) if len(real) >= 2 * most else None
        if train is not None:
            known = min(len(train), max(min(bank, bank_of(extractor)), most))
            sides.append(see(in_turn(train.to(device), seed), known, extractor))
            families = (*families, *class_families(sides[1], len(train.spec.labels)))
        prints = (f"{real.fingerprint} {seed}", "" if train is None else train.fingerprint)
        return cls(sides[0], sides[1] if train is not None else None, extractor, against=f"{real.name} ({len(real):,})",
                   fingerprints=prints, shape=tuple(real.spec.shape), others=others,
                   learnt=0 if train is None else len(train), families=families, device=device, notes=notes)

    def assess(self, draw: Draw, samples: str, *, seed: int = 0, notes: Sequence[str] = (),
               most: int | None = None) -> Evaluation:
        """The evaluation of `draw(count) -> (x, labels or None)`; `samples` says in words what they are.

        `most` is how many there are, where that is limited.

        Raises:
            ValueError: samples of another count or shape than asked for, or not finite.
        """
        began = time.perf_counter()
        fake = see(self._checked(draw), min(self.n, most or self.n), self.extractor)
        return self.of_side(fake, samples, seed=seed, notes=notes, began=began)

    def of_side(self, fake: Side, samples: str, *, seed: int = 0, notes: Sequence[str] = (),
                began: float | None = None) -> Evaluation:
        """The evaluation of samples seen before."""
        began = time.perf_counter() if began is None else began
        fake = fake.take(slice(self.n))
        if self.bank is not None:
            fake = with_near(fake, self.bank)
        cards = assess(self.real, fake, self.train, others=self.others, families=self.families)
        facts = {} if self.bank is None else {"gate": self.gate(fake).to_json()}
        return Evaluation(self._setting(samples, len(fake), seed, (*self.notes, *notes),
                                        time.perf_counter() - began), cards, facts)

    def gate(self, fake: Side) -> Gate:
        """Whether the samples may be released, by what they copied and repeat.

        Raises:
            ValueError: the training examples are not known.
        """
        if self.bank is None or self.train is None:
            raise ValueError("copies are looked for among training examples; give them")
        pairs = [None if side.near is None or side.near_row is None else (side.near, side.near_row)
                 for side in (fake, self.real)]
        return gate_of(fake.features, self.real.features, self.bank, sampled=pairs[0], unseen=pairs[1],
                       searched=len(self.bank) / self.learnt)

    def _checked(self, draw: Draw) -> Draw:
        def checked(count: int) -> tuple[Tensor, Tensor | None]:
            x, y = draw(count)
            if self.shape and tuple(x.shape[1:]) != self.shape:
                raise ValueError(f"samples have shape {tuple(x.shape[1:])} and real examples {self.shape}; bring "
                                 "them to one size and the same channels")
            return x.to(self.device), y

        return checked

    def _setting(self, samples: str, n: int, seed: int, notes: tuple[str, ...], seconds: float) -> Setting:
        from mintage import __version__

        made = self.extractor
        text = f"{self.fingerprints[0]} {n}"
        known = "" if self.bank is None else f"{self.fingerprints[1][:16]} bank {len(self.bank)}"
        return Setting(samples, self.against, n, blocks_of(n), made.name, made.version, made.digest, made.preparation,
                       sha256(text.encode()).hexdigest()[:16], known, seed, __version__, torch.__version__,
                       round(seconds, 1), notes)


def bank_of(extractor: Extractor) -> int:
    """Among how many training examples copies are looked for."""
    return min(BANK, NUMBERS // extractor.dim)


def order_of(examples: Examples, seed: int = 0) -> Tensor:
    """The order in which an assessor takes them."""
    return torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))


def in_turn(examples: Examples, seed: int = 0) -> Draw:
    """Examples as a sampler: each once, in an order that depends on the seed, with its label."""
    order = order_of(examples, seed)
    place = 0

    def draw(count: int) -> tuple[Tensor, Tensor | None]:
        nonlocal place
        place += count
        x, y, _ = examples.gather(order[place - count : place])
        return x, y

    return draw
