"""Running runs: a fork server, tiny data, and the fingerprint by which two runs are compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mintage.runs import checkpoints
from mintage.runs.folder import Run

ROUNDS, BATCH = 24, 4
TINY: dict[str, dict[str, Any]] = {
    "gan": {"width": 16, "depth": 1},
    "dcgan": {"size": "XS"},
    "r3gan": {"size": "XS", "conditional": False, "gamma": 1.0},
}


class Machine:
    """A fork server and what it says."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).parent / "zygote.py"), json.dumps(TINY)]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment)

    def order(self, **order: Any) -> tuple[int, str]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["output"]

    def train(self, out: Path, data: Path, system: str = "gan", *, fault: str | None = None, twin: str | None = None,
              **wish: Any) -> tuple[int, str]:
        asked = {"data": str(data), "system": system, "options": TINY[system], "batch": BATCH,
                 "examples": ROUNDS * BATCH, "device": "cpu", "precision": "fp32", "threads": 1, "judged": 20,
                 "saves": 6, "judgements": 3, "out": str(out)} | wish
        return self.order(do="train", wish=asked, env={"MINTAGE_FAULT": fault} if fault else {}, twin=twin)

    def resume(self, out: Path, *, fault: str | None = None, twin: str | None = None) -> tuple[int, str]:
        return self.order(do="resume", run=str(out), env={"MINTAGE_FAULT": fault} if fault else {}, twin=twin)


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    assert made.process.stdin is not None
    made.process.stdin.close()
    made.process.wait(10)
    assert made.process.stdout is not None
    made.process.stdout.close()


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 images of 8×8: a bright bar on noise, different in each."""
    random = np.random.default_rng(0)
    images = random.integers(0, 90, (200, 8, 8), dtype=np.uint8)
    for number, image in enumerate(images):
        image[number % 8] = 200 + number % 50
    path = tmp_path_factory.mktemp("data") / "bars.npy"
    np.save(path, images)
    return path


def state_of(path: Path) -> dict[str, Any]:
    """Everything of a finished run that must not depend on how it got there."""
    run = Run(path)
    point, warnings = checkpoints.latest(run.checkpoints)
    assert point is not None and not warnings
    tensors = {name: sha256(t.numpy().tobytes()).hexdigest() for name, t in point.tensors.items()}
    lines = [{k: v for k, v in line.items() if k not in ("seconds", "rate")} for line in run.metrics()]
    written = [*run.samples.iterdir(), *(run.averages.iterdir() if run.averages.exists() else ())]
    pictures = {p.name: sha256(p.read_bytes()).hexdigest() for p in sorted(written)}
    product = json.loads((run.generator / "generator.json").read_bytes())["sha256"]
    return {"tensors": tensors, "scalars": point.scalars, "judge": point.facts["judge"], "lines": lines,
            "pictures": pictures, "product": product,
            "checkpoints": [p.name for p in checkpoints.listed(run.checkpoints)]}
