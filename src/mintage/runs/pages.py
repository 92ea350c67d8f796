"""A page of what exploring shows: a sheet, perhaps a film, and the sentence that says what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

from PIL import Image

from mintage.runs import moving
from mintage.runs.film import png


@dataclass
class Page:
    """`name`.png with its `text`; `name`.gif where there is a film; other files by name."""

    name: str
    text: str
    sheet: Image.Image
    film: Sequence[Image.Image] = ()
    others: dict[str, bytes] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """The file to look at."""
        return f"{self.name}.png"

    @cached_property
    def files(self) -> dict[str, bytes]:
        """What is written."""
        film = {f"{self.name}.gif": moving.gif(self.film)} if self.film else {}
        return {self.first: png(self.sheet), **film, **self.others}

    def html(self, mp4: bool) -> str:
        """A section of index.html."""
        title = escape(self.name.replace("-", " ").capitalize())
        film = f"<p><img alt='film: {title}' src='{self.name}.gif'></p>" if self.film else ""
        link = f"<p><a href='{self.name}.mp4'>the film as MP4</a></p>" if mp4 else ""
        return (f"<h2>{title}</h2><p>{escape(self.text)}.</p><p><img alt='{title}' src='{self.first}'></p>"
                f"{film}{link}")
