"""Captions: what is said of each image, in a table (CSV, TSV, JSONL) of file and caption, or in a .txt beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mintage.data.beside import LARGEST_TABLE, LARGEST_TEXT, Beside
from mintage.data.csv_rows import as_text
from mintage.data.errors import DataError
from mintage.data.file_tables import TABLES, FileTable, open_table, parsed, split_column
from mintage.data.names import matched

CAPTION_COLUMNS = ("caption", "captions", "text", "description", "title", "sentence", "prompt")
TABLE_NAMES = ("captions", "metadata")
REMEDY = ("give --given FILE.csv with the columns file and caption, or put captions.csv, metadata.jsonl or, for each "
          "image, a .txt of its name beside the images")


class Captions(NamedTuple):
    """Where they were found, and for each image its captions, none or more."""

    place: str
    texts: list[list[str]]


def captions_of(names: list[str], data: str, given: str | None) -> Captions:
    """The captions of images of these names: in `given`, a table (with `:COLUMN` if need be), folder or zip, or where
    that is None, beside them in `data`.

    Raises:
        DataError: there are none, or what is given cannot be read.
    """
    if given is not None:
        path, column = split_column(given)
        if path.lower().endswith(TABLES):
            return _in_table(open_table(path, data), names, column)
    place = Path(data if given is None else given)
    if not place.exists():
        raise DataError(f"there is no {place} to read captions from; {REMEDY}")
    beside = Beside(place) if place.is_dir() or place.suffix.lower() == ".zip" else None
    found = None if beside is None else _table_beside(beside)
    if found is not None and beside is not None:
        return _in_table(parsed(beside.read(found, LARGEST_TABLE), f"{found} in {place}"), names, None)
    captions = None if beside is None else _in_texts(beside, names)
    if captions is None:
        raise DataError(f"{place} has no captions for its images; {REMEDY}")
    return captions


def _table_beside(beside: Beside) -> str | None:
    """The table of captions that lies highest, by its name."""
    named = [name for name in beside.ending(*TABLES)
             if name.rsplit("/", 1)[-1].lower().rsplit(".", 1)[0] in TABLE_NAMES]
    return min(named, key=lambda name: (name.count("/"), name), default=None)


def _in_table(table: FileTable, names: list[str], column: str | None) -> Captions:
    cells = table.column(column or _caption_column(table, names))
    return Captions(table.place, [[cells[row] for row in rows if cells[row]] for rows in table.rows_of(names)])


def _caption_column(table: FileTable, names: list[str]) -> str:
    lower = {name.lower(): name for name in reversed(list(table.columns))}
    known = next((lower[name] for name in CAPTION_COLUMNS if name in lower), None)
    others = [name for name in table.columns if name != table.files(names)]
    if known is None and len(others) != 1:
        raise DataError(f"{table.place} has no column of captions; name one {' or '.join(CAPTION_COLUMNS[:4])}, or say "
                        f"which with :COLUMN. It has {', '.join(table.columns)}")
    return known or others[0]


def _in_texts(beside: Beside, names: list[str]) -> Captions | None:
    """The lines of the .txt of each image; None where no image has one."""
    files = beside.ending(".txt")
    which = matched(names, files)
    if not (which >= 0).any():
        return None
    read = [[] if k < 0 else as_text(beside.read(files[k], LARGEST_TEXT), files[k]).splitlines()
            for k in which.tolist()]
    return Captions(f"the .txt files in {beside.place}", [[one.strip() for one in lines if one.strip()]
                                                          for lines in read])
