"""Plots of points in their own units, drawn with Pillow: a scatter plot of two dimensions, a histogram of one."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

SIDE = 512
MARGIN = 34
INK, GREY, BLUE = (30, 30, 30), (200, 200, 200), (38, 94, 170)
SPREAD = 3.0  # axes reach this many deviations from the mean
BINS = 80


def axes_range(centre: tuple[float, ...], scale: tuple[float, ...]) -> list[tuple[float, float]]:
    """The same axes for every plot of one kind of data, so that plots can be compared."""
    return [(c - SPREAD * s, c + SPREAD * s) for c, s in zip(centre, scale, strict=True)]


def scatter(points: np.ndarray, ranges: list[tuple[float, float]], side: int = SIDE) -> Image.Image:
    """The first two dimensions of points [N, d]. Darker where more points lie; those outside the axes are left out."""
    inner = side - 2 * MARGIN
    cells = np.zeros((inner, inner), dtype=np.float64)
    (x0, x1), (y0, y1) = ranges[:2]
    finite = points[np.isfinite(points[:, :2]).all(1)]
    column = np.floor((finite[:, 0] - x0) / (x1 - x0) * inner)
    row = np.floor((y1 - finite[:, 1]) / (y1 - y0) * inner)
    inside = (column >= 0) & (column < inner) & (row >= 0) & (row < inner)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)):
        np.add.at(cells, (np.clip(row[inside] + dy, 0, inner - 1).astype(int),
                          np.clip(column[inside] + dx, 0, inner - 1).astype(int)), 1.0)
    shade = (1 - np.exp(-cells * 0.7))[..., None]
    area = np.rint(255 * (1 - shade) + np.array(BLUE) * shade).astype(np.uint8)
    return _framed(Image.fromarray(area), ranges, side)


def histogram(values: np.ndarray, extent: tuple[float, float], side: int = SIDE) -> Image.Image:
    """How values [N] of one dimension are spread."""
    inner = side - 2 * MARGIN
    counts, _ = np.histogram(values[np.isfinite(values)], bins=BINS, range=extent)
    area = Image.new("RGB", (inner, inner), "white")
    draw = ImageDraw.Draw(area)
    for i, height in enumerate(counts / max(1, counts.max()) * 0.95 * inner):
        if height:
            draw.rectangle((i * inner / BINS, inner - height, (i + 1) * inner / BINS - 1, inner), fill=BLUE)
    return _framed(area, [extent], side)


def _framed(area: Image.Image, ranges: list[tuple[float, float]], side: int) -> Image.Image:
    page = Image.new("RGB", (side, side), "white")
    page.paste(area, (MARGIN, MARGIN))
    draw = ImageDraw.Draw(page)
    low, high = MARGIN - 1, side - MARGIN
    draw.rectangle((low, low, high, high), outline=GREY)
    for k, (a, b) in enumerate(ranges[:2]):
        for at, value in ((0.0, a), (0.5, (a + b) / 2), (1.0, b)):
            along = low + at * (high - low)
            if k == 0:
                draw.text((along, high + 6), f"{value:.3g}", fill=INK, anchor="ma")
            else:
                draw.text((low - 4, side - along), f"{value:.3g}", fill=INK, anchor="rm")
    return page
