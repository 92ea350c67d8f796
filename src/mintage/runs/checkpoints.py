"""Checkpoints: the whole state of a game on disk, each a folder of its own.

    checkpoints/round-00001200/state.safetensors   every tensor
    checkpoints/round-00001200/state.json          every number, with the digest of the tensors and of itself

A checkpoint appears whole or not at all, is checked whole before it is used, and is removed only after a newer one is
durable. "Latest" and "best" are computed from what is there; no pointer can go stale. Nothing is ever pickled.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from mintage.game import Game, Stages
from mintage.runs.durable import new_folder, write_into
from mintage.runs.errors import RunError
from mintage.runs.faults import fault

FORMAT = 1
KEEP = 2


class Damaged(Exception):
    """A checkpoint that is cut, changed or not one."""


@dataclass(frozen=True)
class Checkpoint:
    """A checked state: `facts` are what the run adds to the game's own numbers (the judge's figure, the time spent)."""

    path: Path
    tensors: dict[str, Tensor] = field(repr=False)
    scalars: dict[str, int]
    facts: dict[str, Any]

    @property
    def round(self) -> int:
        return number(self.path)


def save(folder: Path, game: Game | Stages, facts: dict[str, Any]) -> Path:
    """Write the state of `game` at its present round. OSError means that nothing has changed on disk."""
    fault("save.begin")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in game.tensors().items()}
    data = safetensors.torch.save(tensors)
    body = {"format": FORMAT, "sha256": sha256(data).hexdigest(), "scalars": game.scalars(), "facts": facts}
    path = folder / f"round-{game.index:010d}"
    with new_folder(path, point="save") as temporary:
        write_into(temporary, "state.safetensors", data, point="save")
        write_into(temporary, "state.json", _sealed(body), point="save")
    return path


def load(path: Path) -> Checkpoint:
    """Read a checkpoint whole, every byte checked.

    Raises:
        Damaged: it is cut, changed, or not a checkpoint.
        RunError: it was written by a newer mintage.
    """
    body = _body(path)
    try:
        data = (path / "state.safetensors").read_bytes()
    except OSError as error:
        raise Damaged(f"state.safetensors cannot be read: {error.strerror}") from error
    if sha256(data).hexdigest() != body["sha256"]:
        raise Damaged("state.safetensors is not what was written: its SHA-256 differs")
    return Checkpoint(path, safetensors.torch.load(data), body["scalars"], body["facts"])


def listed(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first, unchecked."""
    return sorted((p for p in folder.glob("round-*") if p.is_dir()), key=number) if folder.exists() else []


def latest(folder: Path, *, scheduled: bool = False) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint, and a sentence about each newer one that is damaged.

    With `scheduled`, checkpoints that an interruption left between two saves are passed over: whether there is one
    depends on how the process ended, and a roll-back must not.
    """
    warnings: list[str] = []
    for path in reversed(listed(folder)):
        if scheduled and not (facts(path) or {}).get("scheduled"):
            continue
        try:
            return load(path), warnings
        except Damaged as damage:
            warnings.append(f"checkpoint {path.name} is damaged ({damage}); using the one before it")
    return None, warnings


def facts(path: Path) -> dict[str, Any] | None:
    """What the run noted in a checkpoint; None where its numbers are damaged."""
    try:
        return _body(path)["facts"]
    except Damaged:
        return None


def best(folder: Path) -> Path | None:
    """The checkpoint with the lowest figure of the judge; the later one of equals; None where nothing was judged."""
    judged = [(found["judge"], -number(path), path) for path in listed(folder)
              if (found := facts(path)) and found.get("judge") is not None]
    return min(judged)[2] if judged else None


def prune(folder: Path) -> None:
    """Remove all but the newest `KEEP` that were saved on schedule, anything newer, and the best."""
    fault("save.before_prune")
    paths = listed(folder)
    scheduled = [p for p in paths if (facts(p) or {}).get("scheduled")]
    keep = set(scheduled[-KEEP:]) | {best(folder)}
    oldest = number(scheduled[-KEEP]) if len(scheduled) >= KEEP else 0
    for path in paths:
        if path not in keep and number(path) < oldest:
            shutil.rmtree(path, ignore_errors=True)
    fault("save.after_prune")


def number(path: Path) -> int:
    """The round of a checkpoint, from its name."""
    digits = path.name.removeprefix("round-")
    return int(digits) if digits.isdigit() else -1


def _sealed(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, sort_keys=True, allow_nan=False)
    return json.dumps({"body": body, "sha256": sha256(text.encode()).hexdigest()}, indent=1, sort_keys=True).encode()


def _body(path: Path) -> dict[str, Any]:
    try:
        sealed = json.loads((path / "state.json").read_bytes())
        body = sealed["body"]
        text = json.dumps(body, sort_keys=True)
        if sha256(text.encode()).hexdigest() != sealed["sha256"]:
            raise Damaged("state.json is not what was written: its SHA-256 differs")
    except OSError as error:
        raise Damaged(f"state.json cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("state.json is not readable JSON") from error
    if body["format"] > FORMAT:
        raise RunError(f"{path} was written in format {body['format']}, by a newer mintage; this one reads up to "
                       f"format {FORMAT}. Upgrade with: pip install -U mintage")
    return body
