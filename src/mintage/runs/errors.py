"""What a person can put right about a run: said in one sentence, with the remedy."""

from __future__ import annotations


class RunError(ValueError):
    """A run that cannot be begun, continued or read, for a reason its user can mend."""


class Interrupted(Exception):
    """Play was stopped by a signal, after the round was finished and saved. `code` is the exit status."""

    def __init__(self, code: int) -> None:
        super().__init__(f"stopped by signal {code - 128}")
        self.code = code
