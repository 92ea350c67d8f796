"""Sizes of the residual pair, one row each.

Multiply-accumulates (MACs) are per example and forward pass. `compact` rows are made for a CPU and for minutes; the
others are the networks of R3GAN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mintage.networks.sizes import row_of

Size = Literal["XS", "S", "M", "L", "XL", "XXL"]

SHALLOW = 2  # levels below which halving alone makes too weak a critic: on 8 x 8 digits it soon saw no difference


@dataclass(frozen=True)
class Row:
    """A size: `width` channels at half the image's side (compact) or at every level (paper), and what else differs.

    A compact generator has `blocks` dense blocks on the starting grid, its critic `critic_blocks`; both double their
    width with every halving of the image, up to `steepest` times. A network after the paper has `blocks` inverted
    blocks at every level, in groups of `group` channels, and the same width throughout.
    """

    width: int
    blocks: int
    compact: bool
    critic_blocks: int = 0
    group: int = 0
    steepest: int = 4

    def widths(self, levels: int) -> list[int]:
        """Channels at each level, from the start (0) to the image (`levels`)."""
        if not self.compact:
            return [self.width] * (levels + 1)
        top = max(levels, SHALLOW) - 1
        return [self.width * min(2 ** max(top - level, 0), self.steepest) for level in range(levels + 1)]

    def critic_depth(self, levels: int) -> int:
        """Blocks on the critic's starting grid; never none where halving alone leaves it hardly any layer."""
        return self.critic_blocks if levels >= SHALLOW else max(self.critic_blocks, SHALLOW)


SIZES: dict[str, Row] = {
    "XS": Row(16, 1, compact=True),
    "S": Row(64, 1, compact=True),
    "M": Row(128, 2, compact=True, critic_blocks=1),
    "L": Row(192, 2, compact=False, group=32),
    "XL": Row(768, 2, compact=False, group=16),  # R3GAN's presets for CIFAR-10 and, with 1536, for ImageNet
    "XXL": Row(1536, 2, compact=False, group=32),
}


def row(size: str) -> Row:
    """The row of a size.

    Raises:
        ValueError: a size that is not in the table.
    """
    return row_of(size, SIZES, "a residual network")
