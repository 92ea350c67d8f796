"""The film of a run: the same latents at each mark, as sample sheets."""

from __future__ import annotations

import io

from PIL import Image
from torch import Tensor

from mintage.data import DataSpec, sheet
from mintage.game import Game, Stages, generator
from mintage.runs.durable import write_file
from mintage.runs.folder import Run

POINTS = 2000


class Film:
    """Draws one frame of `run`: samples of `game` from latents that never change."""

    def __init__(self, run: Run, game: Game | Stages) -> None:
        self.run, self.game = run, game
        self.spec = run.settings.spec
        if game.sampler is None:
            raise ValueError("a game without a sampler has no film")
        self.columns, count = layout(self.spec, game.sampler.classes)
        self.z, self.y = game.sampler.latents(count, generator(run.settings.seed, "film"))

    def shoot(self, name: str | None = None) -> Tensor:
        """Write the frame of the present round, under its own name or another, and return its samples."""
        x = self.game.generate(self.z, self.y).cpu()
        write_file(self.run.samples / f"{name or f'round-{self.game.index:010d}'}.png",
                   png(sheet(x, self.spec, columns=self.columns)), point="film")
        return x


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
