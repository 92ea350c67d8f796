"""References: every paper a part names has one right entry, and a system cites what it is composed of."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from mintage import citing, objectives
from mintage.cli import run
from mintage.objectives import Adversarial
from mintage.penalties import PENALTIES
from mintage.systems import SYSTEMS, SettingError

ROOT = Path(__file__).resolve().parents[1]
PAPER = re.compile(r"arxiv\.org/abs/\d|doi\.org|openreview\.net/forum|jmlr\.org/|proceedings\.mlr")
KEYS = """goodfellow2014 goodfellow2014distinguishability goodfellow2016 radford2016 salimans2016 arjovsky2017principled
arjovsky2017wasserstein gulrajani2017 mao2017 lim2017 miyato2018 miyato2018projection nowozin2016 li2015 dziugaite2015
li2017 binkowski2018 gretton2012 jolicoeur2019 chen2016 odena2017 nagarajan2017 mescheder2017 mescheder2018 roth2017
kodali2017 tseng2021 zhang2020 zhao2021 karras2018 karras2019 karras2020 karras2020ada karras2024 metz2017 lin2018
srivastava2017 gidel2019 daskalakis2018 korpelevich1976 kingma2015 kingma2014 huang2024 yaz2019 berthelot2017
heusel2017""".split()


def papers(text: str) -> list[str]:
    return [link for link in citing.links(text) if PAPER.search(link)]


def test_the_papers_we_name_are_there():
    assert set(KEYS) <= set(citing.entries())


@pytest.mark.parametrize("entry", citing.entries().values(), ids=lambda entry: entry.key)
def test_an_entry_is_whole(entry):
    assert all(entry.fields.get(field) for field in ("title", "author", "year", "url"))
    assert re.fullmatch(r"[a-z]+\d{4}[a-z]*", entry.key) and re.fullmatch(r"\d{4}", entry.fields["year"])
    where = {"article": "journal", "inproceedings": "booktitle", "misc": "howpublished", "book": "publisher"}
    assert entry.kind in where and where[entry.kind] in entry.fields and entry.venue
    assert all(" " in author and "," not in author for author in entry.authors)
    assert entry.bibtex.count("{") == entry.bibtex.count("}")
    number = entry.fields.get("eprint")
    assert entry.url == f"https://arxiv.org/abs/{number}" if number else "arxiv" not in entry.url
    if number:  # a paper appears at most a year before it is put there, and not long after
        assert -1 <= int(entry.fields["year"]) - (2000 + int(number[:2])) <= 3


def test_no_paper_has_two_entries():
    urls = [entry.url for entry in citing.entries().values()]
    titles = [entry.plain("title").lower() for entry in citing.entries().values()]
    assert len(set(urls)) == len(urls) and len(set(titles)) == len(titles)


@pytest.mark.parametrize("folder", ["src", "docs", "benchmarks"])
def test_every_paper_that_is_linked_has_an_entry(folder):
    known = {entry.url for entry in citing.entries().values()}
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    assert folder == "benchmarks" or sum(len(papers(text)) for text in texts.values()) > 20
    assert [f"{path.relative_to(ROOT)}: {link}" for path, text in texts.items() for link in papers(text)
            if link not in known] == []


def test_every_source_is_an_entry():
    parts = {name: part for name, part in vars(objectives).items() if isinstance(part, Adversarial)}
    assert len(parts) >= 7
    parts |= objectives.ADVERSARIAL | PENALTIES
    given = {name: getattr(part, "source", None) for name, part in parts.items()}
    assert [f"{name}: {source!r}" for name, source in given.items() if source is not None
            and (not source or not set(re.split(r"[,\s]+", source)) <= set(citing.entries()))] == []


@pytest.mark.parametrize("text", ["@misc{a,\n  title = {A {B},\n}", "@misc{a,\n}", "@misc{a, year = {1}}\n" * 2])
def test_a_broken_bibliography_is_refused(text):
    with pytest.raises(ValueError, match="never closed|comes twice|no fields"):
        citing.parse(text)


def test_an_entry_reads_as_a_sentence():
    assert citing.entries()["arjovsky2017wasserstein"].readable == (
        "Martin Arjovsky, Soumith Chintala and Léon Bottou (2017). Wasserstein Generative Adversarial Networks. "
        "International Conference on Machine Learning.")


def test_links_are_found_in_every_form():
    text = "A (https://arxiv.org/abs/1406.2661), B arXiv 1710.10196. C https://doi.org/10.24432/C50P49."
    assert citing.links(text) == ["https://arxiv.org/abs/1406.2661", "https://arxiv.org/abs/1710.10196",
                                  "https://doi.org/10.24432/C50P49"]
    assert citing.named_in(text) == ["goodfellow2014", "karras2018", "alpaydin1998"]


def test_an_author_and_a_year_do_where_one_paper_fits():
    assert citing.named_in("(Korpelevich 1976; Gidel et al. 2019, https://arxiv.org/abs/1802.10551)") == [
        "gidel2019", "korpelevich1976"]
    assert citing.named_in("Karras et al. (2020) and Nobody 1976") == []  # two papers, and none


EXPECTED = {
    "gan": ["goodfellow2014", "kingma2015"],
    "dcgan": ["radford2016", "goodfellow2014", "kingma2015"],
    "r3gan": ["huang2024", "jolicoeur2019", "mescheder2018", "roth2017", "karras2024"],
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_cites_what_it_is_composed_of(system):
    keys = [entry.key for entry in citing.cited(system)]
    assert len(set(keys)) == len(keys)
    own = citing.sources(import_module(f"mintage.systems.{system}").__dict__[system])
    assert own and keys[:len(own)] == own
    expected = EXPECTED.get(system, [])
    assert set(expected) <= set(keys) and expected[:1] in ([], keys[:1])
    assert not {"heusel2017", "naeem2020", "alpaydin1998"} & set(keys)  # data and judging are not the system's


def test_a_part_that_is_not_imported_is_not_cited():
    assert "huang2024" not in {entry.key for entry in citing.cited("gan")}
    assert "mescheder2018" not in {entry.key for entry in citing.cited("dcgan")}


def test_the_verb_prints_bibtex(capsys):
    assert run(["cite", "r3gan"]) == 0
    text = capsys.readouterr().out
    assert [entry.key for entry in citing.parse(text)] == [entry.key for entry in citing.cited("r3gan")]
    assert "% r3gan" in text.splitlines()[0] and "mintage.penalties.r1" in text


def test_the_verb_without_a_system_cites_mintage(capsys):
    assert run(["cite"]) == 0
    text = capsys.readouterr().out
    assert "@software{mintage," in text and "mintage cite SYSTEM" in text and all(name in text for name in SYSTEMS)


def test_a_system_that_does_not_exist(capsys):
    with pytest.raises(SettingError, match="r3gan"):
        citing.cited("r3gam")
    assert run(["cite", "r3gam"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "'r3gan'" in said
