"""`mintage systems [NAME]`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mintage.systems import SYSTEMS, find
from mintage.systems.options import Option, options


def systems(name: str | None = None, /, *, stabilisers: bool = False) -> None:
    """List the systems, or show one: what it is, its sources, its options.

    Parameters
    ----------
    name
        A system; with --stabilisers, a stabiliser.
    stabilisers
        List the stabilisers that a system can be given (--stabilise), or show one.
    """
    if stabilisers:
        show_stabilisers(name)
        return
    if name is None:
        for key, text in SYSTEMS.items():
            print(f"{key:10} {text}")
        return
    print(inspect.cleandoc(find(name).__doc__ or ""))
    print("\nOptions:")
    show(options(name))


def show_stabilisers(name: str | None) -> None:
    """All stabilisers in a line each, or one with its settings."""
    from mintage.systems.stabilisers import STABILISERS, settings_of

    if name is None:
        for key, row in STABILISERS.items():
            print(f"{key:25} {row.about}; for {row.games}")
        return
    settings = settings_of(name)
    print(inspect.cleandoc(STABILISERS[name].apply.__doc__ or ""))
    print(f"\nSettings, as --stabilise {name}:NAME=VALUE:" if settings else "\nIt has no settings.")
    show(settings)


def show(found: dict[str, Option]) -> None:
    """Options with what may be given, their defaults and what they are for."""
    for option in found.values():
        print(f"  --{option.name.replace('_', '-')}  {option.allowed}; default {option.default}")
        print(f"      {option.help}")


def command(arguments: list[str]) -> Callable[..., None]:
    """The function of this verb."""
    return systems
