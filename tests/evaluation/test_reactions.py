"""On real pictures the packaged features react to what makes a generator poor, more to more of it.

Skips where the shared data are absent.
"""

from __future__ import annotations

import gzip
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mintage.evaluation import (
    Moments,
    frechet_distance,
    nearest,
    precision_recall_density_coverage,
    small_image_features,
)

N = 512


def idx(path) -> torch.Tensor:
    with gzip.open(path) as file:
        data = file.read()
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape).copy())


class Room:
    """Held-out pictures' features, and pictures x with labels y to spoil."""

    def __init__(self, folder) -> None:
        self.features = small_image_features()
        images = idx(folder / "t10k-images-idx3-ubyte.gz")[:, None].float() / 127.5 - 1
        labels = idx(folder / "t10k-labels-idx1-ubyte.gz").long()
        self.held_out = self.features(images[:N])
        self.reference = Moments.of(self.held_out)
        self.pool, self.labels = images[N:], labels[N:]
        self.x = self.pool[:N]

    def distance(self, x: torch.Tensor) -> float:
        return frechet_distance(self.reference, self.features(x))


@cache
def room_at(folder) -> Room:
    return Room(folder)


@pytest.fixture
def room(shared_data):
    return room_at(shared_data / "fmnist")


def rising(values: list[float], factor: float = 1.3) -> bool:
    return all(b > factor * a for a, b in zip(values, values[1:], strict=False))


def noise(x: torch.Tensor) -> torch.Tensor:
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    t = torch.arange(-8, 9) / sigma
    kernel = torch.softmax(-t * t / 2, 0)
    wide = F.conv2d(F.pad(x, (8, 8, 8, 8), mode="replicate"), kernel.view(1, 1, 1, -1))
    return F.conv2d(wide, kernel.view(1, 1, -1, 1))


def test_blur(room):
    assert rising([room.distance(room.x)] + [room.distance(blurred(room.x, s)) for s in (0.5, 0.8, 1.4, 2.5)])


def test_noise(room):
    spoiled = [room.distance((room.x + s * noise(room.x)).clamp(-1, 1)) for s in (0.12, 0.25, 0.5, 0.8)]
    assert rising([room.distance(room.x), *spoiled])


def test_dropped_classes(room):
    assert rising([room.distance(room.pool[room.labels >= k][:N]) for k in (0, 1, 3, 5, 7, 9)])


def test_fewer_distinct_pictures(room):
    assert rising([room.distance(room.x[torch.arange(N) % k]) for k in (N, 128, 32, 8, 1)])


def test_colour_and_place(room):
    floor, x = room.distance(room.x), room.x
    assert room.distance(torch.cat([x, 0.8 * x - 0.2, x], 1)) > 5 * floor
    assert room.distance(x.roll(3, 3)) > 3 * floor


def test_collapse_and_copies(room):
    one = room.features(room.x)[:1].expand(N, -1) + 1e-4 * torch.randn(
        N, 128, generator=torch.Generator().manual_seed(1)
    )
    shares = precision_recall_density_coverage(room.held_out, one)
    assert shares.recall < 0.02 and shares.coverage < 0.02
    real = precision_recall_density_coverage(room.held_out, room.features(room.x))
    assert real.precision > 0.85 and real.recall > 0.85 and real.coverage > 0.9
    distance, _ = nearest(room.features(room.x[:50]), room.features(room.x))
    assert distance.max() < 1e-3


def test_same_picture_in_other_files(room):
    """The same pictures as grey or RGB, or twice as large, lie near each other; MNIST's digits do not."""
    x = room.x
    assert room.distance(x.expand(-1, 3, -1, -1)) == pytest.approx(room.distance(x), rel=1e-3)
    large = F.interpolate(x, scale_factor=2, mode="bilinear", antialias=True)
    assert room.distance(large) < 0.25 * room.distance(-x)


def test_probe_of_eight_pixel_digits():
    """A linear probe on the features of scikit-learn's digits, never seen in training: >= 95 % right."""
    datasets = pytest.importorskip("sklearn.datasets")
    data = datasets.load_digits()
    f = small_image_features()(torch.from_numpy(data.images).float()[:, None] / 8 - 1).double()
    y = torch.from_numpy(data.target).long()
    f = torch.cat([f, torch.ones(len(f), 1)], 1)
    order = torch.randperm(len(f), generator=torch.Generator().manual_seed(0))
    fit, test = order[:1200], order[1200:]
    ridge = f[fit].T @ f[fit] + 1.0 * torch.eye(f.shape[1])
    weights = torch.linalg.solve(ridge, f[fit].T @ F.one_hot(y[fit], 10).double())
    right = ((f[test] @ weights).argmax(1) == y[test]).double().mean()
    assert right >= 0.95, right
