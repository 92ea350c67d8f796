"""Tables: rows of named columns, numeric or categorical, read from CSV files.

A column is numeric where all its cells that are not missing are numbers, and categorical otherwise. So whole numbers
that are codes stay numeric; they are noted, and `categorical` names those to be read as words. A column with a number
that float64 would change, such as 01234 or one of more than 15 digits, is categorical too. A categorical column of more
than 1,000 different words is an identifier, and is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from mintage.data.csv_rows import Cells, is_missing, is_number, read_rows
from mintage.data.errors import DataError, near
from mintage.data.splitting import held_out_rows
from mintage.data.stores import digest, digests_of

MOST_CATEGORIES = 1000
FEW_VALUES = 20  # as few different whole numbers may be codes
CODE = re.compile(r"[+-]?(?:0\d+|\d{16,})")
DECIMAL_COMMA = re.compile(r"[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?")
ABSENT = -1  # the code of a missing cell


@dataclass(frozen=True, eq=False)
class Column:
    """One column. Numeric: values float64 [n], NaN where missing. Categorical: codes int64 [n] into `categories`.

    Code -1 is a missing cell; code len(categories) is a word that the table read `like` another does not have there.
    """

    name: str
    values: np.ndarray
    categories: tuple[str, ...] | None = None

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.categories is None

    @cached_property
    def missing(self) -> np.ndarray:
        """bool [n]: the cells that are missing."""
        return np.isnan(self.values) if self.numeric else self.values == ABSENT

    def content(self) -> np.ndarray:
        """Bytes uint8 [n, 8] or [n, 16] that are equal where cells are, whatever the order of the categories."""
        if self.categories is None:
            plain = np.where(self.missing, np.nan, self.values) + 0.0  # one NaN, one zero
            return plain.astype("<f8").view(np.uint8).reshape(len(plain), 8)
        words = [*(b"=" + word.encode() for word in self.categories), b"other", b"missing"]
        return np.stack([np.frombuffer(digest(word), dtype=np.uint8) for word in words])[self.values]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns in order, all of n rows, and notes on how they were read."""

    name: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse no columns, columns of unlike lengths, and two of one name."""
        lengths = {len(column.values) for column in self.columns}
        if len(lengths) != 1 or len(set(self.names)) != len(self.columns):
            raise DataError(f"a table needs one or more columns of one length and of different names; {self.name} has "
                            f"{', '.join(self.names) or 'none'} of lengths {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.columns[0].values)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            DataError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"{self.name} has no column {name!r}; it has {', '.join(self.names)}{near(name, self.names)}")

    @cached_property
    def digests(self) -> np.ndarray:
        """Content hashes of the rows, uint8 [n, 16]: equal rows have equal hashes, in whatever file they stand."""
        return digests_of(np.concatenate([column.content() for column in self.columns], axis=1))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over the names, the kinds and categories, and the content of every row in order."""
        kinds = [[column.name, None if column.categories is None else list(column.categories)]
                 for column in self.columns]
        return sha256(json.dumps(kinds).encode() + self.digests.tobytes()).hexdigest()

    def take(self, indices: np.ndarray | torch.Tensor, name: str | None = None) -> Table:
        """These rows only, in this order."""
        rows = np.asarray(indices)
        return Table(name or self.name, tuple(Column(column.name, column.values[rows], column.categories)
                                              for column in self.columns), self.notes)

    def split(self, held_out: float) -> tuple[Table, Table]:
        """Two parts, of about 1 - held_out and held_out of the rows, by content as `Examples.split` does it.

        Equal rows fall on one side, and a row held out once stays so when the table has grown. Each side has a row.

        Raises:
            DataError: a share not between 0 and 1, or fewer than two rows that differ.
        """
        out = held_out_rows(self.digests, held_out, self.name)
        return self.take(np.flatnonzero(~out)), self.take(np.flatnonzero(out), f"{self.name}, held out")


def open_table(path: str | Path, like: Table | None = None, *, categorical: Sequence[str] = ()) -> Table:
    """The table of a CSV file. Empty cells, ?, NA, N/A, NaN and null are missing; the notes say what was decided.

    With `like`, the columns, their kinds and categories are those of that table: columns that it lacks are passed over,
    words that it lacks become "other", and both are noted.

    Raises:
        DataError: the file cannot be read as a table, a wanted column is not there or has no values, a numeric column
            holds a word or an infinite value, or no column is left.
    """
    path = Path(path)
    header, columns, delimiter = read_rows(path)
    number = _comma_number if delimiter == ";" else _number
    cells, notes = dict(zip(header, columns, strict=True)), list[str]()
    for name in categorical:
        if name not in cells:
            raise DataError(f"{path} has no column {name!r} to read as categories; it has {', '.join(header)}"
                            f"{near(name, header)}")
    if like is not None:
        found = _like(path, cells, like, number, notes)
    else:
        if _row_numbers(header[0], columns[0]):
            del cells[""]
            notes.append("the first column has no name and counts the rows; it is left out")
        found = [column for name in cells
                 if (column := _decided(path, name, cells[name], name in categorical, number, notes)) is not None]
    if not found:
        raise DataError(f"{path} has no column that can be compared: {'; '.join(notes)}")
    few = [c.name for c in found if like is None and c.numeric and _may_be_codes(c.values)]
    if few:
        notes.append(f"{', '.join(few)}: at most {FEW_VALUES} different whole numbers, read as numbers; where they are "
                     "codes, name them as categorical")
    gaps = [f"{c.name} {int(c.missing.sum()):,}" for c in found if c.missing.any()]
    return Table(path.name, tuple(found), (*notes, *([f"missing cells: {', '.join(gaps)}"] if gaps else [])))


def _number(cell: str) -> float | None:
    return float(cell) if is_number(cell) else None


def _comma_number(cell: str) -> float | None:
    """As `_number`, and with a decimal comma: in files with semicolons a comma cannot be a delimiter."""
    return float(cell.replace(",", ".")) if DECIMAL_COMMA.fullmatch(cell) else _number(cell)


Number = Callable[[str], float | None]


def _decided(path: Path, name: str, cells: Cells, words: bool, number: Number, notes: list[str]) -> Column | None:
    """The column, of the kind its cells have; None for an identifier."""
    if not name:
        raise DataError(f"column 1 of {path} has no name; give it one in the first row")
    known = {cell for cell in set(cells) if not is_missing(cell)}
    coded = any(CODE.fullmatch(cell) for cell in known)
    if not words and not coded and all(number(cell) is not None for cell in known):
        return _numeric(path, name, cells, number)
    if coded and not words and all(number(cell) is not None for cell in known):
        notes.append(f"{name} holds numbers with leading zeros or more than 15 digits, and is read as words")
    if len(known) > MOST_CATEGORIES:
        notes.append(f"{name} holds {len(known):,} different words in {len(cells):,} rows; it is taken as an "
                     "identifier and left out")
        return None
    return _categorical(path, name, cells, tuple(sorted(known)), [])


def _numeric(path: Path, name: str, cells: Cells, number: Number) -> Column:
    value = {cell: np.nan if is_missing(cell) else number(cell) for cell in set(cells)}
    bad = next((cell for cell in cells if (found := value[cell]) is None or np.isinf(found)), None)
    if bad is not None:
        what = "an infinite value" if value[bad] is not None else "a word"
        raise DataError(f"column {name!r} of {path} is one of numbers and holds {what}, {bad!r}, in row "
                        f"{cells.index(bad) + 2}; correct the cell or leave it empty")
    values = np.array([value[cell] for cell in cells], dtype=np.float64)
    if np.isnan(values).all():
        raise DataError(f"column {name!r} of {path} has no values: all its {len(cells):,} cells are missing; take the "
                        "column out")
    return Column(name, values)


def _categorical(path: Path, name: str, cells: Cells, categories: tuple[str, ...], notes: list[str]) -> Column:
    code = {word: k for k, word in enumerate(categories)}
    values = np.array([ABSENT if is_missing(cell) else code.get(cell, len(categories)) for cell in cells], np.int64)
    if (values == ABSENT).all():
        raise DataError(f"column {name!r} of {path} has no values: all its {len(cells):,} cells are missing; take the "
                        "column out")
    foreign = Counter(cell for cell, value in zip(cells, values, strict=True) if value == len(categories))
    if foreign:
        notes.append(f"{name}: {sum(foreign.values()):,} cells hold words that the reference does not have there "
                     f"({', '.join(word for word, _ in foreign.most_common(3))}); they count as other")
    return Column(name, values, categories)


def _like(path: Path, cells: dict[str, Cells], like: Table, number: Number, notes: list[str]) -> list[Column]:
    absent = [name for name in like.names if name not in cells]
    if absent:
        raise DataError(f"{path} has no column {absent[0]!r}, which {like.name} has{near(absent[0], cells)}"
                        + (f"; missing as well: {', '.join(absent[1:])}" if absent[1:] else ""))
    extra = [name for name in cells if name not in like.names]
    if extra:
        notes.append(f"columns that {like.name} does not have are passed over: {', '.join(extra)}")
    return [_numeric(path, c.name, cells[c.name], number) if c.categories is None
            else _categorical(path, c.name, cells[c.name], c.categories, notes) for c in like.columns]


def _row_numbers(name: str, cells: Cells) -> bool:
    return not name and all(cell in (str(k), str(k + 1)) for k, cell in enumerate(cells))


def _may_be_codes(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool((known == np.rint(known)).all()) and len(np.unique(known)) <= FEW_VALUES
