"""Table features: rows as vectors f in which a distance of 1 is one deviation of one column of the reference.

A numeric column becomes z = (a(x) - m) / s with a(x) = asinh((x - c) / w); c is the reference's median and w its
interquartile range (where most cells are equal: the lower quartile of |x - c| among the others), m and s the mean and
the deviation of a(x). The map is linear within the bulk and logarithmic in the tails, so no outlier rules a distance.
It has no end, unlike a map by ranks: values between two clusters, or outside all that the reference has, stay apart.

A categorical column becomes one-hot / sqrt(2): rows that differ in it are 1 apart. Categories past the 63 most frequent
share a place. A missing number is z = 0 beside an indicator of 1; a missing word is a category. One last feature is the
size of what the reference never has: 1 for a number missing there, 1 / sqrt(2) for an unknown or missing word.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mintage.data.tables import ABSENT, Column, Table
from mintage.evaluation.features.extractors import Extractor

VERSION = "1"
MOST_PLACES = 64
UNIT = 1 / math.sqrt(2)
SIGNIFICANT = 6  # digits of m and s, so that no machine's rounding changes a digest


class Numeric(NamedTuple):
    """The constants c, w, m, s of a numeric column, and whether it has an indicator of missing cells."""

    name: str
    centre: float
    width: float
    mean: float
    deviation: float
    gaps: bool

    @property
    def dim(self) -> int:
        """How many features the column has."""
        return 1 + self.gaps

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        """Features [n, dim], and the size [n] of what the reference never has."""
        z = (np.arcsinh((column.values - self.centre) / self.width) - self.mean) / self.deviation
        missing = column.missing.astype(np.float64)
        f = np.where(column.missing, 0.0, z)[:, None]
        return (np.column_stack([f, missing]), np.zeros(len(f))) if self.gaps else (f, missing)


class Categorical(NamedTuple):
    """The categories of a column, and the place of each; -1 for what the reference never has. The last two places are
    those of an unknown word and of a missing one."""

    name: str
    categories: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def dim(self) -> int:
        """How many features the column has."""
        return max(self.places) + 1

    def encode(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        """Features [n, dim], and the size [n] of what the reference never has."""
        place = np.array(self.places)[column.values]  # code -1, a missing word, is the last place
        f = UNIT * (place[:, None] == np.arange(self.dim))
        return f, UNIT * (place < 0)


@dataclass(frozen=True)
class TableEncoder:
    """Tables of the reference's columns as features [n, dim] float32."""

    parts: tuple[Numeric | Categorical, ...]

    @property
    def dim(self) -> int:
        """How many features a row has."""
        return sum(part.dim for part in self.parts) + 1

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the definition: version, columns and constants."""
        text = json.dumps([VERSION, UNIT, [[type(part).__name__, *part] for part in self.parts]])
        return hashlib.sha256(text.encode()).hexdigest()

    def __call__(self, table: Table) -> Tensor:
        """f [n, dim] of a table opened `like` the reference, or taken from it.

        Raises:
            ValueError: a column is missing, or of another kind or with other categories than the reference's.
        """
        blocks, strange = [], np.zeros(len(table))
        for part in self.parts:
            column = table.column(part.name)
            wanted = part.categories if isinstance(part, Categorical) else None
            if column.categories != wanted:
                raise ValueError(
                    f"column {part.name!r} of {table.name} is {'numeric' if column.numeric else 'categorical'} with "
                    f"{len(column.categories or ())} categories and the reference's has {len(wanted or ())}; open the "
                    "table with like=reference."
                )
            block, foreign = part.encode(column)
            blocks.append(block)
            strange += foreign
        return torch.from_numpy(np.column_stack([*blocks, strange]).astype(np.float32))


def table_features(reference: Table, without: Sequence[str] = ()) -> tuple[TableEncoder, Extractor]:
    """(encode, extractor): encode(table) -> f [n, dim] by the reference's columns, all but those in `without`.

    The extractor is the identity on f and carries the digest of the definition, for measures that want a name.

    Raises:
        ValueError: no column is left, or a name in `without` is not one of the reference's.
    """
    for name in without:
        reference.column(name)
    columns = [column for column in reference.columns if column.name not in without]
    if not columns:
        raise ValueError(f"{reference.name} has no column left to compare without {', '.join(without)}.")
    encode = TableEncoder(tuple(_categorical(c) if c.categories is not None else _numeric(c) for c in columns))
    said = "numbers by asinh and the reference's deviation, categories one-hot / sqrt(2), missing cells indicated"
    return encode, Extractor("mintage-table", VERSION, encode.digest, encode.dim, lambda f: f, 65536, preparation=said)


def _numeric(column: Column) -> Numeric:
    x = column.values[~column.missing]
    low, centre, high = np.quantile(x, (0.25, 0.5, 0.75))
    away = np.abs(x - centre)
    width = (high - low) or (np.quantile(away[away > 0], 0.25) if (away > 0).any() else 1.0)
    bent = np.arcsinh((x - centre) / width)
    deviation = bent.std() if x.min() < x.max() else 1.0
    return Numeric(column.name, float(centre), float(width), _rounded(bent.mean()), _rounded(deviation),
                   bool(column.missing.any()))


def _categorical(column: Column) -> Categorical:
    categories = column.categories or ()
    counts = np.bincount(column.values[column.values != ABSENT], minlength=len(categories) + 1)
    order = sorted(range(len(counts)), key=lambda code: (-counts[code], code))
    places = [-1] * len(counts)
    for rank, code in enumerate(code for code in order if counts[code]):
        places[code] = min(rank, MOST_PLACES - 1)
    gap = max(places) + 1 if column.missing.any() else -1
    return Categorical(column.name, categories, (*places, gap))


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")
