"""The rows of growth and style: what they would train can be built, and how their figures are read."""

from __future__ import annotations

import pytest
import torch

from mintage.data import DataSpec
from mintage.reproduce import find
from mintage.reproduce.row import Found
from mintage.reproduce.rows import progan, stylegan
from mintage.runs.building import build_game
from mintage.systems.options import check


@pytest.mark.parametrize("name", ["progan", "stylegan"])
def test_every_arm_can_be_built(name: str) -> None:
    for arm in find(name).arms:
        told = arm.work.told()
        build_game(told["system"], check(told["system"], told["options"]), DataSpec("image", (1, 28, 28)), seed=0,
                   device="cpu", precision="fp32")
        assert len(arm.work.measures()) >= 2


def test_the_row_of_growth_holds_where_every_level_is_near_and_neighbours_are_shown() -> None:
    def cells(factor: float, shown: float) -> Found:
        grown = {f"level {k}": factor * progan.NEAR * k / 2 for k in range(3)} | {f"floor {k}": 0.01 for k in range(3)}
        whole = {f"level {k}": k + 1.0 for k in range(3)}
        rest = {"neighbours shown": shown, "memorisation": 0.97, "diverged": 0.0, "frechet": 1.0, "seconds": 60.0}
        return Found({progan.GROWN: dict.fromkeys((0, 1, 2), grown | rest), progan.WHOLE: {0: whole | rest}})

    assert [f.holds for f in progan.read(cells(0.5, 1.0)).findings] == [True] * 5
    assert [f.holds for f in progan.read(cells(1.5, 1.0)).findings] == [True, False, True, True, True]
    assert [f.holds for f in progan.read(cells(0.5, 0.0)).findings] == [True, True, False, True, True]
    assert not progan.read(Found({})).findings[0].holds


def test_the_row_of_style_compares_paths() -> None:
    def cells(ours: float) -> Found:
        rest = {"error of path length": 1.0, "frechet": 2.0, "seconds": 60.0, "diverged": 0.0}
        return Found({stylegan.OURS: {0: rest | {"path length": ours, "explained by coarse": 0.7}},
                      stylegan.THEIRS: {0: rest | {"path length": 100.0}}})

    assert [f.holds for f in stylegan.read(cells(60.0)).findings] == [True] * 3
    assert [f.holds for f in stylegan.read(cells(160.0)).findings] == [False, True, True]


def test_what_rows_of_a_sheet_explain() -> None:
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(50, 1, 1, 4, 4, generator=g), torch.randn(1, 40, 1, 4, 4, generator=g)
    enlarge = [1, 1, 1, 7, 7]
    pages = [torch.kron(x, torch.ones(enlarge)) for x in (a + 0 * b, 0 * a + b, a + b)]
    assert [stylegan.explained(page) for page in pages] == pytest.approx([1, 0, 0.5], abs=0.06)
