"""Reductions: examples that are made from smaller images of themselves.

x [N, C, H, W] -> c [N, C, ceil(H / 4), ceil(W / 4)], bicubic with antialiasing and the kernel a = -1/2, rounded to 256
levels, as a small image in a file would be. Pillow's convention: at a border the kernel is cut and its weights brought
to sum 1, where Matlab's imresize mirrors the image; inside, the two are equal.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from mintage.data.errors import DataError
from mintage.data.examples import Examples
from mintage.data.spec import Given
from mintage.data.stores import Store, to_float
from mintage.data.writing import rounded

FACTOR = 4


def reduced(x: Tensor, factor: int = FACTOR) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] -> [N, C, ceil(H / factor), ceil(W / factor)], of 256 levels.

    Sides that are no multiple are padded with their last row and column first.
    """
    x = pad(x, (0, -x.shape[3] % factor, 0, -x.shape[2] % factor), mode="replicate")
    return to_float(rounded(interpolate(x, scale_factor=1 / factor, mode="bicubic", antialias=True)))


class Reduced:
    """A store of what another one holds, reduced when it is read."""

    ahead = 0

    def __init__(self, store: Store) -> None:
        self.store = store

    def __len__(self) -> int:
        return len(self.store)

    def read(self, indices: Tensor) -> Tensor:
        """[n, C, ceil(H / 4), ceil(W / 4)] in [-1, 1]."""
        return reduced(self.store.read(indices))

    def take(self, indices: Tensor) -> Reduced:
        """These images only."""
        return Reduced(self.store.take(indices))

    def to(self, device: torch.device) -> Reduced:
        """The same on another device."""
        return Reduced(self.store.to(device))


def with_reduced(examples: Examples) -> Examples:
    """The same examples, each made from itself at a quarter of its sides.

    Raises:
        DataError: they are not images.
    """
    if examples.spec.kind != "image":
        raise DataError(f"only images are made from smaller ones, and these examples are {examples.spec.kind}; choose "
                        "another system")
    channels, height, width = examples.spec.shape
    given = Given("image", (channels, -(-height // FACTOR), -(-width // FACTOR)))
    found = examples.with_given(given, Reduced(examples.store), examples.digests)
    found.names = examples.names
    return found


def cropped(c: Tensor, x: Tensor, side: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Squares of reduced images and of their originals, each pair at a place of its own.

    Args:
        c, x: [N, C, h, w] and [N, C, H, W]; x is padded to 4 h x 4 w where it is smaller.
        side: of the squares of c; those of x are four times as large.
        random: a generator on the CPU.
    """
    x = pad(x, (0, FACTOR * c.shape[3] - x.shape[3], 0, FACTOR * c.shape[2] - x.shape[2]), mode="replicate")
    room = torch.tensor([c.shape[2] - side + 1, c.shape[3] - side + 1])
    places = (torch.rand(len(c), 2, generator=random) * room).long().tolist()
    large, k = FACTOR * side, FACTOR
    return (torch.stack([one[:, i:i + side, j:j + side] for one, (i, j) in zip(c, places, strict=True)]),
            torch.stack([one[:, k * i:k * i + large, k * j:k * j + large] for one, (i, j) in
                         zip(x, places, strict=True)]))
