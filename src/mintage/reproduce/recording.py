"""The record of a row, in the form of the lab's, with every cell in it; and a sheet of samples, an arm a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from mintage import __version__
from mintage.lab.outcome import Outcome
from mintage.lab.record import draw, record
from mintage.reproduce.cells import Cells
from mintage.runs import machine
from mintage.runs.durable import write_file, write_json
from mintage.runs.film import png

ENLARGED, GAP, MARGIN, LINE = 2, 2, 200, 12


def outcome_of(cells: Cells) -> Outcome:
    """The row's reading of the cells that are there."""
    return cells.row.read(cells.found())


def write(cells: Cells, outcome: Outcome, out: Path, *, command: str) -> list[Path]:
    """Write the record, the figure where there is one, and the sheet; the paths."""
    name = cells.row.name
    out.mkdir(parents=True, exist_ok=True)
    made = record(name, cells.row.claim, outcome, command=command, seconds=cells.seconds(), version=__version__,
                  machine=machine.describe(torch.device("cpu")) | {"threads": cells.threads})
    there = rows(cells)
    made |= {"seeds": sorted({cell["seed"] for cell in there}), "left": len(cells.missing())}
    write_json(out / f"{name}.json", made | {"cells": there, "absent": absent(cells)})
    paths = [out / f"{name}.json"]
    page = sheet(cells)
    if page is not None:
        write_file(out / f"{name}.png", png(page))
        paths.append(out / f"{name}.png")
    return [*paths, *draw(outcome, out, name)]


def rows(cells: Cells) -> list[dict[str, Any]]:
    """Every cell that is there: arm, seed, settings, figures, seconds, machine, date."""
    every = [cells.read(arm, seed) for arm, seed in cells.every]
    return [{key: cell[key] for key in ("arm", "seed", "told", "figures", "seconds", "version", "date")}
            for cell in every if cell is not None]


def absent(cells: Cells) -> dict[str, str]:
    """The arms that no cell is there of, and why."""
    found, reasons = cells.found(), cells.reasons()
    return {arm.name: reasons.get(arm.name, "not run") for arm in cells.row.arms if not found.has(arm.name)}


def sheet(cells: Cells) -> Image.Image | None:
    """Samples of the first seed of each arm, an arm a line with its name; None where none kept any."""
    lines: list[tuple[str, np.ndarray]] = []
    for arm in cells.row.arms:
        seed = next(seed for one, seed in cells.every if one is arm)
        path = cells.folder(arm, seed) / "samples.npy"
        if path.exists() and cells.read(arm, seed) is not None:
            lines.append((arm.name, np.load(path, allow_pickle=False)))
    if not lines:
        return None
    strips = [(name, strip(samples)) for name, samples in lines]
    width = MARGIN + max(image.width for _, image in strips)
    page = Image.new("RGB", (width, sum(image.height + GAP for _, image in strips) + GAP), "white")
    pen, top = ImageDraw.Draw(page), GAP
    for name, image in strips:
        pen.text((4, top + image.height // 2 - LINE // 2), name[:32], fill="black")
        page.paste(image, (MARGIN, top))
        top += image.height + GAP
    return page


def strip(samples: np.ndarray) -> Image.Image:
    """Pictures uint8 [n, H, W] or [n, H, W, C] in one line."""
    parts = [Image.fromarray(one).convert("RGB").resize((ENLARGED * one.shape[1], ENLARGED * one.shape[0]),
                                                        Image.Resampling.NEAREST) for one in samples]
    line = Image.new("RGB", (sum(part.width + GAP for part in parts), max(part.height for part in parts)), "white")
    for k, part in enumerate(parts):
        line.paste(part, (k * (part.width + GAP), 0))
    return line
