"""`mintage resume RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.runs.console import Console
from mintage.runs.folder import Run
from mintage.runs.training import carry_on


def resume(run: Path, /, *, quiet: bool = False) -> None:
    """Go on with a run that was stopped, from its newest valid checkpoint. It ends as if it had never been stopped.

    Parameters
    ----------
    run
        The folder of the run.
    quiet
        Say nothing but warnings.
    """
    carry_on(Run.open(run), Console(quiet=quiet))


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return resume
