"""Translating: images of any size through the network that a run trained to make images from images.

A network says what it needs. `reach` is how many places of its input around it a place of its output depends on: then a
large image is made in tiles that overlap by as much, and equals the one made at once. None: its statistics are of the
whole image, as those of instance norm are, so it is made at once; and it has learnt one scale of things, that of its
training images, so an image is brought to that scale first and the result back to the image's own size.
`scale` is how many times larger its output is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mintage.data import to_uint8
from mintage.data.images import Refused, decode, read_header
from mintage.data.plan import Plan
from mintage.data.stores import to_float
from mintage.data.writing import pictures
from mintage.game import generator
from mintage.game.game import drawing
from mintage.runs.durable import TEMPORARY, write_file
from mintage.runs.errors import RunError
from mintage.runs.product import Generator

Scale = Literal["trained", "own"]
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
TILE = 160  # places of the input a side, without the margin
AT_ONCE = 2**22  # pixels of an image that is translated at once
LARGEST_MADE = 2**27  # pixels of what is made


class Translator:
    """The network of one direction of a trained generator, as a function of single images.

    Args:
        back: the other direction, in systems that have both.
        scale: trained brings an image to the scale of the training images where the network looks at the whole; own
            leaves it as it is.

    Raises:
        RunError: the system makes nothing from images, or has no way back.
    """

    def __init__(self, trained: Generator, *, back: bool = False, scale: Scale = "trained") -> None:
        system = str(trained.facts["system"])
        module = import_module(f"mintage.systems.{system}")
        if not hasattr(module, "FORWARD"):
            raise RunError(f"{system} makes nothing from images; use mintage sample")
        if back and not hasattr(module, "BACK"):
            raise RunError(f"{system} learns one direction; leave --back out, or train the other way round, the images "
                           "that were given as the data and the data as --given")
        self.game = trained.game.current
        self.net = getattr(self.game.mean_nets, module.BACK if back else module.FORWARD).eval()
        given = trained.spec.shape if back or trained.spec.given is None else trained.spec.given.shape
        self.channels, self.size = int(given[0]), (int(given[1]), int(given[2]))
        self.scale, self.reach = int(self.net.scale), self.net.reach
        self.brings = scale == "trained" and self.reach is None
        if self.channels == 2:
            raise RunError("this generator reads images of 2 channels, which no picture file has; use it from Python")

    def __call__(self, c: Tensor) -> Tensor:
        """The translation of one image [C, H, W] in [-1, 1], as uint8 [C', scale H, scale W].

        Raises:
            RunError: it is too large, or too small for the network.
        """
        height, width = c.shape[1:]
        if height * width * self.scale**2 > LARGEST_MADE:
            raise RunError(f"{height} x {width} pixels would become {height * width * self.scale**2:,}, more than the "
                           f"{LARGEST_MADE:,} allowed; cut it into parts")
        try:
            return self._tiled(c) if self.reach is not None else self._whole(c)
        except ValueError as error:
            raise RunError(str(error)) from error

    @torch.no_grad()
    def made(self, c: Tensor) -> Tensor:
        """The network on images [N, C, H, W], at once: float32 [N, C', scale H, scale W] on the game's device. Layers
        that draw begin anew, so the same image gives the same result."""
        for name, module in drawing(self.net):
            module.generator = generator("translate", name, device=self.game.device)
        with self.game.autocast():
            return self.net(c.to(self.game.device, memory_format=torch.channels_last)).float()

    def _whole(self, c: Tensor) -> Tensor:
        height, width = c.shape[1:]
        if height * width > AT_ONCE and not self.brings:
            raise RunError(f"{height} x {width} pixels are more than the {AT_ONCE:,} that a network which looks at the "
                           "whole image is given at once; make it smaller, or leave --scale own out")
        share = max(self.size[0] / height, self.size[1] / width) if self.brings else 1.0
        made = self.made(resized(c, (max(1, round(share * height)), max(1, round(share * width))))[None])[0].cpu()
        return to_uint8(resized(made, (height, width))[None])[0]

    def _tiled(self, c: Tensor) -> Tensor:
        height, width = c.shape[1:]
        made: Tensor | None = None
        for rows, columns in tiles(height, width):
            part = to_uint8(self.tile(c, rows, columns))
            if made is None:
                made = torch.empty(part.shape[0], self.scale * height, self.scale * width, dtype=torch.uint8)
            made[:, self.scale * rows.start:self.scale * rows.stop,
                 self.scale * columns.start:self.scale * columns.stop] = part
        if made is None:
            raise RunError("the image has no pixels")
        return made

    def tile(self, c: Tensor, rows: slice, columns: slice) -> Tensor:
        """What is made of these rows and columns of c [C, H, W], with a margin of `reach` that is cut off again."""
        (top, bottom), (left, right) = (
            (max(0, cut.start - self.reach), min(side, cut.stop + self.reach))
            for cut, side in zip((rows, columns), c.shape[1:], strict=True))
        part = self.made(c[None, :, top:bottom, left:right])
        (i, j), s = (rows.start - top, columns.start - left), self.scale
        return part[0, :, s * i:s * (i + rows.stop - rows.start), s * j:s * (j + columns.stop - columns.start)]


def tiles(height: int, width: int, side: int = TILE) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of squares of at most `side` that cover an image, of nearly equal sizes."""
    down, across = (cuts(length, side) for length in (height, width))
    yield from ((rows, columns) for rows in down for columns in across)


def cuts(length: int, side: int) -> list[slice]:
    """0 .. length in as few pieces of at most `side` as there can be, equal to within one."""
    count = -(-length // side)
    ends = [round(k * length / count) for k in range(count + 1)] if count else []
    return [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """[C, H, W] in another size, by Pillow's Lanczos window as images for training are; as it is where it has it."""
    if tuple(image.shape[1:]) == size:
        return image
    planes = [Image.fromarray(plane.float().numpy()).resize((size[1], size[0]), Image.Resampling.LANCZOS)
              for plane in image]
    return torch.stack([torch.from_numpy(np.array(plane)) for plane in planes])


class Done(NamedTuple):
    """One file: what it became, or why it did not."""

    source: Path
    made: Path | None
    trouble: str = ""


def translate(translator: Translator, source: Path, out: Path) -> Iterator[Done]:
    """Each image of a file or folder, as PNG: at `out`, or below it under the name it has in the folder.

    A file that cannot be used is told and left out; what is written appears whole.

    Raises:
        RunError: there is no such file, or no image in the folder.
    """
    for path, target in _named(source, out):
        try:
            made = translator(_read(path, translator.channels))
        except (Refused, RunError, OSError) as error:
            yield Done(path, None, str(error))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        pictures(made[None])[0].save(buffer, format="PNG", compress_level=3)
        write_file(target, buffer.getvalue(), point="translate")
        yield Done(path, target)


def _read(path: Path, channels: int) -> Tensor:
    data = path.read_bytes()
    facts: Any = read_header(data)
    return to_float(torch.tensor(decode(data, Plan(facts.height, facts.width, "crop", channels)).pixels))


def _named(source: Path, out: Path) -> list[tuple[Path, Path]]:
    """Files with the names of what they become."""
    if source.is_file():
        return [(source, out if out.suffix == ".png" else out / f"{source.stem}.png")]
    if not source.is_dir():
        raise RunError(f"there is no file or folder {source}")
    found = [path for path in sorted(source.rglob("*")) if path.is_file() and path.suffix.lower() in ENDINGS
             and not path.name.startswith(TEMPORARY) and out not in path.parents]
    if not found:
        raise RunError(f"{source} holds no images ({', '.join(ENDINGS)})")
    if out.suffix == ".png":
        raise RunError(f"{source} is a folder and --out {out} is one file; give a folder")
    names: dict[Path, Path] = {}
    for path in found:
        plain = path.relative_to(source).with_suffix(".png")
        names[plain if plain not in names else plain.with_name(f"{path.name}.png")] = path
    return [(path, out / name) for name, path in names.items()]
