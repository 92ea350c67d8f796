"""What a run says to the person who waits for it: a live bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, TextIO

EVERY = 20.0


class Console:
    """Says sentences, warns, and shows progress. `quiet` shows nothing but warnings."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.live = not quiet and self.stream.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._last = -math.inf

    def say(self, sentence: str) -> None:
        """A line of its own."""
        if not self.quiet:
            self._line(sentence)

    def warn(self, sentence: str) -> None:
        """A line that is shown always, on the error stream where nothing live is drawn."""
        if self._bar is not None:
            self._line(f"warning: {sentence}")
        else:
            print(f"warning: {sentence}", file=sys.stderr, flush=True)

    def progress(self, done: int, budget: int, rate: float, left: float, text: str) -> None:
        """Examples played out of the budget, examples a second, seconds left, and the newest figures."""
        if self.quiet:
            return
        if self.live:
            self._draw(done, budget, rate, left, text)
        elif time.monotonic() - self._last >= EVERY or done >= budget:
            self._last = time.monotonic()
            self._line(f"{done / budget:5.1%}  {rate:,.0f} examples/s  {clock(left)} left  {text}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _line(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)

    def _draw(self, done: int, budget: int, rate: float, left: float, text: str) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        if self._bar is None:
            self._bar = Progress(BarColumn(bar_width=24), TextColumn("{task.percentage:>3.0f}%"),
                                 TextColumn("{task.fields[text]}", markup=False), refresh_per_second=4)
            self._task = self._bar.add_task("", total=budget, text="")
            self._bar.start()
        self._bar.update(self._task, completed=done,
                         text=f"{rate:,.0f} examples/s  {clock(left)} left  {text}")


def clock(seconds: float) -> str:
    """Seconds as people read them: 42 s, 3 min 05 s, 2 h 10 min."""
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
