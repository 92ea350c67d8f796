"""Labels by file name: the class of each image in a column of a table."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import torch

from mintage.data.csv_rows import is_missing
from mintage.data.errors import DataError
from mintage.data.examples import Examples, Reject
from mintage.data.file_tables import FileTable, open_table, split_column

MOST_CLASSES = 1000
LABEL_COLUMNS = ("label", "class", "category", "target", "labels")


def with_labels(examples: Examples, data: str, text: str) -> Examples:
    """The examples with the labels of `text`, FILE.csv or FILE.csv:COLUMN, a table on the disk or within `data`.

    Classes are the words of the column, sorted. An image of which the table says nothing is left out, with a reason.

    Raises:
        DataError: examples that came from no files; no such table or column; no image named there; more than 1,000
            classes.
    """
    if examples.names is None:
        raise DataError(f"{data} is not made of image files, and labels of a table belong to files by name; an .npz "
                        "carries its labels as the array y")
    path, column = split_column(text)
    table, names = open_table(path, data), examples.names.shown()
    cells = table.column(column or _column(table, names))
    said = [next((cells[row] for row in rows if not is_missing(cells[row])), "") for rows in table.rows_of(names)]
    keep = np.flatnonzero([bool(one) for one in said])
    classes = sorted({said[k] for k in keep})
    if not classes:
        raise DataError(f"no image of {data} has a label in {table.place}; fill the column in")
    if len(classes) > MOST_CLASSES:
        raise DataError(f"{table.place} gives {len(classes):,} different labels; at most {MOST_CLASSES:,} classes are "
                        "allowed. Name a column of classes with :COLUMN")
    where = {name: label for label, name in enumerate(classes)}
    found = examples.take(torch.from_numpy(keep)) if len(keep) < len(said) else copy(examples)
    found.__dict__.pop("fingerprint", None)  # a copy brings what was computed of the unlabelled
    found.spec = replace(examples.spec, labels=tuple(classes))
    found.labels = torch.tensor([where[said[k]] for k in keep], device=examples.device)
    kept = set(keep.tolist())
    found.rejects = examples.rejects + [Reject(name, f"it has no label in {table.place}")
                                        for k, name in enumerate(names) if k not in kept]
    found.notes = [note for note in examples.notes if "classes, by folder" not in note]
    found.notes.append(f"{len(classes)} classes, from {table.place}: {', '.join(classes[:10])}"
                       + (", ..." if len(classes) > 10 else ""))
    if len(keep) < len(said):
        found.notes.append(f"{len(said) - len(keep)} of {len(said)} images have no label in {table.place} and are "
                           "left out")
    return found


def _column(table: FileTable, names: list[str]) -> str:
    others = [name for name in table.columns if name != table.files(names)]
    lower = {name.lower(): name for name in reversed(others)}
    known = next((lower[name] for name in LABEL_COLUMNS if name in lower), None)
    if known is None and len(others) != 1:
        raise DataError(f"{table.place} has the columns {', '.join(table.columns)}; say which holds the labels, as "
                        f"in --labels {table.place.split(' in ')[0]}:{others[0] if others else 'COLUMN'}")
    return others[0] if len(others) == 1 else str(known)
