"""The table of speed: its operations are counted right, its rows are of the same game, its text says what was found."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, linear


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    with torch.random.fork_rng():
        yield
    for name in [name for name in sys.modules if name == "bench" or name.startswith("bench.")]:
        del sys.modules[name]


def counted(function: Any) -> int:
    with importlib.import_module("bench.counting").Counter() as counter:
        function()
    return counter.operations


@pytest.mark.parametrize("groups", [1, 4])
def test_each_way_of_a_convolution_counts_once(groups: int) -> None:
    """Forward, to the input and to the weight; a convolution in groups has as many products less."""
    x, weight = torch.randn(2, 8, 6, 6, requires_grad=True), torch.randn(16, 8 // groups, 3, 3, requires_grad=True)
    once = 2 * 2 * 16 * 36 * 9 * 8 // groups
    assert counted(lambda: conv2d(x, weight, padding=1, groups=groups)) == once
    assert counted(lambda: conv2d(x, weight, padding=1, groups=groups).sum().backward()) == 3 * once
    assert counted(lambda: conv2d(x.detach(), weight, padding=1, groups=groups).sum().backward()) == 2 * once


def test_transposed_convolutions_and_products() -> None:
    x, weight = torch.randn(2, 8, 3, 3, requires_grad=True), torch.randn(8, 4, 4, 4)
    once = 2 * 2 * 8 * 9 * 16 * 4
    assert counted(lambda: conv_transpose2d(x, weight, stride=2, padding=1).sum().backward()) == 2 * once
    assert counted(lambda: linear(torch.ones(3, 5), torch.ones(7, 5))) == 2 * 3 * 5 * 7


def test_shares_and_ceilings_are_those_of_the_machine() -> None:
    pairing, printing = importlib.import_module("bench.pairing"), importlib.import_module("bench.printing")
    base, kept = pairing.both_allocators("peer", "a:b", 4, size=3)
    assert (base.name, kept.name) == ("peer, as shipped", "peer, our allocator") and not base.kept and kept.kept
    row = pairing.Row("a row", (base, kept), (pairing.gained(base, kept),), period=2)
    reached = pairing._reached(base, row, 10.0, 16.0, {"convolution, fp32": 40.0})
    assert reached == {"gflop_each": 2.0, "gflops": 20.0, "share": 0.5, "at_most": 20.0}
    assert pairing._reached(base, row, 10.0, 0.0, {"convolution, fp32": 40.0}) == {}
    side = {"rate": 10.0, "each": [9.0, 11.0], "peak_memory": 3e8, "memory_before": 2e8, **reached}
    ratio = pairing._ratio(pairing.Ratio(kept.name, base.name, {1: 1.5}, {1: 2.0}),
                           {base.name: [5.0, 6.0], kept.name: [10.0, 9.0]}, 1)
    text = printing.table([{"row": "a row", "threads": 1, "unit": "img/s", "sides": {base.name: side, kept.name: side},
                            "ratios": [ratio], "first_losses_differ_by": 1e-7}])
    assert "50%" in text and "100" in text and "1.75 (1.50-2.00)  wanted 1.50, held  levers allow 2.00" in text
    assert "the machine's rate 2.0" in text and "differ by 1.0e-07" in text


@pytest.mark.parametrize(("name", "allowed"), [("peer_torchgan", 1e-4), ("peer_vae", 1e-5), ("peer_ctgan", 1e-5)])
def test_both_sides_play_the_same_game(name: str, allowed: float, monkeypatch: pytest.MonkeyPatch,
                                       tmp_path: Path) -> None:
    monkeypatch.setenv("MINTAGE_DATA", str(tmp_path))  # no table there: rows are drawn
    assert importlib.import_module(f"bench.{name}").proof() <= allowed


def test_every_row_names_functions_that_exist() -> None:
    pairing, table = importlib.import_module("bench.pairing"), importlib.import_module("bench")
    assert table is not None
    for name in ("peer_dcgan", "peer_torchgan", "peer_mimicry_dcgan", "peer_wgan_gp", "peer_sngan", "peer_mlp",
                 "peer_r3gan", "peer_stylegan2", "peer_ctgan", "peer_vae", "sampling"):
        module = importlib.import_module(f"bench.{name}")
        for row in getattr(module, "ROWS", None) or (module.ROW,):
            names = {side.name for side in row.sides}
            assert len(names) == len(row.sides) and all({r.over, r.base} <= names for r in row.ratios)
            assert all(callable(pairing.called(side.make)) for side in row.sides)
            assert not row.proof or callable(pairing.called(row.proof))
