"""`mintage inspect DATA`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mintage.cli.train import resolution_of
from mintage.data import Fit, contact_sheet, look, open_data


def inspect(data: str, /, *, resolution: str | None = None, fit: Fit = "crop",
            channels: int | None = None, sheet: Path = Path("contact-sheet.png"), n: int = 100) -> None:
    """A first look at data: how many, which shapes and labels, duplicates, broken files; and a contact sheet.

    Parameters
    ----------
    data
        As for `mintage train`.
    resolution
        As for `mintage train`.
    fit
        As for `mintage train`.
    channels
        As for `mintage train`.
    sheet
        Where the contact sheet goes.
    n
        Examples on the contact sheet.
    """
    examples = open_data(data, resolution=resolution_of(resolution), fit=fit, channels=channels)
    for line in look(examples).lines():
        print(line)
    contact_sheet(examples, n, seed=0).save(sheet)
    print(f"contact sheet: {sheet}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return inspect
