"""What the rows of translation measure, on images whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mintage.data import Examples, Given, to_uint8
from mintage.data.stores import Pixels, digests_of
from mintage.lab.outcome import Outcome
from mintage.networks import SqueezeFeatures, enlarged
from mintage.objectives import feature_distance, l1_distance, perceptual_distance
from mintage.reproduce import ROWS, Found, find
from mintage.reproduce.enlargements import FEATURES, distance, luma, pairs_of, psnr_of_luma
from mintage.reproduce.sides import Both
from mintage.reproduce.translations import dice, gradient_energy, symmetries

NAMES = ("pix2pix", "cyclegan", "srgan")


def test_dice_by_hand() -> None:
    p = torch.tensor([[1, 1, 0, 0]]).bool()
    assert dice(p, torch.tensor([[1, 0, 1, 0]]).bool()) == 0.5
    assert dice(p, p) == 1.0 and dice(p, ~p) == 0.0 and dice(p & ~p, p & ~p) == 1.0


def test_gradient_energy_by_hand_and_of_blur() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert gradient_energy(x) == pytest.approx(16 + 1)
    sharp = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert gradient_energy(torch.nn.functional.avg_pool2d(sharp, 3, 1, 1)) < gradient_energy(sharp) / 4


def test_the_eight_symmetries_are_eight() -> None:
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert len({tuple(one.flatten().tolist()) for one in symmetries(x)}) == 8


def test_luma_and_psnr_by_hand() -> None:
    white, black = torch.full((3, 20, 20), 255, dtype=torch.uint8), torch.zeros(3, 20, 20, dtype=torch.uint8)
    assert float(luma(white)[0, 0]) == pytest.approx(235) and float(luma(black)[0, 0]) == 16
    assert psnr_of_luma(white, black) == pytest.approx(20 * np.log10(255 / 219), abs=1e-6)
    edge = white.clone()
    edge[:, :4] = 0
    assert psnr_of_luma(edge, white) == np.inf, "four pixels at the border are left out"


def test_bicubic_on_set5_is_the_published_figure(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """28.42 dB (Timofte et al. 2013 and many since; 28.43 in the SRGAN paper)."""
    monkeypatch.setenv("MINTAGE_DATA", str(shared_data))
    every = [psnr_of_luma(to_uint8(enlarged(small[None] / 127.5 - 1))[0], large) for small, large in pairs_of("Set5")]
    assert len(every) == 5 and np.mean(every) == pytest.approx(28.42, abs=0.03)


def test_the_perceptual_distance_ranks_blur_below_a_small_shift_in_level(shared_data: Path) -> None:
    see = SqueezeFeatures(shared_data / FEATURES)
    x = (torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 200).byte()
    level = x + 3
    blurred = torch.nn.functional.avg_pool2d(x[None].float(), 3, 1, 1)[0].byte()
    assert distance(see, x, x) == 0 < distance(see, x, level) < distance(see, x, blurred)


def test_distances_by_hand() -> None:
    a, b = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.0, 1.0]])
    assert float(l1_distance(a, b)) == 1.5
    assert float(feature_distance([2 * b], [b])) == 1.0, "a layer is counted by its own size"
    u, v = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 5.0]).view(1, 2, 1, 1)
    assert float(perceptual_distance([u], [v])) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="equal shapes"):
        l1_distance(a, b[:, :1])
    with pytest.raises(ValueError, match="same layers"):
        feature_distance([a], [a, b])


def test_both_sides_are_told_apart_by_their_place() -> None:
    light, dark = (np.full((40, 1, 8, 8), level, dtype=np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None, None]
                   for level in (200, 10))
    given = Given("image", (1, 8, 8), paired=False)
    examples = Examples.of_images(light, "light").with_given(given, Pixels(torch.from_numpy(dark)), digests_of(dark))
    batch = Both(examples, 16)(0)
    assert len(batch.x) == 16 and torch.equal(batch.y, (batch.x.mean((1, 2, 3)) > 0).long())


@pytest.mark.parametrize("name", NAMES)
def test_a_row_reads_cells_and_misses_where_nothing_was_learnt(name: str) -> None:
    row = find(name)
    good = {"dice": 0.9, "energy": 0.9, "energy of real": 1.0, "frechet": 1.0, "l1": 0.1, "crossed there": 0.8,
            "crossed back": 0.8, "cycle there": 0.1, "cycle back": 0.1, "change": 0.2, "accuracy": 0.9, "psnr": 30.0,
            "psnr of bicubic": 28.4, "distance": 1.0, "distance of bicubic": 2.0}
    worse = {"energy": 0.1, "frechet": 3.0}
    cells = {arm.name: {0: good | (worse if "alone" in arm.name else {})} for arm in row.arms}
    if name == "srgan":
        cells["SRGAN"] = {0: good | {"psnr": 29.0, "distance": 0.5}}
    fine = row.read(Found(cells))
    assert isinstance(fine, Outcome) and all(finding.holds for finding in fine.findings)
    poor = {arm: {0: {key: 0.0 if key in ("dice", "crossed there", "psnr") else value
                      for key, value in cell[0].items()}} for arm, cell in cells.items()}
    assert not all(finding.holds for finding in row.read(Found(poor)).findings)
    assert ROWS[name] == name and row.covers == (name,)
