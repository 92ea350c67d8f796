"""The ideas that get a page: found in the rooms' exports, their catalogues and the lab's list, never listed by hand.

An idea of a base room is a function, a class or a value that its room exports. What a room exports only to describe
others (the type of its values, a function that is one side of an objective) has no page of its own. Of the game, rules,
controllers, schedules, projections and wrappers of objectives are ideas, and what names a paper; the machinery that
plays is not.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from mintage import citing
from mintage.lab import EXPERIMENTS
from mintage.objectives import Adversarial

ROOMS = ("objectives", "penalties", "game")
CATALOGUES = {"objectives": "ADVERSARIAL", "penalties": "PENALTIES"}
GAME_RETURNS = {"Schedule", "Rule", "Objective", "Controller", "Projection", "Callable[[nn.Module], None]"}
LAB = "lab"
FAMILIES = {"rule": "Rules", "controller": "Controllers", "schedule": "Schedules", "wrapper": "Wrappers of objectives",
            "projection": "Projections", "experiment": "Experiments", "part": "Other parts"}


@dataclass(frozen=True)
class Idea:
    """One page: what it is called in code and in the docs, the part itself, and where it stands."""

    code: str
    slug: str
    title: str
    part: Any
    imported: str
    home: ModuleType
    note: str = ""
    """A docstring that stands under a value in its module."""
    entry: Any = None
    """Its row in the room's catalogue."""
    row: str = ""

    @property
    def room(self) -> str:
        return self.home.__name__.split(".")[1]

    @property
    def family(self) -> str:
        """Its kind or, of objectives and penalties, the heading of its module: up to the first colon or full stop."""
        if self.room in {LAB, "game"}:
            return FAMILIES[kind(self)]
        heading = re.split(r"[:.]", inspect.getdoc(self.home) or "", maxsplit=1)[0]
        return heading if len(heading) < 50 else heading.partition(" between ")[0].partition(",")[0]

    @property
    def alone(self) -> bool:
        """Whether its module is named for it, so that the module's docstring speaks of it too."""
        return self.home.__name__.rpartition(".")[2].replace("_", "") == self.code.lower().replace("_", "")

    @property
    def adversarial(self) -> bool:
        return isinstance(self.part, Adversarial)


def ideas() -> list[Idea]:
    """All ideas, room by room in the order of the exports."""
    found: list[Idea] = []
    for room in ROOMS:
        found = [*found, *_exported(room, found)]
        found = _catalogued(room, [*found, *_rows(room, found)])
    return found + list(_experiments())


def exports(room: str) -> Iterator[tuple[str, Any, ModuleType]]:
    """(name, part, the module that defines it) of each name a room's `__init__` imports from its own files."""
    package = importlib.import_module(f"mintage.{room}")
    for node in ast.parse(inspect.getsource(package)).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"mintage.{room}."):
            for alias in node.names:
                name = alias.asname or alias.name
                yield name, getattr(package, name), importlib.import_module(str(node.module))


def _exported(room: str, known: list[Idea]) -> Iterator[Idea]:
    every = list(exports(room))
    values = [part for _, part, _ in every if is_value(part)]
    rows = [row for _, part, _ in every if isinstance(part, dict) for row in part.values()]
    describing = {id(type(value)) for value in [*values, *rows]}
    sides = {id(side) for value in values if isinstance(value, Adversarial) for side in (value.critic, value.generator)}
    slugs = {idea.slug for idea in known}
    for name, part, home in every:
        if id(part) in describing | sides or not is_idea(room, part) or getattr(part, "_is_protocol", False):
            continue
        slug = kebab(name)
        slug = f"{room}-{slug}" if slug in slugs else slug
        slugs.add(slug)
        yield Idea(name, slug, titled(name), part, f"from mintage.{room} import {name}", home, note(home, name))


def _rows(room: str, known: list[Idea]) -> Iterator[Idea]:
    """The values of tables that a room exports beside its catalogue: each is an idea."""
    slugs = {idea.slug for idea in known}
    for name, part, home in exports(room):
        if isinstance(part, dict) and name != CATALOGUES.get(room):
            for key, value in part.items():
                if is_value(value):
                    slug = kebab(key) if kebab(key) not in slugs else f"{kebab(key)}-{type(value).__name__.lower()}"
                    title = f"{titled(key)} {type(value).__name__.lower()}"
                    yield Idea(f'{name}["{key}"]', slug, title, value, f"from mintage.{room} import {name}", home)


def _catalogued(room: str, known: list[Idea]) -> list[Idea]:
    """The ideas so far, those that the room's catalogue lists with their row; and pages for rows of no export."""
    if importlib.util.find_spec(f"mintage.{room}.catalogue") is None:
        return known
    home, name = importlib.import_module(f"mintage.{room}.catalogue"), CATALOGUES.get(room, "")
    found = list(known)
    for key, part in getattr(home, name, {}).items():
        row = f'{name}["{key}"]'
        at = next((number for number, idea in enumerate(found) if idea.entry is None and listed(key, part, idea)), None)
        if at is not None:
            found[at] = replace(found[at], entry=part, row=row)
            continue
        slug = kebab(key) if kebab(key) not in {idea.slug for idea in found} else f"{kebab(key)}-{room}"
        imported = f"from mintage.{room}.catalogue import {name}"
        title = titled(key) if slug == kebab(key) else f"{titled(key)}, the row {key!r} of the catalogue"
        found.append(Idea(row, slug, title, part, imported, home, entry=part, row=row))
    return found


def listed(key: str, part: Any, idea: Idea) -> bool:
    """Whether a row of a catalogue is about an idea: the same value, or a form of the same function."""
    if idea.part is part:
        return True
    if not inspect.isfunction(idea.part):
        return False
    used = [name for value in vars(part).values() if inspect.isfunction(value) for name in value.__code__.co_names]
    return idea.home.__name__.split(".")[1] == "penalties" and (idea.code in used or kebab(key) == idea.slug)


def _experiments() -> Iterator[Idea]:
    for name in EXPERIMENTS:
        stem = f"mintage.lab.{name.replace('-', '_')}"
        if importlib.util.find_spec(stem) is not None:
            yield Idea(name, f"lab-{name}", titled(name), None, f"mintage lab {name}", importlib.import_module(stem))


def is_value(part: Any) -> bool:
    """An instance of one of mintage's own classes."""
    return type(part).__module__.startswith("mintage.") and not isinstance(part, type)


def is_idea(room: str, part: Any) -> bool:
    """Whether a room's export is something to explain rather than machinery or a name for a type."""
    if room != "game":
        ours = inspect.isclass(part) and part.__module__.startswith("mintage.")
        return is_value(part) or inspect.isfunction(part) or ours
    if inspect.isfunction(part):
        signature = inspect.signature(part)
        takes = list(signature.parameters)
        known = takes == ["game", "round"] or str(signature.return_annotation) in GAME_RETURNS
        return known or bool(citing.sources(part))
    return inspect.isclass(part) and (takes_rounds(part) or bool(citing.named_in(inspect.getdoc(part) or "")))


def takes_rounds(part: type) -> bool:
    """Whether instances are called as controllers and rules are, with (game, round)."""
    call = vars(part).get("__call__")
    return call is not None and list(inspect.signature(call).parameters) == ["self", "game", "round"]


def kind(idea: Idea) -> str:
    """rule, controller, schedule, wrapper, projection, adversarial, penalty, experiment or part."""
    if idea.room == LAB:
        return "experiment"
    if idea.adversarial:
        return "adversarial"
    if idea.room != "game":
        return "penalty" if idea.room == "penalties" else "part"
    if inspect.isclass(idea.part):
        return "part" if not takes_rounds(idea.part) else "controller" if hasattr(idea.part, "tensors") else "rule"
    signature = inspect.signature(idea.part)
    kinds = {"Schedule": "schedule", "Objective": "wrapper", "Controller": "controller", "Rule": "rule",
             "Projection": "projection", "Callable[[nn.Module], None]": "projection"}
    return "rule" if list(signature.parameters) == ["game", "round"] else \
        kinds.get(str(signature.return_annotation), "part")


def note(home: ModuleType, name: str) -> str:
    """The string that stands under an assignment, as a docstring of a value."""
    body = ast.parse(inspect.getsource(home)).body
    for statement, below in zip(body, body[1:], strict=False):
        targets = statement.targets if isinstance(statement, ast.Assign) else \
            [statement.target] if isinstance(statement, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and \
                isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            return inspect.cleandoc(str(below.value.value))
    return ""


def maker(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The public function inside which a closure was made."""
    outer = function.__qualname__.partition(".<locals>")[0]
    home = inspect.getmodule(function)
    return getattr(home, outer, None) if "<locals>" in function.__qualname__ and home else None


def kebab(name: str) -> str:
    """r1 -> r1, PowerAverage -> power-average, least_squares -> least-squares."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace("_", "-").replace(" ", "-").lower()


PROPER = {"lecam": "LeCam", "jensen": "Jensen", "shannon": "Shannon", "hellinger": "Hellinger", "pearson": "Pearson",
          "gaussian": "Gaussian"}


def titled(name: str) -> str:
    """Words with a capital at the start; short names of formulas (r1, kl, mmd) in capitals."""
    words = kebab(name).split("-")
    text = " ".join(word.upper() if re.fullmatch(r"[a-z]\d|kl|js|mmd|ema|ada|gan|dragan|gp|tv|rbf", word) else
                    PROPER.get(word, word) for word in words)
    text = text if text == "f GAN" else re.sub("^f (.+)", r"f-GAN: \1", text)
    text = text.replace("f GAN", "f-GAN").replace("non ", "non-").replace("zero ", "zero-")
    return text if text.startswith("f-") else text[0].upper() + text[1:]
