"""A Fashion-MNIST classifier as a second opinion on samples: >= 90 % on the test images, at most 4 minutes of one core.

    python benchmarks/fmnist_classifier.py train [--weights FILE]
    python benchmarks/fmnist_classifier.py assess [--weights FILE] SAMPLES.npy [MORE.npy ...]

The data are the four original IDX files in $MINTAGE_DATA/fmnist (default: ../shared/data beside the repository).
"""

from __future__ import annotations

import gzip
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

import assessing
import numpy as np
import torch
from assessing import Split
from torch import Tensor, nn

DEFAULT = Path.home() / ".cache" / "mintage" / "fmnist_classifier.safetensors"


def _idx(path: Path) -> Tensor:
    with gzip.open(path) as file:
        data = file.read()
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape).copy())


@cache
def split(which: str) -> Split:
    """The "train" or "t10k" split."""
    here = Path(__file__).resolve().parents[1]
    root = Path(os.environ.get("MINTAGE_DATA", here.parent / "shared" / "data")) / "fmnist"
    return Split(_idx(root / f"{which}-images-idx3-ubyte.gz"), _idx(root / f"{which}-labels-idx1-ubyte.gz"))


class Classifier(nn.Module):
    """Three pairs of convolutions with pooling -> features [n, 128] -> logits [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, o, stride in ((1, 32, 1), (32, 48, 2), (48, 64, 1), (64, 96, 2), (96, 128, 1)):
            layers += [nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.body(x)
        return f.float(), self.head(f).float()


def to_input(images: Tensor) -> Tensor:
    """uint8 [n, 28, 28] -> [n, 1, 28, 28], about mean 0 and deviation 1."""
    x = images[:, None].float().sub(73).div(90)
    return x.contiguous(memory_format=torch.channels_last)


def augmented(images: Tensor, g: torch.Generator) -> Tensor:
    """Half mirrored, all moved by up to 2 pixels."""
    mirrored = torch.rand(len(images), generator=g) < 0.5
    images = torch.where(mirrored[:, None, None], images.flip(2), images)
    dy, dx = torch.randint(0, 5, (2,), generator=g).tolist()
    return to_input(nn.functional.pad(images, (2, 2, 2, 2))[:, dy : dy + 28, dx : dx + 28])


def train(weights: Path) -> dict[str, Any]:
    """Train from scratch with seed 1 and save; accuracy on the test images and seconds of this process's CPU."""
    torch.manual_seed(1)
    start = time.process_time()
    net = Classifier().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assessing.fit(net, split("train"), augmented, epochs=6, size=256, rate=6e-3, seed=1)
    assessing.save_weights(net, weights)
    right = assessing.accuracy(net, split("t10k"), to_input)
    return {"weights": str(weights), "accuracy": right, "cpu_seconds": round(time.process_time() - start, 1)}


@cache
def _net(weights: Path) -> nn.Module:
    return assessing.weights_at(weights, Classifier(), "fmnist_classifier.py")


def assess(samples: np.ndarray, weights: Path = DEFAULT) -> dict[str, Any]:
    """Figures of samples uint8 [n, 28, 28] (see `assessing.assess`)."""
    return assessing.assess(samples, _net(weights), split("train"), split("t10k"), to_input)


if __name__ == "__main__":
    assessing.command_line(__doc__, "fmnist_classifier", train, assess)
