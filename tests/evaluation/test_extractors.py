"""Extractors accept every kind of picture, quantise it, and never change their answer with the batch or the mode."""

from __future__ import annotations

from importlib import resources
from types import SimpleNamespace

import pytest
import torch

from mintage.evaluation import extractor_for, module_features, small_image_features, standardised
from mintage.evaluation.features import feature_net
from mintage.evaluation.features.extractors import as_rgb, quantised, seen_by_feature_net


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def extractor():
    return small_image_features()


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 8, 8), (3, 32, 32), (4, 64, 48), (3, 1, 1), (1, 33, 200)])
def test_any_size_and_one_to_four_channels(extractor, shape):
    f = extractor(pictures(5, *shape))
    assert f.shape == (5, 128) == (5, extractor.dim)
    assert f.dtype == torch.float32 and torch.isfinite(f).all() and not f.requires_grad
    assert extractor(pictures(0, *shape)).shape == (0, 128)


def test_five_channels_are_refused(extractor):
    with pytest.raises(ValueError, match=r"C from 1 to 4, received \(2, 5, 8, 8\)"):
        extractor(pictures(2, 5, 8, 8))


def test_the_batch_does_not_matter(extractor):
    x = pictures(300, 1, 28, 28)
    assert torch.allclose(extractor(x)[257:259], extractor(x[257:259]), atol=1e-4)


def test_autocast_and_gradients_stay_outside(extractor):
    x = pictures(4, 3, 32, 32).requires_grad_()
    plain = extractor(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(x), plain)
    torch.nn.Linear(128, 2)(plain).sum().backward()  # usable for a probe: no inference tensors


def test_pictures_are_quantised_first(extractor):
    levels = torch.arange(256).float() / 127.5 - 1
    assert torch.equal(quantised(levels), levels)
    assert torch.equal(quantised(levels + 0.003), levels.clamp(max=1))
    assert torch.equal(quantised(torch.tensor([-1.7, 1.2])), torch.tensor([-1.0, 1.0]))
    x = quantised(pictures(4, 1, 28, 28))
    assert torch.equal(extractor(x), extractor(x + 0.003))


def test_channels_become_rgb():
    x = pictures(2, 4, 6, 6)
    assert torch.equal(as_rgb(x[:, :1]), x[:, :1].repeat(1, 3, 1, 1))
    two = as_rgb(x[:, :2])
    assert torch.equal(two[:, ::2], x[:, :2]) and torch.allclose(two[:, 1], (x[:, 0] + x[:, 1]) / 2)
    assert torch.equal(as_rgb(x[:, :3]), x[:, :3])
    clear, solid = x.clone(), x.clone()
    clear[:, 3], solid[:, 3] = -1, 1
    assert torch.equal(as_rgb(clear), torch.ones(2, 3, 6, 6)) and torch.equal(as_rgb(solid), x[:, :3])


def test_resize_is_antialiased():
    stripes = torch.ones(1, 3, 64, 64)
    stripes[..., ::2] = -1
    inner = seen_by_feature_net(stripes)[..., 2:-2]
    assert inner.abs().max() < 0.02  # black and white average to grey; without antialiasing they would alias


def test_shipped_weights_are_checked(monkeypatch, extractor):
    data = resources.files("mintage.evaluation.features").joinpath("features_v1.safetensors").read_bytes()
    assert len(data) <= 1_000_000 and extractor.digest == feature_net.DIGEST and len(extractor.digest) == 64
    monkeypatch.setattr(feature_net, "DIGEST", "0" * 64)
    with pytest.raises(RuntimeError, match="damaged or was replaced"):
        feature_net.shipped_net()


def test_colour_and_noise_matter(extractor):
    x = pictures(1, 1, 8, 8).expand(1, 3, 8, 8)
    red = x.clone()
    red[:, 1:] = -1
    assert (extractor(x) - extractor(red)).norm() > 5
    flat = torch.zeros(64, 1, 32, 32)
    noisy = 0.2 * torch.randn(64, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert (extractor(flat) - extractor(noisy)).norm(dim=1).min() > 3


def test_points():
    spec = SimpleNamespace(kind="points", shape=(3,), centre=(0.0,) * 3, scale=(1.0,) * 3)
    extractor = extractor_for(spec)
    x = pictures(7, 3)
    assert torch.equal(extractor(x), x) and extractor.dim == 3 and extractor.name == "points"
    other = SimpleNamespace(kind="points", shape=(3,), centre=(0.0,) * 3, scale=(2.0,) * 3)
    assert standardised(other).digest != extractor.digest
    with pytest.raises(ValueError, match="received features|returned features"):
        extractor(pictures(7, 2))


def test_extractor_for_kinds():
    image = SimpleNamespace(kind="image", shape=(3, 16, 16), centre=(), scale=())
    assert extractor_for(image).name == "mintage-small"
    with pytest.raises(ValueError, match="C from 1"):
        extractor_for(SimpleNamespace(kind="image", shape=(7, 16, 16), centre=(), scale=()))
    with pytest.raises(ValueError, match="for points"):
        standardised(image)


def test_your_own_module():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 4), torch.nn.Dropout(0.5))
    mine = module_features(module, "mine", 4, batch=3)
    x = quantised(pictures(10, 3, 2, 2))
    assert torch.allclose(mine(x), module[1](x.flatten(1)), atol=1e-6)  # no dropout
    assert module.training and module[1].weight.requires_grad  # a copy was frozen, not yours
    assert module_features(module, "mine", 4).digest == mine.digest
    with torch.no_grad():
        module[1].weight[0, 0] += 1
    assert module_features(module, "mine", 4).digest != mine.digest
    with pytest.raises(ValueError, match="Give the dim it really has"):
        module_features(module, "mine", 5)(x)
