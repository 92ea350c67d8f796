"""A plan: to which size and channels every image of a set is brought, and by which fit.

Left open, the size is that of the images where they all agree and are no larger than 128 pixels a side; otherwise a
square, the largest power of two that is not more than the median short side, and 64 at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from mintage.data.errors import DataError, near

Fit = Literal["crop", "pad", "stretch"]
LARGEST_AS_IS = 128
LARGEST_CHOSEN = 64
SMALLEST_SHARE = 4  # an image is too small when a side is under a quarter of the target's
CHANNELS = {1: "grey", 3: "RGB", 4: "RGB and alpha"}


class Facts(NamedTuple):
    """What is known of one image: its size as seen (rotated as its EXIF says), and what was met on the way."""

    width: int
    height: int
    grey: bool
    remarks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """Height and width, fit, and channels: 1 grey, 3 RGB, 4 RGB and alpha."""

    height: int
    width: int
    fit: Fit
    channels: int

    def too_small(self, seen: Facts) -> bool:
        """Whether an image of this size would be nothing but blur."""
        return seen.width * SMALLEST_SHARE < self.width or seen.height * SMALLEST_SHARE < self.height


@dataclass(frozen=True)
class Wish:
    """What the user asked for; None is left to `plan`.

    `exact`: images are used at their own size, and images of several sizes are refused: to bring them to one is to
    change them, which a judge must not do unasked.

    Raises:
        DataError: an impossible size, or an unknown fit or number of channels.
    """

    resolution: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be before any file is read."""
        if self.fit not in get_args(Fit):
            raise DataError(f"the fit {self.fit!r} is not known; allowed: {', '.join(get_args(Fit))}"
                            f"{near(str(self.fit), get_args(Fit))}")
        if self.channels is not None and self.channels not in CHANNELS and self.channels != 2:
            raise DataError(f"{self.channels} channels cannot be made from images; allowed: "
                            + ", ".join(f"{n} ({what})" for n, what in CHANNELS.items()))
        if self.resolution is not None and (len(self.resolution) != 2 or min(self.resolution) < 1
                                            or max(self.resolution) > 4096):
            raise DataError(f"the resolution {self.resolution!r} must be (height, width), each from 1 to 4096")

    def plan(self, seen: Sequence[Facts]) -> Plan:
        """The plan for images of which these facts are known, one or more."""
        if self.channels == 2:
            raise DataError("images have 1 channel (grey), 3 (RGB) or 4 (RGB and alpha); 2 are for arrays that have 2")
        height, width = self.resolution or (only_size(seen) if self.exact else default_size(seen))
        plan = Plan(height, width, self.fit, self.channels or 1)
        if self.channels is None and not all(one.grey for one in seen if not plan.too_small(one)):
            plan = replace(plan, channels=3)
        return plan


def only_size(seen: Sequence[Facts]) -> tuple[int, int]:
    """(height, width) of images that all have one size.

    Raises:
        DataError: they have several.
    """
    sizes = Counter((one.height, one.width) for one in seen)
    if len(sizes) > 1:
        named = ", ".join(f"{count:,} of {width}x{height}" for (height, width), count in sizes.most_common(3))
        (height, width), _ = sizes.most_common(1)[0]
        raise DataError(f"the images have {len(sizes):,} sizes ({named}{', ...' if len(sizes) > 3 else ''}), and "
                        f"resizing changes every figure; say --resolution {width}x{height} to bring all to one, or "
                        "give images of one size")
    return next(iter(sizes))


def default_size(seen: Sequence[Facts]) -> tuple[int, int]:
    """(height, width) where none was asked for. Images too small for it do not take part in the choice."""
    sizes = np.array([(one.height, one.width) for one in seen])
    while True:
        if (sizes == sizes[0]).all() and sizes[0].max() <= LARGEST_AS_IS:
            return int(sizes[0][0]), int(sizes[0][1])
        short = sizes.min(1)
        side = min(LARGEST_CHOSEN, 2 ** int(np.log2(np.median(short))))
        kept = sizes[short * SMALLEST_SHARE >= side]
        if len(kept) == len(sizes):
            return side, side
        sizes = kept


def size_note(wish: Wish, plan: Plan, seen: Sequence[Facts]) -> str | None:
    """A sentence about what was done to sizes, or None where nothing was."""
    sizes = {(one.height, one.width) for one in seen}
    if sizes == {(plan.height, plan.width)}:
        return None
    how = {"crop": "cropped at the centre and resized", "pad": "resized and padded with white",
           "stretch": "stretched"}[plan.fit]
    short = [min(size) for size in sizes]
    spread = f"{min(short)}" if min(short) == max(short) else f"{min(short)} to {max(short)}"
    why = "" if wish.resolution else " (chosen, since none was asked for)"
    return (f"images are {how} to {plan.height}x{plan.width}{why}; "
            f"their short sides are {spread} pixels")
