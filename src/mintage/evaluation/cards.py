"""Metric cards: one figure each, with all that is needed to believe it, and the evaluation that holds them together.

A figure without its sample count, its features, the figure of real data and its noise says nothing, and two figures
made differently do not compare. So a card carries them, and `Setting.unlike` says what stands between two evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from mintage.evaluation.catalogue import MEASURES
from mintage.evaluation.gate import Gate
from mintage.evaluation.measure import Measure
from mintage.evaluation.wording import number, p_text, table

FORMAT = 1
LEVEL = 0.05
SAME = ("extractor", "extractor_version", "extractor_digest", "reference", "train", "n", "blocks")


@dataclass(frozen=True)
class Setting:
    """What all cards of an evaluation share."""

    samples: str  # what was judged, in words
    against: str  # the real examples, in words
    n: int
    blocks: int
    extractor: str
    extractor_version: str
    extractor_digest: str
    preparation: str
    reference: str  # digest of the real examples and of their order
    train: str = ""  # digest of the training examples; empty where none were given
    seed: int = 0
    mintage: str = ""
    torch: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def unlike(self, other: Setting) -> list[str]:
        """What keeps figures of the two from being compared; empty where they compare."""
        return [f"{name.replace('_', ' ')} is {mine!r} here and {theirs!r} there" for name in SAME
                if (mine := getattr(self, name)) != (theirs := getattr(other, name))]

    @property
    def features(self) -> str:
        """The extractor, in one word and its version and digest."""
        return f"{self.extractor} v{self.extractor_version} ({self.extractor_digest[:12]})"


@dataclass(frozen=True)
class Card:
    """One figure of n samples against n real examples.

    `low` to `high` holds the figure's expectation at this n with 95 % confidence, from the deviation `spread` between
    disjoint blocks of samples and real examples. `floor` is the same measure with real data in the samples' place, at
    `floor_n`; `p_real` the p-value of "the samples score as real data do" (blocks against blocks, paired), corrected
    for all measures of the evaluation together.
    """

    measure: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    floor: float | None = None
    floor_n: int | None = None
    p_real: float | None = None
    against_train: float | None = None
    block_size: int = 0
    at_blocks: tuple[float, ...] = ()  # the figure of each block: what comparisons are made of
    floor_at_blocks: tuple[float, ...] = ()
    least: int = 0  # fewer examples than this are too few for the measure
    detail: str = ""  # what the figure is made of
    trouble: str = ""  # why there is no interval, where a block was too small for the measure

    @property
    def about(self) -> Measure:
        return MEASURES[self.measure]

    @property
    def warning(self) -> str:
        """What is to be said against the figure; empty where nothing is."""
        few = [] if self.n >= self.least else [f"n = {self.n:,} is small: {self.least:,} or more are wanted"]
        return "; ".join(few + ([self.trouble] if self.trouble else []))

    @property
    def reading(self) -> str:
        """What the figure says beside that of real data, in a few words."""
        if math.isnan(self.value):
            return "cannot be measured"
        if self.low is not None and self.p_real is None and self.floor is not None:
            return "holds the figure of real data" if self.low <= self.floor <= (self.high or 0) else "does not hold it"
        if self.p_real is None or self.floor is None:
            return "no interval: too few examples"
        if self.p_real >= LEVEL:
            return "no difference shown at this n" if self.warning else "cannot be told from real data"
        above = self.value > self.floor
        if self.at_blocks and above != (sum(self.at_blocks) > sum(self.floor_at_blocks)):
            return f"differs from real data in blocks of {self.block_size:,}"
        worse = {"lower": above, "higher": not above}.get(self.about.better)
        return {True: "worse than real data", False: "beyond real data",
                None: "above real data" if above else "below real data"}[worse]

    def line(self) -> str:
        """The figure in one line."""
        interval = "" if self.low is None else f"[{number(self.low)}, {number(self.high)}]"
        floor = number(self.floor) + (f" (n {self.floor_n:,})" if self.floor_n not in (self.n, None) else "")
        return f"{self.about.title:38} {number(self.value):>9} {interval:20} {floor:18} {self.reading}"


@dataclass(frozen=True)
class Evaluation:
    """Cards with their common setting. Figures that belong to no sample set stand in `facts`."""

    setting: Setting
    cards: tuple[Card, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, measure: str) -> Card:
        """The card of a measure; KeyError with the measures there are."""
        found = next((card for card in self.cards if card.measure == measure), None)
        if found is None:
            raise KeyError(f"{measure} was not measured; there are: {', '.join(c.measure for c in self.cards)}")
        return found

    def __contains__(self, measure: str) -> bool:
        return any(card.measure == measure for card in self.cards)

    def lines(self) -> list[str]:
        """The evaluation for reading in a terminal."""
        s = self.setting
        head = [f"{s.n:,} samples of {s.samples}", f"against {s.n:,} of {s.against}", f"features {s.features}", "",
                f"{'':38} {'samples':>9} {'95 % interval':20} {'real data':18}"]
        release = [] if self.gate is None else ["", *self.gate.lines()]
        return head + [card.line() for card in self.cards] + self.remarks() + release

    def leading(self, measures: Iterable[str] = ()) -> list[str]:
        """The figures that matter most, each in a plain line with that of real data, and whether it may be released."""
        wanted = set(measures) or {card.measure for card in self.cards}
        lines = [f"{card.about.title} {number(card.value)} (real data {number(card.floor)}): {card.reading}"
                 for card in self.cards if card.measure in wanted]
        s = self.setting
        return [*lines, f"{s.n:,} samples against {s.n:,} examples that were not trained on, features {s.features}",
                *([] if self.gate is None else self.gate.lines()[:1])]

    def remarks(self) -> list[str]:
        """Which figures rest on too few examples, what else stands in their way, and notes, in sentences."""
        s = self.setting
        few = [f"{card.about.title} ({card.least:,})" for card in self.cards if card.n < card.least]
        said = [f"n = {s.n:,} is small for {', '.join(few)}"] if few else []
        said += [f"{card.about.title}: {card.trouble}" for card in self.cards if card.trouble]
        return [*said, *s.notes]

    @property
    def gate(self) -> Gate | None:
        """Whether the generator may be released; None where the training examples were not known."""
        return Gate.from_json(self.facts["gate"]) if "gate" in self.facts else None

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps; figures that are not finite become null."""
        body = {"format": FORMAT, "setting": asdict(self.setting), "cards": [asdict(card) for card in self.cards],
                "facts": self.facts}
        return finite(body)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Evaluation:
        """The inverse of `to_json`.

        Raises:
            ValueError: not an evaluation, or one of a newer format.
        """
        try:
            if body["format"] > FORMAT:
                raise ValueError(f"an evaluation of format {body['format']}; this one reads up to {FORMAT}: upgrade")
            setting = Setting(**{**body["setting"], "notes": tuple(body["setting"]["notes"])})
            cards = tuple(Card(**{**card, "value": _number(card["value"]),
                                  "at_blocks": tuple(map(_number, card["at_blocks"])),
                                  "floor_at_blocks": tuple(map(_number, card["floor_at_blocks"]))})
                          for card in body["cards"])
            return cls(setting, cards, body["facts"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an evaluation written by mintage ({error})") from None

    def markdown(self) -> str:
        """A page: the table of figures, then a metric card for each."""
        s = self.setting
        rows = [_row(card) for card in self.cards]
        notes = "".join(f"- {note}\n" for note in self.remarks())
        return (f"# Evaluation\n\n{s.n:,} samples of {s.samples}, against {s.n:,} of {s.against}.\n\n"
                + table(("measure", "samples", "95 % interval", "real data", "p", "against train", "reading"), rows)
                + (f"\n{notes}" if notes else "")
                + "\n*Real data* is what other real examples score in the samples' place; *p* the probability of so "
                  "large a difference from them by chance.\n\n" + self._release() + "## Metric cards\n\n"
                + "\n".join(card_text(card, s) for card in self.cards))

    def _release(self) -> str:
        if self.gate is None:
            return ""
        first, *rest = self.gate.lines()
        return f"## {first}\n\n" + "".join(f"- {line}\n" for line in rest) + "\n"


def card_text(card: Card, s: Setting) -> str:
    """The metric card of one figure, in Markdown."""
    about, floor = card.about, "not measured" if card.floor is None else f"{number(card.floor)} at n {card.floor_n:,}"
    spread = "too few examples" if card.spread is None else (f"{number(card.spread)} over {len(card.at_blocks)} blocks "
                                                             f"of {card.block_size:,}")
    rows = [("value", number(card.value)), ("says", about.says), ("better", about.better), ("n", f"{card.n:,}"),
            ("needs", f"n of {card.least:,} or more" if not card.warning else card.warning),
            *([("made of", card.detail)] if card.detail else []),
            ("95 % interval", "none" if card.low is None else f"{number(card.low)} to {number(card.high)}"),
            ("spread", spread), ("real data", floor),
            ("features", s.features), ("preparation", s.preparation), ("samples", s.samples),
            ("against", f"{s.against}, digest {s.reference}"), ("source", f"`{about.source}`"),
            ("made by", f"mintage {s.mintage}, torch {s.torch}, seed {s.seed}")]
    return f"### {about.title}\n\n" + table(("", ""), rows)


def _row(card: Card) -> tuple[str, ...]:
    interval = "" if card.low is None else f"{number(card.low)} to {number(card.high)}"
    floor = "" if card.floor is None else number(card.floor) + (f" (n {card.floor_n:,})" if card.floor_n != card.n
                                                                else "")
    return (card.about.title, number(card.value), interval, floor, "" if card.p_real is None else p_text(card.p_real),
            "" if card.against_train is None else number(card.against_train), card.reading)


def _number(x: float | None) -> float:
    return math.nan if x is None else x


def finite(value: Any) -> Any:
    """The same, with null for numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value
