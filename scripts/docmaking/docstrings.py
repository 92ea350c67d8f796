"""Docstrings as Markdown: paragraphs, formulas as blocks, arguments as a table, links as citations."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field

from mintage import citing

SECTIONS = ("Args", "Arguments", "Returns", "Raises", "Notes", "References")
_SECTION = re.compile(rf"({'|'.join(SECTIONS)}):\s*$")
_ITEM = re.compile(r"`?(\*{0,2}\w+)`?:\s*(.*)", re.DOTALL)
_FORMULA = re.compile(r"-?E[ \[(|_]|\d/\d |\|\w|<p|[A-Za-z]\w{0,6}(?:\([^)]*\))? = ")
_PLACE = re.compile(r"\b(?:eq\.|section|appendix|table|algorithm|theorem|figure|lemma|proposition)s? "
                    r"[\dA-Z][\w.]*(?:\s?(?:-|,|and|to) ?\d[\w.]*)*", re.IGNORECASE)


@dataclass
class Doc:
    """A docstring taken apart: one line, blocks of text and formulas, and sections by name."""

    summary: str = ""
    blocks: list[str] = field(default_factory=list)
    sections: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Key of a paper -> where in it, as the docstring says: "eq. 1"."""

    @property
    def formula(self) -> str:
        """The first block of formulas, undented; "" where there is none."""
        return next((textwrap.dedent(block) for block in self.blocks if is_formula(block)), "")


def is_formula(block: str) -> bool:
    """Whether a block is set in from the margin."""
    return block.startswith("    ")


def opens_with_formula(block: str) -> bool:
    """Whether a paragraph's first sentence is a formula rather than a sentence about one."""
    return bool(_FORMULA.match(block)) and not re.search(r"\b(?:is|are|has|have)\b", _first_sentence(block)[0])


def read(text: str | None) -> Doc:
    """Take a cleaned docstring apart. Paragraphs that only name their source become places."""
    doc, section = Doc(), ""
    for block in _blocks(text or ""):
        head = _SECTION.match(block.split("\n", 1)[0])
        if head:
            section = head[1]
            doc.sections[section] = textwrap.dedent(block.partition("\n")[2])
        elif section and block.startswith(" "):
            doc.sections[section] += "\n\n" + textwrap.dedent(block)
        else:
            section = ""
            _note_places(doc, block)
            if is_formula(block) or not only_source(block):
                doc.blocks.append(block)
    if doc.blocks and re.match(r"[DG]: ", doc.blocks[0]):  # the two sides, written in a line
        doc.blocks[0] = "\n".join("    " + " ".join(side.split()).rstrip(".") for side in
                                  re.split(r";\s{2,}|\n(?=[DG]: )", doc.blocks[0]))
    elif doc.blocks and not is_formula(doc.blocks[0]) and not opens_with_formula(doc.blocks[0]):
        doc.summary, rest = _first_sentence(doc.blocks[0])
        doc.blocks[0:1] = [rest] if rest else []
    doc.blocks = [part for block in doc.blocks for part in _set_in(block)]
    _note_places(doc, doc.sections.get("References", ""))
    return doc


def _set_in(block: str) -> list[str]:
    """A paragraph that opens with a formula as a formula and the rest; others as they are."""
    if is_formula(block) or not opens_with_formula(block):
        return [block]
    sentence, rest = _first_sentence(block)
    formula = textwrap.wrap(re.sub(r", a scalar(?=[.;,]|$)", "", sentence).rstrip("."), 100)
    return ["\n".join(f"    {line}" for line in formula), *([rest] if rest else [])]


def _blocks(text: str) -> list[str]:
    """Runs of lines between blank lines; a formula set in below its paragraph is a block of its own."""
    found: list[str] = []
    for piece in re.split(r"\n\s*\n", text.strip("\n")):
        lines = piece.split("\n")
        start = next((k for k, line in enumerate(lines) if k and line.startswith("    ")), 0)
        if start and not lines[0].startswith(" ") and not _SECTION.match(lines[0]) and lines[0].rstrip().endswith(":"):
            found += ["\n".join(lines[:start]), "\n".join(lines[start:])]
        else:
            found.append(piece)
    return [block for block in found if block.strip()]


def _first_sentence(paragraph: str) -> tuple[str, str]:
    flat = " ".join(paragraph.split())
    match = re.match(r"(.+?\.)(?=\s+[A-Z`(]|\s{2,}|$)", flat)
    while match and re.search(r"\b(?:al|eq|e\.g|i\.e|cf|vs|resp|Fig|Sec)\.$", match[1]):
        longer = re.match(rf"({re.escape(match[1])}.+?\.)(?=\s+[A-Z`(]|$)", flat)
        if longer is None:
            break
        match = longer
    return (match[1], flat[match.end():].strip()) if match else (flat, "")


def only_source(paragraph: str) -> bool:
    """Whether a paragraph says no more than which papers something is from."""
    keys = citing.named_in(paragraph)
    rest = " ".join(paragraph.split()).lower()
    for key in keys:
        rest = rest.replace(citing.entries()[key].plain("title").lower(), " ")
    rest = re.sub(r"https?://\S+|\((?:[^()]*\d{4}[^()]*)\)|" + _PLACE.pattern.lower(), " ", rest)
    return bool(keys) and len(re.findall(r"[a-z]{2,}", rest)) <= 2 + 3 * len(keys)


def _note_places(doc: Doc, text: str) -> None:
    """Note the equation or section named beside each link."""
    flat = " ".join(text.split())
    cut = 0
    found = list(citing._LINK.finditer(flat))
    for number, link in enumerate(found):
        for key in citing.named_in(link.group()):
            end = len(flat) if number == len(found) - 1 else link.end()
            places = _PLACE.findall(flat[cut:end])
            doc.places.setdefault(key, ", ".join(place.rstrip(".,") for place in places))
        cut = link.end()


def markdown(doc: Doc, *, formulas: bool = True) -> str:
    """The body: every block, formulas fenced."""
    parts = [fenced(block) if is_formula(block) else prose(block) for block in doc.blocks
             if formulas or not is_formula(block)]
    return "\n\n".join(parts)


def fenced(formula: str) -> str:
    """Formulas in a block."""
    return f"```text\n{textwrap.dedent(formula).rstrip()}\n```"


def prose(text: str) -> str:
    """A paragraph on one line, links short, marks of Markdown left alone."""
    flat = " ".join(text.split())
    flat = re.sub(r"https?://arxiv\.org/abs/([\d.]+\d)", r"[arXiv \1](https://arxiv.org/abs/\1)", flat)
    flat = re.sub(r"(?<![(\[<])https?://(?!arxiv)([^\s),;]+[^\s),;.])", r"<https://\1>", flat)
    return escape(flat)


def escape(text: str) -> str:
    """Asterisks, underscores and pipes outside code, so that Markdown leaves formulas as they are."""
    pieces = re.split(r"(`[^`]*`|\]\([^)]*\)|<https?://[^>]*>|(?<![\w*])\*[a-zA-Z][a-zA-Z -]*\*(?![\w*]))", text)
    return "".join(piece if number % 2 else re.sub(r"([*_|<>])", r"\\\1", piece) for number, piece in enumerate(pieces))


def items(section: str) -> list[tuple[str, str]]:
    """(name, text) of a section's items; ("", text) for what has no name."""
    found: list[list[str]] = []
    for line in textwrap.dedent(section).splitlines():
        if line and not line.startswith(" ") or not found:
            found.append([line])
        else:
            found[-1].append(line)
    result = []
    for lines in found:
        text = " ".join(" ".join(lines).split())
        match = _ITEM.match(text)
        if text:
            result.append((match[1], match[2]) if match else ("", text))
    return result
