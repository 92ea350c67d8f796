"""Sheets: many examples on one page, to be looked at."""

from __future__ import annotations

import math
from typing import Literal

from PIL import Image
from torch import Tensor

from mintage.data.drawing import axes_range, histogram, scatter
from mintage.data.errors import DataError
from mintage.data.spec import DataSpec
from mintage.data.writing import pictures, to_points

TARGET_WIDTH = 640  # pixels that a sheet with an automatic scale fills at most
GAP_GREY = 255


def sheet(x: Tensor, spec: DataSpec, columns: int | None = None, scale: int | Literal["auto"] = "auto",
          gap: int | None = None) -> Image.Image:
    """Examples on one page: images in a grid, points as a plot (two dimensions: scatter; one: histogram).

    `columns` is automatic where None, nearly square. `scale` enlarges each pixel to scale x scale; automatic: small
    images are enlarged until the page is some 640 pixels wide. `gap` is in pixels, automatic where None.

    Raises:
        DataError: x is empty or not of this spec.
    """
    if tuple(x.shape[1:]) != spec.shape or not len(x):
        raise DataError(f"a sheet needs one or more examples of shape {list(spec.shape)}, received {list(x.shape)}")
    if spec.kind == "points":
        points, ranges = to_points(x, spec), axes_range(spec.centre, spec.scale)
        return histogram(points[:, 0], ranges[0]) if spec.shape[0] == 1 else scatter(points, ranges)
    parts = pictures(x)
    columns = min(len(parts), columns or math.ceil(math.sqrt(len(parts))))
    w, h = parts[0].size
    enlarged = max(1, min(8, TARGET_WIDTH // (columns * w))) if scale == "auto" else max(1, int(scale))
    gap = (2 if enlarged * w >= 16 else 1) if gap is None else gap
    w, h = w * enlarged, h * enlarged
    rows = math.ceil(len(parts) / columns)
    size = (columns * (w + gap) + gap, rows * (h + gap) + gap)
    page = Image.new("RGB", size, (GAP_GREY,) * 3)
    for k, part in enumerate(parts):
        corner = (gap + k % columns * (w + gap), gap + k // columns * (h + gap))
        large = part.resize((w, h), Image.Resampling.NEAREST) if enlarged > 1 else part
        page.paste(large, corner, large if large.mode == "RGBA" else None)
    return page if any(part.mode != "L" for part in parts) else page.convert("L")
