"""Labels as classes and as weights, wherever networks read them; conditional norms, projections and second heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mintage.networks import (
    ClassNormed,
    DCGANDiscriminator,
    DCGANGenerator,
    JointCritic,
    MLPDiscriminator,
    MLPGenerator,
    ProjectionCritic,
    ResidualDiscriminator,
    ResidualGenerator,
    SpectralDiscriminator,
    SpectralGenerator,
    StyleDiscriminator,
    StyleGenerator,
    TwoHeaded,
    class_rows,
    class_weights,
    spectral_norm,
)

K, SHAPE = 3, (2, 9, 12)
Z, X, POINTS = torch.randn(4, 8), torch.randn(4, *SHAPE), torch.randn(4, 5)
Y = torch.tensor([2, 0, 1, 2])
MAKERS: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "DCGAN's G": (lambda: DCGANGenerator(SHAPE, size="XS", z_dim=8, classes=K), Z),
    "DCGAN's D": (lambda: DCGANDiscriminator(SHAPE, size="XS", classes=K), X),
    "residual G": (lambda: ResidualGenerator(SHAPE, size="XS", z_dim=8, classes=K), Z),
    "residual D": (lambda: ResidualDiscriminator(SHAPE, size="XS", classes=K), X),
    "style G": (lambda: StyleGenerator(SHAPE, size="XS", z_dim=8, classes=K), Z),
    "style D": (lambda: StyleDiscriminator(SHAPE, size="XS", classes=K), X),
    "MLP's G": (lambda: MLPGenerator((5,), z_dim=8, classes=K), Z),
    "MLP's D": (lambda: MLPDiscriminator((5,), classes=K), POINTS),
    "conditional norm": (lambda: ClassNormed(SpectralGenerator(SHAPE, size="XS", z_dim=8), K), Z),
    "conditional norm of points": (lambda: ClassNormed(MLPGenerator((5,), z_dim=8, batch_norm=True), K), Z),
    "projection": (lambda: ProjectionCritic(SpectralDiscriminator(SHAPE, size="XS", normed=False), SHAPE, K), X),
    "projection of points": (lambda: ProjectionCritic(MLPDiscriminator((5,)), (5,), K), POINTS),
}


def made(name: str) -> tuple[nn.Module, Tensor]:
    """A network in evaluation mode whose classes differ, and what it reads."""
    torch.manual_seed(0)
    maker, given = MAKERS[name]
    net = maker().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net, given


@pytest.mark.parametrize("name", MAKERS)
def test_weights_of_one_are_the_class(name: str) -> None:
    net, given = made(name)
    as_class, as_weights = net(given, Y), net(given, torch.eye(K)[Y])
    assert torch.allclose(as_class, as_weights, atol=1e-5)
    assert not torch.allclose(as_class, net(given, (Y + 1) % K), atol=1e-3)


@pytest.mark.parametrize("name", MAKERS)
def test_mixed_labels_give_finite_results_between(name: str) -> None:
    net, given = made(name)
    half = net(given, torch.tensor([[0.5, 0.5, 0.0]]).expand(len(given), K))
    assert bool(half.isfinite().all())
    for k in (0, 1):
        assert not torch.allclose(half, net(given, torch.full((len(given),), k)), atol=1e-4)


@pytest.mark.parametrize("name", MAKERS)
def test_labels_that_do_not_fit_are_refused(name: str) -> None:
    net, given = made(name)
    with pytest.raises(ValueError, match="give it labels y as well"):
        net(given)
    with pytest.raises(ValueError, match=r"weights \[N, 3\]"):
        net(given, torch.ones(len(given), K + 1))


def test_rows_and_weights() -> None:
    table = torch.arange(6.0).view(3, 2)
    assert torch.equal(class_rows(table, torch.tensor([2, 0])), table[[2, 0]])
    assert torch.equal(class_rows(table, torch.tensor([[0.25, 0.75, 0.0]])), torch.tensor([[1.5, 2.5]]))
    assert class_weights(torch.tensor([1]), 3).tolist() == [[0.0, 1.0, 0.0]]
    assert class_weights(torch.tensor([[0.5, 0.5]]), 2, torch.float64).dtype == torch.float64


def test_a_class_norm_begins_as_the_norm_it_replaces_and_scales_by_class() -> None:
    torch.manual_seed(1)
    plain = DCGANGenerator(SHAPE, size="XS", z_dim=8)
    normed = ClassNormed(DCGANGenerator(SHAPE, size="XS", z_dim=8), K)
    renamed = {name.replace("net.", "").replace(".norm.", "."): value for name, value in normed.state_dict().items()}
    with torch.no_grad():
        for name, value in plain.state_dict().items():
            own = renamed.get(name)
            if own is not None:
                own.copy_(value)
            else:
                renamed[name.replace("weight", "scale").replace("bias", "shift")].copy_(value.expand(K, -1))
    assert torch.allclose(plain(Z), normed(Z, Y), atol=1e-6)
    layer: Any = next(m for m in normed.modules() if type(m).__name__ == "ClassNorm")
    with torch.no_grad():
        layer.scale[2] *= 3
        layer.shift[2] += 1
    changed = (normed(Z, Y) - plain(Z)).flatten(1).abs().amax(1)
    assert (changed > 1e-3).tolist() == [True, False, False, True]
    assert layer.y is None


def test_a_network_without_batch_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="beside z"):
        ClassNormed(MLPGenerator((5,), z_dim=8), K)


def test_the_projection_is_an_inner_product_with_summed_maps() -> None:
    torch.manual_seed(2)
    body = SpectralDiscriminator(SHAPE, size="XS", normed=False)
    critic = ProjectionCritic(body, SHAPE, K)
    s = body.layers(body.grid.widen(X)).sum((2, 3))
    expected = body(X) + (s * critic.vectors.weight[Y]).sum(1)
    assert torch.allclose(critic(X, Y), expected, atol=1e-5)
    assert critic(X, Y).shape == (4,)
    spectral_norm(critic)
    assert float(torch.linalg.matrix_norm(critic.vectors.weight.detach(), 2)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("hidden", [0, 7])
def test_a_second_head_reads_the_features_in_the_same_pass(hidden: int) -> None:
    torch.manual_seed(3)
    body = DCGANDiscriminator(SHAPE, size="XS", batch_norm=False)
    critic = TwoHeaded(body, SHAPE, 5, hidden=hidden)
    logits, read = critic.both(X)
    assert torch.allclose(logits, body(X), atol=1e-6) and torch.allclose(critic(X), logits, atol=1e-6)
    assert read.shape == (4, 5)
    assert torch.allclose(read, critic.head(body.features(X)), atol=1e-6)


def test_a_joint_critic_sees_both_and_each_pair_alone() -> None:
    torch.manual_seed(4)
    critic = JointCritic(DCGANDiscriminator(SHAPE, size="XS", outputs=16, batch_norm=False), 8, width=16)
    whole = critic(X, Z)
    assert whole.shape == (4,)
    assert torch.allclose(critic(X[1:2], Z[1:2]), whole[1:2], atol=1e-5)
    assert not torch.allclose(critic(X, Z.flip(0)), whole)
    assert not torch.allclose(critic(X.flip(0), Z), whole)
    with pytest.raises(ValueError, match=r"\[N, 8\]"):
        critic(X, Z[:, :3])
