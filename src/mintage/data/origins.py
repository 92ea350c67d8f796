"""Origins: what examples are made from, c, beside the examples themselves.

Paired, origin i belongs to example i, and the two stay together. Unpaired, they are another set of any size, with an
order and a split of its own.
"""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.spec import Given
from mintage.data.splitting import held_out_rows
from mintage.data.stores import Store


class Origins:
    """Origins of a kind, kept in a store, with their content hashes, uint8 [M, 16].

    Raises:
        DataError: there are none, or not a hash for each.
    """

    def __init__(self, spec: Given, store: Store, digests: np.ndarray) -> None:
        if not len(store) or len(digests) != len(store):
            raise DataError(f"{len(store)} origins came with {len(digests)} content hashes")
        self.spec, self.store, self.digests = spec, store, digests

    def __len__(self) -> int:
        return len(self.store)

    def read(self, indices: Tensor) -> Tensor:
        """c at these indices, float32 [n, ...]; of unpaired ones, counted round."""
        return self.store.read(indices if self.spec.paired else indices % len(self))

    def of(self, indices: Tensor) -> Origins:
        """Those of the examples at these indices: all, where they are unpaired."""
        if not self.spec.paired:
            return self
        return Origins(self.spec, self.store.take(indices), self.digests[indices.cpu().numpy()])

    def to(self, device: torch.device) -> Origins:
        """The same on another device."""
        return Origins(self.spec, self.store.to(device), self.digests)

    def split(self, held_out: float, name: str, *, again: bool = False) -> tuple[Origins, Origins]:
        """Unpaired origins in two parts, by their own content."""
        out = held_out_rows(self.digests, held_out, f"what {name} is made from", again=again)
        parts = [torch.from_numpy(np.flatnonzero(side)) for side in (~out, out)]
        one, other = (Origins(self.spec, self.store.take(rows), self.digests[rows.numpy()]) for rows in parts)
        return one, other

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 over the kind and the content of all, in order."""
        total = sha256(json.dumps(self.spec.to_json(), sort_keys=True).encode())
        total.update(np.ascontiguousarray(self.digests).data)
        return total.digest()
