"""Examples: real data x with their labels y, their spec, and a fingerprint of what they are.

An example's content hash is BLAKE2b of its bytes, its decoded pixels or its coordinates. It decides on which side of a
split the example falls, and the fingerprint is SHA-256 over the spec, these hashes in order, and the labels.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.names import Names
from mintage.data.origins import Origins
from mintage.data.spec import DataSpec, Given
from mintage.data.splitting import held_out_rows
from mintage.data.stores import Fetching, Pixels, Points, Store, digests_of

SIGNIFICANT = 6  # digits of a centre or scale, so that no machine's rounding changes a fingerprint


class Batch(NamedTuple):
    """Examples x (images in [-1, 1]), their labels y, int64 [N], or None, and what they are made from, c, or None."""

    x: Tensor
    y: Tensor | None
    c: Tensor | None = None


class Reject(NamedTuple):
    """A file that could not be used, and why, in a sentence."""

    file: str
    reason: str


class Examples:
    """Real examples, the same whether they are held in memory or streamed.

    `digests` are the content hashes, uint8 [N, 16]; `labels` int64 [N] or None; `origins` are what they are made from.
    `names` are those of their files, where they came from such.
    """

    names: Names | None = None

    def __init__(self, spec: DataSpec, name: str, store: Store, digests: np.ndarray, *, labels: Tensor | None = None,
                 notes: list[str] | None = None, rejects: list[Reject] | None = None,
                 device: torch.device | str = "cpu", origins: Origins | None = None) -> None:
        _check(spec, len(store), digests, labels)
        if (None if origins is None else origins.spec) != spec.given:
            raise DataError(f"examples made from {spec.given} came with {origins and origins.spec}")
        if origins is not None and spec.given.paired and len(origins) != len(store):  # type: ignore[union-attr]
            raise DataError(f"{len(store)} examples came with {len(origins)} to be made from; pairs need one each")
        self.spec, self.name, self.store, self.digests = spec, name, store, digests
        self.notes, self.rejects = list(notes or []), list(rejects or [])
        self.device = torch.device(device)
        self.labels = None if labels is None else labels.to(self.device)
        self.origins = origins

    @classmethod
    def of_images(cls, pixels: np.ndarray, name: str, *, labels: np.ndarray | None = None,
                  classes: tuple[str, ...] = (), notes: list[str] | None = None) -> Examples:
        """Images uint8 [N, C, H, W], with labels int [N] of `classes`."""
        pixels = np.require(pixels, requirements=["C", "W"])
        if pixels.dtype != np.uint8 or pixels.ndim != 4:
            raise DataError(f"images must be uint8 [N, C, H, W], received {pixels.dtype} {list(pixels.shape)}")
        spec = DataSpec("image", tuple(int(n) for n in pixels.shape[1:]), classes)
        return cls(spec, name, Pixels(torch.from_numpy(pixels)), digests_of(pixels), labels=_tensor(labels),
                   notes=notes)

    @classmethod
    def of_points(cls, points: np.ndarray, name: str, *, labels: np.ndarray | None = None,
                  classes: tuple[str, ...] = (), centre: tuple[float, ...] = (), scale: tuple[float, ...] = (),
                  notes: list[str] | None = None) -> Examples:
        """Points [N, d] in their own units. Centre and scale, unless given, are their mean and deviation."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        if points.ndim != 2 or not len(points):
            raise DataError(f"points must be [N, d] with N of 1 or more, received {list(points.shape)}")
        if not np.isfinite(points).all():
            raise DataError(f"{name} holds values that are not finite (NaN or infinite); take those rows out")
        wide = points.astype(np.float64)
        centre = centre or _rounded(wide.mean(0))
        scale = scale or _rounded(np.where(wide.std(0) > 0, wide.std(0), 1.0))
        x = ((wide - np.array(centre)) / np.array(scale)).astype(np.float32)
        spec = DataSpec("points", (points.shape[1],), classes, centre, scale)
        return cls(spec, name, Points(torch.from_numpy(x)), digests_of(points), labels=_tensor(labels), notes=notes)

    def __len__(self) -> int:
        return len(self.store)

    def gather(self, indices: Tensor, fetched: Tensor | None = None) -> Batch:
        """The examples at int64 indices [n], in that order, on the device of these examples.

        `fetched` is what the store's `fetch` gave for these indices, where that was done before.
        """
        labels = None if self.labels is None else self.labels.index_select(0, indices.to(self.device))
        store = self.store
        return Batch(store.ready(fetched) if fetched is not None and isinstance(store, Fetching)
                     else store.read(indices), labels, None if self.origins is None else self.origins.read(indices))

    def to(self, device: torch.device | str) -> Examples:
        """The same examples on another device."""
        device = torch.device(device)
        if device == self.device:
            return self
        return Examples(self.spec, self.name, self.store.to(device), self.digests, labels=self.labels,
                        notes=self.notes, rejects=self.rejects, device=device,
                        origins=None if self.origins is None else self.origins.to(device))

    def with_given(self, given: Given, store: Store, digests: np.ndarray) -> Examples:
        """The same examples, with what they are made from; see `Origins`.

        Raises:
            DataError: pairs of which there are not as many as examples.
        """
        return Examples(replace(self.spec, given=given), self.name, self.store, self.digests, labels=self.labels,
                        notes=self.notes, rejects=self.rejects, device=self.device,
                        origins=Origins(given, store, digests))

    def take(self, indices: Tensor, name: str | None = None) -> Examples:
        """These examples only, in this order."""
        labels = None if self.labels is None else self.labels.index_select(0, indices.to(self.device))
        found = Examples(self.spec, name or self.name, self.store.take(indices), self.digests[indices.cpu().numpy()],
                         labels=labels, notes=self.notes, rejects=self.rejects, device=self.device,
                         origins=None if self.origins is None else self.origins.of(indices))
        found.names = None if self.names is None else self.names.take(indices.cpu().numpy())
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over the spec, the content of every example in order, and the labels."""
        total = sha256(json.dumps(self.spec.to_json(), sort_keys=True).encode())
        total.update(f"\n{len(self)}\n".encode())
        total.update(np.ascontiguousarray(self.digests).data)
        if self.labels is not None:
            total.update(self.labels.cpu().numpy().astype("<i8").tobytes())
        if self.origins is not None:
            total.update(self.origins.fingerprint)
        return total.hexdigest()

    def split(self, held_out: float, *, again: bool = False) -> tuple[Examples, Examples]:
        """Two parts, of about 1 - held_out and held_out of the examples.

        `again` splits what a first split gave, by other bits of the content.

        An example's side depends on its content only: not on the others, nor on their order. So equal examples fall on
        one side, and an example held out once is never trained on after the data have grown. Each side has at least
        one example. What examples are made from goes with them; unpaired, it is split likewise by its own content.

        Raises:
            DataError: a share not between 0 and 1, or fewer than two examples that differ.
        """
        out = held_out_rows(self.digests, held_out, self.name, again=again)
        parts = (self.take(torch.from_numpy(np.flatnonzero(~out))),
                 self.take(torch.from_numpy(np.flatnonzero(out)), f"{self.name}, held out"))
        if self.origins is not None and not self.origins.spec.paired:
            for part, origins in zip(parts, self.origins.split(held_out, self.name, again=again), strict=True):
                part.origins = origins
        return parts


def _check(spec: DataSpec, n: int, digests: np.ndarray, labels: Tensor | None) -> None:
    if digests.shape != (n, digests.shape[-1]) or (labels is not None and labels.shape != (n,)):
        raise DataError(f"{n} examples came with {len(digests)} content hashes"
                        + ("" if labels is None else f" and labels of shape {list(labels.shape)}"))
    if (labels is None) != (not spec.labels):
        raise DataError("labels and the names of their classes go together: give both or neither")
    if labels is not None and n and not (0 <= int(labels.min()) and int(labels.max()) < len(spec.labels)):
        raise DataError(f"labels run from {int(labels.min())} to {int(labels.max())}, "
                        f"but there are names for 0 to {len(spec.labels) - 1}")


def _tensor(labels: np.ndarray | None) -> Tensor | None:
    return None if labels is None else torch.from_numpy(np.asarray(labels).astype(np.int64))


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{SIGNIFICANT}g}") for value in values)
