"""Two sides without pairs: a translator between two classes of one set of pictures, and a classifier to tell them.

    CELL/a.npy, b.npy        the pictures of either class, brought to size
    CELL/classifier.safetensors
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from mintage.data import Batches, DataSpec, Examples, open_data, to_uint8
from mintage.data.labels import with_labels
from mintage.game import derive, play
from mintage.lab.outcome import LabError
from mintage.reproduce.classifier import game_of
from mintage.reproduce.row import Figures
from mintage.reproduce.training import Training, placed
from mintage.reproduce.translations import crossing
from mintage.runs.building import examples_of
from mintage.runs.console import Console
from mintage.runs.durable import write_file
from mintage.runs.folder import Run

EPOCHS, BATCH = 8, 64


@dataclass(frozen=True)
class Sides:
    """cyclegan between two classes of `data`, for a number of examples; a is given, b is made.

    The classifier is trained on the training examples of both sides, mirrored at random, and its accuracy on those
    held out stands beside every figure that rests on it.
    """

    data: str
    labels: str
    a: str
    b: str
    resolution: tuple[int, int]
    examples: int
    options: dict[str, Any] = field(default_factory=dict)
    batch: int = 4

    def missing(self) -> str:
        """The system is not built, or the data are not here."""
        return self._training(self.data, self.data).missing()

    def told(self) -> dict[str, Any]:
        return {"a": self.a, "b": self.b, "labels": self.labels, **self._training(self.data, self.data).told()}

    def measures(self) -> tuple[str, ...]:
        return ("crossing",)

    def run(self, folder: Path, seed: int, threads: int, console: Console) -> Figures:
        """Bring the pictures, train, and measure."""
        a, b = folder / "a.npy", folder / "b.npy"
        if not (a.exists() and b.exists()):
            self._bring(a, b)

        def crossed(run: Run, seed: int) -> Figures:
            return crossing(run, Told(folder / "classifier.safetensors", examples_of(run.settings)[0], seed))

        return self._training(str(b), str(a), crossed).run(folder, seed, threads, console)

    def _training(self, made: str, given: str, *measured: Any) -> Training:
        return Training("cyclegan", made, self.examples, measured, self.options, batch=self.batch, judged=0,
                        given=given, resolution=self.resolution)

    def _bring(self, a: Path, b: Path) -> None:
        """Write the pictures of each class as an array."""
        source = placed(self.data)
        found = with_labels(open_data(source, resolution=self.resolution), source, self.labels)
        for path, name in ((a, self.a), (b, self.b)):
            if found.labels is None or name not in found.spec.labels:
                raise LabError(f"{self.data} has no class {name!r}; it has {', '.join(found.spec.labels)}")
            rows = (found.labels == found.spec.labels.index(name)).nonzero()[:, 0]
            pixels = to_uint8(found.gather(rows).x).permute(0, 2, 3, 1).contiguous()
            path.parent.mkdir(parents=True, exist_ok=True)
            partly = path.with_name(f".tmp-{path.name}")
            np.save(partly, pixels.numpy())
            partly.replace(path)


class Told:
    """side_of(x): 0 for the side that is given, 1 for the one that is made, by a network kept in `file`."""

    def __init__(self, file: Path, train: Examples, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive("sides", seed))
            game = game_of(DataSpec("image", train.spec.shape, labels=("given", "made")))
        if file.exists():
            game.net("C").load_state_dict(safetensors.torch.load(file.read_bytes()))
        else:
            for _ in play(game, Both(train, BATCH), EPOCHS * 2 * len(train)):
                pass
            weights = {name: tensor.contiguous() for name, tensor in game.net("C").state_dict().items()}
            write_file(file, safetensors.torch.save(weights), point="classifier")
        self.net = game.net("C").eval()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([self.net(part).argmax(1) for part in x.split(500)])


class Both:
    """Batches of both sides in equal parts, labelled 0 (given) and 1 (made)."""

    def __init__(self, train: Examples, size: int) -> None:
        self.size = size
        self.inner = Batches(train, size // 2, derive("sides", "order"), flip=True)

    def __call__(self, position: int) -> Any:
        batch = self.inner(position // 2)
        if batch.c is None:
            raise LabError("these examples have no other side")
        y = torch.cat([torch.zeros(len(batch.x)), torch.ones(len(batch.x))]).long()
        return batch._replace(x=torch.cat([batch.c, batch.x]), y=y, c=None)
