"""Multilayer perceptrons, maxout, and dropout that can be replayed."""

from __future__ import annotations

import copy

import pytest
import torch

from mintage.networks import MLP, Dropout, Maxout, MLPDiscriminator, MLPGenerator


def test_points_go_in_and_out() -> None:
    G, D = MLPGenerator((2,), z_dim=4), MLPDiscriminator((2,))
    x = G(torch.randn(5, 4))
    assert x.shape == (5, 2) and D(x).shape == (5,)


def test_goodfellows_pair_of_2014() -> None:
    G = MLPGenerator((1, 28, 28), z_dim=100, width=64, activation="relu", output="tanh")
    D = MLPDiscriminator((1, 28, 28), width=24, depth=2, activation="maxout", pieces=5, dropout=0.5)
    x = G(torch.randn(3, 100))
    assert x.shape == (3, 1, 28, 28) and x.abs().max() <= 1 and D(x).shape == (3,)
    assert sum(isinstance(m, Maxout) for m in D.modules()) == 2
    assert sum(isinstance(m, Dropout) for m in D.modules()) == 2


def test_maxout_is_the_largest_of_its_pieces() -> None:
    m = Maxout(3, 2, 4)
    x = torch.randn(5, 3)
    pieces = m.linear(x).view(5, 2, 4)
    assert torch.equal(m(x), pieces.max(2).values)


def test_depth_zero_is_linear() -> None:
    net = MLP(3, 2, depth=0)
    x, y = torch.randn(1, 3), torch.randn(1, 3)
    assert torch.allclose(net(x) + net(y), net(x + y) + net(torch.zeros(1, 3)), atol=1e-6)


@pytest.mark.parametrize(("options", "words"), [
    ({"activation": "leakyrelu"}, "did you mean 'leaky_relu'"), ({"output": "sigmoid"}, "none, tanh"),
    ({"width": 0}, "width"), ({"depth": -1}, "depth"),
])
def test_impossible_settings_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MLP(3, 2, **options)


def test_examples_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="made for"):
        MLPDiscriminator((2,))(torch.zeros(4, 3))


def test_dropout_keeps_the_mean_and_is_off_in_evaluation() -> None:
    d, x = Dropout(0.3, seed=1), torch.ones(200, 200)
    y = d(x)
    assert y.mean().item() == pytest.approx(1, abs=0.02)
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert torch.equal(d.eval()(x), x)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Dropout(1.0)


def test_dropout_is_replayed_from_its_generator_alone() -> None:
    d, x = Dropout(0.5, seed=7), torch.ones(64)
    before = torch.random.get_rng_state()
    first, second = d(x), d(x)
    assert torch.equal(before, torch.random.get_rng_state()) and not torch.equal(first, second)
    d.generator = torch.Generator().manual_seed(7)
    assert torch.equal(d(x), first)
    twin = copy.deepcopy(d)
    assert torch.equal(twin(x), d(x))
