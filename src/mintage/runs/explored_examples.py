"""Pages of exploring that begin with examples the user names: images brought back into the latent space, and sums."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mintage import latent
from mintage.data import DataError, Examples, open_data, sheet
from mintage.data.files import is_image_name
from mintage.data.images import decode
from mintage.data.plan import Plan
from mintage.latent.arithmetic import parse
from mintage.runs.errors import RunError
from mintage.runs.latents import Latents
from mintage.runs.pages import Page

VARIATIONS = 8
MOST = 64  # images inverted at once


def inversion_page(space: Latents, files: Sequence[str], steps: int, seed: int) -> Page:
    """The images, what inversion began at, and what it found; the latents beside it."""
    x = torch.cat([pictures_of(space, file) for file in files])
    if len(x) > MOST:
        raise RunError(f"{len(x)} images are too many to invert at once; give at most {MOST}")
    found, start, y = space.invert(x, steps=steps, seed=seed)
    rows = torch.cat([x, space.make(start, y), space.make(found.z, y)])
    began, ended = found.errors[0].mean().sqrt(), found.errors.amin(0).mean().sqrt()
    way = "the encoder" if space.encode(x) is not None else "the nearest of 500 samples"
    return Page("inversion", f"top: the images; middle: where inversion began, {way}; bottom: the latent found in "
                f"{steps} steps. Root mean square error {began:.3f} to {ended:.3f}, of images from -1 to 1; latents: "
                "inversion.npy", sheet(rows, space.spec, columns=len(x)),
                others={"inversion.npy": _npy(found.z)})


def arithmetic_page(space: Latents, sentence: str, number: int, steps: int, seed: int) -> Page:
    """The terms of a sum, its result, and variations around the result."""
    try:
        terms = parse(sentence)
    except ValueError as error:
        raise RunError(str(error)) from error
    name = "arithmetic" if number == 1 else f"arithmetic-{number}"
    if space.classes and all(term in space.names for _, term in terms):
        return _weighted(space, name, sentence, terms, seed)
    codes = codes_of(space, [term for _, term in terms], steps, seed)
    try:
        total = latent.combined(sentence, codes)
    except ValueError as error:
        raise RunError(str(error)) from error
    rows = [codes[term] for _, term in terms] + [total]
    noise = space.draw(VARIATIONS, "variations", seed)
    if space.normal:  # means are shorter than what they are means of; at the length of latents they can be decoded
        rows = [row * (len(row) ** 0.5 / row.norm().clamp(min=1e-6)) for row in rows]
    near = latent.slerp(rows[-1].expand_as(noise), noise, 0.2) if space.normal else rows[-1].expand_as(noise)
    z = torch.cat([torch.stack(rows), near])
    columns = len(z)
    return Page(name, f"{sentence}: the mean code of each term, the result, and {VARIATIONS} latents around the result",
                sheet(space.make(z, space.label(len(z))), space.spec, columns=columns))


def _weighted(space: Latents, name: str, sentence: str, terms: list[tuple[float, str]], seed: int) -> Page:
    """Of a generator that knows the classes: sums of classes, at latents that stay."""
    one = torch.eye(space.classes, device=space.device)
    rows = [one[space.names.index(term)] for _, term in terms]
    rows.append(torch.stack([sign * row for (sign, _), row in zip(terms, rows, strict=True)]).sum(0))
    z = space.draw(6, "arithmetic", seed)
    try:
        x = torch.stack([space.make(z, row.expand(len(z), -1)) for row in rows], 1).flatten(0, 1)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise RunError("this generator takes one class at a time, so classes cannot be added; give files instead of "
                       "names") from error
    return Page(name, f"{sentence}: each row one latent, its columns the classes and last their sum",
                sheet(x, space.spec, columns=len(rows)))


def codes_of(space: Latents, names: Sequence[str], steps: int, seed: int) -> dict[str, Tensor]:
    """A code for each name: of a class by that name, else of the images in the file or folder.

    Raises:
        RunError: neither a class nor a file.
    """
    files = [name for name in names if name not in space.names]
    missing = [name for name in files if not Path(name).exists()]
    if missing:
        classes = f"classes are {', '.join(space.names)}" if space.names else "these data have no classes"
        raise RunError(f"there is no class and no file {missing[0]!r}; {classes}")
    codes = {}
    for name in files:
        x = pictures_of(space, name)[:MOST]
        codes[name] = latent.mean_code(space.invert(x, steps=steps, seed=seed)[0].z)
    if len(files) < len(names):
        known = space.class_codes(seed)
        codes |= {name: known[name] for name in names if name in known}
    return codes


def pictures_of(space: Latents, file: str) -> Tensor:
    """The images of a file, a folder or an array, brought to the generator's shape: cropped to its sides.

    Raises:
        RunError: they cannot be read.
    """
    channels, height, width = space.spec.shape
    try:
        if is_image_name(os.fsencode(file)) and Path(file).is_file():
            return _picture(Path(file), Plan(height, width, "crop", channels))
        examples = open_data(file, resolution=(height, width), channels=channels)
    except DataError as error:
        raise RunError(str(error)) from error
    return examples.gather(torch.arange(min(len(examples), MOST))).x


def _picture(path: Path, plan: Plan) -> Tensor:
    """One image, [1, C, H, W] in [-1, 1]."""
    try:
        pixels = decode(path.read_bytes(), plan).pixels
    except DataError as error:
        raise DataError(f"{path} cannot be used: {error}") from error
    return Examples.of_images(pixels[None], path.name).gather(torch.zeros(1, dtype=torch.int64)).x


def _npy(z: Tensor) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, z.cpu().numpy(), allow_pickle=False)
    return buffer.getvalue()
