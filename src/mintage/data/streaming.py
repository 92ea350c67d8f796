"""Streaming: images decoded from their files whenever they are asked for, because all of them would not fit in memory.

The same plan and decoder as for images held in memory, so the same bits. A file that has gone or changed since the
data were opened is an error that names it. `order.Batches` fetches such batches before they are asked for.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.files import Files, shown
from mintage.data.images import Refused, decode
from mintage.data.plan import Plan
from mintage.data.stores import landed, to_float

MOST_THREADS = 16
DECODERS = r"PIL\."
HUSHED = ("ignore", None, Warning, re.compile(DECODERS), 0)
SLICE = 1024  # tasks handed to the threads at once
T = TypeVar("T")
R = TypeVar("R")


class Streamed:
    """Images of `files`, brought to `plan` as they are read."""

    ahead = 4

    def __init__(self, files: Files, plan: Plan, device: torch.device | str = "cpu") -> None:
        self.files, self.plan, self.device = files, plan, torch.device(device)

    def __len__(self) -> int:
        return len(self.files)

    def read(self, indices: Tensor) -> Tensor:
        """[n, C, H, W] in [-1, 1].

        Raises:
            As `fetch`.
        """
        return self.ready(self.fetch(indices))

    def fetch(self, indices: Tensor) -> Tensor:
        """The same as uint8 [n, C, H, W] on the CPU; from any thread.

        Raises:
            DataError: a file has gone, changed, or cannot be decoded any more.
            IndexError: an index outside 0 .. N - 1.
        """
        wanted = indices.tolist()
        if wanted and not (0 <= min(wanted) and max(wanted) < len(self)):
            raise IndexError(f"indices run from {min(wanted)} to {max(wanted)}; there are {len(self)} examples")
        pixels = np.empty((len(wanted), self.plan.channels, self.plan.height, self.plan.width), dtype=np.uint8)
        for row, found in enumerate(in_threads(self._one, wanted)):
            pixels[row] = found
        return torch.from_numpy(pixels)

    def ready(self, fetched: Tensor) -> Tensor:
        """What was fetched, as `read` gives it."""
        return to_float(landed(fetched, self.device))

    def _one(self, index: int) -> np.ndarray:
        try:
            return decode(self.files.read(index), self.plan).pixels
        except Refused as error:
            raise DataError(f"the file {shown(self.files.name(index))} could be read when the data were opened, "
                            f"and cannot be now: {error}") from error

    def take(self, indices: Tensor) -> Streamed:
        """These images only."""
        return Streamed(self.files.take(indices.cpu().numpy()), self.plan, self.device)

    def to(self, device: torch.device) -> Streamed:
        """Batches go to another device; files stay where they are."""
        return Streamed(self.files, self.plan, device)


def in_threads(work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    """work(task) for each task, in order, several at a time. Warnings of the decoders are not passed on.

    The threads live for this call only, so a process may fork between calls.
    """
    hush()
    with ThreadPoolExecutor(max_workers=min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for start in range(0, len(tasks), SLICE):
            yield from threads.map(work, tasks[start:start + SLICE])


def hush() -> None:
    """Ignore what the decoders warn of, in this process and for good.

    `warnings.catch_warnings` puts back the filters it found, and so undoes those of another thread that came between.
    """
    if HUSHED not in warnings.filters:
        warnings.filterwarnings("ignore", module=DECODERS)
