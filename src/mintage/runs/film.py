"""The film of a run: the same latents at each mark, as sample sheets."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from mintage.data import DataSpec, sheet
from mintage.game import Game, Stages, generator
from mintage.runs.conditions import Conditions
from mintage.runs.durable import write_file
from mintage.runs.folder import Run

POINTS = 2000


class Film:
    """Draws one frame of `run`: samples of `game` from latents that never change, beside the images they are made from.

    `conditions` say what they are made from, in games that need it.
    """

    def __init__(self, run: Run, game: Game | Stages, conditions: Conditions) -> None:
        self.run, self.game = run, game
        self.spec = run.settings.spec
        if game.sampler is None:
            raise ValueError("a game without a sampler has no film")
        self.columns, count = layout(self.spec, game.sampler.classes)
        self.c = conditions.given_at(0, count) if game.sampler.given else None
        self.z, self.y = game.sampler.latents(count, generator(run.settings.seed, "film"))

    def shoot(self, name: str | None = None) -> Tensor:
        """Write the frame of the present round, under its own name or another, and return its samples."""
        x = self.game.generate(self.z, self.y, self.c).cpu()
        page = sheet(*beside(x, self.c, self.spec), columns=self.columns)
        write_file(self.run.samples / f"{name or f'round-{self.game.index:010d}'}.png", png(page), point="film")
        return x


def beside(x: Tensor, c: Tensor | None, spec: DataSpec) -> tuple[Tensor, DataSpec]:
    """Images with those they are made from, in turns c, x, c, x, ..., as a sheet takes them; else x alone.

    c is brought to the size of x by repeating or leaving out pixels; the one with fewer channels is repeated to three.
    """
    if c is None or c.ndim != 4:
        return x, spec
    c = functional.interpolate(c.cpu(), size=x.shape[2:], mode="nearest")
    if c.shape[1] != x.shape[1]:
        x, c = (one.expand(-1, 3, -1, -1) if one.shape[1] == 1 else one[:, :3] for one in (x, c))
    shown = torch.stack([c, x], 1).flatten(0, 1)
    return shown, DataSpec("image", tuple(shown.shape[1:]))


def layout(spec: DataSpec, classes: int) -> tuple[int | None, int]:
    """Columns and number of samples of a sheet: a class a column where there are few classes."""
    if spec.kind != "image":
        return None, POINTS
    large = max(spec.shape[1:]) > 96
    if 2 <= classes <= 16:
        return classes, classes * (3 if large else 6)
    return (6, 18) if large else (10, 60)


def png(image: Image.Image) -> bytes:
    """A picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
