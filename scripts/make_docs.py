"""Make docs/ideas, docs/results.md and docs/what-works.md from docstrings, catalogues and results/.

    python scripts/make_docs.py                 # pages and figures
    python scripts/make_docs.py --no-figures    # pages only
    python scripts/make_docs.py --out FOLDER    # elsewhere

A figure that cannot be drawn is named and left out; pages of ideas that are gone are removed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def made(images: Path, results: Path = ROOT / "results") -> dict[str, str]:
    """Path below docs/ -> text, of every page that is made; figures are those that lie in `images`."""
    from docmaking import pages, records, what_works

    known = records.load(results)
    return {"results.md": records.results(known), "what-works.md": what_works.page(known.get("what-works")),
            **{f"ideas/{name}": text for name, text in pages.pages(images, known).items()}}


def write(out: Path, *, figures: bool) -> list[str]:
    """Write everything below `out`; what was not drawn, and why."""
    images = out / "ideas" / "images"
    images.mkdir(parents=True, exist_ok=True)
    missed: list[str] = []
    if figures:
        from docmaking.figures import draw_all

        missed = draw_all(images)
    pages = made(images)
    for stale in (path for path in (out / "ideas").glob("*.md") if f"ideas/{path.name}" not in pages):
        stale.unlink()
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
    return missed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the docs")
    parser.add_argument("--no-figures", action="store_true", help="leave the figures as they are")
    given = parser.parse_args()
    missed = write(given.out, figures=not given.no_figures)
    print("\n".join([*missed, f"written: {given.out / 'ideas'}, {given.out / 'results.md'}, what-works.md"]))


if __name__ == "__main__":
    main()
