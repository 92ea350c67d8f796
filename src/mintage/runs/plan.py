"""The plan of a run: its budget in examples, and the marks at which it logs, draws, judges and saves.

All marks are on the clock of examples and are fixed before the first round, so that a run that was interrupted a
dozen times writes the same lines and the same pictures as one that was not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FILM = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075)


@dataclass(frozen=True)
class Plan:
    """`budget` examples; film frames and judgements at these examples; a save each `save` examples, a log line each
    `log` rounds."""

    budget: int
    film: tuple[int, ...]
    judge: tuple[int, ...]
    save: int
    log: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Plan:
        return cls(saved["budget"], tuple(saved["film"]), tuple(saved["judge"]), saved["save"], saved["log"])


def make_plan(budget: int, batch: int, *, judgements: int = 10, saves: int = 20) -> Plan:
    """Marks for a budget of examples, given the examples of a round.

    The film is dense at the start, where most happens, then every twentieth of the budget; and it holds the lectures'
    rounds 100, 1 000 and 10 000 where the run reaches them.
    """
    last = max(budget, batch)
    fractions = {*FILM, *(k / 20 for k in range(2, 21))}
    film = {int(fraction * last) for fraction in fractions}
    film |= {rounds * batch for rounds in (100, 1_000, 10_000) if rounds * batch < last}
    judge = {int(last * k / judgements) for k in range(1, judgements + 1)}
    rounds = max(1, -(-last // batch))
    return Plan(budget=last, film=tuple(sorted(film)), judge=tuple(sorted(judge)),
                save=max(batch, last // saves), log=max(1, rounds // 400))


def crossed(marks: tuple[int, ...], before: int, after: int) -> bool:
    """Whether a round that took the clock from `before` to `after` passed one of the marks."""
    return any(before < mark <= after for mark in marks)
