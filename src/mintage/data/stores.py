"""A store: where examples are kept, and how some of them become a float tensor on a device.

There are four: pixels held once as uint8 on the device, points held as float32, decoded images on disk (`disk_rows`),
and images streamed from their files (`streaming`). They differ in memory and speed only; what they return is the same
to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

DIGEST = 16  # bytes of an example's content hash


class Store(Protocol):
    """What an `Examples` asks of the place its examples are kept."""

    ahead: int
    """Batches worth fetching before they are asked for; 0 where the examples are in memory."""

    def __len__(self) -> int: ...

    def read(self, indices: Tensor) -> Tensor:
        """The examples at int64 indices [n], as float32 [n, ...] on the store's device."""
        ...

    def take(self, indices: Tensor) -> Store:
        """A store of these examples only."""
        ...

    def to(self, device: torch.device) -> Store:
        """The same examples, ready on `device`."""
        ...


@runtime_checkable
class Fetching(Protocol):
    """A store whose reading has two halves: a slow one for any thread, and one for the thread that uses the batch."""

    def fetch(self, indices: Tensor) -> Tensor:
        """The examples as uint8 on the CPU."""
        ...

    def ready(self, fetched: Tensor) -> Tensor:
        """What was fetched, as `Store.read` gives it."""
        ...


def landed(pixels: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device; on CUDA through pinned memory, so that the host does not wait for the copy."""
    if device.type == "cuda":
        return pixels.pin_memory().to(device, non_blocking=True)
    return pixels.to(device)


def to_float(pixels: Tensor) -> Tensor:
    """uint8 in 0..255 to float32 in [-1, 1]: x = pixel / 127.5 - 1."""
    return (pixels / 127.5).sub_(1.0)


class Pixels:
    """Images held once as uint8 [N, C, H, W]: a batch is an index and a cast, both on the device."""

    ahead = 0

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, indices: Tensor) -> Tensor:
        """[n, C, H, W] in [-1, 1]."""
        return to_float(self.pixels.index_select(0, indices.to(self.pixels.device)))

    def take(self, indices: Tensor) -> Pixels:
        """These images only."""
        return Pixels(self.pixels.index_select(0, indices.to(self.pixels.device)))

    def to(self, device: torch.device) -> Pixels:
        """A copy on another device; itself where it is there already."""
        return self if self.pixels.device == device else Pixels(self.pixels.to(device))


class Points:
    """Points held as float32 [N, d], already standardised."""

    ahead = 0

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def read(self, indices: Tensor) -> Tensor:
        """[n, d]."""
        return self.x.index_select(0, indices.to(self.x.device))

    def take(self, indices: Tensor) -> Points:
        """These points only."""
        return Points(self.x.index_select(0, indices.to(self.x.device)))

    def to(self, device: torch.device) -> Points:
        """A copy on another device; itself where it is there already."""
        return self if self.x.device == device else Points(self.x.to(device))


def digest(example: bytes | memoryview) -> bytes:
    """The content hash of one example (BLAKE2b, 128 bits)."""
    return blake2b(example, digest_size=DIGEST).digest()


def digests_of(rows: np.ndarray) -> np.ndarray:
    """Content hashes [N, 16] of the examples rows[0], rows[1], ..."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)

    def each() -> Iterator[bytes]:
        for row in flat:
            yield digest(row.data)

    return np.frombuffer(b"".join(each()), dtype=np.uint8).reshape(-1, DIGEST)
