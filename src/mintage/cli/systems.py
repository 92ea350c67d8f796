"""`mintage systems [NAME]`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mintage.systems import SYSTEMS, find
from mintage.systems.options import options


def systems(name: str | None = None, /) -> None:
    """List the systems, or show one: what it is, its sources, its options.

    Parameters
    ----------
    name
        A system.
    """
    if name is None:
        for key, text in SYSTEMS.items():
            print(f"{key:10} {text}")
        return
    print(inspect.cleandoc(find(name).__doc__ or ""))
    print("\nOptions:")
    for option in options(name).values():
        print(f"  --{option.name.replace('_', '-')}  {option.allowed}; default {option.default}")
        print(f"      {option.help}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return systems
