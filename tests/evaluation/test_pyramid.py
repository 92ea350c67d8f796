"""The pyramid adds up to the image, and its distances see what differs at their own level."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from mintage.evaluation.measures.pyramid import _raised, laplacian_pyramid, neighbourhoods, pyramid_distance


def pictures(n: int, seed: int, shape: tuple[int, int, int] = (2, 28, 28)) -> Tensor:
    """Coarse blobs with a little noise."""
    g = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, shape[0], 4, 4, generator=g)
    return interpolate(coarse, shape[1:], mode="bicubic") + 0.1 * torch.randn(n, *shape, generator=g)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 17), (2, 7, 9)])
def test_it_adds_up(shape: tuple[int, int, int]) -> None:
    x = pictures(3, 0, shape).double()
    levels = laplacian_pyramid(x)
    assert [min(level.shape[2:]) for level in levels] == {28: [28, 14, 7], 33: [17, 9], 7: [7]}[shape[1]]
    whole = levels[-1]
    for finer in reversed(levels[:-1]):
        whole = finer + _raised(whole, finer.shape)
    assert torch.allclose(whole, x)


def test_a_flat_image_has_detail_at_no_level_but_the_last() -> None:
    levels = laplacian_pyramid(torch.full((1, 1, 32, 32), 0.7))
    assert all(float(level.abs().max()) < 1e-6 for level in levels[:-1])
    assert torch.allclose(levels[-1], torch.tensor(0.7))


def test_distances_are_small_for_the_same_law_and_see_the_level_that_differs() -> None:
    real, same = pictures(600, 0), pictures(600, 1)
    floor = pyramid_distance(real, same)
    assert len(floor) == 3 and max(floor) < 0.12
    blurred = interpolate(avg_pool2d(same, 2), (28, 28), mode="bilinear")
    fine = pyramid_distance(real, blurred)
    assert fine[0] > 0.25 and fine[2] < 2 * floor[2] + 0.02
    shifted = pyramid_distance(real, same + 0.8)
    assert shifted[0] < 2 * floor[0] + 0.02 and shifted[2] > 0.4
    assert pyramid_distance(real, same, seed=3) == pyramid_distance(real, same, seed=3) != floor


def test_neighbourhoods_are_of_the_image() -> None:
    x = torch.arange(2 * 9 * 11.0).view(2, 1, 9, 11)
    cuts = neighbourhoods(x, 7, 5, torch.Generator().manual_seed(0))
    assert cuts.shape == (10, 1, 7, 7)
    assert torch.equal(cuts[:, 0, 1, 0] - cuts[:, 0, 0, 0], torch.full((10,), 11.0))
    assert bool((cuts[:5] < 99).all()) and bool((cuts[5:] >= 99).all())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="sides of 7"):
        laplacian_pyramid(torch.zeros(2, 1, 6, 9))
    with pytest.raises(ValueError, match="one size"):
        pyramid_distance(torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 9, 8))
