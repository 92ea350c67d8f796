"""Order: which examples come when. Item k of the endless stream is perm(seed, k // N)[k % N], for N examples.

Order is a function and not a state: any batch can be had at once, so a run that goes on after a crash, or with another
batch size, sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

import torch
from torch import Tensor

from mintage.data.errors import DataError
from mintage.data.examples import Batch, Examples
from mintage.data.prefetch import Prefetch
from mintage.data.stores import Fetching, Store

EPOCHS_KEPT = 2  # a batch may lie across the end of an epoch


class Batches:
    """`batches(position)` is the examples position .. position + size - 1 of the endless, shuffled stream.

    Every N examples on, from 0, each example has come exactly once more. `flip` mirrors each image left to right with
    probability 1/2, decided by (seed, position), a pair of images together. What examples are made from comes with
    them; unpaired, it has an order of its own. A pure function: what was asked for before changes nothing.

    Examples that are not in memory are fetched some batches ahead, by default as many as their store wants; `ahead` is
    another number, 0 for none. The batches are the same.

    Raises:
        DataError: no examples, a size under 1, or a flip asked of points.
    """

    def __init__(self, examples: Examples, size: int, seed: int, flip: bool = False, *,
                 ahead: int | None = None) -> None:
        if size < 1:
            raise DataError(f"the batch size is {size}; it must be 1 or more")
        if not len(examples):
            raise DataError(f"{examples.name} holds no examples")
        if flip and examples.spec.kind != "image":
            raise DataError("only images can be flipped left to right; these examples are points")
        self.examples, self.size, self.seed, self.flip = examples, size, seed, flip
        self._order = Order(len(examples), size, seed)
        origins = examples.origins
        self._others = None if origins is None or origins.spec.paired else Order(len(origins), size, seed, "origins")
        depth = examples.store.ahead if ahead is None else ahead
        self._prefetch = Prefetch(fetching(examples.store, self._order), size, depth) if depth else None

    def __call__(self, position: int) -> Batch:
        """The batch that begins at `position`, 0 or more."""
        if position < 0:
            raise DataError(f"the position is {position}; it must be 0 or more")
        fetched = None if self._prefetch is None else self._prefetch(position)
        batch = self.examples.gather(self.indices(position), fetched)
        if self._others is not None and self.examples.origins is not None:
            batch = batch._replace(c=self.examples.origins.read(self._others(position)))
        if self.flip:
            self._mirror(batch.x, "flip", position)
            if batch.c is not None and batch.c.ndim == 4:
                self._mirror(batch.c, "flip" if self._others is None else "flip origins", position)
        return batch

    def _mirror(self, images: Tensor, purpose: str, position: int) -> None:
        mirrored = torch.rand(self.size, generator=generator(self.seed, purpose, position)) < 0.5
        rows = mirrored.nonzero().flatten().to(images.device)
        images.index_copy_(0, rows, images.index_select(0, rows).flip(3))

    def close(self) -> None:
        """End the thread that fetches ahead, if there is one."""
        if self._prefetch is not None:
            self._prefetch.close()

    def indices(self, position: int) -> Tensor:
        """The indices, int64 [size], of that batch."""
        return self._order(position)


def fetching(store: Store, order: Order) -> Callable[[int], Tensor | None]:
    """What a batch at a position takes from a store before it is needed; None where that is nothing."""
    return lambda position: store.fetch(order(position)) if isinstance(store, Fetching) else None


class Order:
    """The indices, int64 [size], of the batch at a position, of `n` examples; from any thread."""

    def __init__(self, n: int, size: int, seed: int, purpose: str = "order") -> None:
        self.n, self.size, self.seed, self.purpose = n, size, seed, purpose
        self._permutations: dict[int, Tensor] = {}
        self._lock = Lock()

    def __call__(self, position: int) -> Tensor:
        """Those of `position` .. `position` + size - 1."""
        at, parts = position, []
        while at < position + self.size:
            epoch, first = divmod(at, self.n)
            parts.append(self._permutation(epoch)[first:first + position + self.size - at])
            at += len(parts[-1])
        return torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        with self._lock:
            if epoch not in self._permutations:
                while len(self._permutations) >= EPOCHS_KEPT:
                    del self._permutations[next(iter(self._permutations))]
                chance = generator(self.seed, self.purpose, epoch)
                self._permutations[epoch] = torch.randperm(self.n, generator=chance)
            return self._permutations[epoch]


def generator(*key: int | str) -> torch.Generator:
    """A fresh generator on the CPU, keyed by anything; different keys give independent draws."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
    return torch.Generator().manual_seed(seed)
