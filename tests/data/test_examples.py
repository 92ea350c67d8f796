"""Laws of specs, examples, splits and order."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mintage.data import Batches, DataError, DataSpec, Examples, look, open_data, toy


def images(n: int = 40, seed: int = 0, **more) -> Examples:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 1, 5, 6), dtype=np.uint8)
    return Examples.of_images(pixels, "noise", **more)


@pytest.mark.parametrize("spec", [
    DataSpec("image", (3, 8, 9), ("a", "b")),
    DataSpec("points", (2,), (), (0.1, -3.0), (1e-9, 7.25)),
    DataSpec("points", (1,)),
])
def test_a_spec_survives_json(spec: DataSpec) -> None:
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(("make", "words"), [
    (lambda: DataSpec("imag", (1, 2, 2)), "did you mean 'image'"),
    (lambda: DataSpec("image", (2, 2)), r"\(channels, height, width\)"),
    (lambda: DataSpec("image", (1, 0, 2)), "1 or more"),
    (lambda: DataSpec("image", (1, 2, 2), ("a", "a")), "same name"),
    (lambda: DataSpec("image", (1, 2, 2), (), (0.0,)), "no centre"),
    (lambda: DataSpec("points", (2,), (), (0.0,), (1.0, 1.0)), "need 2 centres"),
    (lambda: DataSpec("points", (1,), (), (0.0,), (0.0,)), "positive"),
    (lambda: DataSpec.from_json({"kind": "image", "shapes": [1]}), "did you mean 'shape'"),
    (lambda: DataSpec.from_json({"kind": "image"}), "needs 'shape'"),
])
def test_an_impossible_spec_is_refused(make, words) -> None:
    with pytest.raises(DataError, match=words):
        make()


def test_gather_is_the_pixels_in_minus_one_to_one() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)
    examples = Examples.of_images(pixels, "all", labels=np.array([0, 1, 1, 0]), classes=("n", "y"))
    x, y, _ = examples.gather(torch.tensor([3, 0, 3]))
    assert x.dtype == torch.float32 and x.shape == (3, 1, 8, 8) and float(x.max()) == 1 and float(x.min()) == -1
    assert torch.equal(((x + 1) * 127.5).round().to(torch.uint8), torch.from_numpy(pixels[[3, 0, 3]]))
    assert y is not None and y.dtype == torch.int64 and y.tolist() == [0, 0, 0]
    with pytest.raises(IndexError):
        examples.gather(torch.tensor([4]))


def test_points_are_standardised_and_come_back() -> None:
    points = np.random.default_rng(0).normal((5, -2, 7), (3, 0.1, 0), (1000, 3))
    examples = Examples.of_points(points, "cloud")
    x = examples.gather(torch.arange(1000)).x
    assert x[:, :2].mean().abs() < 1e-4 and (x[:, :2].std(0) - 1).abs().max() < 1e-2
    back = x.numpy() * np.array(examples.spec.scale) + np.array(examples.spec.centre)
    assert np.allclose(back, points, atol=1e-5)


def test_a_fingerprint_is_of_content_order_and_labels() -> None:
    same, other = images(), images(seed=1)
    assert same.fingerprint == images().fingerprint and len(same.fingerprint) == 64
    assert same.fingerprint != other.fingerprint != images(39).fingerprint
    assert same.fingerprint != same.take(torch.arange(39, -1, -1)).fingerprint
    zeros, ones = (images(labels=np.full(40, k), classes=("a", "b")) for k in (0, 1))
    assert len({same.fingerprint, zeros.fingerprint, ones.fingerprint}) == 3
    assert same.to("cpu") is same


def test_a_split_depends_on_content_only() -> None:
    whole = images(400)
    train, held = whole.split(0.1)
    assert len(train) + len(held) == 400 and 15 <= len(held) <= 70
    shuffled = whole.take(torch.randperm(400, generator=torch.Generator().manual_seed(0)))
    assert {d.tobytes() for d in shuffled.split(0.1)[1].digests} == {d.tobytes() for d in held.digests}
    grown = Examples.of_images(np.concatenate([whole.store.pixels.numpy(), images(100, 5).store.pixels.numpy()]), "g")
    assert {d.tobytes() for d in held.digests} <= {d.tobytes() for d in grown.split(0.1)[1].digests}
    assert not {d.tobytes() for d in held.digests} & {d.tobytes() for d in train.digests}


@pytest.mark.parametrize("n", [2, 3, 5, 9])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_a_split_has_one_on_each_side_and_no_straddling(n: int, share: float) -> None:
    one = images(n)
    twice = one.take(torch.arange(n).repeat(3))
    train, held = twice.split(share)
    assert len(train) and len(held) and len(train) % 3 == len(held) % 3 == 0
    assert not {d.tobytes() for d in held.digests} & {d.tobytes() for d in train.digests}


def test_impossible_splits_are_refused() -> None:
    for few in (images(1), images(1).take(torch.zeros(6, dtype=torch.int64))):
        with pytest.raises(DataError, match="at least two different"):
            few.split(0.1)
    with pytest.raises(DataError, match="between 0 and 1"):
        images().split(1.0)


def test_labels_must_fit() -> None:
    with pytest.raises(DataError, match="names for 0 to 1"):
        images(labels=np.full(40, 2), classes=("a", "b"))
    with pytest.raises(DataError, match="give both or neither"):
        images(labels=np.zeros(40))


@pytest.mark.parametrize(("n", "size"), [(40, 7), (40, 40), (5, 12), (1, 4)])
def test_every_epoch_is_a_permutation(n: int, size: int) -> None:
    batches = Batches(images(n), size, seed=3)
    stream = torch.cat([batches.indices(at) for at in range(0, n * size, size)])
    epochs = stream.view(size, n)
    assert torch.equal(epochs.sort(1).values, torch.arange(n).expand(size, n))
    assert n < 9 or len({tuple(epoch.tolist()) for epoch in epochs}) == size


def test_a_batch_is_a_function_of_its_position() -> None:
    one = Batches(images(), 16, 3, flip=True)
    found = {at: one(at).x for at in (0, 16, 33, 390, 5)}
    for at in (390, 5, 0, 33, 16):
        assert torch.equal(Batches(images(), 16, 3, flip=True)(at).x, found[at])
        assert torch.equal(one(at).x, found[at])
    assert torch.equal(Batches(images(), 8, 3).indices(24), Batches(images(), 16, 3).indices(16)[8:])
    assert not torch.equal(Batches(images(), 40, 4).indices(0), Batches(images(), 40, 3).indices(0))


def test_flips_are_mirrors_half_of_the_time() -> None:
    examples = images(400)
    plain, flipped = Batches(examples, 400, 0)(0).x, Batches(examples, 400, 0, flip=True)(0).x
    mirrored = (plain.flip(3) == flipped).flatten(1).all(1)
    assert bool((mirrored | (plain == flipped).flatten(1).all(1)).all()) and 150 < int(mirrored.sum()) < 250


def test_impossible_batches_are_refused() -> None:
    with pytest.raises(DataError, match="1 or more"):
        Batches(images(), 0, 0)
    with pytest.raises(DataError, match="only images"):
        Batches(open_data("gaussian-1d"), 4, 0, flip=True)
    with pytest.raises(DataError, match="0 or more"):
        Batches(images(), 4, 0)(-1)


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25), ("gaussians", 3), ("gaussians-1d", 3)])
def test_toys_are_their_mixtures(name: str, modes: int) -> None:
    mixture = toy(name)
    points = mixture.sample(100_000)
    distance = np.linalg.norm(points[:, None] - mixture.modes[None], axis=2) / mixture.sigmas
    nearest = distance.argmin(1)
    assert len(mixture.modes) == modes and np.array_equal(points, mixture.sample(100_000))
    assert np.allclose(np.bincount(nearest) / 100_000, mixture.weights, atol=0.02)
    d = points.shape[1]
    within = 1 - np.exp(-4.5) if d == 2 else 0.9973
    assert abs((distance.min(1) <= 3).mean() - within) < 0.003
    for k in range(modes):
        mine = points[nearest == k]
        assert np.allclose(mine.mean(0), mixture.modes[k], atol=0.06)
        assert np.allclose(mine.std(0), mixture.sigmas[k], rtol=0.05)


def test_an_opened_toy_is_standardised_and_so_are_its_modes() -> None:
    examples = open_data("ring")
    x = examples.gather(torch.arange(len(examples))).x
    modes, sigma = toy("ring").standardised()
    assert len(examples) == 100_000 and x.mean().abs() < 0.01 and abs(float(x.std()) - 1) < 0.01
    distance = torch.cdist(x[:5000], torch.tensor(modes, dtype=torch.float32)).min(1).values
    assert float((distance <= 3 * sigma).float().mean()) > 0.98
    with pytest.raises(DataError, match="did you mean 'ring'"):
        toy("rings")


def test_digits_are_all_there() -> None:
    found = look(open_data("digits"))
    assert (found.count, found.shape, len(found.labels)) == (1797, (1, 8, 8), 10)
    assert found.labels["0"] == 178 and found.labels["9"] == 180
    x = open_data("digits").gather(torch.arange(1797)).x
    assert float(x.min()) == -1 and float(x.max()) == 1


def test_a_look_is_plain_and_json() -> None:
    found = look(images(labels=np.arange(40) % 2, classes=("left", "right")))
    text = "\n".join(found.lines())
    assert "noise: 40 images, 5x6, 1 channel" in text and "left 20, right 20" in text and "few" in text
    assert json.loads(json.dumps(found.to_json()))["labels"] == {"left": 20, "right": 20}
