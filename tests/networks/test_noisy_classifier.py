"""The classifier with noise and weights of fixed length, and its generator."""

from __future__ import annotations

import pytest
import torch

from mintage.networks import GaussianNoise, NoisyClassifier, NormedGenerator, NormedLinear


def test_noise_in_training_only_and_from_its_own_generator() -> None:
    noise, x = GaussianNoise(0.5), torch.zeros(4000)
    assert float(noise(x).std()) == pytest.approx(0.5, rel=0.05)
    noise.generator = torch.Generator().manual_seed(3)
    first = noise(x)
    noise.generator = torch.Generator().manual_seed(3)
    assert torch.equal(first, noise(x))
    assert torch.equal(noise.eval()(x), x)
    with pytest.raises(ValueError, match="0 .none. or more"):
        GaussianNoise(-1.0)


def test_rows_have_the_length_of_their_gain_whatever_their_directions() -> None:
    layer, x = NormedLinear(3, 2, gain=2.0), torch.eye(3)
    with torch.no_grad():
        before = layer(x)
        assert torch.allclose(before.norm(dim=0), torch.full((2,), 2.0))
        layer.directions.mul_(5)
        assert torch.allclose(layer(x), before, atol=1e-6)
    assert {name for name, _ in NormedLinear(3, 2, learned=True).named_parameters()} == {"directions", "bias", "gain"}


def test_the_papers_classifier_and_generator() -> None:
    D, G = NoisyClassifier((1, 28, 28), 10), NormedGenerator((1, 28, 28))
    x = G(torch.rand(6, 100))
    assert x.shape == (6, 1, 28, 28) and float(x.detach().abs().max()) <= 1
    assert D(x).shape == (6, 10) and D.hidden(torch.zeros(2, 784)).shape == (2, 250)
    widths = [m.directions.shape[0] for m in D.modules() if isinstance(m, NormedLinear)]
    assert widths == [1000, 500, 250, 250, 250, 10]
    assert [m.deviation for m in D.modules() if isinstance(m, GaussianNoise)] == [0.3, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_hidden_units_begin_near_unit_size() -> None:
    """On digits, whose pixels have a root mean square of .33 in [0, 1]."""
    D = NoisyClassifier((1, 28, 28), 10)
    x = (torch.rand(500, 1, 28, 28) < 0.11).float() * 2 - 1
    h = D.hidden((x.flatten(1) + 1) / 2)
    assert 0.2 < float(h.detach().square().mean().sqrt()) < 3


def test_impossible_uses_are_refused() -> None:
    with pytest.raises(ValueError, match="2 or more"):
        NoisyClassifier((2,), 1)
    with pytest.raises(ValueError, match="made for"):
        NoisyClassifier((2,), 2)(torch.zeros(1, 3))
