"""Writing examples back as people keep them: pictures, arrays, tables, and one sheet to look at many at once.

Images x in [-1, 1] become pixel = round(127.5 (x + 1)), cut to 0..255; uint8 -> float -> uint8 is exact. Points become
centre + scale * x.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mintage.data.drawing import axes_range, histogram, scatter
from mintage.data.errors import DataError
from mintage.data.spec import DataSpec

TARGET_WIDTH = 640  # pixels that a sheet with an automatic scale fills at most
GAP_GREY = 255


def to_uint8(x: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as uint8, on the CPU; NaN becomes 0."""
    return x.detach().float().add(1).mul(127.5).nan_to_num(0.0).round().clamp(0, 255).to(torch.uint8).cpu()


def to_points(x: Tensor, spec: DataSpec) -> np.ndarray:
    """Points [N, d] in their own units, float32."""
    wide = x.detach().double().cpu() * torch.tensor(spec.scale).double() + torch.tensor(spec.centre).double()
    return wide.float().numpy()


def pictures(x: Tensor) -> list[Image.Image]:
    """One picture an image [N, C, H, W]: grey, RGB or RGBA; two channels stand side by side in grey.

    Raises:
        DataError: another number of channels.
    """
    if x.ndim != 4 or not 1 <= x.shape[1] <= 4:
        raise DataError(f"pictures are drawn from [N, C, H, W] with 1 to 4 channels, received {list(x.shape)}; "
                        "write an array instead (.npy)")
    pixels = to_uint8(x).numpy()
    if pixels.shape[1] == 2:
        pixels = np.concatenate([pixels[:, :1], pixels[:, 1:]], axis=3)
    rows = pixels.transpose(0, 2, 3, 1)
    return [Image.fromarray(row[..., 0] if row.shape[-1] == 1 else np.ascontiguousarray(row)) for row in rows]


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


def write_examples(x: Tensor, spec: DataSpec, path: str | Path) -> None:
    """Write examples to `path`, by its ending.

    .npy: an array, images uint8 [N, H, W] or [N, H, W, C], points float32 [N, d]. .csv: points, a column a dimension.
    Anything else is a folder, made where missing: a PNG an image, 000000.png on; for points, points.csv in it.

    Raises:
        DataError: x is not of this spec, or the ending does not suit the kind.
    """
    path = Path(path)
    if tuple(x.shape[1:]) != spec.shape:
        raise DataError(f"the spec is for examples of shape {list(spec.shape)}, received {list(x.shape)}")
    if path.suffix == ".npy":
        np.save(path, to_array(x, spec), allow_pickle=False)
    elif spec.kind == "points":
        if path.suffix and path.suffix != ".csv":
            raise DataError(f"points are written as .csv or .npy, or into a folder; received {path.name}")
        if not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
            path = path / "points.csv"
        _write_table(path, to_points(x, spec))
    elif path.suffix in (".csv", ".png", ".jpg", ".jpeg", ".npz"):
        raise DataError(f"images are written into a folder or as .npy; received {path.name}")
    else:
        path.mkdir(parents=True, exist_ok=True)
        for k, picture in enumerate(pictures(x)):
            picture.save(path / f"{k:06d}.png")


def to_array(x: Tensor, spec: DataSpec) -> np.ndarray:
    """Examples as an array: images uint8 [N, H, W] or [N, H, W, C], points float32 [N, d] in their own units."""
    if spec.kind == "points":
        return to_points(x, spec)
    pixels = np.ascontiguousarray(to_uint8(x).numpy().transpose(0, 2, 3, 1))
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _write_table(path: Path, points: np.ndarray) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([f"x{k}" for k in range(points.shape[1])])
        rows.writerows([[repr(float(str(value))) for value in row] for row in points])
