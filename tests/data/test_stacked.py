"""Stacked MNIST: three digits in three channels, a thousand classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.data import DataError, Examples, open_data
from mintage.data.stacked import stacked


def digits(n: int = 200, classes: int = 10) -> Examples:
    """Image k is filled with the value k, and shows the digit k % classes."""
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 1, 4, 4)).copy()
    return Examples.of_images(pixels, "plain", labels=np.arange(n) % classes, classes=tuple(map(str, range(classes))))


@pytest.mark.parametrize("balanced", [False, True])
def test_a_label_names_the_digits_of_the_channels_in_order(balanced: bool) -> None:
    found = stacked(digits(), 500, seed=3, balanced=balanced)
    assert found.spec.shape == (3, 4, 4) and len(found) == 500 and len(found.spec.labels) == 1000
    shown = found.store.pixels[:, :, 0, 0].long() % 10
    assert found.labels is not None and torch.equal(found.labels, shown @ torch.tensor([100, 10, 1]))
    assert found.spec.labels[int(found.labels[7])] == "".join(str(int(k)) for k in shown[7])


def test_stacks_are_a_function_of_the_seed() -> None:
    one, same, other = (stacked(digits(), 50, seed=seed).fingerprint for seed in (1, 1, 2))
    assert one == same != other and len(stacked(digits())) == 200


def test_balanced_stacks_have_uniform_classes_whatever_the_digits_have() -> None:
    few = digits(200).take(torch.cat([torch.arange(190), torch.zeros(800, dtype=torch.long)]))
    share = {kind: np.bincount(stacked(few, 20_000, balanced=kind).labels.numpy() // 100) / 20_000
             for kind in (True, False)}
    assert share[False][0] > 0.8 and np.abs(share[True] - 0.1).max() < 5 * (0.09 / 20_000) ** 0.5


def test_what_cannot_be_stacked() -> None:
    with pytest.raises(DataError, match="10 classes, as mnist is; plain has 200 examples"):
        stacked(digits(classes=4))
    with pytest.raises(DataError, match="n is 0"):
        stacked(digits(), 0)
    with pytest.raises(DataError, match="no example of 8, 9"):
        stacked(digits().take(torch.arange(8)), balanced=True)


def test_the_source(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (shared_data / "mnist").is_dir():
        pytest.skip(f"there is no mnist in {shared_data}")
    monkeypatch.delenv("MINTAGE_DATA", raising=False)
    with pytest.raises(DataError, match="mnist is not part of mintage, and MINTAGE_DATA is not set"):
        open_data("stacked-mnist")
    monkeypatch.setenv("MINTAGE_DATA", str(shared_data))
    test = open_data("stacked-mnist", split="test")
    assert len(test) == 10_000 and test.spec.shape == (3, 28, 28) and test.name == "stacked-mnist test"
    mnist = open_data("mnist", split="test").store.pixels
    known = {digit.numpy().tobytes() for digit in mnist}
    assert all(channel.numpy().tobytes() in known for stack in test.store.pixels[:50] for channel in stack)
    train = open_data("stacked-mnist")
    assert len(train) == 60_000 and train.fingerprint != test.fingerprint and train.labels is not None
    share = train.labels.bincount(minlength=1000).double() / 60_000
    ones, fives = share.view(10, 10, 10)[1].sum(), share.view(10, 10, 10)[5].sum()
    assert abs(float(ones) - 0.1124) < 0.006 and abs(float(fives) - 0.0904) < 0.006
