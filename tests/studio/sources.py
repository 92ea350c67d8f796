"""Two kinds of images to be told apart, without a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mintage.data import Examples
from mintage.studio.stimuli import Sources


def made_up(home: Path, *, name: str = "made-up", shape: tuple[int, int, int] = (1, 8, 8), count: int = 60) -> Sources:
    """Reals are noise; fakes are smooth, so that a compressed file would tell."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)

    def draw(classes: Tensor | None, n: int, seed: int) -> Tensor:
        level = torch.rand(n, 1, 1, 1, generator=torch.Generator().manual_seed(seed))
        return (2 * level - 1).expand(n, *shape).contiguous()

    return Sources(name, "one", Examples.of_images(pixels, "noise, held out"), draw, False, home)
