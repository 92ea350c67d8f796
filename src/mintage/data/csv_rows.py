"""CSV rows: the text of a delimited file as a header and columns of cells, every cell a word with its spaces stripped.

The delimiter is , ; or tab, whichever splits the first rows into the most columns of one width. Rows are counted as a
spreadsheet counts them: the header is row 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mintage.data.errors import DataError

DELIMITERS = (",", ";", "\t")
LOOKED_AT = 50  # rows by which the delimiter is chosen
MISSING = frozenset(("", "?", "na", "n/a", "nan", "null"))  # in lower case
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
Cells = tuple[str, ...]


class Rows(NamedTuple):
    """Names in order, a tuple of cells for each, and the delimiter that was found."""

    header: list[str]
    columns: list[Cells]
    delimiter: str


def read_rows(path: Path) -> Rows:
    """The header and the columns of a CSV file, as `rows_in` reads its content."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return rows_in(raw, path)


def rows_in(raw: bytes, path: str | Path) -> Rows:
    """The header and the columns of a CSV file with this content, one row of data or more. Blank lines are passed over.

    Raises:
        DataError: not text, a quote that is never closed, no header, no rows, a row of another width, or a name that
            is missing or there twice.
    """
    text = as_text(raw, path)
    delimiter = _delimiter(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        rows = [[cell.strip() for cell in row] for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table: {error}; look for a quote that is never closed") from error
    if not rows:
        raise DataError(f"{path} is empty; give a table with a header and one row or more")
    header, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise DataError(f"row {number} of {path} has {len(row)} cells and the header {len(header)}; repair the "
                            "row, or put cells that hold the delimiter into quotes")
    if not body:
        raise DataError(f"{path} holds a header and no rows; give one row or more")
    columns = list(zip(*body, strict=True))
    _check_header(path, header, columns)
    return Rows(header, columns, delimiter)


def is_missing(cell: str) -> bool:
    """An empty cell, or ?, NA, N/A, NaN or null in any case."""
    return cell.lower() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal point; inf is one."""
    return NUMBER.fullmatch(cell) is not None


def as_text(raw: bytes, path: str | Path) -> str:
    """Bytes as text: UTF-8, or UTF-16 where its mark stands first.

    Raises:
        DataError: they are no text.
    """
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 (byte {error.start + 1:,}); save it as CSV in "
                        "UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path} is a binary file and not a table; give a CSV file")
    return text


def _delimiter(text: str) -> str:
    def width(delimiter: str) -> tuple[bool, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        try:
            widths = [len(row) for row in islice(reader, LOOKED_AT) if row]
        except csv.Error:
            widths = []
        return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    return max(DELIMITERS, key=width)


def _check_header(path: str | Path, header: list[str], columns: list[Cells]) -> None:
    """Data stand in the first row where all of it are numbers, or some are and a word of it comes again below."""
    numbers = [is_number(name) for name in header]
    again = any(name and not number and name in cells
                for name, number, cells in zip(header, numbers, columns, strict=True))
    if all(numbers) or (any(numbers) and again):
        raise DataError(f"{path} has no header: its first row, {', '.join(header[:4])}{', ...' * (len(header) > 4)}, "
                        "is data; put a row with the names of the columns above it")
    for place, name in enumerate(header, start=1):
        if header.index(name) != place - 1:
            raise DataError(f"{path} has two columns named {name!r} ({header.index(name) + 1} and {place}); give each "
                            "its own name")
        if not name and place > 1:
            raise DataError(f"column {place} of {path} has no name; give it one in the first row")
