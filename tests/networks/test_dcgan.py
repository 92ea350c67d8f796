"""DCGAN's networks: the paper's initial weights, where batch norm stands, and how widths grow."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mintage.networks import DCGANDiscriminator, DCGANGenerator, macs


def test_initial_weights_have_deviation_two_hundredths() -> None:
    torch.manual_seed(0)
    for net in (DCGANGenerator((3, 64, 64), size="S"), DCGANDiscriminator((3, 64, 64), size="S")):
        weights = [m.weight for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
        assert len(weights) == 5
        for weight in weights:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1)
        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            assert norm.weight.mean().item() == pytest.approx(1, abs=0.02) and norm.bias.abs().max() == 0


def test_l_has_the_papers_widths_at_64() -> None:
    with torch.device("meta"):
        D = DCGANDiscriminator((3, 64, 64), size="L")
    assert [m.out_channels for m in D.layers if isinstance(m, nn.Conv2d)] == [128, 256, 512, 1024]
    assert D.grid.start == (4, 4)


def test_batch_norm_is_absent_at_the_images_ends_and_on_request() -> None:
    G, D = DCGANGenerator((1, 28, 28)), DCGANDiscriminator((1, 28, 28))
    assert isinstance(G.layers[-1], nn.ConvTranspose2d) and isinstance(D.layers[1], nn.LeakyReLU)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in G.modules()) == 2
    assert sum(isinstance(m, nn.BatchNorm2d) for m in D.modules()) == 1
    plain = DCGANDiscriminator((1, 28, 28), batch_norm=False)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in plain.modules())


def test_work_at_28_by_28() -> None:
    """28 -> 14 -> 7 with 64 and 128 channels, by hand."""
    by_hand = 14 * 14 * 16 * 64 + 7 * 7 * 16 * 64 * 128 + 7 * 7 * 128
    assert macs(DCGANDiscriminator((1, 28, 28)), torch.zeros(2, 1, 28, 28)) == by_hand


def test_an_unknown_size_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'M'"):
        DCGANGenerator((1, 28, 28), size="m")
    with pytest.raises(ValueError, match="0 channels"):
        DCGANDiscriminator((0, 28, 28))
