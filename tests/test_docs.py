"""The made pages are current, nothing public is without its page, and every link inside the docs leads somewhere."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

from mintage import citing, game, objectives, penalties
from mintage.lab import EXPERIMENTS
from mintage.objectives import Adversarial

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
IDEAS = DOCS / "ideas"
AGAIN = "run `python scripts/make_docs.py`"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    folder = str(ROOT / "scripts")
    sys.path.insert(0, folder)
    try:
        yield import_module("make_docs")
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def made(maker) -> dict[str, str]:
    return maker.made(IDEAS / "images")


def test_the_pages_are_current(made):
    there = {f"ideas/{path.name}" for path in IDEAS.glob("*.md")} | {"results.md", "what-works.md"}
    assert sorted(there) == sorted(made), AGAIN
    stale = [name for name, text in made.items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert stale == [], AGAIN


def test_writing_elsewhere_gives_the_same_pages(maker, tmp_path, made):
    images = tmp_path / "ideas" / "images"
    images.mkdir(parents=True)
    for name in (IDEAS / "images").glob("*.svg"):
        (images / name.name).touch()
    (tmp_path / "ideas" / "an-idea-that-is-gone.md").write_text("gone")
    maker.write(tmp_path, figures=False)
    written = {path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8")
               for path in tmp_path.rglob("*.md")}
    assert written == made


def catalogued(room: str, name: str) -> dict:
    try:
        return getattr(import_module(f"mintage.{room}.catalogue"), name)
    except ModuleNotFoundError:
        return {}


def test_every_public_part_has_a_page(maker, made):
    from docmaking.ideas import ideas

    pages = {idea.code: idea for idea in ideas()}
    parts = {id(part) for idea in pages.values() for part in (idea.part, idea.entry)}
    pairs = {name: part for name, part in vars(objectives).items() if isinstance(part, Adversarial)}
    pairs |= catalogued("objectives", "ADVERSARIAL") | catalogued("penalties", "PENALTIES")
    assert len(pairs) >= 7 and [name for name, part in pairs.items() if id(part) not in parts] == []
    named = {"r1", "r2"} & set(vars(penalties)) | {
        "alternating", "simultaneous", "extragradient", "optimistic", "consensus", "Average", "PowerAverage",
        "Adaptive", "Balance", "Growth", "linear", "cosine", "geometric", "warm_up", "unrolled"} & set(vars(game))
    assert named <= set(pages)
    experiments = {name for name in EXPERIMENTS if (ROOT / f"src/mintage/lab/{name.replace('-', '_')}.py").exists()}
    assert experiments == {name for name, idea in pages.items() if idea.room == "lab"}
    assert len({idea.slug for idea in pages.values()}) == len(pages) == len(made) - 3


def test_machinery_has_no_page(maker):
    from docmaking.ideas import ideas

    assert not {"Game", "Player", "Move", "play", "sgd", "Controller", "Clock", "Adversarial"} & {
        idea.code for idea in ideas()}


def test_a_page_says_formula_code_and_source(made):
    page = made["ideas/non-saturating.md"]
    order = ["# Non-saturating", "G lowers  E s(-b)", "log 4 = 1.386", "images/non-saturating.svg",
             "from mintage.objectives import non_saturating", "Eq. 1. [arXiv 1406.2661](https://arxiv.org/abs/1406.2661)"]
    assert [page.index(text) for text in order] == sorted(page.index(text) for text in order)


def test_every_pair_of_losses_and_every_rule_has_a_figure(maker):
    from docmaking.ideas import ideas, kind

    wanted = [idea.slug for idea in ideas() if kind(idea) in {"rule", "schedule"} or
              idea.adversarial and idea.part.optimum is not None]
    assert len(wanted) >= 12
    assert [slug for slug in wanted if not (IDEAS / "images" / f"{slug}.svg").exists()] == [], AGAIN


@pytest.mark.parametrize("path", sorted((ROOT / "results").glob("*.json")), ids=lambda path: path.stem)
def test_the_results_page_loses_nothing(path, maker, made):
    from docmaking import records

    record = records.whole(path.stem, json.loads(path.read_text(encoding="utf-8")))
    text = made["results.md"].partition(f"\n## {path.stem}\n")[2].partition("\n## ")[0]
    assert record["measured"] and record["command"] in text and record["date"] in text
    for what, measured in record["measured"].items():
        line = next(line for line in text.splitlines() if line.startswith(f"| {records.escape(what)} | "))
        assert records.number(measured) in line
        assert ("does not hold" in line) == (what in record["misses"])
    assert all(paragraph in text for paragraph in record["reading"].split("\n\n"))
    assert all(records.number(cell) in text for table in record["tables"] for row in table["rows"] for cell in row)


def test_a_miss_is_said(maker):
    from docmaking import records

    record = records.whole("x", {"claim": "c", "expected": {"f": "≤ 1"}, "measured": {"f": 2.0}, "misses": ["f"]})
    assert "does not hold" in records.findings(record)[0]
    record["misses"] = []
    assert "does not hold" not in records.findings(record)[0]


PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        goal = (page.parent / unquote(path)).resolve() if path else page
        if not goal.exists() or anchor and anchor not in anchors(goal):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_no_page_holds_a_dangling_citation(made):
    known = {entry.url for entry in citing.entries().values()}
    cited = {link for text in made.values() for link in re.findall(r"https://arxiv\.org/abs/[\d.]+\d", text)}
    assert len(cited) >= 10 and cited <= known
