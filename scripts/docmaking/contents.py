"""What stands on a page: the formula, what theory says, fields and arguments, sources."""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from typing import Any

import torch

from docmaking import docstrings
from docmaking.docstrings import Doc
from docmaking.ideas import Idea, maker
from mintage import citing
from mintage.objectives import Adversarial

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)


def formula(idea: Idea, doc: Doc) -> list[str]:
    """The formula: of the docstring, of both sides of a pair of losses, or the module's line about this name."""
    if doc.formula and not docstrings.is_formula(doc.blocks[0]) and not idea.adversarial:
        return []  # what leads up to it comes first
    if doc.formula:
        first = next(block for block in doc.blocks if docstrings.is_formula(block))
        doc.blocks.remove(first)
        text = textwrap.dedent(first)
        return [docstrings.fenced(noted(text) if idea.adversarial else text)]
    if idea.adversarial:
        sides = [("D lowers", idea.part.critic), ("G lowers", idea.part.generator)]
        said = [(who, docstrings.read(inspect.getdoc(side))) for who, side in sides]
        rows = [f"{who}  {each.formula or each.summary.rstrip('.')}" for who, each in said
                if each.formula or each.summary]
        return [docstrings.fenced(noted("\n".join(rows)))] if rows else []
    text = passage(idea)
    return [docstrings.fenced(text)] if text else []


def noted(text: str) -> str:
    """Formulas of logits with their notation below."""
    softplus = ", s(t) = log(1 + e^t)" if re.search(r"\bs\(", text) else ""
    return f"{text}\n\na = D(x) on real examples, b = D(G(z)) on fakes{softplus}"


def passage(idea: Idea) -> str:
    """The lines of the module's docstring that begin with the idea's name, without the brackets of sources."""
    whole = inspect.getdoc(idea.home) or ""
    key = idea.code.partition('["')[2].rstrip('"]') or idea.code
    text = citing.passage(whole, key)
    if text == whole:
        return ""
    head = next((line for line in whole.splitlines() if re.match(r"\s+name\s{2,}", line)), "")
    text = f"{head}\n{text}" if head else text
    text = re.sub(r"\s*\([^()]*\b(?:19|20)\d\d\b[^()]*(?:\([^()]*\)[^()]*)*\)", "", text)
    return textwrap.dedent("\n".join(line.rstrip() for line in text.splitlines() if line.strip()))


def theory(loss: Adversarial) -> list[str]:
    """What theory says of a pair of losses: equilibrium and best critic."""
    facts = []
    if loss.equilibrium is not None:
        facts.append(f"| losses at equilibrium | critic {_number(loss.equilibrium[0])}, "
                     f"generator {_number(loss.equilibrium[1])} |")
    if loss.optimum is not None:
        best = loss.optimum(torch.tensor(RATIOS, dtype=torch.float64)).tolist()
        facts.append(f"| best critic's logit at `p_data / p_model` = {', '.join(f'{r:g}' for r in RATIOS)} | "
                     f"{', '.join(_number(value, named=False) for value in best)} |")
    if loss.relative:
        facts.append("| pairs | the generator's side needs the critic's logits on real examples too |")
    return ["\n".join(["| theory | |", "|---|---|", *facts])] if facts else []


def _number(value: float, named: bool = True) -> str:
    known = {math.log(4): "log 4", math.log(2): "log 2", -math.log(2): "-log 2"}
    name = next((text for at, text in known.items() if named and abs(value - at) < 1e-12), "")
    short = f"{value:.4g}" if abs(value) > 1e-12 else "0"
    return f"{name} = {short}" if name else short


def values(part: Any) -> list[str]:
    """The plain fields of a value that is no pair of losses: its name, range, constants."""
    if isinstance(part, Adversarial | type(None)) or inspect.isfunction(part) or inspect.isclass(part):
        return []
    rows = []
    for name, value in vars(part).items():
        if name != "source" and isinstance(value, str | int | float | bool | tuple) and not name.startswith("_"):
            rows.append(f"| `{name}` | {docstrings.escape(str(value))} |")
        elif inspect.isfunction(value) and (said := inspect.getdoc(value)):
            rows.append(f"| `{name}` | {docstrings.prose(docstrings.read(said).summary)} |")
    return ["\n".join(["| field | |", "|---|---|", *rows])] if rows else []


def terms(idea: Idea) -> list[str]:
    """What the catalogue says of a penalty: whose it is, which critics it can serve, which back-ends."""
    if idea.room != "penalties" or idea.entry is None:
        return []
    needs = docstrings.read(inspect.getdoc(idea.entry.fits)).summary
    backends = ", ".join(["autograd", "explicit", *["finite-difference"] * idea.entry.estimable] * idea.entry.sloped)
    rows = [("added to the loss of", f"the {idea.entry.side}"), ("serves a critic where", docstrings.prose(needs)),
            ("back-ends of the slope", backends)]
    return ["\n".join(["| in a game | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows if said)])]


def made_of(idea: Idea, found: list[Idea]) -> list[str]:
    """Links to the ideas that a pair of losses was made with: its divergence, its kernel."""
    inside = [cell.cell_contents for cell in getattr(getattr(idea.part, "critic", None), "__closure__", None) or ()]
    links = [f"[{each.title}]({each.slug}.md)" for part in inside for each in found
             if each.part is part or inspect.isfunction(part) and maker(part) is each.part is not None]
    return [f"Made with: {', '.join(links)}."] if links else []


def sections(doc: Doc) -> list[str]:
    """Arguments, what is returned, what is refused."""
    parts = []
    for name, text in doc.sections.items():
        if name == "References":
            continue
        listed = docstrings.items(text)
        if name in {"Args", "Arguments"}:
            rows = "\n".join(f"| `{item}` | {docstrings.prose(said)} |" for item, said in listed)
            parts.append(f"| argument | |\n|---|---|\n{rows}")
        else:
            heading = {"Returns": "Returns", "Raises": "Refused", "Notes": "Notes"}[name]
            said = "; ".join(docstrings.prose(said if name == "Raises" else f"{item}: {said}" if item else said)
                             for item, said in listed)
            parts.append(f"**{heading}:** {said}")
    return parts


def source(found: list[str], doc: Doc) -> str:
    """Citations with links, and the equation where the docstring says it."""
    lines = []
    for key in found:
        entry = citing.entries()[key]
        short = f"arXiv {entry.plain('eprint')}" if "eprint" in entry.fields else entry.url.removeprefix("https://")
        place = f" {doc.places[key][0].upper()}{doc.places[key][1:]}." if doc.places.get(key) else ""
        lines.append(f"- {docstrings.escape(entry.readable)}{place} [{short}]({entry.url})")
    return "\n".join(["## Source\n", *lines]) if lines else ""
