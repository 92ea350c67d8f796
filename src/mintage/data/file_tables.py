"""File tables: what a CSV, TSV or JSONL file says of images, a row a file: captions, classes.

A table lies on the disk or, by its name, with the images in their folder or zip. The column of file names is the one
named for it, or the one whose cells are names of the images.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mintage.data.beside import LARGEST_TABLE, Beside, read_plain
from mintage.data.csv_rows import as_text, rows_in
from mintage.data.errors import DataError, near
from mintage.data.names import matched

TABLES = (".csv", ".tsv", ".jsonl")
FILE_COLUMNS = ("file", "filename", "file_name", "image", "image_path", "path", "img")
LOOKED_AT = 500  # rows by which a column of file names is known


class FileTable(NamedTuple):
    """Where it was read, the names of its columns, and their cells."""

    place: str
    columns: dict[str, tuple[str, ...]]

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of a column.

        Raises:
            DataError: there is none of that name.
        """
        if name not in self.columns:
            raise DataError(f"{self.place} has no column {name!r}; it has {', '.join(self.columns)}"
                            f"{near(name, self.columns)}")
        return self.columns[name]

    def files(self, names: list[str]) -> str:
        """The name of the column of file names.

        Raises:
            DataError: none can be told.
        """
        lower = {name.lower(): name for name in reversed(list(self.columns))}
        known = next((lower[name] for name in FILE_COLUMNS if name in lower), None)
        if known is not None:
            return known
        hits = {name: int((matched(cells[:LOOKED_AT], names) >= 0).sum()) for name, cells in self.columns.items()}
        best = max(hits, key=lambda name: hits[name])
        if not hits[best]:
            raise DataError(f"{self.place} has no column of file names; name one {' or '.join(FILE_COLUMNS[:4])}: it "
                            f"has {', '.join(self.columns)}")
        return best

    def rows_of(self, names: list[str]) -> list[np.ndarray]:
        """For each image of these names, the rows that are about it, in order.

        Raises:
            DataError: no row is about any of them.
        """
        cells = self.columns[self.files(names)]
        which = matched(cells, names)
        if not (which >= 0).any():
            raise DataError(f"no row of {self.place} is about any of the images: it names {_some(list(cells))}, and "
                            f"the images are {_some(names)}; give the names as they are in the data")
        order = np.argsort(which, kind="stable")
        edges = np.searchsorted(which[order], np.arange(len(names) + 1))
        return [order[edges[i]:edges[i + 1]] for i in range(len(names))]


def split_column(text: str) -> tuple[str, str | None]:
    """FILE or FILE:COLUMN as its two parts."""
    path, colon, column = text.rpartition(":")
    return (path, column) if colon and path.lower().endswith(TABLES) else (text, None)


def open_table(text: str, data: str) -> FileTable:
    """The table at a path, or of that name in the folder or zip `data`.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    path = Path(text)
    if path.is_file():
        return parsed(read_plain(path.resolve(), LARGEST_TABLE), text)
    beside = Beside(Path(data)) if Path(data).exists() else None
    inside = [] if beside is None else [name for name in beside.ending(*TABLES)
                                        if name == text or name.rsplit("/", 1)[-1] == text]
    if beside is None or not inside:
        there = [] if beside is None else beside.ending(*TABLES)
        listed = f"; {data} holds {_some(there)}" if there else ""
        raise DataError(f"there is no table {text}{listed}{near(text, there)}")
    return parsed(beside.read(inside[0], LARGEST_TABLE), f"{inside[0]} in {data}")


def parsed(raw: bytes, place: str) -> FileTable:
    """The table with this content; JSONL is known by its first character.

    Raises:
        DataError: it is no table.
    """
    if raw.lstrip()[:1] == b"{":
        return FileTable(place, _objects(as_text(raw, place), place))
    header, columns, _ = rows_in(raw, place)
    return FileTable(place, dict(zip(header, columns, strict=True)))


def _objects(text: str, place: str) -> dict[str, tuple[str, ...]]:
    rows: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"line {number} of {place} is not JSON ({str(error)[:80]}); give one object a "
                            "line") from None
        if not isinstance(row, dict):
            raise DataError(f"line {number} of {place} is no object; give one object a line, as "
                            '{"file_name": "a.png", "text": "a red heart"}')
        rows += _flat(row)
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: tuple(row.get(key, "") for row in rows) for key in keys}


def _flat(row: dict[str, object]) -> list[dict[str, str]]:
    """An object as rows: one, or as many as its longest list has entries."""
    plain = {str(key): str(value).strip() for key, value in row.items() if isinstance(value, str | int | float)}
    lists = {str(key): [str(one).strip() for one in value] for key, value in row.items()
             if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value)}
    count = max(map(len, lists.values()), default=1) or 1
    return [{**plain, **{key: values[k] for key, values in lists.items() if k < len(values)}} for k in range(count)]


def _some(names: list[str]) -> str:
    return ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
