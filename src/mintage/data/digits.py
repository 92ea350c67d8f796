"""Digits: 1,797 handwritten digits of 8 x 8 pixels, which come with scikit-learn; nothing is fetched.

Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998, https://doi.org/10.24432/C50P49).
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mintage.data.errors import DataError
from mintage.data.examples import Examples


def open_digits() -> Examples:
    """Images uint8 [1797, 1, 8, 8], the sixteen levels spread over 0..255, with labels 0 to 9.

    Raises:
        DataError: scikit-learn is not installed.
    """
    levels, labels = _levels()
    pixels = np.rint(levels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    return Examples.of_images(pixels, "digits", labels=labels, classes=tuple(map(str, range(10))))


def _levels() -> tuple[np.ndarray, np.ndarray]:
    """Levels 0..16 [1797, 64] and labels, from the table itself: importing scikit-learn takes seconds."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataError("the digits come with scikit-learn, which is not installed; "
                        "install it with: pip install 'mintage[demo]'")
    table = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if table.is_file():
        with gzip.open(table, "rt", encoding="ascii") as file:
            rows = np.loadtxt(file, delimiter=",", dtype=np.uint8)
        return rows[:, :64], rows[:, 64]
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.data, found.target
