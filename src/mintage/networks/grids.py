"""Grids: how a network climbs from a small starting grid to an image of any height and width.

A generator starts on h x w positions and doubles both sides `levels` times; a critic halves as often. So the sides a
network works on are (h 2^levels, w 2^levels). Where the image is smaller than that, the critic pads it with its edge
pixels and the generator cuts its centre out; both see the same margins.

    28 x 28 -> start 7 x 7, 2 levels, nothing padded          64 x 48 -> start 8 x 6, 3 levels, nothing padded
    100 x 75 -> start 7 x 5, 4 levels, padded to 112 x 80     8 x 8 -> start 4 x 4, 1 level
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

LARGEST = 4096
SHORTEST_START = 4  # positions on the shorter side of the starting grid, where the image has as many
TALLEST_LEVELS = 10


@dataclass(frozen=True)
class Grid:
    """A plan for images of `size`: both `start` sides are doubled `levels` times and give `padded`."""

    size: tuple[int, int]
    start: tuple[int, int]
    levels: int

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) the network works on; at least `size`."""
        return self.start[0] << self.levels, self.start[1] << self.levels

    def at(self, level: int) -> tuple[int, int]:
        """(height, width) of the maps at a level: 0 is the start, `levels` the image."""
        return self.start[0] << level, self.start[1] << level

    @property
    def note(self) -> str:
        """One sentence about what the plan does to the image."""
        (h, w), (H, W), (p, q) = self.start, self.size, self.padded
        times = f"{self.levels} time" + "s" * (self.levels != 1)
        climb = f"networks for {H} x {W} start from a grid of {h} x {w} and double it {times}"
        if (H, W) == (p, q):
            return climb + ", which fits exactly"
        return climb + f" to {p} x {q}; the margin of {p - H} rows and {q - W} columns is padded and cut off again"

    def widen(self, x: Tensor) -> Tensor:
        """Images [N, C, height, width] -> [N, C, *padded], their edge pixels repeated in the margin."""
        if tuple(x.shape[-2:]) != self.size:
            raise ValueError(f"images of {x.shape[-2]} x {x.shape[-1]} came to a network made for "
                             f"{self.size[0]} x {self.size[1]} (height x width)")
        if self.size == self.padded:
            return x
        top, left = self._margin()
        bottom, right = self.padded[0] - self.size[0] - top, self.padded[1] - self.size[1] - left
        return pad(x, (left, right, top, bottom), mode="replicate")

    def crop(self, x: Tensor) -> Tensor:
        """The centre of [N, C, *padded] -> [N, C, height, width]; the inverse of `widen`."""
        top, left = self._margin()
        return x[..., top : top + self.size[0], left : left + self.size[1]]

    def _margin(self) -> tuple[int, int]:
        """Rows above and columns left of the image; an odd margin is larger below and to the right."""
        return (self.padded[0] - self.size[0]) // 2, (self.padded[1] - self.size[1]) // 2


def plan(height: int, width: int) -> Grid:
    """The grid for images of height x width.

    Where the shorter side is 4 or more, its start is 4 to 7. Two numbers of levels may give that (28 starts from 7 or,
    padded to 32, from 4): the one that pads less is taken, and of equals the deeper. Shorter sides are not halved.

    Raises:
        ValueError: a side that is not a whole number from 1 to 4096.
    """
    for name, side in (("height", height), ("width", width)):
        if isinstance(side, bool) or not isinstance(side, int) or not 1 <= side <= LARGEST:
            raise ValueError(f"{name} is {side!r}; networks are made for images of 1 to {LARGEST} pixels a side. Give "
                             "the size as whole numbers, or resize the images")
    short = min(height, width)
    fitting = [n for n in range(TALLEST_LEVELS + 1) if SHORTEST_START <= _start(short, n) < 2 * SHORTEST_START]

    def padded(levels: int) -> int:
        return (_start(height, levels) * _start(width, levels)) << (2 * levels)

    levels = min(fitting, key=lambda n: (padded(n), -n)) if fitting else 0
    return Grid((height, width), (_start(height, levels), _start(width, levels)), levels)


def _start(side: int, levels: int) -> int:
    """side / 2^levels, rounded up."""
    return -(-side // (1 << levels))
