"""Ctrl-C and SIGTERM ask a run to stop: the round is finished and saved first. A second one ends at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any


class Signals:
    """While entered, the first SIGINT or SIGTERM sets `received` to its number; the second exits."""

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = number

    @property
    def code(self) -> int:
        """The exit status that tells of the signal: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.received
