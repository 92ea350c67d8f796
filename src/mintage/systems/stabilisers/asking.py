"""Stabilisers as they are asked for: names, and settings where wanted, in one line.

    label-smoothing,diffaug:policy=colour+translation:p=0.5

or, in Python, {"label-smoothing": {}, "diffaug": {"policy": "colour+translation", "p": 0.5}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mintage.systems.options import Option, SettingError, options_of
from mintage.systems.stabilisers.catalogue import STABILISERS

Wanted = str | Mapping[str, Mapping[str, Any]]


def settings_of(name: str) -> dict[str, Option]:
    """The settings of a stabiliser by name.

    Raises:
        SettingError: no stabiliser of this name; the nearest is named.
    """
    if name not in STABILISERS:
        near = get_close_matches(name.lower().replace("_", "-"), STABILISERS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise SettingError(f"there is no stabiliser {name!r}. {hint}There are: {', '.join(STABILISERS)}")
    return options_of(STABILISERS[name].apply)


def parsed(wanted: Wanted) -> dict[str, dict[str, Any]]:
    """{name: settings given}, checked, in the catalogue's order.

    Raises:
        SettingError: an unknown name or setting, a value it cannot take, or a name that is given twice.
    """
    asked = _read(wanted) if isinstance(wanted, str) else [(name, dict(given)) for name, given in wanted.items()]
    found: dict[str, dict[str, Any]] = {}
    for name, given in asked:
        known = settings_of(name)
        if name in found:
            raise SettingError(f"the stabiliser {name!r} is asked for twice; name it once")
        for key in given:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise SettingError(f"{name} has no setting {key!r}. {hint}It has: {', '.join(known) or 'none'}")
        found[name] = {key: known[key].check(_value(text, known[key])) for key, text in given.items()}
    return {name: found[name] for name in STABILISERS if name in found}


def written(wanted: Wanted) -> str:
    """The line that asks for the same, as settings keep it."""
    return ",".join(":".join([name, *(f"{key}={value}" for key, value in given.items())])
                    for name, given in parsed(wanted).items())


def _read(line: str) -> list[tuple[str, dict[str, str]]]:
    asked = []
    for part in filter(None, (text.strip() for text in line.split(","))):
        name, *pairs = part.split(":")
        for pair in pairs:
            if "=" not in pair:
                raise SettingError(f"{part!r} has {pair!r} where a setting stands; write {name}:NAME=VALUE")
        asked.append((name, dict(pair.split("=", 1) for pair in pairs)))
    return asked


def _value(text: Any, option: Option) -> Any:
    """A setting's text in the type the setting has, where it can be read as that."""
    if isinstance(text, str) and str not in option.parts and not option.choices:
        for kind in (int, float):
            if kind in option.parts:
                try:
                    return kind(text)
                except ValueError:
                    continue
    return text
