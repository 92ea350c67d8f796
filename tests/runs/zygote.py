"""A process that has imported everything once and forks a child for each run a test asks for.

One line of JSON in, one out:
    {"do": "train" | "resume", "wish": {...}, "run": path, "env": {...}, "twin": name or null}
->  {"status": exit status, negative for the signal that killed it, "output": text}.

Twins break the library on purpose, so that the tests can show that they would notice.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mintage.game import Game
from mintage.runs import checkpoints, start, training
from mintage.runs.console import Console
from mintage.runs.errors import Interrupted, RunError
from mintage.runs.folder import Run


def in_place() -> None:
    """A writer that writes where the reader reads, and a reader that trusts it."""

    class Folder:
        def __init__(self, path: Path, point: str = "") -> None:
            self.path = path

        def __enter__(self) -> Path:
            self.path.mkdir(exist_ok=True)
            return self.path

        def __exit__(self, *exc: object) -> None:
            return None

    def load(path: Path) -> checkpoints.Checkpoint:
        import safetensors.torch

        body = json.loads((path / "state.json").read_bytes())["body"]
        tensors = safetensors.torch.load((path / "state.safetensors").read_bytes())
        return checkpoints.Checkpoint(path, tensors, body["scalars"], body["facts"])

    checkpoints.new_folder = Folder  # type: ignore[assignment,misc]
    checkpoints.load = load


def forgetful() -> None:
    """A resume that takes up the weights and leaves the optimizers behind."""
    whole = Game.load

    def load(self: Game, tensors: dict[str, Any], scalars: dict[str, int]) -> None:
        whole(self, {name: t for name, t in tensors.items() if not name.startswith("optimizers/")}, scalars)

    Game.load = load  # type: ignore[method-assign,assignment]


TWINS = {"in-place": in_place, "forgetful": forgetful}


def child(order: dict[str, Any]) -> int:
    os.environ.update(order.get("env") or {})
    torch.set_num_threads(1)
    if order.get("twin"):
        TWINS[order["twin"]]()
    console = Console(quiet=False)
    try:
        if order["do"] == "train":
            start.begin(start.Wish(**order["wish"]), console)
        else:
            training.carry_on(Run.open(order["run"]), console)
    except Interrupted as stop:
        return stop.code
    except RunError as error:
        print(error, file=sys.stderr)
        return 2
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def warm() -> None:
    """Play a little of each system once, so that no child pays for first calls. One thread, so that forking is safe."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npy"
        np.save(data, np.random.default_rng(0).integers(0, 255, (200, 8, 8), dtype=np.uint8))
        for system, options in json.loads(sys.argv[1]).items():
            wish = start.Wish(str(data), system, options, batch=4, examples=8, device="cpu", precision="fp32",
                              threads=1, judged=20, judgements=1, out=str(Path(folder) / system))
            start.begin(wish, Console(quiet=True))


def main() -> None:
    warm()
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryFile() as output:
            pid = os.fork()
            if pid == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                code = child(order)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
            _, status = os.waitpid(pid, 0)
            output.seek(0)
            text = output.read().decode(errors="replace")
        print(json.dumps({"status": os.waitstatus_to_exitcode(status), "output": text}), flush=True)


if __name__ == "__main__":
    main()
