"""Stacked MNIST: three digits (a, b, c), one in each colour channel; 1,000 classes, 100 a + 10 b + c.

A test of mode coverage: a generator that makes only some of the thousand is caught by a classifier of digits. From
Unrolled Generative Adversarial Networks (Metz et al., 2017, https://arxiv.org/abs/1611.02163), section 3.3.1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.examples import Examples
from mintage.data.order import generator

CHANNELS, DIGITS = 3, 10
NAMES = tuple(f"{k:03d}" for k in range(DIGITS**CHANNELS))
ROWS = 10_000
NOTE = ("three MNIST digits in the three channels; stacks share their digits, so hold out by opening the test part, "
        "whose digits are others")


def stacked(mnist: Examples, n: int | None = None, seed: int = 0, balanced: bool = False) -> Examples:
    """n stacks of digits drawn from `mnist`, with replacement: images uint8 [n, 3, H, W], labels 100 a + 10 b + c.

    Args:
        mnist: grey digits [N, 1, H, W] with labels 0 to 9.
        n: how many stacks; N without it.
        seed: the stacks are a function of `mnist`, n, the seed and `balanced`.
        balanced: draw the classes uniformly, then a digit of each. Without it every digit is as likely as any other,
            and as MNIST's classes are not of one size (5 is .0904 of them, 1 is .1124), the likeliest class, 111, has
            1.9 times the chance of the rarest, 555.

    Raises:
        DataError: examples that are not grey digits of ten classes, or n under 1.
    """
    labels = _digits(mnist)
    n = len(mnist) if n is None else n
    if n < 1:
        raise DataError(f"stacked: n is {n}; it must be 1 or more")
    chance = generator("stacked", seed, n, int(balanced))
    if balanced:
        rows = _balanced(labels, n, chance)
    else:
        rows = torch.randint(len(mnist), (n, CHANNELS), generator=chance)
    a, b, c = labels[rows].unbind(1)
    stacks = _pixels(mnist)[rows.numpy()]
    return Examples.of_images(stacks, f"stacked-{mnist.name}", labels=(100 * a + 10 * b + c).numpy(), classes=NAMES,
                              notes=[*mnist.notes, NOTE])


def _digits(mnist: Examples) -> Tensor:
    shape, classes = mnist.spec.shape, len(mnist.spec.labels)
    if mnist.spec.kind != "image" or shape[0] != 1 or classes != DIGITS or mnist.labels is None or not len(mnist):
        raise DataError(f"stacked needs grey images [N, 1, H, W] of {DIGITS} classes, as mnist is; {mnist.name} has "
                        f"{len(mnist):,} examples of shape {list(shape)} and {classes} classes")
    return mnist.labels.cpu()


def _balanced(labels: Tensor, n: int, chance: torch.Generator) -> Tensor:
    """Rows [n, 3] whose classes are uniform."""
    order, counts = labels.argsort(stable=True), labels.bincount(minlength=DIGITS)
    if int(counts.min()) == 0:
        absent = ", ".join(str(k) for k in range(DIGITS) if counts[k] == 0)
        raise DataError(f"balanced stacks need every digit; there is no example of {absent}")
    wanted = torch.randint(DIGITS, (n, CHANNELS), generator=chance)
    within = (torch.rand(n, CHANNELS, generator=chance, dtype=torch.float64) * counts[wanted]).long()
    return order[(counts.cumsum(0) - counts)[wanted] + within]


def _pixels(mnist: Examples) -> np.ndarray:
    """All digits as uint8 [N, H, W], read a part at a time: as floats they would take four times the memory."""
    parts = [mnist.store.read(rows).cpu() for rows in torch.arange(len(mnist)).split(ROWS)]
    return torch.cat([part.add_(1).mul_(127.5).round_().to(torch.uint8) for part in parts])[:, 0].numpy()
