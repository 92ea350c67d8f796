"""Layers that stabilise: comparing a batch, packing, reference norms, equalised rate; and the inside of a critic."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from mintage.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MinibatchDeviation,
    MinibatchDiscrimination,
    MLPDiscriminator,
    Packed,
    ReferenceNorm,
    ResidualDiscriminator,
    StyleDiscriminator,
    add_statistic,
    equalise,
    feature_layer,
    first_layer,
    pack,
    pack_first,
    reference_norm,
    see_through,
    spectral_norm,
    with_features,
)

SHAPE = (3, 20, 20)
X = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def critic(batch_norm: bool = False) -> DCGANDiscriminator:
    torch.manual_seed(0)
    return DCGANDiscriminator(SHAPE, size="XS", batch_norm=batch_norm)


def generator() -> DCGANGenerator:
    torch.manual_seed(0)
    return DCGANGenerator(SHAPE, size="XS", z_dim=6)


# -- comparing a batch ------------------------------------------------------------------------------------------------


def test_minibatch_discrimination_is_n_where_all_are_alike_and_1_where_none_are():
    layer = MinibatchDiscrimination(5, kernels=7, dims=3)
    f = torch.randn(1, 5).expand(6, 5)
    assert torch.allclose(layer(f), torch.full((6, 7), 6.0))
    far = layer(torch.eye(6, 5).cumsum(0) * 1e4 + torch.arange(6)[:, None] * 1e4)
    assert torch.allclose(far, torch.ones(6, 7), atol=1e-4)


def test_minibatch_discrimination_is_the_papers_formula():
    layer, f = MinibatchDiscrimination(4, kernels=3, dims=2).double(), torch.randn(5, 4).double()
    M = torch.einsum("na,abc->nbc", f, layer.kernels)
    expected = torch.stack([torch.stack([sum((-(M[i, b] - M[j, b]).abs().sum()).exp() for j in range(5))
                                         for b in range(3)]) for i in range(5)])
    assert torch.allclose(layer(f), expected)


def test_minibatch_discrimination_begins_with_distances_about_1():
    layer = MinibatchDiscrimination(200)
    M = (torch.randn(64, 200) @ layer.kernels.flatten(1)).unflatten(1, (100, 5))
    apart = (M[:, None] - M).abs().sum(3)[~torch.eye(64, dtype=torch.bool)]
    assert float(apart.detach().mean()) == pytest.approx(1.0, rel=0.1)


def test_minibatch_deviation_golden():
    f = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    assert torch.allclose(MinibatchDeviation(2)(f), torch.full((2, 1), 1.5), atol=1e-4)  # (1 + 2) / 2
    assert torch.allclose(MinibatchDeviation()(torch.ones(8, 5)), torch.full((8, 1), 1e-4))
    assert MinibatchDeviation(4)(torch.randn(6, 3)).shape == (6, 1)  # groups of 3


# -- packing ----------------------------------------------------------------------------------------------------------


def test_packs_are_examples_in_a_row():
    assert torch.equal(pack(X, 2)[1], torch.cat([X[2], X[3]])) and pack(X, 1) is X
    points = torch.randn(6, 2)
    assert torch.equal(pack(points, 3)[1], points[3:].flatten())
    with pytest.raises(ValueError, match="8 examples cannot be packed by 3: let the batch be a multiple of 3"):
        pack(X, 3)


def test_a_packed_critic():
    wide = DCGANDiscriminator((6, 20, 20), size="XS", batch_norm=False)
    packed = Packed(wide, 2)
    assert packed(X).shape == (4,) and torch.equal(packed(X), wide(pack(X, 2))) and packed.mixes_examples
    plain = critic()
    assert torch.equal(Packed(plain, 1)(X), plain(X)) and not Packed(plain, 1).mixes_examples
    with pytest.raises(ValueError, match="labels"):
        packed(X, torch.zeros(8, dtype=torch.int64))


@pytest.mark.parametrize("make", [critic, lambda: ResidualDiscriminator(SHAPE, size="XS"),
                                  lambda: MLPDiscriminator(SHAPE, width=16)], ids=["dcgan", "residual", "mlp"])
def test_the_first_layer_of_a_made_critic_is_widened(make):
    net = make()
    name = first_layer(net, X)
    one = pack_first(copy.deepcopy(net), name, 1)
    assert torch.allclose(one(X), net(X), atol=1e-6)
    two = pack_first(copy.deepcopy(net), name, 2)
    assert two(X).shape == (4,) and not torch.allclose(two(X), two(X.roll(1, 0)))
    assert torch.allclose(two(X)[:2], two(X[:4]), atol=1e-5)
    x = X.flatten(1) if isinstance(net, MLPDiscriminator) else X
    sizes = [float(layer(x).detach().square().mean()) for layer in (net.get_submodule(name), two.get_submodule(name))]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.3)


# -- reference norms --------------------------------------------------------------------------------------------------


def test_golden_numbers_of_both_norms():
    norm = nn.BatchNorm1d(1, eps=0.0)
    x = torch.tensor([[0.0], [2.0], [4.0], [1.0]])  # two references, then two examples
    assert torch.allclose(ReferenceNorm(norm, 2, "reference")(x), torch.tensor([[-1.0], [1.0], [3.0], [0.0]]))
    virtual = ReferenceNorm(norm, 2, "virtual")(x).detach()
    assert float(virtual[2]) == pytest.approx(2 / math.sqrt(8 / 3))  # of 0, 2, 4
    assert float(virtual[3]) == pytest.approx(0.0, abs=1e-7)  # of 0, 2, 1
    assert torch.allclose(virtual[:2], torch.tensor([[-1.0], [1.0]]))


def test_virtual_norm_of_maps_is_batch_norm_of_the_references_and_the_example():
    norm, x = nn.BatchNorm2d(3), torch.randn(9, 3, 4, 5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    found = ReferenceNorm(norm, 6, "virtual")(x)
    for i in range(6, 9):
        expected = norm(torch.cat([x[:6], x[i:i + 1]]))[-1]
        assert torch.allclose(found[i], expected, atol=1e-5)
    assert torch.allclose(found[:6], norm(x[:6]), atol=1e-5)


@pytest.mark.parametrize("kind", ["virtual", "reference"])
def test_an_example_does_not_depend_on_the_others_of_its_batch(kind):
    G, z = generator(), torch.randn(5, 6)
    apart = torch.cat([G(z[:2]), G(z[2:])])
    assert not torch.allclose(G(z), apart, atol=1e-3)
    reference_norm(G, torch.randn(8, 6), kind=kind)
    assert torch.allclose(G(z), torch.cat([G(z[:1]), G(z[1:])]), atol=1e-5)
    assert torch.allclose(G(z.flip(0)), G(z).flip(0), atol=1e-5) and G(z).shape == (5, *SHAPE)
    assert torch.equal(G.eval()(z), G.train()(z))
    assert {"references.x", "references.known"} <= set(G.state_dict())


def test_references_are_learnt_once():
    D = reference_norm(critic(batch_norm=True), torch.zeros(10, *SHAPE), known=False)
    D.references.learn(X)
    assert torch.equal(D.references.x, torch.cat([X, X[:2]]))
    D.references.learn(-X)
    assert torch.equal(D.references.x[:8], X) and D(X).shape == (8,)
    D(X).sum().backward()
    assert all(p.grad is not None for p in D.parameters())


def test_labels_enter_with_the_references():
    G = DCGANGenerator(SHAPE, size="XS", z_dim=6, classes=3)
    reference_norm(G, torch.randn(4, 6), torch.tensor([0, 1, 2, 0]))
    y, z = torch.tensor([2, 1]), torch.randn(2, 6)
    assert torch.allclose(G(z, y)[1], G(z[1:], y[1:])[0], atol=1e-5)


@pytest.mark.parametrize(("net", "x", "kind", "said"), [
    (critic(), X, "virtual", "no batch norm"), (critic(True), X[:1], "virtual", "1 references"),
    (critic(True), X, "batch", "'virtual' or 'reference'"),
    (nn.Sequential(nn.BatchNorm2d(3)), X, "virtual", "put it inside a module"),
])
def test_norms_that_cannot_be(net, x, kind, said):
    with pytest.raises(ValueError, match=said):
        reference_norm(net, x, kind=kind)


# -- equalised rate ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [critic, generator, lambda: MLPDiscriminator(SHAPE, width=16)])
def test_equalised_networks_are_the_same_function_at_first(make):
    net = make()
    x = torch.randn(4, 6) if isinstance(net, DCGANGenerator) else X
    before = net(x)
    assert torch.allclose(equalise(net)(x), before, atol=1e-5)


def test_adams_step_is_in_proportion_to_the_size_he_gives():
    net = equalise(nn.ModuleDict({"wide": nn.Linear(200, 4), "narrow": nn.Linear(8, 4), "conv": nn.Conv2d(2, 3, 3)}))
    before = {name: net[name].weight.detach().clone() for name in net}
    torch.optim.Adam(net.parameters(), lr=0.1).zero_grad()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    sum(net[name].weight.sum() for name in net).backward()
    optimizer.step()
    for name, fan in (("wide", 200), ("narrow", 8), ("conv", 18)):
        moved = before[name] - net[name].weight
        assert torch.allclose(moved, torch.full_like(moved, 0.1 * math.sqrt(2 / fan)), rtol=1e-3)


def test_what_cannot_be_equalised():
    with pytest.raises(ValueError, match="no linear layer"):
        equalise(nn.ReLU())
    with pytest.raises(ValueError, match="parametrised already"):
        equalise(spectral_norm(critic()))


# -- the inside of a critic -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("net", "y", "width"), [
    (critic(), None, (64, 5, 5)), (spectral_norm(critic()), None, (64, 5, 5)),
    (MLPDiscriminator(SHAPE, width=16, activation="maxout", dropout=0.2), None, (16,)),
    (ResidualDiscriminator(SHAPE, size="XS", classes=3), torch.zeros(8, dtype=torch.int64), None),
    (StyleDiscriminator(SHAPE, size="XS", classes=3, group=0), torch.zeros(8, dtype=torch.int64), None),
], ids=["dcgan", "spectral", "maxout", "residual", "style"])
def test_features_are_the_last_wide_thing_before_the_logits(net, y, width):
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    layer = feature_layer(net, X, y)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    logits, f = with_features(net, layer, X, y)
    assert logits.shape == (8,) and len(f) == 8 and f[0].numel() > 1 and (width is None or f.shape[1:] == width)
    assert not net.get_submodule(layer)._forward_hooks


def test_features_of_an_mlp_are_those_before_its_last_layer():
    net = MLPDiscriminator((2,), width=16)
    x = torch.randn(4, 2)
    logits, f = with_features(net, feature_layer(net, x), x)
    assert torch.equal(f, net.net.hidden(x)) and torch.allclose(logits, net.net.last(f).squeeze(1))


def test_a_statistic_beside_the_features():
    """logits + <u, s(f)> is what the last layer gives for [f, s(f)] with weights [w, u]."""
    net, x = MLPDiscriminator((2,), width=16), torch.randn(6, 2)
    plain, statistic = net(x), MinibatchDiscrimination(16, kernels=4)
    add_statistic(net, statistic, feature_layer(net, x))
    assert torch.equal(net(x), plain)
    nn.init.normal_(net.statistic.weight)
    f = net.net.hidden(x)
    weight = torch.cat([net.net.last.weight, net.statistic.weight], 1)
    expected = nn.functional.linear(torch.cat([f, statistic(f)], 1), weight, net.net.last.bias).squeeze(1)
    assert torch.allclose(net(x), expected, atol=1e-5)
    assert torch.equal(copy.deepcopy(net)(x), net(x))


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def test_a_network_that_sees_something_else():
    net, x = MLPDiscriminator((2,), width=16), torch.randn(6, 2)
    twice, four = net(2 * x), net(4 * x)
    see_through(net, Double())
    assert torch.equal(net(x), twice)
    see_through(net, Double())
    assert torch.equal(net(x), four) and {"lens", "lens2"} <= set(dict(net.named_children()))
    assert torch.equal(copy.deepcopy(net)(x), four)
    with pytest.raises(ValueError, match="plain nn.Sequential"):
        see_through(nn.Sequential(nn.Linear(2, 1)), Double())
