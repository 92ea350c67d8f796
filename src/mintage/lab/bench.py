"""The bench an experiment works at: its seeds, its cores, and how it says where it stands.

Work of several seeds or settings goes through `Bench.map`: one process a core, one thread each, results in order. So an
experiment's figures do not depend on how many cores it had.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

Result = TypeVar("Result")


def _silent(text: str) -> None:
    """Say nothing."""


def _settle() -> None:
    """A worker: one thread, and Ctrl-C is the parent's to answer."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Bench:
    """Where an experiment is run.

    Args:
        seeds: of all randomness; a figure is the median over them.
        workers: processes; 1 runs everything in this one.
        quick: a hundredth of the work, to see that an experiment runs; its findings need not hold.
        say: takes a line about where the experiment stands.
    """

    seeds: Sequence[int] = (0, 1, 2)
    workers: int = 1
    quick: bool = False
    say: Callable[[str], None] = _silent

    def steps(self, n: int) -> int:
        """n rounds of training, or a hundredth of them where quick."""
        return max(2, n // 100) if self.quick else n

    def map(self, work: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]) -> list[Result]:
        """[work(*task) for task in tasks], spread over the workers; `work` is a function at the top of a module."""
        listed = list(tasks)
        if self.workers == 1:
            return [self._told(k, len(listed), work(*task)) for k, task in enumerate(listed, start=1)]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, mp_context=context, initializer=_settle) as pool:
            futures = [pool.submit(work, *task) for task in listed]  # not pool.map: it cancels, and then cannot end
            try:
                return [self._told(k, len(listed), future.result()) for k, future in enumerate(futures, start=1)]
            except KeyboardInterrupt:
                for worker in multiprocessing.active_children():
                    worker.terminate()
                raise

    def _told(self, done: int, of: int, result: Result) -> Result:
        if of > 1:
            self.say(f"{done} of {of} done")
        return result
