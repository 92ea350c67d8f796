"""References: what a part stands on, found where the part says so itself.

`references.bib` has one entry a paper. A part points at its entries by a `source` attribute, by the links in its
docstring or, where it has none, by those in its module's docstring; a system by its own docstring and by the parts its
file imports. An author and a year do for a link where only one paper fits. So there is no second list that could fall
behind the code.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

ROOMS = ("objectives", "penalties", "networks", "latent", "game", "augment")
"""The rooms whose parts a system is composed of; data and judging are the user's choice, not the system's."""

VENUES = ("journal", "booktitle", "howpublished", "publisher")
_FIELD = re.compile(r"(\w+)\s*=\s*\{")
_HEAD = re.compile(r"@(\w+)\{([^\s,{}]+),")
_MENTION = re.compile(r"([^\W\d_][\w-]+)(?: and [\w-]+| et al\.?)?,? \(?((?:19|20)\d\d)\b")
_LINK = re.compile(r"(?:arxiv\.org/(?:abs|pdf)/|arxiv[: ]\s*)(\d{4}\.\d{4,5})|(https?://[^\s)>\]]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One reference: its key, its kind (article, inproceedings, misc), its fields as written, and its BibTeX."""

    key: str
    kind: str
    fields: dict[str, str]
    bibtex: str

    def plain(self, field: str) -> str:
        """A field without the braces that hold its capitals; "" where there is none."""
        return self.fields.get(field, "").replace("{", "").replace("}", "")

    @property
    def authors(self) -> list[str]:
        """Names in the paper's order."""
        return self.plain("author").split(" and ")

    @property
    def url(self) -> str:
        return self.plain("url")

    @property
    def venue(self) -> str:
        """Where it appeared."""
        place = next((self.plain(name) for name in VENUES if name in self.fields), "")
        return f"{place} {self.plain('volume')}".strip()

    @property
    def readable(self) -> str:
        """Authors (year). Title. Venue."""
        names = self.authors
        who = " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + " and " + names[-1]
        title = self.plain("title")
        return f"{who} ({self.plain('year')}). {title}{'' if title[-1] in '?!.' else '.'} {self.venue}."


def parse(text: str) -> list[Entry]:
    """The entries of a BibTeX text in which every value stands in braces.

    Raises:
        ValueError: a key that comes twice, an entry without fields, or a brace that is never closed.
    """
    found: dict[str, Entry] = {}
    for head in _HEAD.finditer(text):
        end = _closing(text, head.start() + len(head[1]) + 1)
        whole, position, fields = text[head.start():end + 1], head.end() - head.start(), {}
        while field := _FIELD.search(whole, position):
            position = _closing(whole, field.end() - 1)
            fields[field[1].lower()] = " ".join(whole[field.end():position].split())
        if head[2] in found or not fields:
            raise ValueError(f"the reference {head[2]!r} {'comes twice' if head[2] in found else 'has no fields'}")
        found[head[2]] = Entry(head[2], head[1].lower(), fields, whole)
    return list(found.values())


def _closing(text: str, opening: int) -> int:
    """Where the brace that opens at `opening` closes."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a brace opened in {text[opening:opening + 40]!r} is never closed")


@cache
def entries() -> dict[str, Entry]:
    """All references by key."""
    return {entry.key: entry for entry in parse((files("mintage") / "references.bib").read_text(encoding="utf-8"))}


def links(text: str) -> list[str]:
    """Links to papers in a text, each in the form of an entry's url, in their order."""
    found = (f"https://arxiv.org/abs/{match[1]}" if match[1] else match[2].rstrip(".,;:'\"`")
             for match in _LINK.finditer(text))
    return list(dict.fromkeys(found))


def named_in(text: str) -> list[str]:
    """The keys of the references a text names: by their links, then by first author and year where only one fits."""
    keys = {entry.url: entry.key for entry in entries().values()}
    found = [keys[link] for link in links(text) if link in keys]
    for mention in _MENTION.finditer(" ".join(text.split())):
        fits = [entry.key for entry in entries().values()
                if entry.authors[0].split()[-1] == mention[1] and entry.plain("year") == mention[2]]
        found += fits if len(fits) == 1 else []
    return list(dict.fromkeys(found))


def sources(part: Any, name: str = "", module: ModuleType | None = None) -> list[str]:
    """The keys a part points at.

    Args:
        part: a function, a class, or a value with a `source`.
        name: what its module calls it.
        module: where it is defined; by default the part says so itself.
    """
    given = getattr(part, "source", None)
    if isinstance(given, str) and given:
        return [key for key in re.split(r"[,\s]+", given) if key in entries()]
    if not (inspect.isfunction(part) or inspect.isclass(part)):
        return []
    own = named_in(inspect.getdoc(part) or "")
    if own:
        return own
    home = module or inspect.getmodule(part)
    text = inspect.getdoc(home) or "" if home else ""
    return named_in(passage(text, name or part.__name__))


def passage(text: str, name: str) -> str:
    """The lines of a module's list that begin with a name, and those set in below it; or the whole docstring."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.match(rf"\s+{re.escape(name)}\b", line, re.IGNORECASE):
            depth = len(line) - len(line.lstrip())
            rest = lines[number + 1:]
            below = next((k for k, later in enumerate(rest) if len(later) - len(later.lstrip()) <= depth), len(rest))
            return "\n".join([line, *rest[:below]])
    return text


def parts(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """(dotted name, part) of each thing a system's file imports from the rooms it is composed of."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        room = (getattr(node, "module", None) or "").split(".")
        if isinstance(node, ast.ImportFrom) and room[0] == "mintage" and room[1:2] and room[1] in ROOMS:
            for alias in node.names:
                yield f"{'.'.join(room)}.{alias.name}", getattr(module, alias.asname or alias.name)


def asked_by(system: str) -> dict[str, list[str]]:
    """Key -> who asks for it, the system's own papers first.

    Raises:
        SettingError: there is no system of this name; the nearest is named.
    """
    from mintage.systems import find

    function = find(system)
    module = inspect.getmodule(function)
    asked = {key: [system] for key in sources(function)}
    for dotted, part in parts(module) if module else ():
        for key in sources(part, dotted.rpartition(".")[2]):
            asked.setdefault(key, []).append(dotted)
    return asked


def cited(system: str) -> list[Entry]:
    """The references of a system and of every part it composes, the system's own first.

    Raises:
        SettingError: there is no system of this name; the nearest is named.
    """
    return [entries()[key] for key in asked_by(system)]


def mintage() -> str:
    """The BibTeX of this package itself."""
    from mintage import __version__

    return ("@software{mintage,\n  title = {mintage: generative adversarial networks as games},\n"
            f"  author = {{{{The mintage authors}}}},\n  year = {{2026}},\n  version = {{{__version__}}},\n}}")
