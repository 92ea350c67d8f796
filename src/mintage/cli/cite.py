"""`mintage cite [SYSTEM]`."""

from __future__ import annotations

from collections.abc import Callable

from mintage import citing
from mintage.systems import SYSTEMS


def cite(system: str | None = None, /) -> None:
    """Print the BibTeX of a system: its own paper, then that of every part it is composed of.

    A comment above each entry says which parts ask for it. Without a system: how to cite mintage itself.

    Parameters
    ----------
    system
        A system, as for `mintage train --system`.
    """
    if system is None:
        print(f"% mintage itself; `mintage cite SYSTEM` adds the papers of a system: {', '.join(SYSTEMS)}\n")
        print(citing.mintage())
        return
    asked = citing.asked_by(system)
    print("\n\n".join(f"% {', '.join(names)}\n{citing.entries()[key].bibtex}" for key, names in asked.items()))


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return cite
