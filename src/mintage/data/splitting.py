"""The split: who is held out, by content alone.

An example falls on the held-out side when its content hash, read as a number in [0, 1), is below the share. So equal
examples fall on one side, the order and the other examples do not matter, and what was held out once stays so when the
data have grown.
"""

from __future__ import annotations

import numpy as np

from mintage.data.errors import DataError


def held_out_rows(digests: np.ndarray, share: float, name: str, *, again: bool = False) -> np.ndarray:
    """Which of the examples with these digests uint8 [N, 16] are held out: bool [N], with one at least on each side.

    `again` reads other bits of the content, for splitting what a first split gave.

    Raises:
        DataError: a share not between 0 and 1, or fewer than two examples that differ.
    """
    if not 0 < share < 1:
        raise DataError(f"held_out is {share}; it is a share between 0 and 1, such as 0.1")
    n = len(digests)
    draw = digests[:, 8 * again : 8 * again + 8].copy().view(">u8")[:, 0]
    if n < 2 or draw.min() == draw.max():
        raise DataError(f"{name} holds {n} example{'s' * (n != 1)}, none of which differ; to hold some out for "
                        "judging, at least two different ones are needed")
    out = draw < np.uint64(share * 2.0**64)
    if not out.any():
        return draw == draw.min()
    return draw != draw.max() if out.all() else out
