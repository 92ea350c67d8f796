"""A classifier of scikit-learn's 8 x 8 digits as a second opinion on samples: >= 95 % on unseen digits, in seconds.

    python benchmarks/digits_classifier.py train [--weights FILE]
    python benchmarks/digits_classifier.py assess [--weights FILE] SAMPLES.npy [MORE.npy ...]

Samples are uint8 0..255; the digits' own levels 0..16 are scaled by 255/16. 30 % of each class, drawn with a fixed
seed, are the test images.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

import assessing
import numpy as np
import torch
from assessing import Split
from torch import Tensor, nn

DEFAULT = Path.home() / ".cache" / "mintage" / "digits_classifier.safetensors"


@cache
def split(which: str) -> Split:
    """The "train" or "test" split, images uint8 [N, 8, 8]."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(data.images * (255 / 16)).round().to(torch.uint8)
    labels = torch.from_numpy(data.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    test = torch.cat([rows[: len(rows) * 3 // 10] for k in range(10) for rows in [order[labels[order] == k]]])
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[test] = True
    rows = chosen if which == "test" else ~chosen
    return Split(images[rows], labels[rows])


class Classifier(nn.Module):
    """Three convolutions -> features [n, 64] -> logits [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, o, stride in ((1, 32, 1), (32, 64, 2), (64, 64, 1)):
            layers += [nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f = self.body(x)
        return f.float(), self.head(f).float()


def to_input(images: Tensor) -> Tensor:
    """uint8 [n, 8, 8] -> [n, 1, 8, 8], about mean 0 and deviation 1."""
    return images[:, None].float().sub(78).div(96)


def augmented(images: Tensor, g: torch.Generator) -> Tensor:
    """Moved by up to 1 pixel sideways, with a little noise."""
    dx = int(torch.randint(0, 3, (1,), generator=g))
    x = to_input(nn.functional.pad(images, (1, 1))[:, :, dx : dx + 8])
    return x + 0.1 * torch.randn(x.shape, generator=g)


def train(weights: Path) -> dict[str, Any]:
    """Train from scratch with seed 1 and save; accuracy on the test digits and seconds of this process's CPU."""
    torch.manual_seed(1)
    start = time.process_time()
    net = Classifier()
    assessing.fit(net, split("train"), augmented, epochs=40, size=64, rate=3e-3, seed=1)
    assessing.save_weights(net, weights)
    right = assessing.accuracy(net, split("test"), to_input)
    return {"weights": str(weights), "accuracy": right, "cpu_seconds": round(time.process_time() - start, 1)}


@cache
def _net(weights: Path) -> nn.Module:
    return assessing.weights_at(weights, Classifier(), "digits_classifier.py")


def assess(samples: np.ndarray, weights: Path = DEFAULT) -> dict[str, Any]:
    """Figures of samples uint8 [n, 8, 8] (see `assessing.assess`)."""
    return assessing.assess(samples, _net(weights), split("train"), split("test"), to_input)


if __name__ == "__main__":
    assessing.command_line(__doc__, "digits_classifier", train, assess)
