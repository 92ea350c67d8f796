"""Writing examples back as people keep them: pictures, arrays, tables.

Images x in [-1, 1] become pixel = round(127.5 (x + 1)), cut to 0..255; uint8 -> float -> uint8 is exact. Points become
centre + scale * x. What is written appears under its name when it is whole, and not before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.png_bytes import encode
from mintage.data.spec import DataSpec

Add = Callable[[Tensor], None]
THREADS = 2  # that make and write pictures
SLICE = 64  # pictures a task
WAITING = 16  # tasks at most; then the maker of pictures waits for the writers


def rounded(x: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] as uint8, where they are; NaN becomes 0. What is uint8 already stays."""
    if x.dtype == torch.uint8:
        return x
    return x.detach().float().add(1).mul_(127.5).nan_to_num_(0.0).round_().clamp_(0, 255).to(torch.uint8)


def to_uint8(x: Tensor) -> Tensor:
    """`rounded`, on the CPU."""
    return rounded(x).cpu()


def to_points(x: Tensor, spec: DataSpec) -> np.ndarray:
    """Points [N, d] in their own units, float32."""
    wide = x.detach().double().cpu() * torch.tensor(spec.scale).double() + torch.tensor(spec.centre).double()
    return wide.float().numpy()


def pictures(x: Tensor) -> list[Image.Image]:
    """One picture an image [N, C, H, W]: grey, RGB or RGBA; two channels stand side by side in grey.

    Raises:
        DataError: another number of channels.
    """
    return [Image.fromarray(row[..., 0] if row.shape[-1] == 1 else row) for row in picture_rows(x)]


def picture_rows(x: Tensor) -> np.ndarray:
    """The pixels of pictures, uint8 [N, H, W, C] with 1, 3 or 4 channels: see `pictures`."""
    if x.ndim != 4 or not 1 <= x.shape[1] <= 4:
        raise DataError(f"pictures are drawn from [N, C, H, W] with 1 to 4 channels, received {list(x.shape)}; "
                        "write an array instead (.npy)")
    pixels = to_uint8(x).numpy()
    if pixels.shape[1] == 2:
        pixels = np.concatenate([pixels[:, :1], pixels[:, 1:]], axis=3)
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def to_array(x: Tensor, spec: DataSpec) -> np.ndarray:
    """Examples as an array: images uint8 [N, H, W] or [N, H, W, C], points float32 [N, d] in their own units."""
    if spec.kind == "points":
        return to_points(x, spec)
    pixels = np.ascontiguousarray(to_uint8(x).numpy().transpose(0, 2, 3, 1))
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def write_examples(x: Tensor, spec: DataSpec, path: str | Path) -> None:
    """Write examples to `path`, by its ending: see `written`.

    Raises:
        DataError: x is not of this spec, or the ending does not suit the kind.
    """
    with written(path, spec, len(x)) as add:
        add(x)


@contextlib.contextmanager
def written(path: str | Path, spec: DataSpec, n: int) -> Iterator[Add]:
    """Write `n` examples that come in parts: `with written(path, spec, n) as add: add(x); add(more)`.

    .npy: an array, images uint8 [N, H, W] or [N, H, W, C], points float32 [N, d]. .csv: points, a column a dimension.
    Anything else is a folder, made where missing: a PNG an image, 000000.png on; for points, points.csv in it.
    Memory holds a part at a time. Where the block is left early, nothing stands under the name.

    Raises:
        DataError: the ending does not suit the kind, a part is not of this spec, or they are not n in all.
    """
    path = Path(path)
    made, way = _way(path, spec)
    inside = made if path.suffix in (".npy", ".csv") or not made.is_dir() else made / "new"
    temporary = inside.with_name(f".tmp-{os.getpid()}-{inside.name}")
    came = 0

    def add(x: Tensor) -> None:
        nonlocal came
        if tuple(x.shape[1:]) != spec.shape:
            raise DataError(f"the spec is for examples of shape {list(spec.shape)}, received {list(x.shape)}")
        came += len(x)
        put(x)

    try:
        with way(temporary, spec, n) as put:
            yield add
        if came != n:
            raise DataError(f"{n:,} examples were to be written, and {came:,} came")
        _rename(temporary, made)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.unlink(missing_ok=True)
        raise


Way = Callable[[Path, DataSpec, int], contextlib.AbstractContextManager[Add]]


def _way(path: Path, spec: DataSpec) -> tuple[Path, Way]:
    """What is made, and by which of the ways below."""
    if path.suffix == ".npy":
        return path, _array
    if spec.kind == "points":
        if path.suffix and path.suffix != ".csv":
            raise DataError(f"points are written as .csv or .npy, or into a folder; received {path.name}")
        if not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
        return path if path.suffix else path / "points.csv", _table
    if path.suffix in (".csv", ".png", ".jpg", ".jpeg", ".npz"):
        raise DataError(f"images are written into a folder or as .npy; received {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path, _folder


def _rename(temporary: Path, path: Path) -> None:
    """The whole at once; into a folder that is there already, file by file."""
    if not temporary.is_dir() or not path.exists():
        os.replace(temporary, path)
        return
    for file in sorted(temporary.iterdir()):
        os.replace(file, path / file.name)
    temporary.rmdir()


@contextlib.contextmanager
def _array(path: Path, spec: DataSpec, n: int) -> Iterator[Add]:
    kind, side = ("<f4", spec.shape) if spec.kind == "points" else ("|u1", spec.shape[1:] + spec.shape[:1])
    side = side[:-1] if spec.kind == "image" and spec.shape[0] == 1 else side
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": (n, *side)})

        def add(x: Tensor) -> None:
            file.write(np.ascontiguousarray(to_array(x, spec)).data)

        yield add
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _table(path: Path, spec: DataSpec, n: int) -> Iterator[Add]:
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(",".join(f"x{k}" for k in range(spec.shape[0])) + "\r\n")
        yield lambda x: file.writelines(",".join(map(_number, row)) + "\r\n" for row in to_points(x, spec))
        file.flush()
        os.fsync(file.fileno())


def _number(value: np.float32) -> str:
    """The shortest text that is this float32, as Python writes a float of that text."""
    return repr(float(str(value)))


@contextlib.contextmanager
def _folder(path: Path, spec: DataSpec, n: int) -> Iterator[Add]:
    path.mkdir()
    tasks: deque[Future[None]] = deque()
    first = 0

    def write(rows: np.ndarray, start: int) -> None:
        for number, data in enumerate(encode(rows), start):
            with open(path / f"{number:06d}.png", "wb", buffering=0) as file:
                file.write(data)

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads:

        def add(x: Tensor) -> None:
            nonlocal first
            rows = picture_rows(x)
            for start in range(0, len(rows), SLICE):
                while len(tasks) >= WAITING:
                    tasks.popleft().result()
                tasks.append(threads.submit(write, rows[start:start + SLICE], first + start))
            first += len(rows)

        try:
            yield add
            while tasks:
                tasks.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)
