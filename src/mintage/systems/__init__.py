"""Systems: one file per named system, each a function that returns a `Game`.

`SYSTEMS` is the list of their names, which are also the names of their files, of their functions and of the command
line's `--system`. A new system is a new file and a new row here.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

SYSTEMS: dict[str, str] = {
    "r3gan": "the modern baseline: paired relativistic loss, R1 and R2, norm-free residual networks (default)",
    "dcgan": "deep convolutional GAN: strided convolutions and batch norm, non-saturating loss",
    "gan": "the first one: Algorithm 1 of 2014, multilayer perceptrons",
}


class SettingError(ValueError):
    """A system or a setting that does not exist or cannot be."""


def find(name: str) -> Callable[..., Any]:
    """The function of a system.

    Raises:
        SettingError: no system of this name; the nearest is named.
    """
    if name not in SYSTEMS:
        near = get_close_matches(name.lower().replace("-", "_"), SYSTEMS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise SettingError(f"there is no system {name!r}. {hint}There are: {', '.join(SYSTEMS)}")
    return getattr(import_module(f"mintage.systems.{name}"), name)
