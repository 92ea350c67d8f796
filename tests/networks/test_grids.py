"""Plans for any height and width."""

from __future__ import annotations

import pytest
import torch

from mintage.networks import plan


@pytest.mark.parametrize(("size", "start", "levels"), [
    ((28, 28), (7, 7), 2), ((64, 48), (8, 6), 3), ((100, 75), (7, 5), 4), ((8, 8), (4, 4), 1), ((32, 32), (4, 4), 3),
    ((33, 17), (9, 5), 2), ((1, 1), (1, 1), 0), ((4096, 4096), (4, 4), 10), ((25, 25), (7, 7), 2),
    ((256, 256), (4, 4), 6),
])
def test_known_plans(size: tuple[int, int], start: tuple[int, int], levels: int) -> None:
    grid = plan(*size)
    assert (grid.start, grid.levels) == (start, levels)


def test_every_size_is_covered_with_little_padding() -> None:
    for height in [*range(1, 130), 255, 256, 257, 4095, 4096]:
        for width in (1, 3, 17, 28, 75, 129, 4096):
            grid = plan(height, width)
            (p, q), short = grid.padded, min(height, width)
            assert p >= height and q >= width
            assert p - height < 2**grid.levels and q - width < 2**grid.levels
            assert grid.at(0) == grid.start and grid.at(grid.levels) == grid.padded
            assert 4 <= min(grid.start) <= 7 if short >= 4 else grid.levels == 0


def test_cropping_undoes_widening() -> None:
    grid = plan(33, 17)
    x = torch.randn(2, 3, 33, 17, generator=torch.Generator().manual_seed(0))
    wide = grid.widen(x)
    assert wide.shape == (2, 3, *grid.padded)
    assert torch.equal(grid.crop(wide), x)
    assert wide[0, 0, 0, 1] == x[0, 0, 0, 0] and wide[0, 0, -1, -1] == x[0, 0, -1, -1]


def test_the_note_says_what_is_padded() -> None:
    assert "fits exactly" in plan(28, 28).note
    assert "100 x 75" in plan(100, 75).note and "12 rows and 5 columns" in plan(100, 75).note
    assert "1 time" in plan(8, 8).note and "1 times" not in plan(8, 8).note


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (4097, 5), (5, 2.0), (True, 4)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="1 to 4096"):
        plan(*size)


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="5 x 6 came to a network made for 8 x 8"):
        plan(8, 8).widen(torch.zeros(1, 1, 5, 6))
