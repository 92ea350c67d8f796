"""Prefetching: what will be asked for next is fetched by another thread while the device works on what came before.

What is fetched is a pure function of its position, so it is the same whether it was made ahead, late or twice; order
and resuming do not know of prefetching.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """`prefetch(position)` is `fetch(position)`; where positions come `step` apart, the next `depth` are made ahead.

    At most `depth` results are held. An error of `fetch` is raised when its own position is asked for. The thread ends
    with `close`, or when this object is not used any more; a process forked from this one makes its own.
    """

    def __init__(self, fetch: Callable[[int], T], step: int, depth: int) -> None:
        self.fetch, self.step, self.depth = fetch, step, depth
        self._last: int | None = None
        self._home = 0
        self._thread: ThreadPoolExecutor | None = None
        self._made: dict[int, Future[T]] = {}

    def __call__(self, position: int) -> T:
        """What belongs to this position."""
        self._at_home()
        made = self._made.pop(position, None)
        follows, self._last = self._last == position - self.step, position
        coming = [position + k * self.step for k in range(1, self.depth + 1)] if follows else []
        for passed in [other for other in self._made if other not in coming]:
            self._made.pop(passed).cancel()
        for later in coming:
            if later not in self._made:
                self._made[later] = self._worker().submit(self.fetch, later)
        return self.fetch(position) if made is None else made.result()

    def close(self) -> None:
        """End the thread; what is being fetched is finished and thrown away. Asking again starts another."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._thread, self._made, self._last = None, {}, None

    def _at_home(self) -> None:
        if self._home != os.getpid():  # threads do not survive a fork
            self._thread, self._made, self._last, self._home = None, {}, None, os.getpid()

    def _worker(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="mintage-prefetch")
            weakref.finalize(self, self._thread.shutdown, wait=False, cancel_futures=True)
        return self._thread
