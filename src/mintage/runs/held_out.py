"""Held-out discipline: what was never trained on is divided once more, into examples to choose by and to test on.

The marks of a training look at the first part again and again, and the best checkpoint is the one that does best on
it; so its figures there are a little too good. What is said of the product is measured on the second part, which
nothing was chosen by. Both divisions go by the content of an example, so they never change and equal examples never
fall on two sides.
"""

from __future__ import annotations

from typing import NamedTuple

from mintage.data import Examples

ENOUGH = 2000  # held-out examples from which on a half of them says something


class HeldOut(NamedTuple):
    """Examples to choose checkpoints by, and to test the product on; `note` says where they are the same ones."""

    choosing: Examples
    testing: Examples
    note: str


def divide(held_out: Examples) -> HeldOut:
    """The two parts; where few examples are held out, both are all of them."""
    if len(held_out) >= ENOUGH:
        choosing, testing = held_out.split(0.5, again=True)
        return HeldOut(choosing, testing, "")
    note = (f"the checkpoint was chosen by these same {len(held_out):,} held-out examples, so the figures are a little "
            f"too good; from {ENOUGH:,} on they are divided")
    return HeldOut(held_out, held_out, note)
