"""What examples are made from: kept with them, in their order, on their side of a split."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mintage.data import Batches, DataError, DataSpec, Examples, Given
from mintage.data.origins import Origins
from mintage.data.stores import Pixels, digests_of

N, M = 40, 27


def pictures(n: int, channels: int, first: int) -> np.ndarray:
    """Image i has the value first + i everywhere but in its left column, which is darker by one."""
    made = np.broadcast_to((first + np.arange(n, dtype=np.uint8))[:, None, None, None], (n, channels, 4, 4)).copy()
    made[..., 0] -= 1
    return made


def number(images: torch.Tensor, first: int) -> torch.Tensor:
    """Which image each is, by its brightest pixel."""
    return ((images.amax((1, 2, 3)) + 1) * 127.5).round().long() - first


def made(paired: bool) -> Examples:
    """40 images of one channel, made from images of three."""
    c = pictures(N if paired else M, 3, 101)
    return Examples.of_images(pictures(N, 1, 11), "made").with_given(
        Given("image", (3, 4, 4), paired=paired), Pixels(torch.from_numpy(c)), digests_of(c))


def test_pairs_come_together_whatever_the_order_the_split_and_the_flip() -> None:
    for part in (made(True), *made(True).split(0.3)):
        batches = Batches(part, 8, seed=1, flip=True)
        for position in (0, 8, 36):
            batch = batches(position)
            assert torch.equal(number(batch.x, 11), number(batch.c, 101))
            assert torch.equal(batch.x[:, 0, 0, 0] < batch.x[:, 0, 0, 3], batch.c[:, 0, 0, 0] < batch.c[:, 0, 0, 3])


def test_sides_without_pairs_have_each_their_own_order_and_each_of_them_comes_once_a_pass() -> None:
    batches = Batches(made(False), 8, seed=1)
    xs, cs = (torch.cat([number(part, first) for part in parts])
              for parts, first in zip(zip(*((b.x, b.c) for b in map(batches, range(0, 8 * 27 * 5, 8))), strict=True),
                                      (11, 101), strict=True))
    assert torch.equal(xs[:N].sort().values, torch.arange(N))
    assert torch.equal(cs[:M].sort().values, torch.arange(M))
    assert not torch.equal(xs[:M], cs[:M])


def test_sides_without_pairs_are_each_split_by_their_own_content() -> None:
    one, other = made(False).split(0.3)
    assert one.origins is not None
    assert other.origins is not None
    assert len(one.origins) + len(other.origins) == M
    assert 0 < len(other.origins) < M
    held_out = {bytes(row) for row in other.origins.digests}
    assert not any(bytes(row) in held_out for row in one.origins.digests)


def test_the_fingerprint_tells_what_examples_are_made_from() -> None:
    plain, paired = Examples.of_images(pictures(N, 1, 11), "made"), made(True)
    other = plain.with_given(paired.spec.given, Pixels(torch.from_numpy(pictures(N, 3, 102))),
                             digests_of(pictures(N, 3, 102)))
    assert len({plain.fingerprint, paired.fingerprint, other.fingerprint}) == 3
    assert made(True).fingerprint == paired.fingerprint


def test_a_spec_keeps_what_examples_are_made_from() -> None:
    spec = made(True).spec
    assert DataSpec.from_json(spec.to_json()) == spec
    assert "given" not in DataSpec("image", (1, 4, 4)).to_json()


def test_pairs_that_do_not_come_out_are_refused() -> None:
    c = pictures(M, 3, 101)
    with pytest.raises(DataError, match="40 examples came with 27 to be made from"):
        Examples.of_images(pictures(N, 1, 11), "made").with_given(Given("image", (3, 4, 4)),
                                                                  Pixels(torch.from_numpy(c)), digests_of(c))
    with pytest.raises(DataError, match="content hashes"):
        Origins(Given("text", (3,)), Pixels(torch.from_numpy(c)), digests_of(c[:2]))
    with pytest.raises(DataError, match="not made from 'sound'"):
        Given("sound", (3,))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not one of a given image"):
        Given("image", (3,))
