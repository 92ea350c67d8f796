"""The options of a system are the keyword-only arguments of its function: names, types, bounds, defaults and help.

The command line, the saved settings and the checks all read them from the signature; there is no second list.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from mintage.systems import SettingError, find


@dataclass(frozen=True)
class Bound:
    """The values a number may take: `low` to `high`, ends included unless `open`."""

    low: float = -math.inf
    high: float = math.inf
    open: bool = False

    def holds(self, value: float) -> bool:
        return self.low < value < self.high if self.open else self.low <= value <= self.high

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"{'above' if self.open else 'at least'} {self.low:g}"
        return f"between {self.low:g} and {self.high:g}{', ends not included' if self.open else ''}"


Positive = Annotated[float, Bound(0, open=True)]
NotNegative = Annotated[float, Bound(0)]
Share = Annotated[float, Bound(0, 1)]
Decay = Annotated[float, Bound(0, 0.999999)]
Count = Annotated[int, Bound(1, 1_000_000)]


@dataclass(frozen=True)
class Option:
    """One option of a system."""

    name: str
    type: Any
    default: Any
    help: str
    bound: Bound | None = None

    @property
    def parts(self) -> tuple[Any, ...]:
        """The members of a union, or the type itself."""
        return (self.type,) if get_origin(self.type) in (None, Literal) else get_args(self.type)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a Literal; () for other types."""
        return next((get_args(part) for part in self.parts if get_origin(part) is Literal), ())

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return "one of " + ", ".join(str(value) for value in self.choices)
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "words"}
        text = " or ".join(words.get(part, str(part)) for part in self.parts if part is not type(None))
        return f"{text} {self.bound}" if self.bound else text

    def check(self, value: Any) -> Any:
        """The value in the option's type.

        Raises:
            SettingError: of another type, or out of bounds.
        """
        if (value is None and type(None) in self.parts) or value in self.choices:
            return value
        if self.choices:
            near = get_close_matches(str(value), [str(choice) for choice in self.choices], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SettingError(f"{self.name} is {value!r} and may be {self.allowed}{hint}")
        if not self._fits(value):
            raise SettingError(f"{self.name} is {value!r} and may be {self.allowed}")
        return float(value) if float in self.parts else value

    def _fits(self, value: Any) -> bool:
        if bool in self.parts or isinstance(value, bool):
            return isinstance(value, bool) and bool in self.parts
        kinds = (int, float) if float in self.parts else tuple(part for part in self.parts if part is not type(None))
        if not isinstance(value, kinds):
            return False
        return isinstance(value, str) or math.isfinite(value) and (self.bound is None or self.bound.holds(value))


@dataclass(frozen=True)
class Stabilisers(Option):
    """The option that every system has: names of stabilisers, with their settings."""

    @property
    def allowed(self) -> str:
        return "names joined by commas, each with settings as NAME:KEY=VALUE; see mintage systems --stabilisers"

    def check(self, value: Any) -> Any:
        if not value:
            return ""
        from mintage.systems.stabilisers import written

        return written(value)


STABILISE = Stabilisers("stabilise", str, "", "Stabilisers to add, as label-smoothing,diffaug:p=0.5.")


def options(system: str) -> dict[str, Option]:
    """The options of a system by name, in the order of its signature, and the one that all have."""
    return {**options_of(find(system)), STABILISE.name: STABILISE}


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The keyword-only arguments of a function by name, in order."""
    hints = get_type_hints(function, include_extras=True)
    helps = _helps(function)
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            kind, bound = _plain(hints[name])
            found[name] = Option(name, kind, parameter.default, helps.get(name, ""), bound)
    return found


def check(system: str, given: dict[str, Any]) -> dict[str, Any]:
    """All options of a system, those given checked and the others at their defaults.

    Raises:
        SettingError: an option the system does not have (the nearest is named) or a value it cannot take.
    """
    known = options(system)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise SettingError(f"{system} has no option {name!r}. {hint}It has: {', '.join(known) or 'none'}")
    return {name: option.check(given[name]) if name in given else option.default for name, option in known.items()}


def _plain(hint: Any) -> tuple[Any, Bound | None]:
    """A type without its annotation, and the bound it carried, wherever in a union it stood."""
    if get_origin(hint) is Annotated:
        kind, *extras = get_args(hint)
        return kind, next((extra for extra in extras if isinstance(extra, Bound)), None)
    parts = get_args(hint)
    if parts and get_origin(hint) is not Literal:
        plain = [_plain(part) for part in parts]
        union = plain[0][0]
        for kind, _ in plain[1:]:
            union = union | kind
        return union, next((bound for _, bound in plain if bound), None)
    return hint, None


def _helps(function: Callable[..., Any]) -> dict[str, str]:
    from docstring_parser import parse

    return {item.arg_name: (item.description or "").replace("\n", " ") for item in parse(function.__doc__ or "").params}
