"""Pages of ideas: title, one line, formula, what theory says, figure, code, source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from docmaking import docstrings
from docmaking.contents import formula, made_of, passage, sections, source, terms, theory, values
from docmaking.docstrings import Doc
from docmaking.ideas import FAMILIES, Idea, ideas, kind, maker
from docmaking.records import Records, experiment
from mintage import citing
from mintage.lab import EXPERIMENTS
from mintage.objectives import Adversarial

MADE = "<!-- made by scripts/make_docs.py from docstrings and results/; change those, not this page -->"
ROOM_TITLES = {"objectives": "Objectives", "penalties": "Penalties", "game": "How the game is played",
               "lab": "Experiments"}
ROOM_WORDS = {
    "objectives": "What the players lower: pure functions of logits and tensors.",
    "penalties": "What is added to a critic's loss: functions of a critic and its inputs.",
    "game": "Rules, controllers, schedules and wrappers: how moves combine, and what watches between rounds.",
    "lab": "The claims of the lectures and papers, each with a number: `mintage lab NAME`.",
}


def pages(images: Path, records: Records) -> dict[str, str]:
    """File name -> Markdown of every page of docs/ideas and of its index. A figure is shown where `images` has it."""
    found = ideas()
    made = {f"{idea.slug}.md": page(idea, found, images, records) for idea in found}
    return made | {"README.md": index(found)}


def page(idea: Idea, found: list[Idea], images: Path, records: Records) -> str:
    """One page."""
    if idea.room == "lab":
        body, text = experiment(idea.code, EXPERIMENTS[idea.code], records), f"{idea.home.__doc__}"
        doc = docstrings.read(inspect.cleandoc(text))
        parts = [f"# {idea.title}", f"**{claimed(EXPERIMENTS[idea.code])}**"]
        parts += [docstrings.prose(doc.summary), docstrings.markdown(doc), body]
        return _joined([*parts, source(citing.named_in(text), doc), *sections(doc), _back()])
    doc = describe(idea)
    parts = [f"# {idea.title}", summary(idea, doc), *formula(idea, doc)]
    parts += theory(idea.part) if idea.adversarial else []
    body = [figure(idea, images), docstrings.markdown(doc)]
    parts += body[::-1] if doc.formula else body
    parts += [*made_of(idea, found), *values(idea.part), *terms(idea), code(idea), *sections(doc)]
    return _joined([*parts, source(keys(idea), doc), _back()])


def _joined(parts: list[str]) -> str:
    return "\n\n".join([MADE, *(part for part in parts if part.strip())]) + "\n"


def _back() -> str:
    return "---\n[All ideas](README.md) · [Results](../results.md) · [Words](../vocabulary.md)"


def describe(idea: Idea) -> Doc:
    """What the part says of itself: the docstring under a value, of a function, or of what made it."""
    if idea.note:
        return docstrings.read(idea.note)
    if not isinstance(idea.part, Adversarial):
        own = idea.part if inspect.isfunction(idea.part) or inspect.isclass(idea.part) else None
        text = inspect.getdoc(own) or "" if own else ""
        return docstrings.read(f"{inspect.getdoc(idea.home)}\n\n{text}" if idea.alone else text)
    made_by = maker(idea.part.critic) or maker(idea.part.generator)
    doc = docstrings.read(inspect.getdoc(made_by) if made_by else "")
    for side in (idea.part.critic, idea.part.generator):
        doc.places |= {key: place for key, place in docstrings.read(inspect.getdoc(side)).places.items() if place}
    return doc


def summary(idea: Idea, doc: Doc) -> str:
    """The first sentence of the docstring as Markdown or, for a pair of losses without one, whose it is."""
    if doc.summary:
        return docstrings.prose(doc.summary)
    if not idea.adversarial:
        return docstrings.prose(docstrings.read(inspect.getdoc(idea.home)).summary)
    of = [citing.entries()[key] for key in keys(idea)]
    papers = f" (*{of[0].plain('title')}*)" if of else ""
    side = next((line for line in doc.formula.splitlines() if line.startswith("G")), "")
    said = docstrings.read(inspect.getdoc(idea.part.generator))
    text = side.removeprefix("G").lstrip(": ") or said.formula or said.summary
    line = re.split(r", (?=[a-z]+ )|: (?=[a-z])|\.$", text.removeprefix("lowers").strip())[0]
    return f"G lowers `{line}`{papers}." if line else f"A pair of losses{papers}."


def code(idea: Idea) -> str:
    """The import line and how it is called."""
    lines = [idea.imported]
    if idea.row and idea.row != idea.code:
        lines += [f"from mintage.{idea.room}.catalogue import {idea.row.partition('[')[0]}"]
    if inspect.isfunction(idea.part) or inspect.isclass(idea.part):
        lines += ["", signature(idea)]
    elif idea.adversarial:
        lines += ["", f"{idea.code}.critic(a, b), {idea.code}.generator(a, b)"]
    if idea.row and idea.row != idea.code:
        lines += ["", f"{idea.row}   # the same, in the form that any game takes"]
    where = idea.home.__name__.replace(".", "/")
    return ("## In code\n\n```python\n" + "\n".join(lines) + f"\n```\n\n"
            f"Defined in [`{where}.py`](../../src/{where}.py).")


class Named:
    """A default that is a function, shown by its name."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.name = function.__name__

    def __repr__(self) -> str:
        return self.name


def signature(idea: Idea) -> str:
    """The call with its arguments, one a line where it is long."""
    found = inspect.signature(idea.part)
    found = found.replace(parameters=[each.replace(default=Named(each.default)) if inspect.isfunction(each.default)
                                      else each for each in found.parameters.values()])
    if inspect.isclass(idea.part):
        found = found.replace(return_annotation=inspect.Signature.empty)
    text = f"{idea.code}{found}".replace("'", '"').replace('"None"', "None")
    for argument in found.parameters.values():
        text = text.replace(f'"{argument.annotation}"', str(argument.annotation))
    text = text.replace(f'"{found.return_annotation}"', str(found.return_annotation))
    if len(text) <= 100:
        return text
    split = [f"    {each}" for each in re.split(r", (?=\*|\w+: )", text[len(idea.code) + 1:text.rindex(")")])]
    return f"{idea.code}(\n" + ",\n".join(split) + f",\n{text[text.rindex(')'):]}"


def keys(idea: Idea) -> list[str]:
    """The papers a part points at, its own before those of what made it."""
    found = citing.sources(idea.part, idea.code, idea.home) + citing.sources(idea.entry)
    made_by = maker(idea.part.critic) if isinstance(idea.part, Adversarial) else None
    sides = [idea.part.critic, idea.part.generator] if isinstance(idea.part, Adversarial) else []
    values_home = inspect.getdoc(idea.home) or "" if idea.part is not None and type(idea.part).__module__ == \
        idea.home.__name__ and not idea.adversarial else ""
    texts = [idea.note, values_home, *(inspect.getdoc(each) or "" for each in [*sides, made_by] if each)]
    return list(dict.fromkeys([*found, *(key for text in texts for key in citing.named_in(text))]))


def figure(idea: Idea, images: Path) -> str:
    """The picture, where there is one."""
    if not (images / f"{idea.slug}.svg").exists():
        return ""
    captions = {
        "adversarial": "Left: each side's loss against one logit, the other side at its best. Right: the slope of the "
                       "generator's loss, which is all that reaches it, against how sure the critic is.",
        "penalty": "The Dirac-GAN (data at 0, a model at theta, D(x) = psi x) without and with this penalty, played by "
                   "the library's own loop with the non-saturating objective.",
        "rule": "The Dirac-GAN (data at 0, a model at theta, D(x) = psi x) with the Wasserstein objective under "
                "this rule.",
        "schedule": "Its value over the budget.",
    }
    alone = idea.adversarial and idea.part.relative and idea.part.optimum is None  # drawn in one panel
    caption = "" if alone else captions.get(kind(idea), "")
    return f"![{idea.title}](images/{idea.slug}.svg)" + (f"\n\n*{caption}*" if caption else "")


def index(found: list[Idea]) -> str:
    """docs/ideas/README.md: every page, by room and family, with its line."""
    parts = ["# Ideas", "One page an idea: formula, figure, name in code, source. A formula stands once in the code, "
             "and these pages are made from it: `python scripts/make_docs.py`."]
    for room, title in ROOM_TITLES.items():
        here = [idea for idea in found if idea.room == room]
        if not here:
            continue
        parts.append(f"## {title}\n\n{ROOM_WORDS[room]}")
        families = [family for family in FAMILIES.values() if room == "game"] + [idea.family for idea in here]
        for family in dict.fromkeys(family for family in families if any(idea.family == family for idea in here)):
            rows = [f"| [{idea.title}]({idea.slug}.md) | {_line(idea)} |" for idea in here if idea.family == family]
            parts.append(("" if room == "lab" else f"### {family}\n\n") + "\n".join(["| idea | |", "|---|---|", *rows]))
    return _joined(parts)


def claimed(claim: str) -> str:
    """A claim as a sentence."""
    return docstrings.escape(f"{claim[0].upper()}{claim[1:]}.")


def _line(idea: Idea) -> str:
    if idea.room == "lab":
        return claimed(EXPERIMENTS[idea.code])
    doc = describe(idea)
    if hasattr(idea.part, "conjugate") and (row := passage(idea)):
        return f"f(u) = `{re.split(r'  +', row.splitlines()[1])[1]}`".replace("|", "\\|")
    if not doc.summary and not idea.adversarial and doc.formula:
        return f"`{doc.formula.splitlines()[0]}`".replace("|", "\\|")
    return summary(idea, doc)
