"""`mintage report RUN`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.runs.events import write_events
from mintage.runs.folder import Run
from mintage.runs.report import write_report


def report(run: Path, /, *, events: bool = False) -> None:
    """Write the report of a run again, from what its folder holds now.

    Parameters
    ----------
    run
        The folder of the run.
    events
        Also write the log as TensorBoard events, into events/ of the run.
    """
    opened = Run.open(run)
    if events:
        print(f"events: {write_events(opened)}")
    write_report(opened)
    print(f"report: {opened.report}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return report
