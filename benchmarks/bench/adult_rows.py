"""A table as CTGAN's networks see it: Adult where its file is at hand, else drawn rows of the same spans.

A numeric column becomes a number in (-1, 1) and one of up to ten modes, here the means of tenths of the rows; the value
is its distance from the nearest, in four standard deviations. A categorical column is one-hot. The transform is done
once, for both sides of the row, and is no part of what is timed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mintage.data.tables import Column, open_table

MODES = 10
DRAWN, ROWS = (0, 10, 9, 0, 10, 16, 0, 10, 7, 15, 6, 5, 2, 0, 3, 0, 2, 0, 10, 42, 2), 32_561


class Rows(NamedTuple):
    """x float32 [n, W], the choices of each span (0 for a number), and which spans are conditioned on."""

    x: np.ndarray
    spans: tuple[int, ...]
    discrete: tuple[int, ...]


def rows() -> Rows:
    """The table, ready for the networks."""
    path = Path(os.environ.get("MINTAGE_DATA", Path(__file__).parents[3] / "shared" / "data"), "tabular", "adult.csv")
    if not path.exists():
        return drawn()
    parts, spans, discrete = list[np.ndarray](), list[int](), list[int]()
    for column in open_table(path).columns:
        found = [*numeric(column.values)] if column.numeric else [one_hot(column)]
        if not column.numeric:
            discrete.append(len(spans))
        spans += [0, found[1].shape[1]] if column.numeric else [found[0].shape[1]]
        parts += found
    return Rows(np.concatenate(parts, 1).astype(np.float32), tuple(spans), tuple(discrete))


def numeric(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(numbers [n, 1], modes one-hot [n, k])."""
    values = np.nan_to_num(values, nan=float(np.nanmean(values)))
    tenths = np.array_split(np.sort(values), MODES)
    means, index = np.unique([part.mean() for part in tenths], return_index=True)
    scale = np.maximum(np.array([part.std() for part in tenths])[index], 1e-3 * values.std())
    mode = np.abs(values[:, None] - means).argmin(1)
    return np.clip((values - means[mode]) / (4 * scale[mode]), -0.99, 0.99)[:, None], np.eye(len(means))[mode]


def one_hot(column: Column) -> np.ndarray:
    """Categories one-hot [n, k]; missing cells are one of their own."""
    codes = np.where(column.missing, column.values.max() + 1, column.values)
    return np.eye(int(codes.max()) + 1)[codes]


def drawn() -> Rows:
    """Random rows with Adult's spans."""
    random, parts = np.random.default_rng(0), list[np.ndarray]()
    for k in DRAWN:
        parts.append(np.eye(k)[random.integers(0, k, ROWS)] if k else random.uniform(-1, 1, (ROWS, 1)))
    modes = {s + 1 for s, k in enumerate(DRAWN) if not k}
    discrete = tuple(s for s, k in enumerate(DRAWN) if k and s not in modes)
    return Rows(np.concatenate(parts, 1).astype(np.float32), DRAWN, discrete)
