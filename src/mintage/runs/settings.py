"""The settings of a run: everything needed to start it again, resolved, as `settings.json` holds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mintage.data import DataSpec, Fit
from mintage.data.givens import Need
from mintage.runs.durable import write_json
from mintage.runs.errors import RunError
from mintage.runs.plan import Plan

FORMAT = 1


@dataclass(frozen=True)
class DataSettings:
    """Where the real examples come from and what is done to them; `need` is what their system makes them from."""

    source: str
    resolution: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    flip: bool = False
    labels: str | None = None
    given: str | None = None
    need: Need | None = None
    held_out: float = 0.1
    count: int = 0
    fingerprint: str = ""


@dataclass(frozen=True)
class Settings:
    """A run, resolved.

    `chosen` are the sentences about what was decided for the user; `compiled` are the moves, by number, that are played
    by kernels of their own, or as `graphs`; `accumulate` is the number of parts that a round's batch is split into.
    """

    system: str
    options: dict[str, Any]
    data: DataSettings
    spec: DataSpec
    batch: int
    plan: Plan
    seed: int
    device: str
    precision: str
    threads: int
    judged: int
    patience: int = 0
    compiled: tuple[int, ...] = ()
    graphs: bool = False
    accumulate: int = 1
    minutes: float | None = None
    command: str = ""
    version: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    chosen: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        body = asdict(self) | {"spec": self.spec.to_json(), "plan": self.plan.to_json()}
        write_json(path, {"format": FORMAT, **body}, point="settings")

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Settings of a run folder.

        Raises:
            RunError: the file is not there, is not settings, or is of a newer format.
        """
        try:
            saved = json.loads(path.read_bytes())
            written = saved.pop("format")
        except OSError:
            raise RunError(f"{path.parent} is not a run: it has no settings.json. "
                           "A run is a folder that `mintage train` made") from None
        except (ValueError, KeyError, AttributeError) as error:
            raise RunError(f"{path} is not the settings of a run ({error})") from None
        if written > FORMAT:
            raise RunError(f"{path} is of format {written}, written by mintage {saved.get('version')}; this one reads "
                           f"up to format {FORMAT}. Upgrade with: pip install -U mintage")
        data = saved.pop("data")
        data["resolution"] = tuple(data["resolution"]) if data["resolution"] else None
        return cls(**saved | {"data": DataSettings(**data), "spec": DataSpec.from_json(saved["spec"]),
                              "plan": Plan.from_json(saved["plan"]), "chosen": tuple(saved["chosen"]),
                              "compiled": tuple(saved.get("compiled", ()))})
