"""A run is a folder: everything a training did, and all it needs to go on.

    settings.json   metrics.jsonl   rejects.jsonl   samples/   checkpoints/   averages/   generator/   evaluation.json
    report.html
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from mintage.runs.durable import TEMPORARY, append_line, read_lines, sweep, write_file
from mintage.runs.errors import RunError
from mintage.runs.settings import Settings


class Run:
    """One run on disk, read as it is now."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._unwritten: list[dict[str, Any]] = []

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """A run that exists.

        Raises:
            RunError: nothing is there, or it is not a run; the nearest run is named.
        """
        run = cls(path)
        if len(run.path.name) > 255 or not run.path.is_dir():
            around = run.path.parent if run.path.parent.is_dir() else Path()
            names = [p.name for p in around.iterdir() if (p / "settings.json").exists()]
            near = get_close_matches(run.path.name, names, n=1)
            hint = f"; did you mean {around / near[0]}?" if near else ""
            raise RunError(f"there is no run at {path}{hint}")
        _ = run.settings
        return run

    @cached_property
    def settings(self) -> Settings:
        return Settings.read(self.path / "settings.json")

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def averages(self) -> Path:
        return self.path / "averages"

    @property
    def generator(self) -> Path:
        return self.path / "generator"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def metrics(self) -> list[dict[str, Any]]:
        """The log lines, oldest first; a line that a crash cut short is left out."""
        return read_lines(self.path / "metrics.jsonl")

    def log(self, line: dict[str, Any]) -> None:
        """Add a line to the log. Lines that a full disk refused are kept and written with the next."""
        self._unwritten.append(line)
        while self._unwritten:
            append_line(self.path / "metrics.jsonl", self._unwritten[0])
            self._unwritten.pop(0)

    def forget_after(self, index: int) -> None:
        """Drop the log lines and film frames of rounds that will be played again."""
        lines = [line for line in self.metrics() if line["round"] <= index]
        data = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        write_file(self.path / "metrics.jsonl", data.encode(), point="metrics")

    def films(self) -> list[Path]:
        """The frames of the film, in order."""
        return sorted(self.samples.glob("round-*.png"))

    def check_free(self) -> None:
        """Refuse a place that holds something, or where nothing can be written, before work starts."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            remedy = (f"continue it with: mintage resume {self.path}" if (self.path / "settings.json").exists()
                      else "choose another --out")
            raise RunError(f"{self.path} exists and is not empty; {remedy}")
        above = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        try:
            os.rmdir(tempfile.mkdtemp(prefix=TEMPORARY, dir=above))  # permissions alone do not tell of a read-only disk
        except OSError as error:
            raise RunError(f"cannot write a run at {self.path}: {above} cannot be written ({error.strerror}); "
                           "choose another --out") from None

    def rejects(self) -> list[dict[str, Any]]:
        """The files that could not be used."""
        return read_lines(self.path / "rejects.jsonl")

    def create(self, settings: Settings, need: int, rejects: Sequence[Any] = ()) -> None:
        """Make the folder: the list of files that could not be used, and the settings last, which make it a run.

        Raises:
            RunError: the folder holds something already, cannot be written, or the disk has less than `need` bytes.
        """
        self.check_free()
        made = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._check_space(need)
            for folder in (self.checkpoints, self.samples):
                folder.mkdir()
            if rejects:
                lines = "".join(json.dumps({"file": r.file, "reason": r.reason}) + "\n" for r in rejects)
                write_file(self.path / "rejects.jsonl", lines.encode())
            settings.write(self.path / "settings.json")
        except OSError as error:
            if made:
                shutil.rmtree(self.path, ignore_errors=True)
            raise RunError(f"cannot write a run at {self.path}: {error.strerror or error}; "
                           "choose another --out") from None
        except RunError:
            if made:
                shutil.rmtree(self.path, ignore_errors=True)
            raise

    def _check_space(self, need: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < need:
            raise RunError(f"the disk at {self.path} has {free / 1e6:.0f} MB free and this run needs about "
                           f"{need / 1e6:.0f} MB for its checkpoints; make room or choose another --out")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for writing; a second process is refused. The hold ends with the process, however it ends."""
        with (self.path / "lock").open("a") as file:
            try:
                import fcntl
            except ImportError:  # Windows: no lock
                yield
                return
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(f"another process is training {self.path}; stop it first, or wait") from None
            for folder in (self.path, self.checkpoints, self.samples, self.averages):
                sweep(folder)
            yield
